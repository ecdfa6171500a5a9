#include "rds/to_wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "rds/restorable_times.h"
#include "rds/settings.h"
#include "rds/sync_watch.h"
#include "util/fault.h"
#include "util/id.h"

namespace howdah::rds {
namespace {

int32_t number(const std::string& text) {
  int32_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

aws::rds::PendingModifiedValues pending(const std::map<std::string, std::string>& values) {
  aws::rds::PendingModifiedValues out;
  for (const auto& [name, value] : values) {
    if (name == "DBInstanceClass") out.db_instance_class = value;
    if (name == "DBInstanceIdentifier") out.db_instance_identifier = value;
    if (name == "MasterUserPassword") out.master_user_password = value;
    if (name == "BackupRetentionPeriod") out.backup_retention_period = number(value);
    if (name == "AllocatedStorage") out.allocated_storage = number(value);
    if (name == "Port") out.port = number(value);
    if (name == "CACertificateIdentifier") out.ca_certificate_identifier = value;
  }
  return out;
}

void add_settings(const Instance& i, aws::rds::DBInstance& out) {
  out.preferred_backup_window = i.backup_window;
  out.preferred_maintenance_window = i.maintenance_window;
  out.backup_retention_period = i.backup_retention;
  out.auto_minor_version_upgrade = i.auto_minor_version_upgrade;
  out.copy_tags_to_snapshot = i.copy_tags_to_snapshot;
  out.deletion_protection = i.deletion_protection;
  out.publicly_accessible = i.publicly_accessible;
  out.performance_insights_enabled = i.performance_insights;
  if (i.performance_insights) {
    out.performance_insights_retention_period = i.performance_insights_retention;
    out.performance_insights_kms_key_id = i.performance_insights_key;
  }
  out.engine_lifecycle_support = i.lifecycle_support;
  // What this version does not offer, in the words of an instance that does not use it (requests for it are refused).
  out.multi_az = false;
  out.iam_database_authentication_enabled = false;
  out.monitoring_interval = 0;
  out.customer_owned_ip_enabled = false;
  out.dedicated_log_volume = false;
  out.network_type = "IPV4";
  out.backup_target = "region";
  out.database_insights_mode = "standard";
  out.activity_stream_status = "stopped";
  out.is_storage_config_upgrade_available = false;
  out.db_instance_port = 0;
}

void add_storage(const Instance& i, aws::rds::DBInstance& out) {
  out.allocated_storage = i.allocated_storage;
  out.max_allocated_storage = i.max_allocated_storage;
  out.storage_type = i.storage_type;
  out.iops = i.iops;
  out.storage_throughput = i.storage_throughput;
  out.storage_encrypted = i.storage_encrypted;
  if (!i.kms_key_id.empty()) out.kms_key_id = i.kms_key_id;
}

}  // namespace

std::optional<wire::Timestamp> to_wire(Time t) {
  const int64_t ms = t.time_since_epoch().count();
  if (ms == 0) return std::nullopt;
  return wire::Timestamp{ms};
}

Time whole_second_after(Time t) { return std::chrono::ceil<std::chrono::seconds>(t); }

std::optional<Time> last_whole_second(const Instance& i, std::optional<Time> latest) {
  if (i.restorable_from == Time{} || !latest) return {};
  const Time second = std::chrono::floor<std::chrono::seconds>(*latest);
  return second < whole_second_after(i.restorable_from) ? std::nullopt : std::optional(second);
}

wire::Seq<aws::rds::Tag> to_wire(const Tags& tags) {
  wire::Seq<aws::rds::Tag> out;
  out.present = true;
  for (const auto& [key, value] : tags) out.add({.key = key, .value = value});
  return out;
}

namespace {

/// EC2 takes any character, RDS does not: what is refused there is refused here.
void check_tag_characters(const std::string& key, const std::string& text) {
  constexpr std::string_view kAlso = " _.:/=+-@";
  const auto allowed = [&](unsigned char c) {
    return c >= 0x80 || std::isalnum(c) || kAlso.find(char(c)) != kAlso.npos;
  };
  if (std::all_of(text.begin(), text.end(), allowed)) return;
  throw Fault(
      "InvalidParameterValue",
      fmt::format("The tag '{}' has characters that are not allowed. Letters, digits, spaces and _.:/=+-@ may be "
                  "used in keys and values.",
                  key));
}

}  // namespace

Tags tags_from_wire(const wire::Seq<aws::rds::Tag>& tags) {
  Tags out;
  for (const auto& t : tags) {
    const bool fresh = out.emplace(t.key.value_or(""), t.value.value_or("")).second;
    if (!fresh) throw Fault("InvalidParameterValue", "Duplicate tag key: " + *t.key);
  }
  check_tags(out);
  for (const auto& [key, value] : out) check_tag_characters(key, key + value);
  check_wal_tags(out);
  return out;
}

void InstanceWriter::add_groups(const Instance& i, aws::rds::DBInstance& out) {
  out.db_security_groups.present = true;
  out.vpc_security_groups.present = true;
  for (const auto& id : i.security_groups) {
    out.vpc_security_groups.add({.vpc_security_group_id = id, .status = "active"});
  }
  out.db_parameter_groups.add(
      {.db_parameter_group_name = i.parameter_group, .parameter_apply_status = parameter_status(rds_, i)});
  const auto dot = i.engine_version.find('.');
  out.option_group_memberships.add(
      {.option_group_name = "default:postgres-" + i.engine_version.substr(0, dot), .status = "in-sync"});
  out.db_subnet_group = subnet_groups_.to_wire(i.scope, i.subnet_group);
}

const std::string& InstanceWriter::hosted_zone(const std::string& region) {
  const auto [zone, added] = hosted_zones_.try_emplace(region);
  if (added) zone->second = "Z" + id::stable_hex("hosted-zone/" + region, 13);
  return zone->second;
}

aws::rds::DBInstance InstanceWriter::operator()(const Instance& i, const std::string& status) {
  aws::rds::DBInstance out;
  out.db_instance_identifier = i.identifier;
  out.dbi_resource_id = i.resource_id;
  out.db_instance_arn = i.arn();
  out.db_instance_class = i.instance_class;
  out.db_instance_status = status;
  out.engine = i.engine;
  out.engine_version = i.engine_version;
  out.license_model = i.license_model;
  out.master_username = i.master_username;
  if (!i.db_name.empty()) out.db_name = i.db_name;
  if (!i.endpoint.empty()) {
    out.endpoint =
        aws::rds::Endpoint{.address = i.endpoint, .port = i.port, .hosted_zone_id = hosted_zone(i.scope.region)};
  }
  out.instance_create_time = to_wire(i.created);
  out.automatic_restart_time = i.rest == Rest::stopped ? to_wire(i.restart_at) : std::nullopt;
  if (i.backup_retention > 0 && i.restorable_from != Time{}) {
    const auto latest = last_whole_second(i, rds_.restorable.latest(i.resource_id));
    if (latest) out.latest_restorable_time = to_wire(*latest);
  }
  out.availability_zone = i.availability_zone;
  out.ca_certificate_identifier = i.ca_certificate;
  if (i.certificate_valid_till != Time{}) {
    out.certificate_details = aws::rds::CertificateDetails{.ca_identifier = i.ca_certificate,
                                                           .valid_till = to_wire(i.certificate_valid_till)};
  }
  out.pending_modified_values = pending(i.pending);
  out.read_replica_db_instance_identifiers.present = true;
  out.domain_memberships.present = true;
  out.associated_roles.present = true;
  add_storage(i, out);
  add_settings(i, out);
  add_groups(i, out);
  out.tag_list = to_wire(i.tags);
  return out;
}

aws::rds::DBInstance to_wire(const Rds& rds, const Instance& i, const std::string& status) {
  return InstanceWriter(rds)(i, status);
}

}  // namespace howdah::rds
