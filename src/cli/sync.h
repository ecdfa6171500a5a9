#pragma once

namespace howdah::cli {

/// `howdah sync ...` (argv[0] "sync"). Returns the exit code (migrate/report.h lists them).
int run_sync(int argc, char** argv);

}  // namespace howdah::cli
