#pragma once
#include "migrate/databases.h"

namespace howdah::migrate {

struct SyncCommand {
  Target from;
  DatabaseCommand to;
  std::vector<std::string> tables;  ///< as in SQL: teams, app.teams, "Quoted"
  std::vector<std::string> masks;   ///< "column=expression" or "table.column=expression", computed by the source
  bool replace = false;             ///< rows that the source lacks are deleted; else they stay
  bool dry_run = false;
};

/// Makes tables of one database have the rows of the same tables of another one: by primary key, in one transaction of
/// the target, from one snapshot of the source. Only rows that differ are written. Refused before anything is written:
/// different columns, rows whose foreign keys would point nowhere, deletions that would reach into other tables.
/// Sequences that belong to the columns move behind the largest value. Nothing is committed unless the tables agree
/// afterwards. Memory does not grow with the tables; the target needs room for a second copy while it runs.
int sync_tables(const SyncCommand& c, Report& report);

}  // namespace howdah::migrate
