#pragma once
#include <chrono>
#include <string>

#include "backup/vault.h"

/// Commits that wait for a vault (docs/backup.md, mode sync) must wait neither for a daemon that is gone nor for a
/// keeper that hangs. The guard of such an instance is a process as small as its keeper, `howdah sync-guard`, which
/// outlives both: it makes the keeper run again when it has died, and lets the commits go on without the vault when the
/// vault's clock has stood still for the patience while the server runs. That is one byte in the server's configuration
/// and one in its own file, in place, so that a full disk doesn't keep it from doing so. The daemon announces it.
namespace howdah::backup {

/// Makes a guard watch, with this keeper and patience. Whoever makes commits wait calls it before, and again and again.
Result<void> ensure_guard(const KeeperSpec& keeper, std::chrono::milliseconds patience);

/// The guard has let commits go on: true until stop_guard().
bool guard_let_go(const std::string& state, const std::string& resource_id);

/// Ends it; it changes nothing more. False = it has not ended within `timeout`.
Result<bool> stop_guard(const std::string& state, const std::string& resource_id, std::chrono::milliseconds timeout);

/// Somebody has asked for a guard of the vault in the directory `root`, and nobody to end it.
bool commits_wait(const std::string& root);

/// The process's main loop, for the vault in the directory `root`; returns the exit code. Ends when its task is gone or
/// another version's.
int run_guard(const std::string& root);

}  // namespace howdah::backup
