#pragma once
#include "aws/rds.h"
#include "rds/rds.h"

namespace howdah::rds {

// Both make a new instance and never touch their source.
aws::rds::RestoreDBInstanceFromDBSnapshotResult restore_db_instance_from_db_snapshot(
    Rds&, api::Context&, const aws::rds::RestoreDBInstanceFromDBSnapshotMessage&);
aws::rds::RestoreDBInstanceToPointInTimeResult restore_db_instance_to_point_in_time(
    Rds&, api::Context&, const aws::rds::RestoreDBInstanceToPointInTimeMessage&);

void register_restore(api::Api& api, Rds& rds);

}  // namespace howdah::rds
