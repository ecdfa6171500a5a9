#pragma once
#include "backup/vault.h"

namespace howdah::backup {

/// The main loop of a keeper that receives WAL as a standby does: for a server on another host, and for commits that
/// wait until the vault has them (it is the standby named kSlot). The same vault, position and clock as the tail's.
///
/// What has arrived is put into `inbox/`, a pg_wal of its own that is not synced, and the Tail copies it from there:
/// what is acknowledged is what the Tail calls durable. So the checks are the same, too: each time it connects, it
/// receives the open segment from its start, and compares. Returns the exit code.
int run_stream_keeper(const KeeperSpec& spec);

}  // namespace howdah::backup
