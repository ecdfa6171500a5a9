#pragma once
#include <cstdint>
#include <string>

#include "backup/position.h"
#include "os/identity.h"
#include "util/result.h"

namespace howdah::backup {

/// DBState of pg_control.
enum class ClusterState : uint32_t {
  kStartup = 0,
  kShutDown = 1,
  kShutDownInRecovery = 2,
  kShuttingDown = 3,
  kCrashRecovery = 4,
  kArchiveRecovery = 5,
  kInProduction = 6,
};

/// What recovery needs to know from pg_control. The places are the same in PostgreSQL 12 to 18.
struct Control {
  uint64_t system_identifier = 0;
  ClusterState state = ClusterState::kStartup;
  Lsn checkpoint = 0;  ///< where the last checkpoint's record starts
  Position redo;       ///< where recovery from it begins, and the checkpoint's timeline
  Lsn min_recovery_end = 0;
  bool backup_end_required = false;
  int max_connections = 0, max_worker_processes = 0, max_wal_senders = 0, max_prepared_transactions = 0,
      max_locks_per_transaction = 0;
  bool page_checksums = false;
};

/// Fails on a damaged file, another format, and a WAL segment or block size that is not ours.
Result<Control> parse_control(const std::string& content);
Result<Control> read_control_file(const std::string& path);
Result<Control> read_control(const std::string& data);  ///< of a data directory

/// Tells the crashed cluster in `data`, which nobody has started since, that its files hold nothing from behind `end`.
/// Archive recovery then begins at its last checkpoint, has a target and makes a new timeline; without that PostgreSQL
/// would recover from the crash first, which knows no target.
Result<void> set_consistent_from(const std::string& data, Position end, os::Owner owner);

/// The content of global/pg_control of a cluster that may be running: read again until its checksum fits.
Result<std::string> read_control_stable(const std::string& data);

}  // namespace howdah::backup
