// Delete, reboot, start, stop: each checks the state and starts a workflow, in one transaction.
#include <fmt/format.h>

#include "api/context.h"
#include "aws/rds.h"
#include "domain/automated_backup.h"
#include "rds/backup_work.h"
#include "rds/flows.h"
#include "rds/instances.h"
#include "rds/snapshots.h"
#include "rds/to_wire.h"

namespace howdah::rds {
namespace {

[[noreturn]] void wrong_state(const std::string& message) { throw Fault("InvalidDBInstanceState", message); }

/// Starts `table` on the instance and answers it as it is now.
aws::rds::DBInstance begin(Rds& rds, store::Tx& tx, const Instance& i, const char* table,
                           std::map<std::string, std::string> args = {}) {
  rds.flows.start(tx, table, i.workflow(), std::move(args));
  return to_wire(rds, i, status_of(rds, tx, i));
}

void check_deletable(const Rds& rds, const store::Tx& tx, const Instance& i,
                     const aws::rds::DeleteDBInstanceMessage& in) {
  const auto work = flow::Runner::busy(tx, i.workflow());
  if (work && work->table == kDeleteInstance) {
    wrong_state(fmt::format("Instance {} is already being deleted.", i.identifier));
  }
  if (i.deletion_protection) {
    throw Fault("InvalidParameterCombination",
                "Cannot delete protected DB Instance, please disable deletion protection and try again.");
  }
  const bool skip = in.skip_final_snapshot.value_or(false);
  const bool named = in.final_db_snapshot_identifier && !in.final_db_snapshot_identifier->empty();
  if (skip && named) {
    throw Fault("InvalidParameterCombination",
                "FinalDBSnapshotIdentifier cannot be specified when SkipFinalSnapshot is true.");
  }
  if (!skip && !named) {
    throw Fault("InvalidParameterCombination",
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.");
  }
  const std::string status = status_of(rds, tx, i);
  const bool copied =
      status == "available" || status == "backing-up" || status == "stopped" || status == "storage-full";
  if (named && !copied) {
    wrong_state(
        fmt::format("Cannot create a snapshot because the database instance {} is not currently in the available "
                    "state.",
                    i.identifier));
  }
  if (named) checked_snapshot_identifier("FinalDBSnapshotIdentifier", *in.final_db_snapshot_identifier);
}

constexpr size_t kMostRetained = 40;

void check_retained_quota(const store::Tx& tx, const Instance& i) {
  if (tx.all<AutomatedBackup>(i.scope.prefix()).size() < kMostRetained) return;
  throw Fault("DBInstanceAutomatedBackupQuotaExceeded",
              fmt::format("At most {} automated backups of deleted instances are retained. Delete some, or delete with "
                          "DeleteAutomatedBackups.",
                          kMostRetained));
}

/// The record of a snapshot that the instance's own workflow makes; its id is what the workflow is told.
std::string add_snapshot(const Rds& rds, store::Tx& tx, const Instance& i, const char* parameter,
                         const std::string& name) {
  const std::string checked = checked_snapshot_identifier(parameter, name);
  check_new_snapshot(rds, tx, i.scope, checked);
  Snapshot s = new_snapshot(rds, i, checked, false);
  append_event(rds, tx, s, 40);
  const std::string id = s.id;
  tx.put(std::move(s));
  return id;
}

/// A snapshot that the abandoned workflow was to make of the instance's files will not come.
void give_up_snapshot(Rds& rds, store::Tx& tx, const Instance& i) {
  const auto work = flow::Runner::busy(tx, i.workflow());
  if (!work || work->arg("snapshot").empty()) return;
  if (work->table != kStopInstance && work->table != kSnapshotFiles) return;
  record_snapshot_failure(rds, tx, work->arg("snapshot"), "the instance was deleted before the snapshot was made");
}

}  // namespace

aws::rds::DeleteDBInstanceResult delete_db_instance(Rds& rds, api::Context& ctx,
                                                    const aws::rds::DeleteDBInstanceMessage& in) {
  return rds.store.write([&](store::Tx& tx) {
    const auto i = instance_named(tx, ctx.scope(), *in.db_instance_identifier);
    check_deletable(rds, tx, *i, in);
    std::map<std::string, std::string> args;
    const auto& final = in.final_db_snapshot_identifier;
    if (final && !final->empty()) args["snapshot"] = add_snapshot(rds, tx, *i, "FinalDBSnapshotIdentifier", *final);
    if (!in.delete_automated_backups.value_or(true) && i->backup_retention > 0) {
      check_retained_quota(tx, *i);
      args["retain"] = "yes";
    }
    give_up_snapshot(rds, tx, *i);
    rds.flows.replace(tx, kDeleteInstance, i->workflow(), args);  // whatever was under way no longer matters
    return aws::rds::DeleteDBInstanceResult{.db_instance = to_wire(rds, *i, status_of(rds, tx, *i))};
  });
}

aws::rds::RebootDBInstanceResult reboot_db_instance(Rds& rds, api::Context& ctx,
                                                    const aws::rds::RebootDBInstanceMessage& in) {
  return rds.store.write([&](store::Tx& tx) {
    const auto i = instance_named(tx, ctx.scope(), *in.db_instance_identifier);
    if (in.force_failover.value_or(false)) {
      throw Fault("InvalidParameterCombination",
                  "Cannot force failover since the instance is not configured for Multi-AZ.");
    }
    const bool rebootable = i->rest == Rest::available || i->rest == Rest::incompatible_parameters;
    if (!left_alone(tx, *i) || !rebootable) {
      wrong_state("Instance cannot currently reboot due to an in-progress management operation.");
    }
    return aws::rds::RebootDBInstanceResult{.db_instance = begin(rds, tx, *i, kRebootInstance)};
  });
}

aws::rds::StartDBInstanceResult start_db_instance(Rds& rds, api::Context& ctx,
                                                  const aws::rds::StartDBInstanceMessage& in) {
  return rds.store.write([&](store::Tx& tx) {
    const auto i = instance_named(tx, ctx.scope(), *in.db_instance_identifier);
    if (flow::Runner::busy(tx, i->workflow()) || i->rest != Rest::stopped) {
      wrong_state(fmt::format("Instance {} is not stopped, cannot be started.", i->identifier));
    }
    return aws::rds::StartDBInstanceResult{.db_instance = begin(rds, tx, *i, kStartInstance)};
  });
}

aws::rds::StopDBInstanceResult stop_db_instance(Rds& rds, api::Context& ctx,
                                                const aws::rds::StopDBInstanceMessage& in) {
  return rds.store.write([&](store::Tx& tx) {
    const auto i = instance_named(tx, ctx.scope(), *in.db_instance_identifier);
    if (!left_alone(tx, *i) || i->rest != Rest::available) {
      wrong_state(fmt::format("Instance {} is not in available state.", i->identifier));
    }
    std::map<std::string, std::string> args;
    if (in.db_snapshot_identifier) {
      args["snapshot"] = add_snapshot(rds, tx, *i, "DBSnapshotIdentifier", *in.db_snapshot_identifier);
    }
    Instance stopped = *i;  // AWS drops what was pending, except group changes
    std::erase_if(stopped.pending, [](const auto& p) { return p.first != "MasterUserPassword"; });
    tx.put(stopped);
    return aws::rds::StopDBInstanceResult{.db_instance = begin(rds, tx, stopped, kStopInstance, args)};
  });
}

}  // namespace howdah::rds
