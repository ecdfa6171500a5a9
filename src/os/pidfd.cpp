#include "os/pidfd.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

namespace howdah::os {
namespace {
constexpr idtype_t kPidfd = static_cast<idtype_t>(3);  // P_PIDFD, missing in older glibc headers
}

Result<Fd> open_pidfd(pid_t pid) {
  int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return fail(fmt::format("pidfd_open({}): {}", pid, strerror(errno)));
  return Fd(fd);
}

Result<bool> send_signal(const Fd& pidfd, int signal) {
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0) return true;
  if (errno == ESRCH) return false;
  return fail(fmt::format("sending signal {}: {}", signal, strerror(errno)));
}

bool wait_exit(const Fd& pidfd, std::chrono::milliseconds timeout) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd p{pidfd.get(), POLLIN, 0};
    int n = poll(&p, 1, left.count() < 0 ? 0 : static_cast<int>(left.count()));
    if (n > 0) return true;
    if (n == 0) return false;
    if (errno != EINTR) return false;
  }
}

std::optional<int> reap(const Fd& pidfd) {
  siginfo_t info{};
  if (waitid(kPidfd, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) return {};
  if (info.si_code == CLD_EXITED) return (info.si_status & 0xff) << 8;
  return info.si_status & 0x7f;
}

}  // namespace howdah::os
