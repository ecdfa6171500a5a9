#pragma once
#include <optional>
#include <string>

#include "backup/restore.h"
#include "os/identity.h"
#include "util/result.h"

namespace howdah::backup {

/// False for a cleanly stopped base that nothing is added to: it starts as it is, on its old timeline.
bool needs_recovery(const Plan& plan);

/// Puts the plan's WAL into the copy `data` of its base, cut at the target, and recovery.signal, so that nobody starts
/// the copy without its target. Reads the records of the last segment: PostgreSQL reads all the others, and a recovery
/// that does not come to its target fails; see wal_damage(). With the directory of a WalFeed: what cannot be cloned is
/// left to that, and the directory made.
Result<void> set_up_recovery(const Plan& plan, const std::string& data, os::Owner owner, const std::string& feed = "");

/// Reads every record of the plan's WAL where it comes from: where the first one is that PostgreSQL would take for the
/// end of the WAL, in a sentence; nothing when it is whole.
std::optional<std::string> wal_damage(const Plan& plan);

/// The same beside a server that replays it: first from where that server reads, the pg_wal `directory`, so that it
/// finds in memory what has been checked. Clones share blocks on the disk, but no pages in memory: reading the vault's
/// would be a second pass over the disk. Segments vanish there when the recovery ends, which is no damage.
std::optional<std::string> wal_damage_beside(const Plan& plan, const std::string& directory);

}  // namespace howdah::backup
