#pragma once
#include <map>
#include <string>

#include "backup/position.h"
#include "rds/rds.h"
#include "util/clock.h"

namespace howdah::rds {

/// Bases between the daily ones (domain/interim_base.h): a restore to a point in time late in a busy day else replays
/// all of that day's WAL. One is rolled forward from the newest base when `[backup] interim_wal_mb` of WAL lie behind
/// it and `interim_minutes` have passed. Where files cannot be cloned it is a copy of all data, and waits for four
/// times as much WAL as that. None is begun that would leave little of the disk (storage_ladder.h). They go after a
/// day, with their instance's backups, and when little of the disk is left; the repository does not have them.
///
/// One thread. An idle tick looks at records in memory, O(instances + snapshots), and reads the vault's position of
/// each running instance.
class InterimBases {
 public:
  explicit InterimBases(Rds& rds) : rds_(rds) {}
  void begin_due();
  void expire();

 private:
  void begin(const std::string& resource_id, backup::Position end, uint64_t behind);
  uint64_t least_wal() const;  ///< bytes
  Rds& rds_;
  std::map<std::string, Time> tried_;  // resource id -> when; whatever came of it, not again in `interim_minutes`
};

/// Of an instance's bases. A snapshot that has none (yet) is not one; where making it failed, nothing waits for it.
struct NewestBase {
  uint64_t lsn = 0;  ///< 0: there is none
  Time time{};
  bool being_made = false;  ///< another one, or a snapshot is being taken
};
std::map<std::string, NewestBase> newest_bases(const store::Store& store);  ///< by resource id

/// Whether so much WAL behind the newest base is worth another one.
bool interim_base_pays(uint64_t wal, uint64_t least, uint64_t base_bytes, bool cloned);

}  // namespace howdah::rds
