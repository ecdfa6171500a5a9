#pragma once
#include <optional>

#include "aws/ec2.h"
#include "domain/network.h"
#include "domain/scope.h"
#include "domain/tag.h"
#include "store/store.h"
#include "util/clock.h"

/// The network side of Amazon EC2: VPCs, subnets, security groups, tags, and what describes them. One file a family of
/// operations; handlers are free functions
///   Result f(Ec2&, api::Context&, const aws::ec2::Request&)
/// that throw Fault. A change is one transaction, all or nothing. What a security group admits is decided in
/// domain/security_group.h; RDS watches the records and enforces it.
namespace howdah {
struct Config;
namespace api {
class Api;
struct Context;
}  // namespace api
}  // namespace howdah

namespace howdah::ec2 {

/// What every handler works with. Everything outlives it; everything is thread-safe.
struct Ec2 {
  store::Store& store;
  const Clock& clock;
  const Config& config;
};

/// Every operation; the families below are its parts.
void register_ec2(api::Api& api, Ec2& ec2);
void register_security_groups(api::Api& api, Ec2& ec2);
void register_rules(api::Api& api, Ec2& ec2);
void register_vpcs(api::Api& api, Ec2& ec2);
void register_subnets(api::Api& api, Ec2& ec2);
void register_routing(api::Api& api, Ec2& ec2);
void register_interfaces(api::Api& api, Ec2& ec2);
void register_zones(api::Api& api, Ec2& ec2);
void register_tags(api::Api& api, Ec2& ec2);

NetworkConfig network_of(const Ec2& ec2);

/// Whose network the request is about, with its default VPC made when this is the first request. Not inside of write().
Scope enter(Ec2& ec2, const api::Context& ctx);

/// Throws DryRunOperation when the caller asked only whether it would succeed. The last statement before a commit.
void answer_dry_run(const std::optional<bool>& dry_run);

[[noreturn]] void missing(std::string_view parameter);
/// For what AWS has and this version hasn't: refused, never ignored. `asked` is whether the caller asked for it.
void refuse_if(bool asked, std::string_view parameter, std::string_view why);

wire::Seq<aws::ec2::Tag> tags_to_wire(const Tags& tags);
/// Throws what check_tags() throws, and InvalidParameterValue for a key that is given twice.
Tags tags_from_wire(const wire::Seq<aws::ec2::Tag>& tags);
/// The tags that a request gives to a new resource of that type ("security-group"); throws InvalidParameterValue for
/// another type.
Tags tags_for(const wire::Seq<aws::ec2::TagSpecification>& specifications, std::string_view type);

}  // namespace howdah::ec2
