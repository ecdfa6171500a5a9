// ModifyDBInstance. Checks everything first; then one transaction records what changes at once, what waits for the
// maintenance window (PendingModifiedValues) and the workflow. A request that is refused changes nothing.
#include <fmt/format.h>

#include <algorithm>

#include "api/context.h"
#include "aws/rds.h"
#include "domain/config.h"
#include "pg/engine.h"
#include "pg/scram.h"
#include "rds/change.h"
#include "rds/instances.h"
#include "rds/not_offered.h"
#include "rds/to_wire.h"
#include "rds/validate.h"

namespace howdah::rds {
namespace {

using Message = aws::rds::ModifyDBInstanceMessage;

void refuse_what_is_not_offered(const Message& in) {
  check_password_source(in.master_user_password.has_value(), in.manage_master_user_password.value_or(false));
  check_monitoring(in.monitoring_interval, in.monitoring_role_arn.has_value());
  refuse_common(in);
  if (in.multi_az.value_or(false)) refuse("MultiAZ", "a standby needs a second machine");
  if (in.manage_master_user_password.value_or(false) || in.rotate_master_user_password.value_or(false)) {
    refuse("ManageMasterUserPassword", "it needs Secrets Manager");
  }
  if (in.enable_iam_database_authentication.value_or(false)) {
    refuse("EnableIAMDatabaseAuthentication", "passwords are the only way to log in");
  }
  if (in.monitoring_interval.value_or(0) != 0) refuse("MonitoringInterval", "enhanced monitoring is not there");
  if (in.cloudwatch_logs_export_configuration && !in.cloudwatch_logs_export_configuration->enable_log_types.empty()) {
    refuse("CloudwatchLogsExportConfiguration", "CloudWatch Logs is not there");
  }
  if (in.database_insights_mode.value_or("standard") != "standard")
    refuse("DatabaseInsightsMode", "only standard is there");
  if (!in.db_security_groups.empty()) {
    throw Fault("InvalidParameterCombination",
                "DBSecurityGroups exist only outside of a VPC. Use VpcSecurityGroupIds.");
  }
  if (in.replica_mode) refuse("ReplicaMode", "replicas are not there");
  if (in.aws_backup_recovery_point_arn) refuse("AwsBackupRecoveryPointArn", "AWS Backup is not there");
  if (in.automation_mode.value_or("full") != "full" || in.resume_full_automation_mode_minutes ||
      !in.processor_features.empty() || in.multi_tenant.value_or(false) || !in.additional_storage_volumes.empty()) {
    throw Fault("InvalidParameterCombination",
                "AutomationMode, ResumeFullAutomationModeMinutes, ProcessorFeatures, MultiTenant and "
                "AdditionalStorageVolumes do not apply "
                "to PostgreSQL.");
  }
}

/// The message without the parameters that say which instance and when: nothing left = nothing asked.
bool asks_nothing(const Message& in) {
  return !in.allocated_storage && !in.db_instance_class && !in.db_subnet_group_name && !in.vpc_security_group_ids &&
         !in.master_user_password && !in.db_parameter_group_name && !in.backup_retention_period &&
         !in.preferred_backup_window && !in.preferred_maintenance_window && !in.multi_az && !in.engine_version &&
         !in.auto_minor_version_upgrade && !in.license_model && !in.iops && !in.storage_throughput &&
         !in.option_group_name && !in.new_db_instance_identifier && !in.storage_type && !in.ca_certificate_identifier &&
         !in.copy_tags_to_snapshot && !in.monitoring_interval && !in.db_port_number && !in.publicly_accessible &&
         !in.enable_iam_database_authentication && !in.enable_performance_insights &&
         !in.performance_insights_retention_period && !in.performance_insights_kms_key_id && !in.deletion_protection &&
         !in.max_allocated_storage && !in.manage_master_user_password && !in.cloudwatch_logs_export_configuration &&
         !in.network_type && !in.database_insights_mode && !in.dedicated_log_volume && !in.engine;
}

void check_state(const Rds& rds, const store::Tx& tx, const Instance& i) {
  if (!changeable(rds, tx, i)) throw Fault("InvalidDBInstanceState", "Database instance is not in available state.");
}

void check_version(const Rds& rds, const Message& in, const Instance& i) {
  if (in.engine && *in.engine != i.engine) {
    throw Fault("InvalidParameterCombination",
                fmt::format("Cannot change the engine from {} to {}.", i.engine, *in.engine));
  }
  if (!in.engine_version || *in.engine_version == i.engine_version) return;
  const std::string major = i.engine_version.substr(0, i.engine_version.find('.'));
  if (*in.engine_version == major) return;
  const std::string wanted = *in.engine_version;
  const pg::Engine* target = rds.engines.find(wanted);
  if (wanted.substr(0, wanted.find('.')) != major && !in.allow_major_version_upgrade.value_or(false)) {
    throw Fault("InvalidParameterCombination",
                "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.");
  }
  const bool newer = target && pg::parse_version(target->version) > pg::parse_version(i.engine_version);
  if (!newer) {
    throw Fault("InvalidParameterCombination",
                fmt::format("Cannot upgrade postgres from {} to {}", i.engine_version, wanted));
  }
  refuse("EngineVersion",
         fmt::format("upgrades of running instances ({} to {}) are not there", i.engine_version, wanted));
}

void check_storage_change(const Message& in, const Instance& i) {
  const int32_t gib = in.allocated_storage.value_or(i.allocated_storage);
  const std::string type = in.storage_type.value_or(i.storage_type);
  check_storage(type, gib, in.max_allocated_storage);
  if (gib < i.allocated_storage) {
    throw Fault(
        "InvalidParameterCombination",
        fmt::format("Invalid storage size for engine name postgres and storage type {}: {} (the instance has {}; "
                    "storage can't shrink)",
                    type, gib, i.allocated_storage));
  }
  if (i.iops && gib != i.allocated_storage && !in.iops) {
    throw Fault("InvalidParameterCombination",
                "You must specify both the storage size and iops when modifying the storage size or iops on a DB "
                "instance that has iops.");
  }
  if (i.iops && (gib != i.allocated_storage || in.max_allocated_storage)) {
    Instance wanted = i;
    wanted.allocated_storage = gib;
    if (in.max_allocated_storage) wanted.max_allocated_storage = in.max_allocated_storage;
    check_storage_speed(wanted);
  }
  if (type != i.storage_type) refuse("a change of StorageType", "all instances are on the same disk");
  if ((in.iops && in.iops != i.iops) || (in.storage_throughput && in.storage_throughput != i.storage_throughput)) {
    refuse("a change of Iops or StorageThroughput", "they are recorded but not enforced");
  }
}

void set_windows(const Message& in, Instance& now) {
  if (in.preferred_backup_window) now.backup_window = text(window::parse_daily(*in.preferred_backup_window));
  if (in.preferred_maintenance_window) {
    now.maintenance_window = text(window::parse_weekly(*in.preferred_maintenance_window));
  }
  check_windows_apart(window::parse_daily(now.backup_window), window::parse_weekly(now.maintenance_window));
}

void set_insights(const Message& in, Instance& now) {
  now.performance_insights = in.enable_performance_insights.value_or(now.performance_insights);
  if (in.performance_insights_retention_period) {
    check_insights_retention(*in.performance_insights_retention_period);
    now.performance_insights_retention = *in.performance_insights_retention_period;
  }
  if (in.performance_insights_kms_key_id && !now.performance_insights) {
    throw Fault("InvalidParameterCombination",
                "PerformanceInsightsKMSKeyId can be given only together with EnablePerformanceInsights.");
  }
  if (!now.performance_insights) return;
  if (in.performance_insights_kms_key_id || now.performance_insights_key.empty()) {
    now.performance_insights_key = key_arn(now.scope, in.performance_insights_kms_key_id);
  }
}

/// What takes effect at once, whatever ApplyImmediately says.
void set_immediate(const Rds& rds, const Message& in, Change& c) {
  Instance& now = c.now;
  set_windows(in, now);
  set_insights(in, now);
  now.auto_minor_version_upgrade = in.auto_minor_version_upgrade.value_or(now.auto_minor_version_upgrade);
  now.copy_tags_to_snapshot = in.copy_tags_to_snapshot.value_or(now.copy_tags_to_snapshot);
  now.deletion_protection = in.deletion_protection.value_or(now.deletion_protection);
  now.publicly_accessible = in.publicly_accessible.value_or(now.publicly_accessible);
  if (in.max_allocated_storage) {
    const int32_t gib = in.allocated_storage.value_or(now.allocated_storage);
    now.max_allocated_storage = growth_limit(in.max_allocated_storage, gib);
  }
  if (in.master_user_password) {
    check_password(*in.master_user_password);
    const auto verifier = pg::scram_verifier(*in.master_user_password);
    if (!verifier) throw Fault("InvalidParameterValue", verifier.error().message);
    now.pending_verifier = *verifier;
    now.pending["MasterUserPassword"] = "****";
    c.password = true;
  }
  if (in.vpc_security_group_ids && !in.vpc_security_group_ids.empty()) {
    now.security_groups = checked_security_groups(rds, now.scope, now.vpc_id, in.vpc_security_group_ids);
    c.groups = now.security_groups != c.before.security_groups;
  }
  if (in.db_port_number) {
    check_port(*in.db_port_number);
    now.port = *in.db_port_number;
    c.port = now.port != c.before.port;
  }
  if (in.db_parameter_group_name) {
    now.parameter_group = checked_parameter_group(rds, now.scope, in.db_parameter_group_name, now.engine_version);
  }
}

/// Queues or, when the value is what the instance has, takes the queued one back.
void queue(Instance& now, const char* name, const std::string& value, const std::string& has) {
  if (value == has) {
    now.pending.erase(name);
  } else {
    now.pending[name] = value;
  }
}

void queue_rest(const Message& in, Instance& now) {
  if (in.db_instance_class) {
    check_instance_class(*in.db_instance_class);
    queue(now, "DBInstanceClass", *in.db_instance_class, now.instance_class);
  }
  if (in.new_db_instance_identifier) {
    queue(now, "DBInstanceIdentifier", checked_identifier(*in.new_db_instance_identifier), now.identifier);
  }
  if (in.allocated_storage) {
    const int32_t has = now.allocated_storage, least = has + (has + 9) / 10;  // AWS rounds less than 10 % more up
    const int32_t gib = *in.allocated_storage == has ? has : std::max(*in.allocated_storage, least);
    check_storage(now.storage_type, gib, now.max_allocated_storage);
    queue(now, "AllocatedStorage", std::to_string(gib), std::to_string(has));
  }
  if (in.backup_retention_period) {
    const int32_t days = *in.backup_retention_period;
    check_retention(days);
    if ((days == 0) == (now.backup_retention == 0)) {
      now.backup_retention = days;
      now.pending.erase("BackupRetentionPeriod");
    } else {
      now.pending["BackupRetentionPeriod"] = std::to_string(days);
    }
  }
}

void check_unchangeable(const Message& in, const Instance& i) {
  if (in.license_model && *in.license_model != i.license_model) {
    throw Fault("InvalidParameterValue", "Invalid license model '" + *in.license_model + "' for engine 'postgres'.");
  }
  if (in.ca_certificate_identifier) check_ca(*in.ca_certificate_identifier);
  if (in.option_group_name) check_option_group(*in.option_group_name, i);
  if (in.db_subnet_group_name && *in.db_subnet_group_name != i.subnet_group) {
    refuse("a change of DBSubnetGroupName", "an instance stays in its subnet group");
  }
}

}  // namespace

aws::rds::ModifyDBInstanceResult modify_db_instance(Rds& rds, api::Context& ctx, const Message& in) {
  refuse_what_is_not_offered(in);
  return rds.store.write([&](store::Tx& tx) {
    const auto i = instance_named(tx, ctx.scope(), *in.db_instance_identifier);
    if (asks_nothing(in)) throw Fault("InvalidParameterCombination", "No modifications were requested");
    check_state(rds, tx, *i);
    check_version(rds, in, *i);
    check_storage_change(in, *i);
    check_unchangeable(in, *i);
    Change c{.before = *i, .now = *i};
    set_immediate(rds, in, c);
    queue_rest(in, c.now);
    if (in.new_db_instance_identifier && c.now.pending.contains("DBInstanceIdentifier") &&
        name_taken(tx, i->scope, c.now.pending.at("DBInstanceIdentifier"))) {
      throw Fault("DBInstanceAlreadyExists", "DB instance already exists");
    }
    Instance answered = c.now;  // the answer shows what was asked as pending, also when it is applied at once
    if (in.apply_immediately.value_or(false)) apply_queue(rds, tx, c);
    if (c.port) answered.pending["Port"] = std::to_string(c.now.port);
    answered.port = c.before.port;
    begin_change(rds, tx, c);
    return aws::rds::ModifyDBInstanceResult{.db_instance = to_wire(rds, answered, status_of(rds, tx, answered))};
  });
}

}  // namespace howdah::rds
