#pragma once
#include "migrate/report.h"
#include "migrate/split.h"

namespace howdah::migrate {

/// Runs an SQL file as `psql --single-transaction -v ON_ERROR_STOP=1 -f` would, without psql: all of it or nothing, and
/// what pg_dump writes (COPY rows, \restrict) is understood. Returns the exit code; failures are in the report.
int run_script(Database& db, const std::string& file, bool in_transaction, Report& report);
/// The same of a text; `name` is what messages call it.
int run_script_text(Database& db, const std::string& text, const std::string& name, bool in_transaction,
                    Report& report);

}  // namespace howdah::migrate
