#include "api/api.h"
#include "aws/rds.h"
#include "rds/automated_backups.h"
#include "rds/catalog.h"
#include "rds/control.h"
#include "rds/flows.h"
#include "rds/instances.h"
#include "rds/restore.h"
#include "rds/snapshots.h"
#include "rds/subnet_groups.h"

namespace howdah::rds {

void register_rds(api::Api& api, Rds& rds) {
  const auto& s = aws::rds::kService;
  api.add(s);
  api.on(s, "CreateDBInstance", rds, create_db_instance);
  api.on(s, "DescribeDBInstances", rds, describe_db_instances);
  api.on(s, "ModifyDBInstance", rds, modify_db_instance);
  api.on(s, "DeleteDBInstance", rds, delete_db_instance);
  api.on(s, "RebootDBInstance", rds, reboot_db_instance);
  api.on(s, "StartDBInstance", rds, start_db_instance);
  api.on(s, "StopDBInstance", rds, stop_db_instance);
  register_subnet_groups(api, rds);
  register_catalog(api, rds);
  register_snapshots(api, rds);
  register_restore(api, rds);
  register_automated_backups(api, rds);
  register_control(api, rds);
}

void register_flows(flow::Runner& runner, Rds& rds) {
  register_create(runner, rds);
  register_lifecycle(runner, rds);
  register_swap_steps(runner, rds);
  register_snapshot_steps(runner, rds);
  register_restore_steps(runner, rds);
  register_backup_steps(runner, rds);
  register_drill_steps(runner, rds);
}

}  // namespace howdah::rds
