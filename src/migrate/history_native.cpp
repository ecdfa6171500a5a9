#include <fmt/format.h>

#include "migrate/history.h"

namespace howdah::migrate {
namespace {

State state_of(const std::string& s) {
  return s == "applied" ? State::kApplied : s == "running" ? State::kRunning : State::kFailed;
}

class Native : public History {
 public:
  using History::History;
  const char* dialect() const override { return "native"; }
  std::string table() const override { return schema_ + ".schema_history"; }
  const char* key() const override { return "version"; }
  const char* name_column() const override { return "name"; }
  std::vector<int64_t> lock_keys() const override { return {kOurLockKey}; }

  std::string create_sql() const override {
    return fmt::format(
        "create table if not exists {} (version text primary key, name text not null,"
        " state text not null check (state in ('applied', 'running', 'failed')), checksum text not null,"
        " down_sql text, statements int not null, statements_done int not null, done_checksum text,"
        " started_at timestamptz not null, finished_at timestamptz, execution_ms int,"
        " applied_by text not null default session_user, tool_version text not null, error text);{}",
        table(), create_log_sql());
  }

  std::string read_sql() const override {
    return "select version, name, state, checksum, down_sql is not null, down_sql, statements, statements_done,"
           " done_checksum, error, started_at from " +
           table();
  }

  std::vector<Row> rows(const Answer& a) const override {
    std::vector<Row> out;
    out.reserve(a.rows.size());
    for (const auto& r : a.rows) {
      out.push_back({r[0], r[1], state_of(r[2]), r[3], r[4] == "t", r[5], std::atoi(r[6].c_str()),
                     std::atoi(r[7].c_str()), r[8], r[9], r[10]});
    }
    const auto earlier = [](const Row& x, const Row& y) { return version_less(x.version, y.version); };
    if (!std::is_sorted(out.begin(), out.end(), earlier)) std::sort(out.begin(), out.end(), earlier);
    return out;
  }

  std::string summary_sql() const override {
    return "select string_agg(version, ','), string_agg(checksum, ','), string_agg(state, ',') from " + table();
  }
  bool agrees(const Answer& summary, const std::vector<Migration>& migrations) const override {
    std::string versions, checksums, states;
    const auto add = [](std::string& list, std::string_view item) {
      if (!list.empty()) list += ',';
      list += item;
    };
    for (const auto& m : migrations) add(versions, m.version), add(checksums, m.checksum), add(states, "applied");
    return summary.at(0, 0) == versions && summary.at(0, 1) == checksums && summary.at(0, 2) == states;
  }

  std::string insert_into() const {
    return "insert into " + table() +
           " (version, name, state, checksum, down_sql, statements, statements_done, tool_version, started_at, "
           "finished_at, execution_ms)";
  }
  std::string insert(Database& db, const Migration& m, const char* state, int statements, int done,
                     const char* times) const {
    return fmt::format("{} values ({}, {}, '{}', {}, {}, {}, {}, '{}', {})", insert_into(), db.literal(m.version),
                       db.literal(m.name), state, db.literal(m.checksum),
                       m.down.present ? db.literal(m.down.sql) : "null", statements, done, HOWDAH_VERSION, times);
  }

  static constexpr const char* kTimesOfTheMessage =
      "pg_catalog.statement_timestamp(), pg_catalog.clock_timestamp(), "
      "extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp()) * 1000";
  std::string applied_sql(Database& db, const Migration& m, int statements) const override {
    return insert(db, m, "applied", statements, statements, kTimesOfTheMessage);
  }
  std::string prepare_sql(const std::string& name) const override {
    return fmt::format(
        "prepare {} (text, text, text, text, int) as {} values ($1, $2, 'applied', $3, $4, $5, $5, '{}', {})", name,
        insert_into(), HOWDAH_VERSION, kTimesOfTheMessage);
  }
  std::string prepared_applied_sql(Database& db, const Migration& m, int statements,
                                   const std::string& name) const override {
    return fmt::format("execute {} ({}, {}, {}, {}, {})", name, db.literal(m.version), db.literal(m.name),
                       db.literal(m.checksum), m.down.present ? db.literal(m.down.sql) : "null", statements);
  }

  /// Keeps the whole row in the log before it changes or goes.
  std::string logged(Database& db, const std::string& version, const std::string& action) const {
    return fmt::format(
        "insert into {} (version, action, row_before) select {}, {}, (select h::text from {} h where "
        "version = {});",
        log(), db.literal(version), db.literal(action), table(), db.literal(version));
  }
  std::string where(Database& db, const std::string& version) const {
    return " where version = " + db.literal(version);
  }

  std::string reverted_sql(Database& db, const Row& row) const override {
    return logged(db, row.version, "down") + "delete from " + table() + where(db, row.version);
  }
  std::string start_sql(Database& db, const Migration& m, int statements) const override {
    return insert(db, m, "running", statements, 0, "pg_catalog.clock_timestamp(), null, null") +
           fmt::format(" on conflict (version) do update set state = 'running', error = null, statements = {}",
                       statements);
  }
  std::string progress_sql(Database& db, const Migration& m, int done, const std::string& checksum) const override {
    return fmt::format("update {} set statements_done = {}, done_checksum = '{}'{}", table(), done, checksum,
                       where(db, m.version));
  }
  std::string failed_sql(Database& db, const Migration& m, const std::string& error) const override {
    return fmt::format("update {} set state = 'failed', error = {}{}", table(), db.literal(error),
                       where(db, m.version));
  }
  std::string finished_sql(Database& db, const Migration& m) const override {
    return fmt::format(
        "update {} set state = 'applied', finished_at = pg_catalog.clock_timestamp(), error = null, "
        "execution_ms = extract(epoch from pg_catalog.clock_timestamp() - started_at) * 1000, "
        "checksum = {}{}",
        table(), db.literal(m.checksum), where(db, m.version));
  }
  std::string mark_applied_sql(Database& db, const Migration& m) const override {
    return logged(db, m.version, "marked applied") + "delete from " + table() + where(db, m.version) + ";" +
           insert(db, m, "applied", 0, 0, "pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), null");
  }
  std::string mark_rolled_back_sql(Database& db, const std::string& version) const override {
    return logged(db, version, "marked rolled back") + "delete from " + table() + where(db, version);
  }
  std::string accept_sql(Database& db, const Migration& m) const override {
    return logged(db, m.version, "accepted the edited file") +
           fmt::format("update {} set checksum = {}, down_sql = {}{}", table(), db.literal(m.checksum),
                       m.down.present ? db.literal(m.down.sql) : "null", where(db, m.version));
  }
  std::string squash_sql(Database& db, const Migration& m) const override {
    return fmt::format(
        "with gone as (delete from {0} where name in ({1}) returning *), logged as (insert into {2} (version, action, "
        "row_before) select version, 'squashed into ' || {4}, gone::text from gone) insert into {0} (version, name, "
        "state, checksum, statements, statements_done, started_at, finished_at, tool_version) select {3}, {4}, "
        "'applied', {5}, 0, 0, max(started_at), max(finished_at), '{6}' from gone",
        table(), replaced_list(db, m), log(), db.literal(m.version), db.literal(m.name), db.literal(m.checksum),
        HOWDAH_VERSION);
  }
};

}  // namespace

std::string replaced_list(Database& db, const Migration& baseline) {
  std::string out;
  for (const auto& r : baseline.replaces) out += (out.empty() ? "" : ", ") + db.literal(r.name);
  return out;
}

std::unique_ptr<History> native_history(const std::string& schema) { return std::make_unique<Native>(schema); }

}  // namespace howdah::migrate
