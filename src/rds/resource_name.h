#pragma once
#include <string>
#include <string_view>

#include "domain/scope.h"

namespace howdah::rds {

/// A resource's own name out of its ARN: {"db", "mydb"}. The name may hold colons.
struct ResourceName {
  std::string type, name;
};

/// Throws InvalidParameterValue for anything but a full RDS ARN of this account and region.
ResourceName parse_resource_name(const Scope& scope, std::string_view arn);

}  // namespace howdah::rds
