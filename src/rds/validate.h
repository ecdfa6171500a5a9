#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace howdah {
struct Instance;
}

/// Checks of single parameters, shared by create, modify and restore. Each throws AWS's fault for its rule
/// (docs/aws-behaviour.md) and returns the canonical value where there is one.
namespace howdah::rds {

std::string checked_identifier(std::string_view id);  ///< lower-case
void check_master_username(std::string_view name);
void check_password(std::string_view password);
void check_db_name(std::string_view name);
void check_port(int32_t port);
void check_storage(std::string_view type, int32_t gib, std::optional<int32_t> max_gib);
/// Throws for Iops and StorageThroughput that AWS does not sell with such a volume.
void check_storage_speed(const Instance& instance);
/// Up to where storage of `gib` may grow by itself. As on AWS, a limit that equals the size means: not at all.
std::optional<int32_t> growth_limit(std::optional<int32_t> max_gib, int32_t gib);
void check_retention(int32_t days);
void check_insights_retention(int32_t days);
void check_monitoring(std::optional<int32_t> interval, bool role_given);
void check_lifecycle_support(std::string_view name);
void check_password_source(bool password_given, bool managed);  ///< one or the other

/// What each storage type may be. Sorted by name.
struct StorageType {
  const char* name;
  int32_t least_gib, most_gib;
  bool takes_iops;
};
std::span<const StorageType> storage_types();

int64_t machine_memory_mib();

/// Throws for a class that AWS doesn't know, and InsufficientDBInstanceCapacity for one that this machine can't hold.
void check_instance_class(std::string_view name);

/// Refuses a request that asks for something this version can't do. Never ignored silently.
[[noreturn]] void refuse(std::string_view parameter, std::string_view why);

}  // namespace howdah::rds
