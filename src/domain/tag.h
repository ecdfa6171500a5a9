#pragma once
#include <map>
#include <string>

#include "util/fault.h"

namespace howdah {

/// Tags of a resource, in key order (AWS promises none; a stable one keeps IaC plans quiet).
using Tags = std::map<std::string, std::string>;

/// Throws InvalidParameterValue for an empty or over-long key (128), an over-long value (256), the prefix "aws:" or
/// more than 50 tags (contract: AWS user guide, "Tagging Amazon RDS resources").
void check_tags(const Tags& tags);

}  // namespace howdah
