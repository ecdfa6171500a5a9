#pragma once
#include "migrate/session.h"

namespace howdah::migrate {

enum class ExportFormat { kNative, kPrisma, kKysely, kSql, kFlyway, kDbmate, kGoose, kGolangMigrate, kSqlMigrate };

/// Writes the migrations of a directory in another tool's layout, or as one script for psql (`to` "" = stdout). The
/// directory `to` must be empty or not there yet; it appears when it is complete. Refuses what the tool cannot run.
int export_migrations(const Options& options, ExportFormat format, const std::string& to, Report& report);

/// What is pending as one script for psql, with the rows of the history: for a person who runs it by hand.
int export_pending(Session& s, const std::string& to);

}  // namespace howdah::migrate
