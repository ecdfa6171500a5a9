#pragma once
#include <sys/signalfd.h>
#include <unistd.h>
#include <csignal>

#include "os/fd.h"

namespace howdah::backup {

/// The signals of a keeper. SIGTERM ends it when it has copied what it sees, SIGINT at once; kHurry asks it to copy
/// now, and for a moment whatever comes at once. Blocked by run_keeper() before any thread starts.
class KeeperSignals {
 public:
  static constexpr int kHurry = SIGUSR1;

  static sigset_t all() {
    sigset_t signals;
    sigemptyset(&signals);
    for (int s : {SIGTERM, SIGINT, kHurry}) sigaddset(&signals, s);
    return signals;
  }
  KeeperSignals() {
    const sigset_t signals = all();
    fd_ = os::Fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  int descriptor() const { return fd_.get(); }  ///< to poll
  int take() {                                  ///< the next one that came; 0 = none
    signalfd_siginfo info{};
    return read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  os::Fd fd_;
};

}  // namespace howdah::backup
