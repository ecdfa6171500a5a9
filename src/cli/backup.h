#pragma once

namespace howdah::cli {

/// `howdah backup ...`: the backup repository. argv[0] is "backup". Returns the exit code: 0, 1 = it failed or found
/// damage, 2 = usage or configuration.
int run_backup(int argc, char** argv);

}  // namespace howdah::cli
