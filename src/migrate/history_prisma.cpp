#include <fmt/format.h>

#include "migrate/history.h"
#include "util/id.h"

namespace howdah::migrate {
namespace {

/// Prisma's own table, written as Prisma writes it: several rows of one name are normal (a failed one that was rolled
/// back, then the one that worked), applied_steps_count is 0 or 1, checksums are of the file's bytes.
class Prisma : public History {
 public:
  using History::History;
  const char* dialect() const override { return "prisma"; }
  std::string table() const override { return schema_ + "._prisma_migrations"; }
  const char* key() const override { return "migration_name"; }
  std::vector<int64_t> lock_keys() const override { return {kOurLockKey, 72707369}; }

  /// In a schema of its own, a table for each schema with a history: Prisma calls any table in its schemas that the
  /// migrations don't make drift, and offers to reset the database for it.
  std::string log() const override { return "howdah_log." + schema_; }
  std::string create_log_sql() const override {
    return "create schema if not exists howdah_log;" + History::create_log_sql();
  }

  std::string create_sql() const override {
    return "create table if not exists " + table() +
           " (id varchar(36) primary key not null, checksum varchar(64) not null, finished_at timestamptz,"
           " migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,"
           " started_at timestamptz not null default now(), applied_steps_count integer not null default 0)";
  }

  std::string read_sql() const override {
    return "select migration_name, checksum, finished_at is not null, rolled_back_at is not null, logs, "
           "started_at from " +
           table() + " order by started_at, finished_at";
  }

  /// One row a name: failed if any attempt is open, else applied if any is not rolled back.
  std::vector<Row> rows(const Answer& a) const override {
    std::vector<Row> out;
    for (const auto& r : a.rows) {
      const State state = r[3] == "t" ? State::kRolledBack : r[2] == "t" ? State::kApplied : State::kFailed;
      const Row row{.version = r[0], .name = r[0], .state = state, .checksum = r[1], .error = r[4], .at = r[5]};
      auto same = std::find_if(out.begin(), out.end(), [&](const Row& o) { return o.version == row.version; });
      if (same == out.end())
        out.push_back(row);
      else if (weight(state) >= weight(same->state))
        *same = row;
    }
    return out;
  }
  static int weight(State s) { return s == State::kFailed ? 2 : s == State::kApplied ? 1 : 0; }

  std::string insert(Database& db, const Migration& m, const std::string& rest) const {
    return fmt::format(
        "insert into {} (id, checksum, migration_name, started_at, finished_at, logs, applied_steps_count) "
        "values ('{}', {}, {}, {})",
        table(), id::uuid(), db.literal(m.checksum), db.literal(m.name), rest);
  }
  std::string open_attempts(Database& db, const std::string& version) const {
    return fmt::format(" where migration_name = {} and finished_at is null and rolled_back_at is null",
                       db.literal(version));
  }

  std::string applied_sql(Database& db, const Migration& m, int) const override {
    return insert(db, m, "pg_catalog.statement_timestamp(), pg_catalog.clock_timestamp(), null, 1");
  }
  std::string reverted_sql(Database& db, const Row& row) const override {
    return fmt::format(
        "update {} set rolled_back_at = pg_catalog.clock_timestamp() where migration_name = {} and "
        "rolled_back_at is null",
        table(), db.literal(row.version));
  }
  std::string start_sql(Database& db, const Migration& m, int) const override {
    return insert(db, m, "pg_catalog.clock_timestamp(), null, null, 0");
  }
  std::string progress_sql(Database&, const Migration&, int, const std::string&) const override { return ""; }
  std::string failed_sql(Database& db, const Migration& m, const std::string& error) const override {
    return fmt::format("update {} set logs = {}{}", table(), db.literal(error), open_attempts(db, m.version));
  }
  std::string finished_sql(Database& db, const Migration& m) const override {
    return fmt::format("update {} set finished_at = pg_catalog.clock_timestamp(), applied_steps_count = 1{}", table(),
                       open_attempts(db, m.version));
  }
  std::string mark_applied_sql(Database& db, const Migration& m) const override {
    return mark_rolled_back_sql(db, m.version) + ";" +
           insert(db, m, "pg_catalog.statement_timestamp(), pg_catalog.statement_timestamp(), '', 0");
  }
  std::string mark_rolled_back_sql(Database& db, const std::string& version) const override {
    return fmt::format("update {} set rolled_back_at = pg_catalog.clock_timestamp(){}", table(),
                       open_attempts(db, version));
  }
  std::string accept_sql(Database& db, const Migration& m) const override {
    return fmt::format("update {} set checksum = {} where migration_name = {} and rolled_back_at is null", table(),
                       db.literal(m.checksum), db.literal(m.version));
  }
  std::string squash_sql(Database& db, const Migration& m) const override {
    return fmt::format(
        "with gone as (delete from {0} where migration_name in ({1}) returning *) insert into {0} (id, checksum, "
        "migration_name, started_at, finished_at, applied_steps_count) select '{2}', {3}, {4}, max(started_at), "
        "max(finished_at), 1 from gone",
        table(), replaced_list(db, m), id::uuid(), db.literal(m.checksum), db.literal(m.name));
  }
};

}  // namespace

std::unique_ptr<History> prisma_history(const std::string& schema) { return std::make_unique<Prisma>(schema); }

}  // namespace howdah::migrate
