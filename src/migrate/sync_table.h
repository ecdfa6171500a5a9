#pragma once
#include "migrate/report.h"

/// What sync_tables() knows of a table, and the SQL that follows from it.
namespace howdah::migrate {

struct SyncColumn {
  std::string name, type;  ///< name quoted
  bool required = false;   ///< NOT NULL without a default
  bool generated = false;
  int key = 0;  ///< position in the primary key, 0 = none
};

/// A table on one side. Names are quoted.
struct SyncTable {
  std::string oid, name;
  std::vector<SyncColumn> columns;
  bool partitioned = false;
  const SyncColumn* find(const std::string& column) const;
};
/// The error is about the table: it is not there, or not one that has rows of its own.
tl::expected<SyncTable, Problem> read_table(Database& db, const std::string& name);

struct ForeignKey {
  std::string name, from_oid, from, to_oid, to;
  std::vector<std::string> columns, referenced;
  bool deletes = false;  ///< ON DELETE CASCADE, SET NULL or SET DEFAULT: it would change rows of `from`
};
/// All that leave or reach any of these tables.
tl::expected<std::vector<ForeignKey>, SqlFailure> read_foreign_keys(Database& db, const std::vector<SyncTable>& tables);

/// One table on its way: `stage` is a temporary table of the target with the source's rows.
struct SyncPlan {
  SyncTable source, target;
  std::string stage;
  std::vector<std::string> columns, select, keys;  ///< of both sides; what the source is asked for; primary key
  std::string list() const;

  std::string stage_sql() const, copy_out_sql() const, copy_in_sql() const;
  /// Counts of a dry run, or the writes, in the order delete, update, insert; "" = there is nothing of the kind.
  std::string count_missing() const, count_different() const, count_surplus() const;
  std::string delete_sql() const, update_sql() const, insert_sql() const;
  std::string same_key() const;   ///< "s.id = t.id"
  std::string different() const;  ///< compares every column byte for byte: also json, which has no equality
};
/// Checks that the rows of one side fit the other.
tl::expected<SyncPlan, Problem> plan_sync(SyncTable source, SyncTable target, const std::vector<std::string>& masks,
                                          bool replace);

}  // namespace howdah::migrate
