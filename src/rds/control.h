#pragma once
#include "aws/control.h"
#include "rds/rds.h"

/// Our own operations beside AWS's (model/control.json): what the `howdah` command asks the daemon for. They travel,
/// are signed, authorised and audited as AWS's are.
namespace howdah::rds {

/// Status and endpoint of one instance, for a command that waits.
aws::control::DescribeInstanceResponse describe_instance(Rds&, api::Context&,
                                                         const aws::control::DescribeInstanceRequest&);

/// Exchanges the names of two instances, and with the names their endpoints. Resource ids, data, snapshots, tags,
/// groups and backups stay with the instances. Refused unless both could be renamed now and have the same port.
///
/// `Sessions` cut (the default): the servers exchange their addresses, too. Both are shut down before either is started
/// again, so that no connection, old or new, by name or by a remembered address, ever reaches the wrong one.
/// keep: the names move in the hosts file, no server restarts; sessions stay where they are until they end.
aws::control::SwapInstancesResponse swap_instances(Rds&, api::Context&, const aws::control::SwapInstancesRequest&);

void register_control(api::Api& api, Rds& rds);

}  // namespace howdah::rds
