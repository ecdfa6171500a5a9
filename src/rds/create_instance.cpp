// CreateDBInstance: checks everything first, then one transaction writes the instance, its workflow and what the caller
// should know; the answer goes out after that single durable commit.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/context.h"
#include "aws/rds.h"
#include "domain/config.h"
#include "domain/event.h"
#include "domain/security_group.h"
#include "domain/subnet_group.h"
#include "domain/window.h"
#include "pg/engine.h"
#include "pg/scram.h"
#include "pg/volume.h"
#include "rds/addresses.h"
#include "rds/flows.h"
#include "rds/instances.h"
#include "rds/new_instance.h"
#include "rds/not_offered.h"
#include "rds/subnet_groups.h"
#include "rds/to_wire.h"
#include "rds/validate.h"
#include "util/id.h"

namespace howdah::rds {
namespace {

using Message = aws::rds::CreateDBInstanceMessage;

void require(bool there, const char* parameter) {
  if (!there) throw Fault("MissingParameter", fmt::format("The request must contain the parameter {}", parameter));
}

}  // namespace

/// What AWS has and this version hasn't. A request that asks for it is refused, never half done.
void refuse_what_is_not_offered(const Message& in) {
  // AWS's own rules about these parameters come first.
  if (in.multi_az.value_or(false) && in.availability_zone) {
    throw Fault("InvalidParameterCombination",
                "Requesting a specific availability zone is not valid for Multi-AZ instances.");
  }
  check_password_source(in.master_user_password.has_value(), in.manage_master_user_password.value_or(false));
  check_monitoring(in.monitoring_interval, in.monitoring_role_arn.has_value());
  refuse_common(in);
  if (in.multi_az.value_or(false)) refuse("MultiAZ", "a standby needs a second machine");
  if (in.manage_master_user_password.value_or(false)) refuse("ManageMasterUserPassword", "it needs Secrets Manager");
  if (in.enable_iam_database_authentication.value_or(false)) {
    refuse("EnableIAMDatabaseAuthentication", "passwords are the only way to log in");
  }
  if (in.monitoring_interval.value_or(0) != 0) refuse("MonitoringInterval", "enhanced monitoring is not there");
  if (!in.enable_cloudwatch_logs_exports.empty()) refuse("EnableCloudwatchLogsExports", "CloudWatch Logs is not there");
  if (in.db_cluster_identifier) refuse("DBClusterIdentifier", "clusters are not there");
  if (in.database_insights_mode.value_or("standard") != "standard")
    refuse("DatabaseInsightsMode", "only standard is there");
  if (in.backup_target.value_or("region") != "region") refuse("BackupTarget", "backups are kept in the region");
  if (in.timezone || in.db_system_id || in.nchar_character_set_name || in.custom_iam_instance_profile ||
      in.multi_tenant.value_or(false) || !in.additional_storage_volumes.empty() || !in.processor_features.empty()) {
    throw Fault("InvalidParameterCombination",
                "Timezone, DBSystemId, NcharCharacterSetName, CustomIamInstanceProfile, MultiTenant, "
                "AdditionalStorageVolumes and ProcessorFeatures do not apply to PostgreSQL.");
  }
  if (!in.db_security_groups.empty()) {
    throw Fault("InvalidParameterCombination",
                "DBSecurityGroups exist only outside of a VPC. Use VpcSecurityGroupIds.");
  }
}

namespace {

const pg::Engine& choose_engine(const Rds& rds, const Message& in) {
  if (*in.engine != "postgres") {
    if (in.engine->starts_with("aurora")) refuse("engine " + *in.engine, "only postgres is there");
    throw Fault("InvalidParameterValue", "Invalid DB engine");
  }
  if (rds.engines.engines().empty()) {
    throw Fault("InsufficientDBInstanceCapacity",
                "No PostgreSQL server is installed on this machine. `howdah doctor` tells how to get one.");
  }
  const bool any = in.engine_version.value_or("").empty();  // Terraform sends an empty one for "any"
  const std::string wanted = any ? std::to_string(rds.engines.engines().back().major) : *in.engine_version;
  const bool nearest = rds.config.engine_version_policy == VersionPolicy::nearest_minor;
  if (const pg::Engine* engine = rds.engines.find(wanted, nearest)) return *engine;
  throw Fault("InvalidParameterCombination", fmt::format("Cannot find version {} for postgres", wanted));
}

void set_credentials(const Message& in, Instance& i) {
  require(in.master_username.has_value(), "MasterUsername");
  check_master_username(*in.master_username);
  require(in.master_user_password.has_value(), "MasterUserPassword");
  check_password(*in.master_user_password);
  i.master_username = *in.master_username;
  const auto verifier = pg::scram_verifier(*in.master_user_password);
  if (!verifier) throw Fault("InvalidParameterValue", verifier.error().message);
  i.pending_verifier = *verifier;
  i.pending["MasterUserPassword"] = "****";
  if (in.db_name && !in.db_name->empty()) {
    check_db_name(*in.db_name);
    i.db_name = *in.db_name;
  }
}

void set_storage(const Message& in, Instance& i) {
  require(in.allocated_storage.has_value(), "AllocatedStorage");
  i.allocated_storage = *in.allocated_storage;
  i.storage_type = in.storage_type.value_or(in.iops ? "io1" : "gp3");
  i.max_allocated_storage = in.max_allocated_storage;
  i.iops = in.iops;
  i.storage_throughput = in.storage_throughput;
  check_storage(i.storage_type, i.allocated_storage, i.max_allocated_storage);
  check_storage_speed(i);
  i.max_allocated_storage = growth_limit(i.max_allocated_storage, i.allocated_storage);
  if (in.kms_key_id && !in.storage_encrypted.value_or(false)) {
    throw Fault("InvalidParameterCombination", "KmsKeyId can be given only together with StorageEncrypted.");
  }
  i.storage_encrypted = in.storage_encrypted.value_or(false);
  if (i.storage_encrypted) i.kms_key_id = key_arn(i.scope, in.kms_key_id);
}

void set_windows(const Message& in, Time now, Instance& i) {
  if (in.preferred_backup_window && in.preferred_maintenance_window) {
    const auto backup = window::parse_daily(*in.preferred_backup_window);
    const auto maintenance = window::parse_weekly(*in.preferred_maintenance_window);
    check_windows_apart(backup, maintenance);
    i.backup_window = text(backup);
    i.maintenance_window = text(maintenance);
  } else if (in.preferred_backup_window) {
    const auto backup = window::parse_daily(*in.preferred_backup_window);
    i.backup_window = text(backup);
    i.maintenance_window = text(window::choose_weekly(i.resource_id, backup, now));
  } else if (in.preferred_maintenance_window) {
    const auto maintenance = window::parse_weekly(*in.preferred_maintenance_window);
    i.maintenance_window = text(maintenance);
    i.backup_window = text(window::choose_daily(i.resource_id, maintenance, now));
  } else {
    const auto [backup, maintenance] = window::choose(i.resource_id, now);
    i.backup_window = text(backup);
    i.maintenance_window = text(maintenance);
  }
}

void set_network(const Rds& rds, const Message& in, Instance& i) {
  const SubnetGroup group =
      resolve_subnet_group(rds.store, i.scope, NetworkConfig{rds.config.az_suffixes}, in.db_subnet_group_name);
  i.subnet_group = group.name;
  i.vpc_id = group.vpc_id;
  const auto zones = group.zones();
  i.availability_zone =
      in.availability_zone.value_or(zones.at(std::stoul(id::stable_hex(i.resource_id, 6), nullptr, 16) % zones.size()));
  if (std::find(zones.begin(), zones.end(), i.availability_zone) == zones.end()) {
    throw Fault("InvalidParameterValue", fmt::format("Invalid availability zone: {}. The DB subnet group {} has {}.",
                                                     i.availability_zone, group.name, fmt::join(zones, ", ")));
  }
  i.security_groups = checked_security_groups(rds, i.scope, i.vpc_id, in.vpc_security_group_ids);
  if (i.security_groups.empty()) i.security_groups = {default_group_id(i.vpc_id)};
  i.publicly_accessible = in.publicly_accessible.value_or(group.name == "default");
  i.port = in.port.value_or(5432);
  check_port(i.port);
}

void set_rest(const Rds& rds, const Message& in, Instance& i) {
  i.license_model = in.license_model.value_or("postgresql-license");
  if (i.license_model != "postgresql-license") {
    throw Fault("InvalidParameterValue", fmt::format("Invalid license model '{}' for engine 'postgres'. Valid license "
                                                     "models are: postgresql-license.",
                                                     i.license_model));
  }
  if (in.character_set_name) refuse("CharacterSetName", "databases are UTF8; create another with CREATE DATABASE");
  if (in.option_group_name) check_option_group(*in.option_group_name, i);
  i.backup_retention = in.backup_retention_period.value_or(1);
  check_retention(i.backup_retention);
  i.auto_minor_version_upgrade = in.auto_minor_version_upgrade.value_or(true);
  i.copy_tags_to_snapshot = in.copy_tags_to_snapshot.value_or(false);
  i.deletion_protection = in.deletion_protection.value_or(false);
  i.ca_certificate = in.ca_certificate_identifier.value_or("rds-ca-rsa2048-g1");
  check_ca(i.ca_certificate);
  i.lifecycle_support = in.engine_lifecycle_support.value_or("open-source-rds-extended-support");
  check_lifecycle_support(i.lifecycle_support);
  i.performance_insights = in.enable_performance_insights.value_or(false);
  i.performance_insights_retention = in.performance_insights_retention_period.value_or(7);
  check_insights_retention(i.performance_insights_retention);
  if (!i.performance_insights && (in.performance_insights_retention_period || in.performance_insights_kms_key_id)) {
    throw Fault("InvalidParameterCombination",
                "PerformanceInsightsRetentionPeriod and PerformanceInsightsKMSKeyId can be given only together with "
                "EnablePerformanceInsights.");
  }
  if (i.performance_insights) i.performance_insights_key = key_arn(i.scope, in.performance_insights_kms_key_id);
  i.parameter_group = checked_parameter_group(rds, i.scope, in.db_parameter_group_name, i.engine_version);
  i.tags = tags_from_wire(in.tags);
}

/// Groups were looked up before the transaction; somebody may have deleted one since.
void check_still_there(const store::Tx& tx, const Instance& i) {
  for (const auto& id : i.security_groups) {
    if (tx.get<SecurityGroup>(i.scope.key(id))) continue;
    throw Fault("InvalidParameterValue", fmt::format("Invalid security group , groupId= {}, groupName=.", id));
  }
  if (i.subnet_group != "default" && !tx.get<SubnetGroup>(i.scope.key(i.subnet_group))) {
    throw Fault("DBSubnetGroupNotFoundFault", fmt::format("DBSubnetGroup {} not found.", i.subnet_group));
  }
}

/// What was asked for and is recorded, but is not (yet) what AWS does: said in an event, not left to be found out.
void announce_differences(const Rds& rds, store::Tx& tx, const Instance& i) {
  if (i.storage_encrypted && !storage_is_encrypted(rds)) {
    append_event(rds, tx, i, own_event(1),
                 "StorageEncrypted is recorded, but the disk under the state directory is not encrypted. Put the state "
                 "directory on an encrypted disk (dm-crypt) to have encryption at rest.");
  }
  if (i.iops || i.storage_throughput) {
    append_event(rds, tx, i, own_event(1),
                 "Iops and StorageThroughput are recorded and not enforced: the instance has what the disk gives.");
  }
  if (i.performance_insights) {
    append_event(rds, tx, i, own_event(1),
                 "The Performance Insights settings are recorded; this version takes no samples.");
  }
}

}  // namespace

void describe_new_instance(const Rds& rds, const Message& in, const pg::Engine& engine, Instance& i) {
  if (auto space = pg::check_space(rds.config.state_dir); !space) {
    throw Fault("InsufficientDBInstanceCapacity", space.error().message);
  }
  i.engine = "postgres";
  i.engine_version = engine.version;
  check_instance_class(*in.db_instance_class);
  i.instance_class = *in.db_instance_class;
  set_storage(in, i);
  set_windows(in, rds.clock.now(), i);
  set_network(rds, in, i);
  set_rest(rds, in, i);
}

void add_instance(Rds& rds, store::Tx& tx, Instance& i, const char* table, std::map<std::string, std::string> args) {
  if (name_taken(tx, i.scope, i.identifier)) throw Fault("DBInstanceAlreadyExists", "DB instance already exists");
  check_instance_quota(rds, tx, i.scope);
  check_still_there(tx, i);
  choose_address(rds, tx, i);
  tx.put(i);
  rds.flows.start(tx, table, i.workflow(), std::move(args));
  announce_differences(rds, tx, i);
}

aws::rds::CreateDBInstanceResult create_db_instance(Rds& rds, api::Context& ctx, const Message& in) {
  Instance i;
  i.scope = scope_of(ctx);
  i.identifier = checked_identifier(*in.db_instance_identifier);
  i.resource_id = id::db_resource();
  refuse_what_is_not_offered(in);
  const pg::Engine& engine = choose_engine(rds, in);
  check_instance_class(*in.db_instance_class);
  set_credentials(in, i);
  describe_new_instance(rds, in, engine, i);
  return rds.store.write([&](store::Tx& tx) {
    add_instance(rds, tx, i, kCreateInstance);
    return aws::rds::CreateDBInstanceResult{.db_instance = to_wire(rds, i, status_of(rds, tx, i))};
  });
}

}  // namespace howdah::rds
