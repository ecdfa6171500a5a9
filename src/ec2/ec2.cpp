#include "ec2/ec2.h"

#include <fmt/format.h>

#include "api/api.h"
#include "api/context.h"
#include "domain/config.h"

namespace howdah::ec2 {

void register_ec2(api::Api& api, Ec2& ec2) {
  register_security_groups(api, ec2);
  register_rules(api, ec2);
  register_vpcs(api, ec2);
  register_subnets(api, ec2);
  register_routing(api, ec2);
  register_interfaces(api, ec2);
  register_zones(api, ec2);
  register_tags(api, ec2);
}

NetworkConfig network_of(const Ec2& ec2) { return {ec2.config.az_suffixes}; }

Scope enter(Ec2& ec2, const api::Context& ctx) {
  auto scope = ctx.scope();
  ensure_default_network(ec2.store, scope, network_of(ec2));
  return scope;
}

void answer_dry_run(const std::optional<bool>& dry_run) {
  if (!dry_run.value_or(false)) return;
  throw Fault("DryRunOperation", "Request would have succeeded, but DryRun flag is set.");
}

void missing(std::string_view parameter) {
  throw Fault("MissingParameter", fmt::format("The request must contain the parameter {}", parameter));
}

void refuse_if(bool asked, std::string_view parameter, std::string_view why) {
  if (!asked) return;
  throw Fault("UnsupportedOperation", fmt::format("{} is not supported here: {}.", parameter, why));
}

wire::Seq<aws::ec2::Tag> tags_to_wire(const Tags& tags) {
  wire::Seq<aws::ec2::Tag> out;
  out.present = true;
  for (const auto& [key, value] : tags) out.add({.key = key, .value = value});
  return out;
}

Tags tags_from_wire(const wire::Seq<aws::ec2::Tag>& tags) {
  Tags out;
  for (const auto& tag : tags) {
    if (out.emplace(tag.key.value_or(""), tag.value.value_or("")).second) continue;
    throw Fault("InvalidParameterValue", fmt::format("Duplicate tag key '{}' specified.", *tag.key));
  }
  check_tags(out);
  return out;
}

Tags tags_for(const wire::Seq<aws::ec2::TagSpecification>& specifications, std::string_view type) {
  Tags out;
  for (const auto& s : specifications) {
    const auto asked = s.resource_type.value_or("");
    if (asked != type) {
      throw Fault("InvalidParameterValue",
                  fmt::format("'{}' is not a valid taggable resource type for this operation.", asked));
    }
    out.merge(tags_from_wire(s.tags));
  }
  check_tags(out);
  return out;
}

}  // namespace howdah::ec2
