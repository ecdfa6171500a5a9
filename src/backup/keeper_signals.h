#pragma once
#include <sys/signalfd.h>
#include <unistd.h>
#include <csignal>

#include "os/fd.h"

namespace howdah::backup {

/// The signals that end a keeper: SIGTERM when it has copied what it sees, SIGINT at once. Blocked by run_keeper()
/// before any thread starts.
class KeeperSignals {
 public:
  static sigset_t all() {
    sigset_t ends;
    sigemptyset(&ends);
    for (int s : {SIGTERM, SIGINT}) sigaddset(&ends, s);
    return ends;
  }
  KeeperSignals() {
    const sigset_t ends = all();
    fd_ = os::Fd(signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
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
