#pragma once
#include <string>

#include "aws/rds.h"
#include "domain/scope.h"
#include "rds/rds.h"

namespace howdah::rds {

/// What descriptions of groups and instances say of a DB subnet group; null when there is none of that name.
wire::Ref<aws::rds::DBSubnetGroup> subnet_group_to_wire(const Rds& rds, const Scope& scope, const std::string& name);

void register_subnet_groups(api::Api& api, Rds& rds);

}  // namespace howdah::rds
