#pragma once
#include <functional>
#include <optional>
#include <string>

#include "backup/position.h"
#include "backup/vault.h"
#include "os/identity.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "util/clock.h"
#include "util/result.h"

/// Bases: immutable directories from which recovery can start (docs/backup.md).
namespace howdah::backup {

/// manifest.json of a base.
struct Base {
  std::string id;           ///< names <state>/bases/<id>
  std::string resource_id;  ///< whose data it is
  Position start;           ///< redo: the WAL that recovery needs begins here
  Position end;             ///< earliest consistent point; nothing before it can be restored from this base
  Time ended{};             ///< when `end` was reached, by our clock
  uint64_t system_identifier = 0;
  std::string engine_version;
  uint64_t bytes = 0;             ///< of data/
  bool crash_consistent = false;  ///< copied from a server that had crashed: recovery is its crash recovery
  bool stopped = false;           ///< copied from a cleanly stopped cluster: no recovery needed
  bool interim = false;           ///< no snapshot's: it only shortens replays, and is not stored apart
};

std::string base_dir(const std::string& state, const std::string& id);
Result<Base> read_base(const std::string& state, const std::string& id);  ///< refuses a half-made or damaged one
/// The complete base of that id if somebody has made it already, also one who died before it tidied up behind itself.
std::optional<Base> made_base(const std::string& state, const std::string& id);
/// Nobody finds the base any more, which is now bases/<id><suffix>; remove_base() frees what it takes. Nothing to do
/// when there is none.
Result<void> hide_base(const std::string& state, const std::string& id, const char* suffix = ".gone");
Result<void> remove_base(const std::string& state, const std::string& id);

/// Whether a copy of the base beside it takes no room and hardly any time.
bool shares_blocks(const std::string& state, const Base& base);

/// What a base is made from. `progress` may be called from any thread with 0..100.
struct BaseSpec {
  std::string state, id, resource_id;
  const pg::Engine& engine;
  pg::Layout layout;
  os::Owner owner;
  int port = 0;
  bool interim = false;
  std::function<void(int)> progress;
  std::function<Time()> now;
};

/// Copies a running server: pg_backup_start (fast checkpoint), walk and copy with page checksums verified, the labels
/// that pg_backup_stop returned, the WAL in between from the vault (which must run). Writes PostgreSQL's
/// backup_manifest. Restartable from scratch: <id>.tmp of an earlier try is removed. Appears by rename after syncfs.
/// Throttled by nothing.
Result<Base> copy_running(const BaseSpec& spec);

/// Copies a stopped cluster (or, with `crashed`, one whose server ended without a shutdown; then with its pg_wal).
Result<Base> copy_stopped(const BaseSpec& spec, bool crashed);

/// Rolls a copy of `from` forward to `to` with the vault's WAL, in recovery, without publishing anything to clients,
/// and makes the result the base `id` with end = `to`. `from` is not changed, and every file of it is compared with
/// what was written first. The source's server is not touched.
Result<Base> roll_forward(const BaseSpec& spec, const Base& from, Position to);

}  // namespace howdah::backup
