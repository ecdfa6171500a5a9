#include "ec2/rule_wire.h"

#include <fmt/format.h>

#include <algorithm>

namespace howdah::ec2 {
namespace {

Rule blank(bool egress, const std::optional<std::string>& protocol, const std::optional<int32_t>& from,
           const std::optional<int32_t>& to) {
  return {
      .egress = egress, .protocol = protocol.value_or(""), .from_port = from.value_or(-1), .to_port = to.value_or(-1)};
}

std::string text_of(const std::optional<std::string>& text, const char* parameter) {
  if (!text || text->empty()) missing(parameter);
  return *text;
}

/// Makes `rule` one that admits the members of `source`.
void refer_to(Rule& rule, const SecurityGroup& group, const SecurityGroup& source) {
  if (source.vpc_id != group.vpc_id) {
    throw Fault("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.");
  }
  rule.group_id = source.id;
  rule.group_owner = source.owner();
}

void refer_to(const store::Tx& tx, Rule& rule, const SecurityGroup& group, const aws::ec2::UserIdGroupPair& pair) {
  const auto shown = pair.group_id.value_or(pair.group_name.value_or(""));
  if (shown.empty()) throw Fault("MissingParameter", "Source group ID missing.");
  if (pair.user_id && !pair.user_id->empty() && *pair.user_id != group.owner()) throw_group_not_found(shown);
  refer_to(rule, group,
           pair.group_id ? *require_group(tx, group.scope, shown) : *group_by_name(tx, group.scope, shown));
}

[[noreturn]] void prefix_list_not_found(std::string_view id) {
  throw Fault("InvalidPrefixListID.NotFound", fmt::format("The prefix list ID '{}' does not exist", id));
}

void append_rules(const store::Tx& tx, const SecurityGroup& group, bool egress, const aws::ec2::IpPermission& p,
                  std::vector<Rule>& out) {
  const Rule base = blank(egress, p.ip_protocol, p.from_port, p.to_port);
  const auto before = out.size();
  if (!p.prefix_list_ids.empty()) prefix_list_not_found(p.prefix_list_ids.front().prefix_list_id.value_or(""));
  for (const auto& range : p.ip_ranges) {
    Rule& rule = out.emplace_back(base);
    rule.cidr4 = text_of(range.cidr_ip, "CidrIp");
    rule.description = range.description.value_or("");
  }
  for (const auto& range : p.ipv6_ranges) {
    Rule& rule = out.emplace_back(base);
    rule.cidr6 = text_of(range.cidr_ipv6, "CidrIpv6");
    rule.description = range.description.value_or("");
  }
  for (const auto& pair : p.user_id_group_pairs) {
    Rule& rule = out.emplace_back(base);
    refer_to(tx, rule, group, pair);
    rule.description = pair.description.value_or("");
  }
  if (out.size() == before) {
    throw Fault("InvalidPermission.Malformed",
                "A permission needs at least one source: IpRanges, Ipv6Ranges or UserIdGroupPairs.");
  }
}

aws::ec2::IpPermission& permission_for(const Rule& rule, wire::Seq<aws::ec2::IpPermission>& out) {
  const bool all = rule.protocol == "-1";
  for (auto& p : out) {
    if (*p.ip_protocol == rule.protocol && (all || (*p.from_port == rule.from_port && *p.to_port == rule.to_port)))
      return p;
  }
  auto& p = out.add();
  p.ip_protocol = rule.protocol;
  if (!all) {
    p.from_port = rule.from_port;
    p.to_port = rule.to_port;
  }
  p.user_id_group_pairs.present = p.ip_ranges.present = true;
  p.ipv6_ranges.present = p.prefix_list_ids.present = true;
  return p;
}

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace

std::vector<Rule> rules_of(const store::Tx& tx, const SecurityGroup& group, bool egress,
                           const wire::Seq<aws::ec2::IpPermission>& permissions) {
  std::vector<Rule> out;
  for (const auto& p : permissions) append_rules(tx, group, egress, p, out);
  std::ranges::transform(out, out.begin(), normalized);
  return out;
}

Rule rule_of(const store::Tx& tx, const SecurityGroup& group, const aws::ec2::SecurityGroupRuleRequest& request) {
  Rule rule = blank(false, request.ip_protocol, request.from_port, request.to_port);
  if (request.prefix_list_id) prefix_list_not_found(*request.prefix_list_id);
  rule.cidr4 = request.cidr_ipv4.value_or("");
  rule.cidr6 = request.cidr_ipv6.value_or("");
  rule.description = request.description.value_or("");
  if (request.referenced_group_id) refer_to(rule, group, *require_group(tx, group.scope, *request.referenced_group_id));
  return normalized(rule);
}

aws::ec2::SecurityGroupRule to_wire(const SecurityGroup& group, const Rule& rule, const Tags& tags) {
  aws::ec2::SecurityGroupRule out;
  out.security_group_rule_id = rule.id;
  out.security_group_rule_arn = group.scope.arn("ec2", "security-group-rule/" + rule.id);
  out.group_id = group.id;
  out.group_owner_id = group.owner();
  out.is_egress = rule.egress;
  out.ip_protocol = rule.protocol;
  out.from_port = rule.from_port;
  out.to_port = rule.to_port;
  out.cidr_ipv4 = unless_empty(rule.cidr4);
  out.cidr_ipv6 = unless_empty(rule.cidr6);
  out.description = unless_empty(rule.description);
  if (!rule.group_id.empty()) {
    auto& referenced = out.referenced_group_info.emplace();
    referenced.group_id = rule.group_id;
    referenced.user_id = rule.group_owner;
  }
  out.tags = tags_to_wire(tags);
  return out;
}

aws::ec2::RevokedSecurityGroupRule to_wire_revoked(const SecurityGroup& group, const Rule& rule) {
  aws::ec2::RevokedSecurityGroupRule out;
  out.security_group_rule_id = rule.id;
  out.group_id = group.id;
  out.is_egress = rule.egress;
  out.ip_protocol = rule.protocol;
  out.from_port = rule.from_port;
  out.to_port = rule.to_port;
  out.cidr_ipv4 = unless_empty(rule.cidr4);
  out.cidr_ipv6 = unless_empty(rule.cidr6);
  out.referenced_group_id = unless_empty(rule.group_id);
  out.description = unless_empty(rule.description);
  return out;
}

wire::Seq<aws::ec2::IpPermission> permissions_of(const SecurityGroup& group, bool egress) {
  wire::Seq<aws::ec2::IpPermission> out;
  out.present = true;
  for (const auto& rule : group.rules) {
    if (rule.egress != egress) continue;
    auto& p = permission_for(rule, out);
    const auto description = unless_empty(rule.description);
    if (!rule.group_id.empty()) {
      auto& pair = p.user_id_group_pairs.add();
      pair.group_id = rule.group_id;
      pair.user_id = rule.group_owner;
      pair.description = description;
    } else if (!rule.cidr4.empty()) {
      p.ip_ranges.add({.description = description, .cidr_ip = rule.cidr4});
    } else {
      p.ipv6_ranges.add({.description = description, .cidr_ipv6 = rule.cidr6});
    }
  }
  return out;
}

std::shared_ptr<const SecurityGroup> group_by_name(const store::Tx& tx, const Scope& scope, std::string_view name) {
  const auto vpc = default_vpc_id(scope);
  if (auto group = tx.find<SecurityGroup>(group_name_alias(scope, vpc, name))) return group;
  throw Fault("InvalidGroup.NotFound",
              fmt::format("The security group '{}' does not exist in default VPC '{}'", name, vpc));
}

}  // namespace howdah::ec2
