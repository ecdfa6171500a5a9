#include "migrate/session.h"

#include <fmt/format.h>

#include <thread>

namespace howdah::migrate {
namespace {

std::string key_list(const History& h) {
  std::string out;
  for (const auto key : h.lock_keys())
    out += fmt::format("{}pg_try_advisory_xact_lock({})", out.empty() ? "" : " and ", key);
  return out;
}

}  // namespace

int Session::sql_failure(const SqlFailure& f, int code) {
  if (interrupted()) {
    report_.problem({.code = "interrupted", .message = "interrupted; the running migration was rolled back"});
    return kInterrupted;
  }
  report_.problem(problem_of(f));
  return f.lost ? static_cast<int>(kNoConnection) : code;
}

int Session::change(const std::string& sql, Step step) {
  auto done = db_->exec("begin;" + sql + ";commit");
  if (!done) {
    if (!done.error().lost) (void)db_->exec("rollback");
    return sql_failure(done.error(), kFailed);
  }
  report_.step(std::move(step));
  return kOk;
}

int Session::open_database() {
  auto target = parse_url(options_.url);
  if (!target) {
    report_.problem({.code = "url", .message = target.error().message});
    return kUsage;
  }
  target_ = options_.database.empty() ? *target : target->with_database(options_.database);
  auto db = Database::connect(target_, {{"lock_timeout", options_.lock_timeout}});
  if (!db) {
    Problem p = problem_of(db.error());
    p.message = target_.shown() + ": " + p.message;
    p.fix = db.error().message.find("does not exist") != std::string::npos ? "howdah db create" : "";
    report_.problem(p);
    return kNoConnection;
  }
  db_.emplace(std::move(*db));
  return kOk;
}

int Session::open() {
  auto source = read_source(options_.directory);
  if (!source) {
    report_.problem({.code = "files", .message = source.error().message});
    return kUsage;
  }
  source_ = std::move(*source);
  if (const int code = open_database(); code != kOk) return code;
  auto schema = db_->exec("select quote_ident(current_schema())");
  if (!schema) return sql_failure(schema.error(), kFailed);
  if (schema->at(0, 0).empty()) {
    report_.problem(
        {.code = "schema",
         .message = "no schema of the search_path exists: create it, or name one in the URL (?schema=app)"});
    return kUsage;
  }
  const std::string name = schema->at(0, 0);
  history_ = source_.dialect == Dialect::kPrisma   ? prisma_history(name)
             : source_.dialect == Dialect::kKysely ? kysely_history(name)
                                                   : native_history(name);
  report_.about(target_.shown(), history_->dialect());
  return refresh();
}

int Session::refresh() {
  auto seen = db_->exec(fmt::format(
      "select to_regclass({0}) is not null, not exists (select from pg_class where relnamespace = current_schema()::"
      "regnamespace and relkind in ('r', 'p', 'v', 'm'))",
      db_->literal(history_->table())));
  if (!seen) return sql_failure(seen.error(), kFailed);
  has_history_ = seen->at(0, 0) == "t";
  empty_ = seen->at(0, 1) == "t";
  rows_.clear();
  if (!has_history_) return kOk;
  auto rows = history_->read(*db_);
  if (!rows) return sql_failure(rows.error(), kFailed);
  rows_ = history_->rows(*rows);
  return kOk;
}

std::string Session::lease_holder() {
  std::string keys;
  for (const auto key : history_->lock_keys()) keys += fmt::format("{}{}", keys.empty() ? "" : ",", key);
  auto r = db_->exec(
      fmt::format("select a.pid, coalesce(a.application_name, ''), coalesce(host(a.client_addr), 'local'), "
                  "date_trunc('second', clock_timestamp() - coalesce(a.xact_start, a.backend_start)), left(a.query, "
                  "80) from pg_locks l "
                  "join pg_stat_activity a using (pid) where l.locktype = 'advisory' and l.granted and l.database = "
                  "(select oid from pg_database where datname = current_database()) and (l.classid::bigint << 32 | "
                  "l.objid::bigint) "
                  "in ({})",
                  keys));
  if (!r || r->rows.empty()) return "";
  const auto& row = r->rows[0];
  return fmt::format("pid {} ({}, from {}, for {}): {}", row[0], row[1], row[2], row[3], row[4]);
}

/// The lease lives in an open READ COMMITTED transaction of its own connection: it ends with the process whatever
/// happens, keeps its server connection behind a transaction pooler, and holds no snapshot that CREATE INDEX
/// CONCURRENTLY would wait for. Polled, because a blocked pg_advisory_lock() would be waited for as well.
int Session::lock() {
  auto lease = Database::connect(target_, {{"idle_in_transaction_session_timeout", "0"}});
  if (!lease) return sql_failure(lease.error(), kNoConnection);
  lease_.emplace(std::move(*lease));
  const auto until = std::chrono::steady_clock::now() + options_.lock_wait;
  for (bool told = false;;) {
    auto got = lease_->exec("begin isolation level read committed; select " + key_list(*history_));
    if (!got) return sql_failure(got.error(), kFailed);
    if (got->at(0, 0) == "t") break;
    (void)lease_->exec("rollback");
    const std::string holder = lease_holder();
    if (interrupted() || std::chrono::steady_clock::now() >= until) {
      report_.problem({.code = "locked",
                       .message = "another run is going on: " + (holder.empty() ? "it has just ended" : holder),
                       .hint = "it holds an advisory lock as long as its connection lives",
                       .fix = "howdah db sessions"});
      return interrupted() ? kInterrupted : kLocked;
    }
    if (!told && !holder.empty()) report_.note("waiting for another run: " + holder), told = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  if (!has_history_) {
    if (auto made = db_->exec(history_->create_sql()); !made) return sql_failure(made.error(), kFailed);
  }
  const bool was_empty = empty_;
  const int code = refresh();
  if (was_empty && rows_.empty()) empty_ = true;
  return code;
}

}  // namespace howdah::migrate
