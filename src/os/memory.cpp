#include "os/memory.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <string>

namespace howdah::os {
namespace {

/// Bytes by name.
std::map<std::string, uint64_t> memory_info() {
  std::map<std::string, uint64_t> out;
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon != line.npos) out[line.substr(0, colon)] = std::strtoull(line.c_str() + colon + 1, nullptr, 10) << 10;
  }
  return out;
}

/// memory.max of the group (of cgroup v2) that we are in.
uint64_t group_limit() {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    uint64_t bytes = 0;  // "max" is no number
    if (line.starts_with("0::") && std::ifstream("/sys/fs/cgroup" + line.substr(3) + "/memory.max") >> bytes)
      return bytes;
  }
  return UINT64_MAX;
}

bool promises_are_counted() {
  int mode = 0;
  std::ifstream("/proc/sys/vm/overcommit_memory") >> mode;
  return mode == 2;
}

}  // namespace

uint64_t available_memory() {
  auto info = memory_info();
  const uint64_t limit = info["CommitLimit"], promised = std::min(info["Committed_AS"], limit);
  const uint64_t unpromised = promises_are_counted() ? limit - promised : UINT64_MAX;
  return std::min({info["MemAvailable"], group_limit(), unpromised});
}

}  // namespace howdah::os
