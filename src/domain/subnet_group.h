#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/network.h"
#include "domain/scope.h"
#include "domain/tag.h"
#include "store/store.h"

namespace howdah {

/// A DB subnet group: the subnets of one VPC in which RDS may place an instance.
struct SubnetGroup {
  static constexpr std::string_view kKind = "db-subnet-group";
  struct Member {
    std::string subnet_id, zone;
  };
  Scope scope;
  std::string name, description, vpc_id;  ///< name: lower case
  std::vector<Member> subnets;            ///< in the order of their ids
  Tags tags;

  std::string key() const { return scope.key(name); }
  std::string arn() const { return scope.arn("rds", "subgrp:" + name); }
  std::vector<std::string> zones() const;  ///< sorted, each once
  std::string encode() const;
  static SubnetGroup decode(std::string_view text);
};

/// The group in which CreateDBInstance places an instance: the named one, or `default` = every default subnet of the
/// default VPC, which never has a record.
/// Throws DBSubnetGroupNotFoundFault, or InvalidSubnet when no name is given and the default VPC is gone.
SubnetGroup resolve_subnet_group(store::Store& store, const Scope& scope, const NetworkConfig& config,
                                 const std::optional<std::string>& name);

/// The implicit group `default`; nothing when the default VPC or its subnets are gone.
std::optional<SubnetGroup> default_subnet_group(const store::Store& store, const Scope& scope);

std::string subnet_group_name(std::string_view sent);  ///< as stored: lower case

}  // namespace howdah
