#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/scope.h"
#include "domain/tag.h"
#include "store/store.h"
#include "util/clock.h"

namespace howdah {

/// What an instance is when no workflow works on it. While one does, the workflow's step gives the status instead.
enum class Rest { creating, available, stopped, failed, incompatible_parameters, incompatible_restore };
std::string_view status_word(Rest rest);  ///< AWS's word, e.g. "incompatible-parameters"

/// One DB instance: desired state, and the names of everything that derives from it. Keyed by scope and identifier,
/// also found by `Instance::by_id(resource_id)`. The identifier can change, `resource_id` never does.
struct Instance {
  static constexpr std::string_view kKind = "instance";

  Scope scope;
  std::string identifier;   ///< lower-case
  std::string resource_id;  ///< DbiResourceId; names directories, workflows, processes
  uint32_t slot = 0;        ///< small number, unique on this machine: the uid derives from it
  std::string address;      ///< 127.x.y.z that the server listens on, its alone (rds/addresses.h)
  std::string endpoint;     ///< name or address that clients are told; empty until created

  std::string instance_class, engine, engine_version, license_model;
  std::string master_username;
  std::string pending_verifier;  ///< SCRAM verifier of a master password that is not applied yet; never a password
  std::string db_name;           ///< empty = none asked for
  int32_t port = 5432;

  int32_t allocated_storage = 20;  ///< GiB
  std::optional<int32_t> max_allocated_storage, iops, storage_throughput;
  std::string storage_type;
  bool storage_encrypted = false;
  std::string kms_key_id;

  std::string availability_zone, vpc_id, subnet_group;
  std::vector<std::string> security_groups;
  bool publicly_accessible = false;
  std::string parameter_group;
  std::string started_group;  ///< parameter group that the server was last started with; empty until then
  std::string ca_certificate;
  Time certificate_valid_till{};  ///< of the server's leaf; zero until issued

  int32_t backup_retention = 1;  ///< days
  std::string backup_window, maintenance_window;
  Time last_backup{};      ///< when the newest automated snapshot began; zero = there was none yet
  std::string backing_up;  ///< id of the newest snapshot that made, or makes, the status backing-up
  Time restorable_from{};  ///< end of the oldest automated snapshot that is kept; zero = nothing to restore from
  bool auto_minor_version_upgrade = true, copy_tags_to_snapshot = false, deletion_protection = false;
  bool performance_insights = false;
  int32_t performance_insights_retention = 7;
  std::string performance_insights_key;
  std::string lifecycle_support;

  Tags tags;
  Rest rest = Rest::creating;
  std::string rest_reason;  ///< why it failed or is incompatible: the server's own words
  Time created{};           ///< InstanceCreateTime; zero until created
  Time server_started{};    ///< when the server last started: settings changed later may wait for a reboot
  Time restart_at{};        ///< stopped: when it starts by itself; zero otherwise
  int32_t crashes = 0;      ///< recoveries in a row, for the backoff; counted anew after ten minutes without
  std::map<std::string, std::string> pending;  ///< PendingModifiedValues by AWS's member name

  std::string key() const { return scope.key(identifier); }
  std::vector<std::string> aliases() const { return {by_id(resource_id), by_slot(slot), by_address(address)}; }
  static std::string by_id(std::string_view resource_id) { return "id:" + std::string(resource_id); }
  static std::string by_slot(uint32_t slot) { return "slot:" + std::to_string(slot); }
  static std::string by_address(std::string_view address) { return "at:" + std::string(address); }
  std::string workflow() const { return "db/" + resource_id; }
  std::string arn() const { return scope.arn("rds", "db:" + identifier); }

  std::string encode() const;
  static Instance decode(std::string_view text);
};

/// Next slot to try, so that numbers (and with them addresses) come round late. Key "next".
struct SlotHint {
  static constexpr std::string_view kKind = "slot-hint";
  uint32_t next = 1;
  std::string key() const { return "next"; }
  std::string encode() const { return std::to_string(next); }
  static SlotHint decode(std::string_view text) { return {static_cast<uint32_t>(std::stoul(std::string(text)))}; }
};

/// A slot in [1, count] that no instance has; amortised O(1).
/// Throws InsufficientDBInstanceCapacity when there is none.
uint32_t allocate_slot(store::Tx& tx, uint32_t count);

/// The address of a slot in a range such as "127.20.0.0/16": slots 1.. become .0.1, .0.2 ... skipping .0 and .255.
/// Throws std::invalid_argument for a range that isn't an IPv4 network inside 127.0.0.0/8.
std::string slot_address(std::string_view range, uint32_t slot);
uint32_t slot_count(std::string_view range);

}  // namespace howdah
