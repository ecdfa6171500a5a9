// RestoreDBInstanceFromDBSnapshot and RestoreDBInstanceToPointInTime: checks, then one transaction with the new
// instance and its workflow (steps_restore.cpp). What is not named is as on AWS: class, port, storage, user and
// password of the source, but the default groups.
#include "rds/restore.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/api.h"
#include "api/context.h"
#include "backup/losses.h"
#include "domain/automated_backup.h"
#include "domain/config.h"
#include "domain/event.h"
#include "pg/engine.h"
#include "rds/backup_work.h"
#include "rds/flows.h"
#include "rds/instances.h"
#include "rds/new_instance.h"
#include "rds/not_offered.h"
#include "rds/past.h"
#include "rds/snapshots.h"
#include "rds/to_wire.h"
#include "rds/validate.h"
#include "util/id.h"
#include "util/utc.h"
#include "wire/timestamp.h"

namespace howdah::rds {
namespace {

using Create = aws::rds::CreateDBInstanceMessage;
using FromSnapshot = aws::rds::RestoreDBInstanceFromDBSnapshotMessage;
using ToTime = aws::rds::RestoreDBInstanceToPointInTimeMessage;

[[noreturn]] void conflict(const std::string& message) { throw Fault("InvalidParameterCombination", message); }
[[noreturn]] void invalid(const std::string& message) { throw Fault("InvalidParameterValue", message); }

/// The request as the creation that it amounts to. Both messages name their members alike.
template <class In>
Create as_creation(const In& in, const Instance& source) {
  Create c;
  c.engine = source.engine;
  c.db_instance_class = in.db_instance_class.value_or(source.instance_class);
  c.allocated_storage = in.allocated_storage.value_or(source.allocated_storage);
  c.storage_type = in.storage_type.value_or(source.storage_type);
  c.iops = in.iops;
  c.storage_throughput = in.storage_throughput;
  if (*c.storage_type == source.storage_type) {
    if (!c.iops) c.iops = source.iops;
    if (!c.storage_throughput) c.storage_throughput = source.storage_throughput;
  }
  c.port = in.port.value_or(source.port);
  c.availability_zone = in.availability_zone;
  c.db_subnet_group_name = in.db_subnet_group_name;
  c.multi_az = in.multi_az;
  c.publicly_accessible = in.publicly_accessible;
  c.auto_minor_version_upgrade = in.auto_minor_version_upgrade;
  c.license_model = in.license_model;
  c.option_group_name = in.option_group_name;
  for (const auto& group : in.vpc_security_group_ids) c.vpc_security_group_ids.add(group);
  c.copy_tags_to_snapshot = in.copy_tags_to_snapshot;
  c.db_parameter_group_name = in.db_parameter_group_name;
  c.deletion_protection = in.deletion_protection;
  c.backup_retention_period = in.backup_retention_period.value_or(source.backup_retention);
  c.preferred_backup_window = in.preferred_backup_window;
  c.ca_certificate_identifier = in.ca_certificate_identifier;
  c.engine_lifecycle_support = in.engine_lifecycle_support.value_or(source.lifecycle_support);
  c.enable_iam_database_authentication = in.enable_iam_database_authentication;
  c.manage_master_user_password = in.manage_master_user_password;
  c.custom_iam_instance_profile = in.custom_iam_instance_profile;
  for (const auto& log : in.enable_cloudwatch_logs_exports) c.enable_cloudwatch_logs_exports.add(log);
  if (!in.processor_features.empty()) c.processor_features.add({});
  if (!in.additional_storage_volumes.empty()) c.additional_storage_volumes.add({});
  return c;
}

template <class In>
void check_against_source(const In& in, const Instance& source) {
  if (in.engine && *in.engine != source.engine) {
    conflict(fmt::format("Cannot restore {} data into the engine {}.", source.engine, *in.engine));
  }
  if (in.db_name && !in.db_name->empty() && *in.db_name != source.db_name) {
    conflict("DBName can't be given for PostgreSQL: the databases come back as they were.");
  }
  if (in.backup_target.value_or("region") != "region") conflict("BackupTarget is region.");
  if (!in.allocated_storage || *in.allocated_storage == source.allocated_storage) return;
  if (int64_t{*in.allocated_storage} * 10 < int64_t{source.allocated_storage} * 11) {
    conflict(
        fmt::format("AllocatedStorage {} is too small: the source has {} GiB, and more must be at least 10 % more.",
                    *in.allocated_storage, source.allocated_storage));
  }
}

/// The new instance, all but its slot and record.
template <class In>
Instance describe(const Rds& rds, const Scope& scope, const std::string& name, const In& in, const Instance& source,
                  const Tags& tags) {
  check_against_source(in, source);
  refuse_common(in);
  const Create c = as_creation(in, source);
  refuse_what_is_not_offered(c);
  Instance i;
  i.scope = scope;
  i.identifier = checked_identifier(name);
  i.resource_id = id::db_resource();
  i.master_username = source.master_username;
  i.db_name = source.db_name;
  describe_new_instance(rds, c, engine_for(rds, source), i);
  i.storage_encrypted = source.storage_encrypted;  // under the source's key, as on AWS
  i.kms_key_id = source.kms_key_id;
  i.tags = in.tags.present ? tags_from_wire(in.tags) : tags;
  return i;
}

void tell_version(const Rds& rds, store::Tx& tx, const Instance& i, const Instance& source) {
  if (i.engine_version == source.engine_version) return;
  append_event(rds, tx, i, own_event(1),
               fmt::format("PostgreSQL {} is not installed: the restored instance runs on {}.", source.engine_version,
                           i.engine_version));
}

/// Whose past is asked for: an instance, or what was kept of one that was deleted.
struct Source {
  Instance instance;
  bool retained = false;
};

Source retained_or_live(const Rds& rds, const Scope& scope, const std::function<bool(const Instance&)>& is,
                        const std::string& what) {
  for (const auto& i : rds.store.all<Instance>(scope.prefix())) {
    if (is(*i)) return {*i, false};
  }
  for (const auto& b : rds.store.all<AutomatedBackup>(scope.prefix())) {
    if (is(b->source)) return {b->source, true};
  }
  throw Fault("DBInstanceAutomatedBackupNotFound", fmt::format("DBInstanceAutomatedBackup {} not found.", what));
}

Source source_of(const Rds& rds, const Scope& scope, const ToTime& in) {
  const int given = in.source_db_instance_identifier.has_value() + in.source_dbi_resource_id.has_value() +
                    in.source_db_instance_automated_backups_arn.has_value();
  if (given != 1) {
    conflict(
        "Exactly one of SourceDBInstanceIdentifier, SourceDbiResourceId and SourceDBInstanceAutomatedBackupsArn must "
        "be given.");
  }
  if (in.source_db_instance_identifier) {
    return {*instance_named(rds.store, scope, *in.source_db_instance_identifier), false};
  }
  if (in.source_dbi_resource_id) {
    const auto& id = *in.source_dbi_resource_id;
    return retained_or_live(
        rds, scope, [&](const Instance& i) { return i.resource_id == id; }, id);
  }
  const auto& arn = *in.source_db_instance_automated_backups_arn;
  return retained_or_live(
      rds, scope, [&](const Instance& i) { return scope.arn("rds", automated_backup_resource(i.resource_id)) == arn; },
      arn);
}

/// Why the restore window of an instance whose vault has lost WAL begins so late; empty for all others.
std::string lost_before(const Rds& rds, const Instance& i) {
  const auto losses = backup::read_losses(vault_of(rds, i.resource_id).root());
  if (!losses || losses->empty()) return "";
  return " " + backup::text_of(losses->back()) + " Snapshots from before are not concerned.";
}

/// The instant to restore to, which lies in the restore window.
Time checked_time(const Rds& rds, const Source& source, const ToTime& in) {
  const bool latest = in.use_latest_restorable_time.value_or(false);
  if (latest && in.restore_time) conflict("RestoreTime can't be given together with UseLatestRestorableTime.");
  if (!latest && !in.restore_time) conflict("Either RestoreTime or UseLatestRestorableTime must be given.");
  const Instance& i = source.instance;
  if (i.backup_retention == 0) {
    throw Fault("PointInTimeRestoreNotEnabled",
                fmt::format("Automated backups are not enabled for {}. Set its backup retention period to a non-zero "
                            "value.",
                            i.identifier));
  }
  const auto end = vault_of(rds, i.resource_id).latest_restorable();
  if (i.restorable_from == Time{} || !end || *end < i.restorable_from) {
    const auto lost = lost_before(rds, i);
    throw Fault("InvalidRestoreFault",
                fmt::format("There is no automated backup of {} to restore from yet. {} is being made.{}", i.identifier,
                            lost.empty() ? "The first one" : "A new one", lost));
  }
  if (latest) return *end;
  const Time asked = wire::to_time(*in.restore_time);
  if (asked > *end) {
    invalid(
        fmt::format("The specified instance cannot be restored to a time later than {} (its latest restorable "
                    "time).",
                    utc_text(*end)));
  }
  if (asked < i.restorable_from) {
    invalid(fmt::format("The specified instance cannot be restored to a time earlier than {}.{}",
                        utc_text(i.restorable_from + Millis(999)), lost_before(rds, i)));
  }
  return asked;
}

}  // namespace

aws::rds::RestoreDBInstanceFromDBSnapshotResult restore_db_instance_from_db_snapshot(Rds& rds, api::Context& ctx,
                                                                                     const FromSnapshot& in) {
  if (in.db_cluster_snapshot_identifier) refuse("DBClusterSnapshotIdentifier", "clusters are not there");
  if (!in.db_snapshot_identifier) {
    throw Fault("MissingParameter", "The request must contain the parameter DBSnapshotIdentifier");
  }
  const auto s = snapshot_named(rds.store, ctx.scope(), *in.db_snapshot_identifier);
  Instance i = describe(rds, ctx.scope(), *in.db_instance_identifier, in, s->source, s->tags);
  return rds.store.write([&](store::Tx& tx) {
    const auto now = snapshot_named(tx, ctx.scope(), *in.db_snapshot_identifier);
    if (now->state != Snapshot::State::available) {
      throw Fault("InvalidDBSnapshotState",
                  fmt::format("Cannot restore from the snapshot {} because it is not currently in the available state.",
                              now->identifier));
    }
    add_instance(rds, tx, i, kRestoreInstance,
                 {{"snapshot", now->identifier},
                  {"base", now->base_id},
                  {"source", now->resource_id()},
                  {"timeline", std::to_string(now->timeline)},
                  {"lsn", backup::lsn_text(now->lsn)}});
    tell_version(rds, tx, i, now->source);
    return aws::rds::RestoreDBInstanceFromDBSnapshotResult{.db_instance = to_wire(rds, i, status_of(rds, tx, i))};
  });
}

aws::rds::RestoreDBInstanceToPointInTimeResult restore_db_instance_to_point_in_time(Rds& rds, api::Context& ctx,
                                                                                    const ToTime& in) {
  const Source source = source_of(rds, ctx.scope(), in);
  Instance i = describe(rds, ctx.scope(), *in.target_db_instance_identifier, in, source.instance, source.instance.tags);
  if (in.max_allocated_storage) {
    check_storage(i.storage_type, i.allocated_storage, in.max_allocated_storage);
    i.max_allocated_storage = growth_limit(in.max_allocated_storage, i.allocated_storage);
    check_storage_speed(i);
  }
  const Time instant = checked_time(rds, source, in);
  return rds.store.write([&](store::Tx& tx) {
    if (!source.retained) {
      const auto now = tx.find<Instance>(Instance::by_id(source.instance.resource_id));
      const auto work = now ? flow::Runner::busy(tx, now->workflow()) : nullptr;
      if (!now || (work && work->table == kDeleteInstance)) {
        throw Fault("InvalidDBInstanceState", fmt::format("Instance {} is being deleted.", source.instance.identifier));
      }
    }
    add_instance(rds, tx, i, kRestoreInstance,
                 {{"source", source.instance.resource_id},
                  {"from", source.instance.identifier},
                  {"instant", std::to_string(instant.time_since_epoch().count())}});
    tell_version(rds, tx, i, source.instance);
    return aws::rds::RestoreDBInstanceToPointInTimeResult{.db_instance = to_wire(rds, i, status_of(rds, tx, i))};
  });
}

const pg::Engine& engine_for(const Rds& rds, const Instance& source) {
  if (const pg::Engine* same = rds.engines.exact(source.engine_version)) return *same;
  const auto wanted = pg::parse_version(source.engine_version);
  for (const auto& engine : rds.engines.engines()) {
    if (engine.major == wanted.first && pg::parse_version(engine.version) > wanted) return engine;
  }
  throw Fault("InvalidParameterCombination",
              fmt::format("Cannot find version {} for postgres, nor a newer minor version of it: install one (howdah "
                          "engine list shows what is there).",
                          source.engine_version));
}

void register_restore(api::Api& api, Rds& rds) {
  const auto& s = aws::rds::kService;
  api.on(s, "RestoreDBInstanceFromDBSnapshot", rds, restore_db_instance_from_db_snapshot);
  api.on(s, "RestoreDBInstanceToPointInTime", rds, restore_db_instance_to_point_in_time);
}

}  // namespace howdah::rds
