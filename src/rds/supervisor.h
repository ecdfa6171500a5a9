#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "os/fd.h"
#include "rds/backup_schedule.h"
#include "rds/rds.h"
#include "rds/roles_watch.h"
#include "rds/server_files.h"
#include "rds/storage_ladder.h"
#include "rds/storage_use.h"
#include "rds/sync_watch.h"

namespace howdah::rds {

/// Compares what is with what should be, and only ever starts workflows (or rewrites an access file).
///
/// - Servers: every instance that should run is watched through a pidfd, also those that an earlier daemon started.
///   An exit wakes us at once; recover-instance then brings the server back.
/// - Access: when security groups or instances change, pg_hba.conf of the concerned instances is rendered again and the
///   server reloads it: new connections follow the rules within milliseconds, open ones stay.
/// - Backups: daily snapshots, retention, keepers (backup_schedule.h).
/// - Storage: writes are refused before a disk is full (storage_ladder.h).
/// - Synchronous vaults: commits wait for one only while it answers (sync_watch.h).
/// - Roles: reserved ones are there, and replication follows membership (roles_watch.h).
/// - Time: stopped instances start after seven days, queued changes are applied in the maintenance window, events are
///   pruned after 14 days, server logs after their retention period, certificates are renewed before they end.
///
/// Idle cost: one wake-up in five seconds that looks at records in memory, O(instances), and one query a minute and
/// instance.
class Supervisor {
 public:
  explicit Supervisor(Rds& rds);
  ~Supervisor();
  void start();
  void stop();
  void poke();         ///< look at the servers now
  void clock_moved();  ///< a test moved the clock: see what is due

 private:
  void watch_servers();
  void keep_time();
  void guard(const std::function<Millis()>& look);
  void look_at_servers();
  void adopt_or_recover(const Instance& instance);
  void refresh_access();
  void tick();
  void start_if_due(const Instance& instance);
  void apply_in_window(const Instance& instance);
  void renew_certificate(const Instance& instance);

  Rds& rds_;
  os::Fd wake_;  // eventfd: poke() writes
  os::Fd epoll_;
  std::map<std::string, os::Fd> watched_;     // resource id -> pidfd; only watch_servers()'s thread
  std::map<std::string, Rendered> rendered_;  // resource id -> what its files were made from; the same thread's
  BackupSchedule backups_;                    // keep_time()'s thread
  Time logs_looked_at_{};                     // the same
  std::atomic<bool> access_changed_{true};
  std::mutex mu_;  // guards stopping_ and poked_
  std::condition_variable changed_;
  bool stopping_ = false, poked_ = false;
  // Each in a thread of its own, guard(): none waits for another.
  StorageUse use_;
  StorageLadder storage_;
  SyncWatch sync_;
  RolesWatch roles_;
  std::thread servers_, time_, counts_, disks_, vaults_, catalogs_;
};

}  // namespace howdah::rds
