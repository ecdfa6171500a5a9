#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backup/base.h"
#include "backup/restore.h"
#include "backup/vault.h"
#include "domain/snapshot.h"
#include "pg/client.h"
#include "rds/rds.h"
#include "rds/steps.h"

/// What snapshots, restores, deletion and the schedule share. Records first: a directory under bases/ or vault/ is
/// always named by a record before it exists, and goes (tidy_backups) when no record needs it any more.
namespace howdah::rds {

/// Begins the workflow that makes `snapshot` (stored in this transaction) of `instance`, which nothing else works on.
/// The server runs: a position in its WAL, while the instance is backing-up. It doesn't: a copy of its files, under the
/// instance's own lock.
void begin_snapshot(Rds& rds, store::Tx& tx, const Snapshot& snapshot, const Instance& instance);

/// Begins an automated snapshot and notes it in `now`, which the caller stores. Does nothing while the retention period
/// is zero, one is being made, or this minute's name is taken (the schedule tries again). The instance is backing-up
/// meanwhile, unless `shown` is false. `restored_from`: the base whose end the instance's data just was.
void begin_automated_snapshot(Rds& rds, store::Tx& tx, Instance& now, bool shown = true,
                              const std::string& restored_from = {});

/// Starts (again) the removal of bases, vaults and WAL that no record needs.
void tidy_backups(Rds& rds, store::Tx& tx);

/// Erases the automated snapshots of an instance: it was deleted, or its retention period became zero.
void erase_automated_snapshots(Rds& rds, store::Tx& tx, const std::string& resource_id);

/// Records when the instance's restore window begins, from its automated snapshots.
void refresh_window(const store::Tx& tx, Instance& now);

backup::Vault vault_of(const Rds& rds, const std::string& resource_id);

/// The bases of an instance that recovery may start from, read from disk: those that a record names, and, while some
/// snapshot of the instance still is a position in its WAL, those that nothing names any more. O(bases).
std::vector<backup::Base> bases_of(const Rds& rds, const std::string& resource_id);

/// Bases, vaults and WAL go away only while this is held, after a look at who needs them. Whoever has recorded a need
/// (a snapshot being made, a restore, a drill) takes and drops it before planning: what is there then stays.
/// Process-wide, as is the state; not held while the files of a base or of a vault that nobody can plan on are deleted.
std::unique_lock<std::mutex> hold_removals();

/// Whether the vault of that instance is needed by anything but the instance itself.
bool vault_needed(const store::Store& store, const std::string& resource_id);

/// The replication slot and the keeper of an instance, with a connection to its server. Idempotent.
Result<void> protect(Rds& rds, const Instance& instance, pg::Client& client);
Result<void> protect(Rds& rds, const Instance& instance);
/// Asks for the slot: no row when it is missing, true when the server has given it up.
std::string lost_slot_sql(const pg::Client& client);
/// Whether the keeper runs, as it should; asks no server.
bool has_keeper(const Rds& rds, const Instance& instance);
/// Makes somebody watch over commits that wait for the vault (backup/sync_guard.h).
Result<void> guard_commits(const Rds& rds, const Instance& instance);
/// Somebody waits for what the server is about to flush to be in the vault.
void hurry_protection(const Rds& rds, const Instance& instance);
/// The same for a new instance: the slot keeps its WAL from the first byte, so nobody waits for the keeper.
Result<void> begin_protection(Rds& rds, const Instance& instance, pg::Client& client);
/// Ends the keeper after it has copied everything; `again` while it still works.
Outcome stop_protection(Rds& rds, const Instance& instance);

backup::BaseSpec base_spec(const Rds& rds, const std::string& base_id, const Instance& source,
                           const pg::Engine& engine);
backup::BaseSpec base_spec(const Rds& rds, const Snapshot& snapshot, const pg::Engine& engine);  ///< with its progress

/// Copies the files of the instance that workflow `w` works on into the snapshot of id `snapshot`; the server must not
/// run. next() when it is recorded as available, or when there is no such snapshot.
Outcome copy_stopped_files(Rds& rds, const Instance& instance, const std::string& snapshot);

/// The snapshot, whose position is filled in, becomes available; an automated one moves its instance's restore window.
void announce_snapshot(Rds& rds, store::Tx& tx, Snapshot s);

/// Records that the snapshot is done, with its event; `base` when it is a copy of its own.
flow::Recorder snapshot_taken(Rds& rds, const std::string& id, const backup::Base& base, bool full);
void record_snapshot_failure(Rds& rds, store::Tx& tx, const std::string& id, const std::string& reason);

/// A place in a running server's WAL: everything committed before is before it.
struct Mark {
  backup::Position position;  ///< end of a restore point
  Time time{};
};
/// Protects the instance where it is not, and marks a place. When it returns, the server's disk and the vault hold the
/// mark and the record behind it, by which a recovery knows that it has come there.
Result<Mark> set_mark(Rds& rds, const Instance& instance, pg::Client& client, const std::string& name);

/// Looks for damage in a base that something failed with. A damaged one is not used any more (backup::set_base_aside):
/// its snapshots say so, and become positions in their instance's WAL again where an older base leads there. Returns
/// what is damaged, also of one that was set aside before; nothing: it is sound, or can't be judged.
std::optional<std::string> note_damage(Rds& rds, const std::string& base_id);

/// What to answer when files could not be copied: other tries while the reason may pass (a full disk, a server that was
/// restarted), about half a minute in all; then the end of the workflow, so that nobody waits for hours.
Outcome try_again_or_fail(const Workflow& w, const Error& error);

/// How a snapshot is restored: from its own base, else from an older one and the vault.
Result<backup::Plan> plan_of(const Rds& rds, const Snapshot& snapshot);

}  // namespace howdah::rds
