#pragma once
#include <sys/types.h>
#include <chrono>
#include <optional>

#include "os/fd.h"
#include "util/result.h"

/// Processes by descriptor: a pidfd never refers to a recycled pid.
namespace howdah::os {

/// Fails (retry = false) when there is no such process.
Result<Fd> open_pidfd(pid_t pid);

/// Sends `signal`; false when the process is already gone.
Result<bool> send_signal(const Fd& pidfd, int signal);

/// Waits until the process has ended (a zombie has ended). False when `timeout` passed first.
bool wait_exit(const Fd& pidfd, std::chrono::milliseconds timeout);

/// Collects the wait status of an ended child of ours. Nothing when it is not our child or has not ended.
/// Returned as by waitpid: 0 = exit 0, use WIFEXITED and friends.
std::optional<int> reap(const Fd& pidfd);

}  // namespace howdah::os
