#pragma once

namespace howdah::cli {

/// `howdah db ...` (argv[0] "db"), or one of db-create, db-drop, db-schema-load, db-seed, db-sessions, db-setup,
/// db-connect (argv[0] says which). Returns the exit code (migrate/report.h lists them).
int run_db(int argc, char** argv);

}  // namespace howdah::cli
