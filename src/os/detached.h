#pragma once
#include <string>

#include "os/spawn.h"
#include "util/result.h"

/// Long outside work that survives kill -9 of the daemon: copies, pg_upgrade, base backups. A small runner (a shell)
/// holds an flock on <name>.lock, which its command inherits, and leaves the command's status in <name>.rc by fsync and
/// rename. Lock held = in progress, result there = done, neither = not started. `name` is a path prefix in a directory
/// that only we can write, derived from the resource and step, so that a restarted step finds its work again.
///
/// A command that dies together with its runner before the result is written counts as not started: commands must be
/// restartable from scratch, as every step is. A command that leaves a server running must not be run this way, since
/// the server would hold the lock.
namespace howdah::os {

enum class DetachedState { kNotStarted, kInProgress, kDone };

struct Detached {
  DetachedState state = DetachedState::kNotStarted;
  int status = 0;           ///< when done: exit status, 128 + signal when killed, 127 when it could not be started
  std::string output_tail;  ///< when done: the end of <name>.out, at most 8 KiB
};

/// Looks; changes nothing (but reaps a runner that was our child).
Result<Detached> observe_detached(const std::string& name);

/// Starts `command` unless it is in progress already (also when another thread or daemon was faster). Forgets an
/// earlier result first. On return the runner holds the lock. command.keep_fd must be unset; run_as needs setpriv(1).
Result<void> start_detached(const std::string& name, const Command& command);

/// Forgets a result (<name>.rc, .out); refused while in progress. Missing is fine.
Result<void> forget_detached(const std::string& name);

}  // namespace howdah::os
