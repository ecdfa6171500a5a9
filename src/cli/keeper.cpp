#include <unistd.h>

#include <climits>
#include <cstdio>
#include <filesystem>

#include "backup/keeper_spec.h"
#include "backup/sync_guard.h"
#include "cli/cli.h"
#include "util/log.h"

namespace howdah::cli {

/// `howdah keeper <spec>`: started by the daemon, one an instance; not for people.
int run_keeper(const std::string& spec_text) {
  auto spec = backup::parse_spec(spec_text);
  if (!spec) {
    log::error(spec.error().message);
    return 2;
  }
  std::error_code ignored;
  spec->program = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  const int code = backup::run_keeper(*spec);
  fflush(nullptr);
  _exit(code);  // its thread may be waiting for a server that does not answer
}

/// `howdah sync-guard <vault>`: started by the daemon where commits wait for the vault; not for people.
int run_sync_guard(const std::string& root) {
  const int code = backup::run_guard(root);
  fflush(nullptr);
  return code;
}

}  // namespace howdah::cli
