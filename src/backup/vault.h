#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/position.h"
#include "backup/wal_history.h"
#include "os/identity.h"
#include "pg/layout.h"
#include "pg/template.h"
#include "util/clock.h"
#include "util/result.h"

/// One instance's WAL, kept a second time (docs/backup.md). The keeper process writes, everybody else only reads; no
/// lock is needed to read, since complete segments never change and a partial one only grows.
namespace howdah::backup {

/// What is certainly on disk.
struct Durable {
  Position position;  ///< everything before it is in the vault, synced
  Time clock{};       ///< when the keeper last saw that the server has written nothing beyond `position`
};

/// What pg_create_restore_point() leaves in the WAL.
struct RestorePoint {
  Position end;  ///< of its record
  Time time{};   ///< by the server's clock
};

class Vault {
 public:
  /// `state`: the state directory. Only computes paths; the vault may not exist yet.
  Vault(const std::string& state, std::string resource_id);

  const std::string& root() const { return root_; }

  /// Nothing while the keeper has never run.
  std::optional<Durable> durable() const;

  /// Waits until `position` is durable, without a question to the server; false when `timeout` passed first.
  bool await(Position position, std::chrono::milliseconds timeout) const;

  /// Every segment and history file that recovery needs from `from` to `to` (exclusive), in order, as paths of files
  /// that may be copied (never linked). Checks presence, size and the page header at the start of each segment (magic
  /// number, timeline, address, system identifier), and that each timeline switch is in its history file. The error
  /// names the first segment that is missing or damaged.
  Result<std::vector<std::string>> chain(Position from, Position to, uint64_t system_identifier) const;

  /// Whether chain() has it all, for a caller that had this answered for as far as `seen` before: complete segments
  /// never change, so those before it are only looked for by name, in one listing of the directory. The rest is opened.
  Result<void> check(Position from, Position seen, Position to, uint64_t system_identifier) const;

  /// Where recovery must stop for the state as of `instant`: the start of the first commit, abort or prepared commit
  /// record after it, else the end of what is durable. `from`: a position before it, on an ancestor timeline (the end
  /// of the base). The scan starts at the last record of the clock index before `instant`. An error when `instant` is
  /// after latest_restorable() or the WAL there cannot be read.
  Result<Position> locate(Time instant, Position from) const;

  /// The first restore point of that name that the server wrote after `since` (by the clock index; a minute before it
  /// at most) and no later than `until`, a position after it. An error when the WAL there cannot be read.
  Result<std::optional<RestorePoint>> first_restore_point(std::string_view name, Time since, Position until) const;

  /// LatestRestorableTime. While a keeper runs and the server is idle it moves on with the clock.
  std::optional<Time> latest_restorable() const;

  /// Removes segments that lie wholly before `position`, and what belongs to them in the clock index.
  Result<void> expire(Position position) const;

  Result<void> remove() const;  ///< the whole vault; its keeper must have been stopped

 private:
  /// The history of `to`, when all WAL from `from` to there is durable and none of it known to be lost.
  Result<History> way(Position from, Position to) const;
  /// The path of the segment that begins at `at`, which holds all of it that lies before `to`.
  Result<std::string> segment_on(const History& way, Lsn at, Position to, uint64_t system_identifier) const;

  std::string root_;
};

/// The keeper of one instance: `howdah keeper`, a detached process of this binary.
struct KeeperSpec {
  std::string program;  ///< /proc/self/exe, resolved
  std::string state, resource_id;
  pg::Layout layout;
  os::Owner owner;  ///< of the server's files: nothing else in pg_wal is read
  int port = 0;     ///< to reach the server by its socket, for moving the replication slot on
};

inline constexpr const char* kSlot = pg::kVaultSlot;  ///< physical slot that holds WAL back until it is in the vault

/// Makes a keeper run: nothing happens when one runs already with the same spec and version. Before the first one, the
/// server must have the slot kSlot (made with immediately_reserve), else the vault would begin with a gap.
Result<void> ensure_keeper(const KeeperSpec& spec);
/// The same without waiting. Until the keeper runs the slot keeps the WAL; the next ensure_keeper() finds out
/// when it never will.
Result<void> begin_keeper(const KeeperSpec& spec);
/// Somebody waits for what the server has just flushed, or is about to: the keeper copies it now and not at its next
/// turn, beside the server's own flush.
void hurry_keeper(const KeeperSpec& spec);
/// Ends it after it has copied all that pg_wal holds (`drain`: it waits until the end of the WAL is durable). True = it
/// ended, or none ran.
Result<bool> stop_keeper(const std::string& state, const std::string& resource_id, bool drain,
                         std::chrono::milliseconds timeout);
bool keeper_runs(const std::string& state, const std::string& resource_id);
bool keeper_fits(const KeeperSpec& spec);  ///< one runs with this spec and version

/// The process's main loop; returns the exit code. Ends on SIGTERM (after a drain) and when pg_wal has gone for good.
int run_keeper(const KeeperSpec& spec);

}  // namespace howdah::backup
