#include "migrate/session.h"

#include <fmt/format.h>

#include <thread>

namespace howdah::migrate {
namespace {

/// How long a run that was stopped in a transaction, or whose machine fell asleep, keeps its locks on tables.
constexpr const char* kStuck = "60s";

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

int Session::find_target() {
  auto target = parse_url(options_.url);
  if (!target) {
    report_.problem({.code = "url", .message = target.error().message});
    return kUsage;
  }
  target_ = options_.database.empty() ? *target : target->with_database(options_.database);
  return kOk;
}

int Session::cannot_connect(const SqlFailure& f) {
  Problem p = problem_of(f);
  p.message = target_.shown() + ": " + p.message;
  const bool no_database = f.message.find("database \"") != std::string::npos;
  p.fix = no_database && f.message.find("does not exist") != std::string::npos ? "howdah db create" : "";
  report_.problem(p);
  return kNoConnection;
}

int Session::cannot_read(const Error& e) {
  report_.problem({.code = "files", .message = e.message});
  return kUsage;
}

int Session::open_database() {
  if (const int code = find_target(); code != kOk) return code;
  auto db = Database::connect(
      target_, {{"lock_timeout", options_.lock_timeout}, {"statement_timeout", options_.statement_timeout}});
  if (!db) return cannot_connect(db.error());
  db_.emplace(std::move(*db));
  return kOk;
}

int Session::open(Need need) {
  if (const int code = find_target(); code != kOk) return code;
  const Database::Settings settings = {{"lock_timeout", options_.lock_timeout},
                                       {"statement_timeout", options_.statement_timeout},
                                       {"idle_in_transaction_session_timeout", kStuck},
                                       {FirstLook::kMark, "on"}};
  Connecting connecting(target_, settings);
  const auto listing = list_source(options_.directory);
  if (!listing) return cannot_read(listing.error());
  FirstLook first(std::move(connecting), target_, settings, listing->dialect, need);
  auto source = load_source(*listing, [&] { first.go_on(); });
  const auto refused = first.finish();
  if (!source) return cannot_read(source.error());
  source_ = std::move(*source);
  if (refused && refused->no_connection) return cannot_connect(refused->why);
  if (refused) return sql_failure(refused->why, kFailed);
  if (first.schema().empty()) {
    report_.problem(
        {.code = "schema",
         .message = "no schema of the search_path exists: create it, or name one in the URL (?schema=app)"});
    return kUsage;
  }
  db_.emplace(std::move(first.db()));
  server_pid_ = first.server_pid();
  history_ = std::move(first.history());
  report_.about(target_.shown(), history_->dialect());
  has_history_ = up_to_date_ = first.summary() && history_->agrees(*first.summary(), source_.migrations);
  if (up_to_date_) return kOk;
  if (first.summary()) return read_rows();
  remember(first.rows());
  return kOk;
}

void Session::close() {
  tunnel_.reset();
  lease_.reset();
  db_.reset();
}

int Session::refresh() {
  auto look = db_->exec(FirstLook::sql(source_.dialect));
  if (!look) return sql_failure(look.error(), kFailed);
  if (FirstLook::has_history(*look)) return read_rows();
  remember({});
  return kOk;
}

int Session::read_rows() {
  const auto rows = db_->exec(history_->read_sql());
  if (!rows) return sql_failure(rows.error(), kFailed);
  remember(*rows);
  return kOk;
}

tl::expected<bool, SqlFailure> Session::empty_database() {
  const auto other = db_->exec(
      "select from pg_class where relnamespace = quote_ident(current_schema())::regnamespace and relkind in ('r', 'p', "
      "'v', 'm') and relname not in ('schema_history', 'schema_history_log', '_prisma_migrations', 'kysely_migration', "
      "'kysely_migration_lock') limit 1");
  if (!other) return tl::unexpected(other.error());
  return other->rows.empty();
}

void Session::remember(const std::optional<Answer>& rows) {
  has_history_ = rows.has_value();
  up_to_date_ = false;
  rows_ = rows ? history_->rows(*rows) : std::vector<Row>();
}

const Row* Session::row(const std::string& version_or_name) const {
  const Migration* m = source_.find(version_or_name);
  for (const auto& r : rows_) {
    if (r.version == version_or_name || r.name == version_or_name || (m != nullptr && r.version == m->version))
      return &r;
  }
  return nullptr;
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

/// A pooler tells its clients other numbers than those of the server's processes. It may give a connection one process
/// for each transaction: then the lease, in a transaction, has taken the worker's, or the worker has another one now.
int Session::look_for_pooler() {
  if (server_pid_ == std::to_string(db_->pid())) return kOk;
  constexpr const char* kWhich = "select pg_backend_pid()";
  const auto lease = lease_->exec(kWhich), worker = db_->exec(kWhich);
  if (!lease || !worker) return sql_failure(lease ? worker.error() : lease.error(), kFailed);
  if (lease->at(0, 0) == server_pid_ || worker->at(0, 0) != server_pid_) {
    lease_.reset();
    return cannot_connect({.message =
                               "each transaction of this connection may be on another server process, so that "
                               "lock_timeout and the other settings of a run would hold for nobody, or for others",
                           .hint = kNoPooler,
                           .lost = true});
  }
  report_.note(
      "there is a pooler before the server: were it to give each transaction another server process, the settings "
      "of this run would not hold; better name the server itself");
  return kOk;
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
  if (const int code = look_for_pooler(); code != kOk) return code;
  if (!has_history_) {
    if (auto made = db_->exec(history_->create_sql()); !made) return sql_failure(made.error(), kFailed);
  }
  return refresh();
}

}  // namespace howdah::migrate
