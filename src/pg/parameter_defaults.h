#pragma once
#include <span>
#include <string_view>

namespace howdah::pg {

/// A default of RDS that differs from PostgreSQL's.
struct RdsDefault {
  const char* name;
  const char* value;
  int since = 0;  ///< first major it applies to
};
std::span<const RdsDefault> rds_defaults();

/// A parameter that exists in RDS only.
struct RdsParameter {
  const char* name;
  const char* value;
  const char* data_type;
  const char* allowed;
  bool is_static;
  const char* description;
  int since = 0;
  const char* refusal = "";  ///< why `allowed` is narrower than on AWS
};
std::span<const RdsParameter> rds_parameters();

/// True for what a user may never set: files, directories, commands and libraries (they would reach the operating
/// system), addresses, durability, replication wiring, and developer switches. These are ours.
bool is_reserved_parameter(std::string_view name);

}  // namespace howdah::pg
