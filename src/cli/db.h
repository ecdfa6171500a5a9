#pragma once

namespace howdah::cli {

/// `howdah db ...`, or one of db-create, db-drop, db-schema-load, db-seed, db-sessions, db-setup, db-connect when
/// argv[0] says so, also with .sh behind it. Returns the exit code (migrate/report.h lists them).
int run_db(int argc, char** argv);

}  // namespace howdah::cli
