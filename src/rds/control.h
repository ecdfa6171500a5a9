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

/// A new instance that is a copy of a state of the past, and a database of its own: steps in clone.h. Groups, class and
/// port are the source's, automated backups are off, the tag howdah:clone-of names the source.
aws::control::CloneInstanceResponse clone_instance(Rds&, api::Context&, const aws::control::CloneInstanceRequest&);

/// Deletes a clone, whatever it is doing, without a last snapshot. Refuses what is not tagged as one.
aws::control::RemoveCloneResponse remove_clone(Rds&, api::Context&, const aws::control::RemoveCloneRequest&);

/// Runs one statement, as the master and read-only, on a state of the past; its result as JSON, at most 64 MiB.
aws::control::GetPastResponse get_past(Rds&, api::Context&, const aws::control::GetPastRequest&);

/// Copies one table of a state of the past into a database of an instance: definition, rows, indexes, constraints,
/// triggers, positions of its sequences, in one transaction that ends only when both sides agree. A table of that name
/// is never overwritten: with `Replace` it is renamed aside, and keeps its rows.
aws::control::RestoreTableResponse restore_table(Rds&, api::Context&, const aws::control::RestoreTableRequest&);
/// Begins a restore drill of one instance; DescribeDrills tells how it goes (drills.h).
aws::control::StartDrillResponse start_drill(Rds&, api::Context&, const aws::control::StartDrillRequest&);
/// Of one instance or of all, also deleted ones; the last ten of each, oldest first.
aws::control::DescribeDrillsResponse describe_drills(Rds&, api::Context&, const aws::control::DescribeDrillsRequest&);

void register_control(api::Api& api, Rds& rds);

}  // namespace howdah::rds
