#pragma once
#include "aws/rds.h"
#include "rds/rds.h"

namespace howdah::rds {

/// Every quota of the configuration, with what the account uses of it in this region.
aws::rds::AccountAttributesMessage describe_account_attributes(Rds&, api::Context&,
                                                               const aws::rds::DescribeAccountAttributesMessage&);
/// This version applies no maintenance by itself, so nothing is ever pending.
aws::rds::PendingMaintenanceActionsMessage describe_pending_maintenance_actions(
    Rds&, api::Context&, const aws::rds::DescribePendingMaintenanceActionsMessage&);
aws::rds::ApplyPendingMaintenanceActionResult apply_pending_maintenance_action(
    Rds&, api::Context&, const aws::rds::ApplyPendingMaintenanceActionMessage&);
/// The groups `default:postgres-NN`: PostgreSQL has no options, so there are no others.
aws::rds::OptionGroups describe_option_groups(Rds&, api::Context&, const aws::rds::DescribeOptionGroupsMessage&);
aws::rds::OptionGroupOptionsMessage describe_option_group_options(Rds&, api::Context&,
                                                                  const aws::rds::DescribeOptionGroupOptionsMessage&);

}  // namespace howdah::rds
