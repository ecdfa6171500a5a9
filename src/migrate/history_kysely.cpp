#include <fmt/format.h>

#include "migrate/history.h"

namespace howdah::migrate {
namespace {

/// Kysely's tables as its Migrator makes them. It sorts rows by timestamp and demands the order of the names, so each
/// timestamp is at least a millisecond after all others.
class Kysely : public History {
 public:
  using History::History;
  const char* dialect() const override { return "kysely"; }
  std::string table() const override { return schema_ + ".kysely_migration"; }
  const char* key() const override { return "name"; }
  std::vector<int64_t> lock_keys() const override { return {kOurLockKey, 3853314791062309107}; }

  std::string create_sql() const override {
    return fmt::format(
        "create table if not exists {0}.kysely_migration (name varchar(255) not null primary key, "
        "\"timestamp\" varchar(255) not null);"
        "create table if not exists {0}.kysely_migration_lock (id varchar(255) not null primary key, "
        "is_locked integer default 0 not null);"
        "insert into {0}.kysely_migration_lock values ('migration_lock', 0) on conflict do nothing",
        schema_);
  }
  std::string read_sql() const override {
    return "select name, \"timestamp\" from " + table() + " order by \"timestamp\"::timestamptz, name collate \"C\"";
  }
  std::vector<Row> rows(const Answer& a) const override {
    std::vector<Row> out;
    for (const auto& r : a.rows) out.push_back({.version = r[0], .name = r[0], .at = r[1]});
    return out;
  }
  std::string applied_sql(Database& db, const Migration& m, int) const override {
    return fmt::format(
        "insert into {0} select {1}, to_char(greatest(clock_timestamp(), (select max(\"timestamp\"::timestamptz) + "
        "interval '1 ms' from {0})) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')",
        table(), db.literal(m.name));
  }
  std::string removed(Database& db, const std::string& version) const {
    return "delete from " + table() + " where name = " + db.literal(version);
  }
  std::string reverted_sql(Database& db, const Row& row) const override { return removed(db, row.version); }
  std::string mark_applied_sql(Database& db, const Migration& m) const override { return applied_sql(db, m, 0); }
  std::string mark_rolled_back_sql(Database& db, const std::string& version) const override {
    return removed(db, version);
  }

  /// Gives the rows, in the order of their names, the sorted timestamps plus their position in milliseconds.
  std::string reorder_sql() const override {
    return fmt::format(
        "with n as (select name, row_number() over (order by name collate \"C\") i from {0}), t as (select "
        "\"timestamp\"::timestamptz at, row_number() over (order by \"timestamp\"::timestamptz) i from {0}) update {0} "
        "k set \"timestamp\" = to_char((t.at + n.i * interval '1 ms') at time zone 'UTC', "
        "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') from n join t using (i) where k.name = n.name",
        table());
  }

  // Every Kysely migration runs in a transaction here and has no checksum: none of these is reached.
  std::string start_sql(Database&, const Migration&, int) const override { return ""; }
  std::string progress_sql(Database&, const Migration&, int, const std::string&) const override { return ""; }
  std::string failed_sql(Database&, const Migration&, const std::string&) const override { return ""; }
  std::string finished_sql(Database&, const Migration&) const override { return ""; }
  std::string accept_sql(Database&, const Migration&) const override { return ""; }
};

}  // namespace

std::unique_ptr<History> kysely_history(const std::string& schema) { return std::make_unique<Kysely>(schema); }

}  // namespace howdah::migrate
