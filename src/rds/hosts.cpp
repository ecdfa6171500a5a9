#include "rds/hosts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "domain/config.h"
#include "os/fd.h"
#include "os/files.h"

namespace howdah::rds {
namespace {

/// In place, under a lock: /etc/hosts is often a bind mount, which rename(2) can't replace. Readers of a hosts file
/// tolerate that, and the length never drops before the new text is written.
Result<void> rewrite(const std::string& path, const std::function<std::string(std::string_view)>& edit) {
  os::Fd file(open(path.c_str(), O_RDWR | O_CLOEXEC | O_CREAT, 0644));
  if (file.get() < 0) return fail(fmt::format("{} can't be written: {}", path, std::strerror(errno)));
  if (flock(file.get(), LOCK_EX) != 0)
    return fail_for_now(fmt::format("{} can't be locked: {}", path, std::strerror(errno)));
  const auto before = os::read_file(path);
  if (!before) return tl::unexpected(before.error());
  const std::string after = edit(*before);
  if (after == *before) return {};
  size_t done = 0;
  while (done < after.size()) {
    const ssize_t n = pwrite(file.get(), after.data() + done, after.size() - done, static_cast<off_t>(done));
    if (n < 0) return fail_for_now(fmt::format("{} can't be written: {}", path, std::strerror(errno)));
    done += static_cast<size_t>(n);
  }
  if (ftruncate(file.get(), static_cast<off_t>(after.size())) != 0 || fsync(file.get()) != 0) {
    return fail_for_now(fmt::format("{} can't be written: {}", path, std::strerror(errno)));
  }
  return {};
}

}  // namespace

bool keeps_hosts(const Rds& rds) {
  switch (rds.config.names) {
    case Names::hosts:
      return true;
    case Names::address:
      return false;
    case Names::automatic:
      break;
  }
  return access(rds.config.hosts_file.c_str(), W_OK) == 0;
}

std::string with_block(std::string_view text, std::string_view owner, std::string_view lines) {
  const std::string begin = fmt::format("# BEGIN howdah {}\n", owner);
  const std::string end = fmt::format("# END howdah {}\n", owner);
  std::string out(text);
  const auto from = out.find(begin);
  const auto to = out.find(end, from == out.npos ? 0 : from);
  if (from != out.npos && to != out.npos) out.erase(from, to + end.size() - from);
  if (lines.empty()) return out;
  if (!out.empty() && out.back() != '\n') out += '\n';
  return out + begin + std::string(lines) + end;
}

Result<void> write_hosts(Rds& rds, std::string_view without) {
  if (!keeps_hosts(rds)) return {};
  static std::mutex mu;  // one writer in this process; flock keeps other daemons out
  std::lock_guard lock(mu);
  std::string lines;
  for (const auto& i : rds.store.all<Instance>()) {
    if (i->resource_id == without) continue;
    lines += fmt::format("{} {}\n", i->address, rds.config.endpoint_name(i->scope, i->identifier));
  }
  return rewrite(rds.config.hosts_file,
                 [&](std::string_view text) { return with_block(text, rds.config.state_dir, lines); });
}

}  // namespace howdah::rds
