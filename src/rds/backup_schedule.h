#pragma once
#include <map>
#include <string>

#include "backup/position.h"
#include "rds/clock_trust.h"
#include "rds/interim_bases.h"
#include "rds/rds.h"
#include "util/clock.h"

namespace howdah::rds {

/// What the clock asks of backups: an automated snapshot once a day in the backup window, the end of retention periods,
/// another try for snapshots that are still positions in a WAL, keepers that run, a new base when a vault lost WAL,
/// bases between the daily ones (interim_bases.h), copies in the repository. Looks at new WAL, so that a snapshot need
/// not. Otherwise only starts workflows, keepers and copiers. One thread; an idle tick looks at records in memory,
/// O(instances + snapshots), and reads the vault's position and list of losses of each running instance.
class BackupSchedule {
 public:
  explicit BackupSchedule(Rds& rds) : rds_(rds), trust_(rds), interim_(rds) {}
  void tick();

 private:
  void keep_keepers();
  void note_losses();
  void check_ways();
  void begin_due();
  void expire();
  void mend();
  void store_apart(bool clock_doubted);

  Rds& rds_;
  ClockTrust trust_;
  InterimBases interim_;
  std::map<std::string, std::pair<int32_t, bool>> kept_;  // resource id -> port, streaming: what its keeper was told
  std::map<std::string, backup::Lsn> checked_;  // resource id -> end of its vault at the last check of its way
  std::string last_checked_;
  Time mended_{}, stored_{};
};

/// When the last backup window began, at or before `now`.
Time last_window(const std::string& window, Time now);

}  // namespace howdah::rds
