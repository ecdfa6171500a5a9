#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aws/rds.h"
#include "domain/scope.h"
#include "domain/subnet_group.h"
#include "rds/rds.h"

namespace howdah::rds {

/// The DB subnet groups of one answer: each is looked up once, however many instances name it.
class SubnetGroupsOfAnswer {
 public:
  explicit SubnetGroupsOfAnswer(const store::Store& store) : store_(store) {}
  /// What descriptions of groups and instances say of a group; null when there is none of that name.
  wire::Ref<aws::rds::DBSubnetGroup> to_wire(const Scope& scope, const std::string& name);

 private:
  struct Known {
    SubnetGroup group;
    std::vector<bool> active;  ///< of each of its subnets, whether it still exists
  };
  std::optional<Known> look_up(const Scope& scope, const std::string& name) const;

  const store::Store& store_;
  std::map<std::string, std::optional<Known>> known_;
};

void register_subnet_groups(api::Api& api, Rds& rds);

}  // namespace howdah::rds
