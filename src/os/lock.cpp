#include "os/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fmt/format.h>

namespace howdah::os {
namespace {

std::string holder_of(int fd) {
  char text[32] = {};
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  std::string pid(text, n > 0 ? static_cast<size_t>(n) : 0);
  while (!pid.empty() && (pid.back() == '\n' || pid.back() == ' ')) pid.pop_back();
  return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

Result<LockFile> LockFile::acquire(const std::string& path, const std::string& what, std::chrono::milliseconds wait) {
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(fmt::format("cannot open the lock file {}: {}", path, strerror(errno)));
  auto deadline = std::chrono::steady_clock::now() + wait;
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail(fmt::format("cannot lock {}: {}", path, strerror(errno)));
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail_for_now(fmt::format("{} is in use by {} (lock file {})", what, holder_of(fd.get()), path));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  // The pid is for messages only, so a failure to write it does not matter: the lock is the kernel's.
  std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd.get(), 0) == 0 && pwrite(fd.get(), pid.data(), pid.size(), 0) < 0) errno = 0;
  return LockFile(std::move(fd));
}

}  // namespace howdah::os
