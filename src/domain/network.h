#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/scope.h"
#include "domain/tag.h"
#include "store/store.h"

/// VPCs and subnets. They are names to place instances in and to hang security groups on; addresses are real only where
/// the driver of instance addresses makes them so.
namespace howdah {

struct NetworkConfig {
  std::vector<std::string> zones{"a", "b", "c"};  ///< suffixes: region eu-west-2 has eu-west-2a, eu-west-2b, ...
};

struct Zone {
  std::string name;  ///< "eu-west-2a"
  std::string id;    ///< "euw2-az1"
};
std::vector<Zone> zones(std::string_view region, const NetworkConfig& config);

struct Vpc {
  static constexpr std::string_view kKind = "vpc";
  Scope scope;
  std::string id, cidr;
  bool is_default = false;
  bool dns_support = true, dns_hostnames = false, address_usage_metrics = false;

  std::string key() const { return scope.key(id); }
  std::string encode() const;
  static Vpc decode(std::string_view text);
};

struct Subnet {
  static constexpr std::string_view kKind = "subnet";
  Scope scope;
  std::string id, vpc_id, cidr, zone;
  bool default_for_az = false, map_public_ip = false;

  std::string key() const { return scope.key(id); }
  std::string arn() const { return scope.arn("ec2", "subnet/" + id); }
  std::string encode() const;
  static Subnet decode(std::string_view text);
};

/// Tags of one EC2 resource of any type. There is no record while there are no tags.
struct ResourceTags {
  static constexpr std::string_view kKind = "ec2-tags";
  Scope scope;
  std::string id;
  Tags tags;

  std::string key() const { return scope.key(id); }
  std::string encode() const;
  static ResourceTags decode(std::string_view text);
};

/// Reader is a store::Store or a store::Tx.
template <class Reader>
Tags resource_tags(const Reader& reader, const Scope& scope, std::string_view id) {
  const auto record = reader.template get<ResourceTags>(scope.key(id));
  return record ? record->tags : Tags{};
}
/// Replaces the tags of a resource; none = no record. Throws what check_tags throws.
void put_resource_tags(store::Tx& tx, const Scope& scope, std::string_view id, Tags tags);

/// Declares every record of VPCs, subnets, security groups, subnet groups and EC2 tags. Once, at start-up.
void use_network_records(store::Store& store);
/// Forgets all of them, in every scope: the next request finds a fresh default network.
void erase_network_records(store::Tx& tx);

/// Ids that derive from others, so that they are the same on every machine and after every restart.
std::string default_vpc_id(const Scope& scope);
std::string default_group_id(std::string_view vpc_id);  ///< every VPC has one group that is called "default"
std::string main_route_table_id(std::string_view vpc_id);
std::string default_network_acl_id(std::string_view vpc_id);
std::string internet_gateway_id(std::string_view vpc_id);  ///< of a default VPC
std::string dhcp_options_id(const Scope& scope);

/// The scope's default VPC 172.31.0.0/16 with a subnet in each zone and its default security group. Made by the first
/// call in a scope; null when somebody deleted it since. Cheap when it is there. Must not be called inside of write().
std::shared_ptr<const Vpc> ensure_default_network(store::Store& store, const Scope& scope, const NetworkConfig& config);

/// The default network anew, in the place of one that was deleted.
void put_default_network(store::Tx& tx, const Scope& scope, const NetworkConfig& config);

/// A VPC with the default security group that comes with it.
void put_new_vpc(store::Tx& tx, const Vpc& vpc);

template <class Reader>
std::shared_ptr<const Vpc> default_vpc(const Reader& reader, const Scope& scope) {
  return reader.template get<Vpc>(scope.key(default_vpc_id(scope)));
}

}  // namespace howdah
