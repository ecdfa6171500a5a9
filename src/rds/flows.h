#pragma once

#include "flow/flow.h"

/// Names of the step tables (they are stored with every workflow: never renamed). The tables themselves are in
/// steps_*.cpp.
namespace howdah::rds {

struct Rds;

inline constexpr const char* kCreateInstance = "create-instance";
inline constexpr const char* kDeleteInstance = "delete-instance";
inline constexpr const char* kRebootInstance = "reboot-instance";
inline constexpr const char* kStartInstance = "start-instance";
inline constexpr const char* kStopInstance = "stop-instance";
inline constexpr const char* kRecoverInstance = "recover-instance";
inline constexpr const char* kModifyInstance = "modify-instance";  ///< no outage unless args["restart"]
inline constexpr const char* kChangePort = "change-port";          ///< always restarts
inline constexpr const char* kRenameInstance = "rename-instance";  ///< always restarts
/// On both instances at once; args: peer (resource id), swap (of this pair), restart (unless sessions are kept).
inline constexpr const char* kSwapInstances = "swap-instances";
inline constexpr const char* kResetPassword = "reset-password";
inline constexpr const char* kRestoreInstance = "restore-instance";  ///< args: snapshot, or source and target
inline constexpr const char* kSnapshotFiles = "snapshot-files";      ///< of an instance whose server does not run
inline constexpr const char* kCreateSnapshot = "create-snapshot";    ///< on snap/<id>: the server goes on
inline constexpr const char* kMaterialise = "materialise-base";      ///< on base/<id>
inline constexpr const char* kInterimBase = "interim-base";          ///< on base/<id>
inline constexpr const char* kTidyBackups = "tidy-backups";
inline constexpr const char* kTidyResource = "backups";
inline constexpr const char* kDrill = "restore-drill";
inline constexpr const char* kDrillResource = "drill";  ///< the one that drills share: there is one at a time
inline constexpr const char* kDrillPrefix = "drill-";   ///< of their scratch directories under instances/

void register_create(flow::Runner& runner, Rds& rds);
void register_lifecycle(flow::Runner& runner, Rds& rds);
void register_swap_steps(flow::Runner& runner, Rds& rds);
void register_snapshot_steps(flow::Runner& runner, Rds& rds);
void register_restore_steps(flow::Runner& runner, Rds& rds);
void register_drill_steps(flow::Runner& runner, Rds& rds);
void register_backup_steps(flow::Runner& runner, Rds& rds);

}  // namespace howdah::rds
