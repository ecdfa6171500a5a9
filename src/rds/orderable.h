#pragma once
#include "aws/rds.h"
#include "rds/rds.h"

namespace howdah::rds {

/// What CreateDBInstance accepts on this machine: installed versions x classes that fit its memory x storage types.
aws::rds::OrderableDBInstanceOptionsMessage describe_orderable_db_instance_options(
    Rds&, api::Context&, const aws::rds::DescribeOrderableDBInstanceOptionsMessage&);

/// What ModifyDBInstance can make of an instance's storage.
aws::rds::DescribeValidDBInstanceModificationsResult describe_valid_db_instance_modifications(
    Rds&, api::Context&, const aws::rds::DescribeValidDBInstanceModificationsMessage&);

}  // namespace howdah::rds
