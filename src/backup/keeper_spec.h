#pragma once
#include <sys/types.h>
#include <optional>
#include <string>

#include "backup/vault.h"

/// What a daemon and a keeper tell each other: the command line and keeper.info.
namespace howdah::backup {

std::string spec_text(const KeeperSpec& spec);  ///< JSON, without the program
Result<KeeperSpec> parse_spec(const std::string& text);

/// keeper.info.
struct KeeperInfo {
  pid_t pid = 0;
  uint64_t started = 0;  ///< clock ticks since boot, as in /proc/<pid>/stat: tells a recycled pid apart
  std::string version;   ///< of the program, with its size and time, so that a new build replaces an old one
  std::string spec;
};
std::string version_of(const std::string& program);
std::optional<KeeperInfo> read_info(const std::string& root);
Result<void> write_info(const std::string& root, const KeeperInfo& info);
uint64_t start_of(pid_t pid);  ///< 0 = no such process

std::string lock_path(const std::string& root);

}  // namespace howdah::backup
