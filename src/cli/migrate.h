#pragma once

namespace howdah::cli {

/// `howdah migrate ...`: argv[0] is "migrate". Returns the exit code (migrate/report.h lists them).
int run_migrate(int argc, char** argv);

}  // namespace howdah::cli
