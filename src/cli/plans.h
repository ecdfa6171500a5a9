#pragma once

namespace howdah::cli {

/// `howdah plans ...` (argv[0] "plans"). Returns the exit code (migrate/report.h lists them).
int run_plans(int argc, char** argv);

}  // namespace howdah::cli
