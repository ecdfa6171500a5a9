#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aws/rds.h"
#include "domain/snapshot.h"
#include "rds/rds.h"

namespace howdah::rds {

// Handlers. Each file says what it guarantees.
aws::rds::CreateDBSnapshotResult create_db_snapshot(Rds&, api::Context&, const aws::rds::CreateDBSnapshotMessage&);
aws::rds::DeleteDBSnapshotResult delete_db_snapshot(Rds&, api::Context&, const aws::rds::DeleteDBSnapshotMessage&);
aws::rds::CopyDBSnapshotResult copy_db_snapshot(Rds&, api::Context&, const aws::rds::CopyDBSnapshotMessage&);
aws::rds::ModifyDBSnapshotResult modify_db_snapshot(Rds&, api::Context&, const aws::rds::ModifyDBSnapshotMessage&);
aws::rds::DBSnapshotMessage describe_db_snapshots(Rds&, api::Context&, const aws::rds::DescribeDBSnapshotsMessage&);
aws::rds::DescribeDBSnapshotAttributesResult describe_db_snapshot_attributes(
    Rds&, api::Context&, const aws::rds::DescribeDBSnapshotAttributesMessage&);
aws::rds::ModifyDBSnapshotAttributeResult modify_db_snapshot_attribute(
    Rds&, api::Context&, const aws::rds::ModifyDBSnapshotAttributeMessage&);

void register_snapshots(api::Api& api, Rds& rds);

/// The snapshot of that name (any case) or ARN; throws DBSnapshotNotFound. An ARN of another account finds one that is
/// shared with the scope's account.
std::shared_ptr<const Snapshot> snapshot_named(const store::Store& store, const Scope& scope, std::string_view name);
std::shared_ptr<const Snapshot> snapshot_named(const store::Tx& tx, const Scope& scope, std::string_view name);

/// What DescribeDBSnapshots says of one.
aws::rds::DBSnapshot to_wire(const Rds& rds, const Snapshot& snapshot);

/// A record in the state `creating`, with a name that was checked and is free. Not stored yet.
Snapshot new_snapshot(const Rds& rds, const Instance& source, std::string identifier, bool automated);

std::string checked_snapshot_identifier(std::string_view parameter, std::string_view id);  ///< lower-case
/// Throws DBSnapshotAlreadyExists, or SnapshotQuotaExceeded for one more manual snapshot.
void check_new_snapshot(const Rds& rds, const store::Tx& tx, const Scope& scope, std::string_view identifier);

/// Records event number `number` about the snapshot; `message` replaces the table's text when given.
void append_event(const Rds& rds, store::Tx& tx, const Snapshot& snapshot, int number, std::string message = {});

}  // namespace howdah::rds
