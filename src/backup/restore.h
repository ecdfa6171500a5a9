#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backup/base.h"
#include "backup/vault.h"

/// From a base and the vault to a data directory that stands at exactly the planned position.
namespace howdah::backup {

struct Plan {
  Base base;
  Position target;               ///< recovery stops before this byte; == base.end: nothing beyond the base is replayed
  std::vector<std::string> wal;  ///< files to place in pg_wal, in order (the base's own and the vault's)
};

/// Picks the newest base whose end is at or before the target on an ancestor timeline, and makes sure that all WAL in
/// between is there: each segment's presence and header, and the records of the last one. Takes milliseconds; the
/// records in between are read by make_volume. Errors (what the API answers as InvalidRestoreFault): the instant lies
/// before every base's end, or after latest_restorable(); a segment is missing or damaged (named).
Result<Plan> plan_to_time(const Vault& vault, const std::vector<Base>& bases, Time instant);
Result<Plan> plan_to_position(const Vault& vault, const std::vector<Base>& bases, Position target);

/// Which WAL check_way() has looked at, by instance: one stretch, from the base it began at. A newer base that lies in
/// it needs no second look. Only in memory. Thread-safe.
class CheckedWays {
 public:
  Position reached(const Base& base) const;  ///< to where it is known from base.end; base.end when nothing is
  void note(const Base& base, Position position);

 private:
  struct Way {
    Position from, reached;
    uint64_t system_identifier = 0;
    bool holds(const Base& base) const;
  };
  mutable std::mutex mu_;  // guards ways_
  std::map<std::string, Way> ways_;
};

/// The same as plan_to_position() for a position whose records the keeper has just checked and found whole: reads no
/// record again, and opens only segments that it has not opened before, as there is a day of WAL behind a daily base.
Result<void> check_way(const Vault& vault, const std::vector<Base>& bases, Position target, CheckedWays& ways);
/// The same ahead of time, for what the vault holds by now; true when that was too much for once (a gigabyte).
Result<bool> check_ahead(const Vault& vault, const std::vector<Base>& bases, CheckedWays& ways);

/// The instants that can be restored: each from `earliest` to `latest`. Nothing when no base leads to the end of the
/// vault. For messages: of all segments but the last one only the names are looked at.
struct Reach {
  Time earliest{}, latest{};
};
std::optional<Reach> reach_of(const Vault& vault, const std::vector<Base>& bases);

/// Exactly the base: needs no vault.
Result<Plan> plan_of_base(const std::string& state, const Base& base);

/// Makes layout.data (reflink from the immutable base where the file system can, else a copy, whose source is compared
/// with what was written, see damage_of) for `owner`, ready for recover(). A half-made data.tmp is removed first;
/// appears by rename. Fails without leaving anything behind when a record before the target is damaged, or a file of
/// the base is, or it has lost its label. An existing layout.data stays. What recover() is going to change is not
/// synced: recover() does that at its end, and the next call here begins anew when the machine went down in between.
Result<void> make_volume(const std::string& state, const Plan& plan, const pg::Layout& layout, os::Owner owner);

struct Recovered {
  Position end;           ///< replayed up to here, verified against the plan
  uint32_t timeline = 0;  ///< of the new history
};

/// Runs the server privately (no TCP, socket directory 0700, hot_standby=off, archive_mode=off, parameters at least the
/// source's) until it has replayed exactly to plan.target and promoted, then stops it cleanly. Verifies position and
/// timeline, and syncs all, before it returns. Restartable, behind make_volume(): finds a recovery that has finished.
/// `engine` is the prepared engine.
Result<Recovered> recover(const Plan& plan, const pg::Engine& engine, const pg::Layout& layout, os::Owner owner,
                          std::chrono::milliseconds timeout);

}  // namespace howdah::backup
