#pragma once
#include "aws/rds.h"
#include "rds/rds.h"

namespace howdah::rds {

/// Automated backups of instances that are there and, until their retention period has passed, of deleted ones.
aws::rds::DBInstanceAutomatedBackupMessage describe_db_instance_automated_backups(
    Rds&, api::Context&, const aws::rds::DescribeDBInstanceAutomatedBackupsMessage&);
/// Only retained ones: those of an instance go with it, or when its retention period becomes zero.
aws::rds::DeleteDBInstanceAutomatedBackupResult delete_db_instance_automated_backup(
    Rds&, api::Context&, const aws::rds::DeleteDBInstanceAutomatedBackupMessage&);

void register_automated_backups(api::Api& api, Rds& rds);

}  // namespace howdah::rds
