// Rules of security groups. Every change is all or nothing, and is in force for new connections as soon as the answer
// is out plus the moment that the servers need to reread their pg_hba.conf.
#include "ec2/rule_wire.h"

#include <fmt/format.h>

#include <set>

#include "api/api.h"
#include "api/context.h"
#include "api/paginate.h"
#include "ec2/filter.h"
#include "util/id.h"

namespace howdah::ec2 {
namespace {

void check_rule_id(std::string_view id) {
  const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (id.starts_with("sgr-") && id.size() == 21 && std::ranges::all_of(id.substr(4), hex)) return;
  throw Fault("InvalidSecurityGroupRuleId.Malformed", fmt::format("The security group rule ID '{}' is malformed", id));
}

std::vector<std::string> checked_rule_ids(const wire::Seq<std::string>& ids) {
  for (const auto& id : ids) check_rule_id(id);
  const std::set<std::string> unique(ids.begin(), ids.end());
  return {unique.begin(), unique.end()};
}

/// The permission that the request's older flat parameters describe, if there are any.
template <class In>
wire::Seq<aws::ec2::IpPermission> flat_permission(const In& in) {
  wire::Seq<aws::ec2::IpPermission> out;
  if (!in.ip_protocol && !in.from_port && !in.to_port && !in.cidr_ip && !in.source_security_group_name &&
      !in.source_security_group_owner_id) {
    return out;
  }
  if (in.cidr_ip && in.source_security_group_name) {
    throw Fault("InvalidParameterCombination",
                "The parameter cidrIp can't be used with the parameter sourceSecurityGroupName.");
  }
  auto& p = out.add();
  p.ip_protocol = in.ip_protocol;
  p.from_port = in.from_port;
  p.to_port = in.to_port;
  if (in.cidr_ip) p.ip_ranges.add().cidr_ip = in.cidr_ip;
  if (in.source_security_group_name) {
    auto& pair = p.user_id_group_pairs.add();
    pair.group_name = in.source_security_group_name;
    pair.user_id = in.source_security_group_owner_id;
    if (!p.ip_protocol) p.ip_protocol = "-1";
  }
  return out;
}

template <class In>
std::vector<Rule> asked_rules(const store::Tx& tx, const SecurityGroup& group, bool egress, const In& in) {
  const auto flat = flat_permission(in);
  if (!flat.empty() && !in.ip_permissions.empty()) {
    throw Fault("InvalidParameterCombination",
                "The parameter ipPermissions can't be used with the parameters ipProtocol, "
                "fromPort, toPort, cidrIp, sourceSecurityGroupName and sourceSecurityGroupOwnerId.");
  }
  auto rules = rules_of(tx, group, egress, flat.empty() ? in.ip_permissions : flat);
  if (rules.empty()) missing("ipPermissions");
  return rules;
}

template <class Out, bool egress, class In>
Out authorize(Ec2& ec2, api::Context& ctx, const In& in) {
  const auto scope = enter(ec2, ctx);
  const auto tags = tags_for(in.tag_specifications, "security-group-rule");
  return ec2.store.write([&](store::Tx& tx) {
    SecurityGroup group = *target_group(tx, scope, in);
    auto rules = asked_rules(tx, group, egress, in);
    Out out;
    for (auto& rule : rules) {
      rule.id = id::ec2("sgr");
      put_resource_tags(tx, scope, rule.id, tags);
      out.security_group_rules.add(to_wire(group, rule, tags));
    }
    add_rules(group, rules);
    tx.put(std::move(group));
    answer_dry_run(in.dry_run);
    out.return_ = true;
    return out;
  });
}

template <class Out, bool egress, class In>
Out revoke(Ec2& ec2, api::Context& ctx, const In& in) {
  const auto scope = enter(ec2, ctx);
  const auto ids = checked_rule_ids(in.security_group_rule_ids);
  if (!ids.empty() && !in.ip_permissions.empty()) {
    throw Fault("InvalidParameterCombination",
                "The parameter securityGroupRuleIds can't be used with the parameter ipPermissions.");
  }
  return ec2.store.write([&](store::Tx& tx) {
    SecurityGroup group = *target_group(tx, scope, in);
    const auto removed =
        ids.empty() ? remove_rules(group, asked_rules(tx, group, egress, in)) : remove_rules(group, egress, ids);
    Out out;
    for (const auto& rule : removed) {
      put_resource_tags(tx, scope, rule.id, {});
      out.revoked_security_group_rules.add(to_wire_revoked(group, rule));
    }
    tx.put(std::move(group));
    answer_dry_run(in.dry_run);
    out.return_ = true;
    out.unknown_ip_permissions.present = true;
    return out;
  });
}

aws::ec2::ModifySecurityGroupRulesResult modify(Ec2& ec2, api::Context& ctx,
                                                const aws::ec2::ModifySecurityGroupRulesRequest& in) {
  const auto scope = enter(ec2, ctx);
  return ec2.store.write([&](store::Tx& tx) {
    if (!in.group_id) missing("groupId");
    if (in.security_group_rules.empty()) missing("SecurityGroupRule");
    SecurityGroup group = *require_group(tx, scope, *in.group_id);
    std::vector<Rule> changed;
    for (const auto& update : in.security_group_rules) {
      const auto id = update.security_group_rule_id.value_or("");
      check_rule_id(id);
      if (std::ranges::find(changed, id, &Rule::id) != changed.end()) {
        throw Fault("InvalidParameterValue", fmt::format("The security group rule ID '{}' is given twice", id));
      }
      if (!update.security_group_rule) missing("SecurityGroupRule");
      changed.push_back(rule_of(tx, group, *update.security_group_rule));
      changed.back().id = id;
    }
    replace_rules(group, changed);
    tx.put(std::move(group));
    answer_dry_run(in.dry_run);
    return aws::ec2::ModifySecurityGroupRulesResult{.return_ = true};
  });
}

Rule& rule_to_describe(SecurityGroup& group, bool egress, const std::string& id) {
  check_rule_id(id);
  for (auto& rule : group.rules) {
    if (rule.id == id && rule.egress == egress) return rule;
  }
  throw Fault("InvalidSecurityGroupRuleId.NotFound", fmt::format("The security group rule ID '{}' does not exist", id));
}

Rule& rule_to_describe(SecurityGroup& group, const Rule& like) {
  for (auto& rule : group.rules) {
    if (rule.same_permission(like)) return rule;
  }
  throw Fault("InvalidPermission.NotFound", "The specified rule does not exist in this security group.");
}

template <class Out, bool egress, class In>
Out update_descriptions(Ec2& ec2, api::Context& ctx, const In& in) {
  const auto scope = enter(ec2, ctx);
  return ec2.store.write([&](store::Tx& tx) {
    SecurityGroup group = *target_group(tx, scope, in);
    if (in.ip_permissions.empty() && in.security_group_rule_descriptions.empty()) missing("ipPermissions");
    for (const auto& like : rules_of(tx, group, egress, in.ip_permissions)) {
      rule_to_describe(group, like).description = like.description;
    }
    for (const auto& d : in.security_group_rule_descriptions) {
      Rule& rule = rule_to_describe(group, egress, d.security_group_rule_id.value_or(""));
      rule.description = d.description.value_or("");
      rule = normalized(rule);
    }
    tx.put(std::move(group));
    answer_dry_run(in.dry_run);
    return Out{.return_ = true};
  });
}

/// A rule together with the group that it is in; the group is shared with the store.
struct Placed {
  std::shared_ptr<const SecurityGroup> group;
  const Rule* rule;
};

std::vector<Placed> every_rule(const store::Store& store, const Scope& scope, const Wanted& wanted) {
  std::vector<Placed> out;
  if (wanted.ids().empty()) {
    for (const auto& group : store.all<SecurityGroup>(scope.prefix())) {
      for (const auto& rule : group->rules) out.push_back({group, &rule});
    }
  }
  for (const auto& id : wanted.ids()) {
    check_rule_id(id);
    const auto group = store.find<SecurityGroup>(group_rule_alias(scope, id));
    if (!group) {
      throw Fault("InvalidSecurityGroupRuleId.NotFound",
                  fmt::format("The security group rule ID '{}' does not exist", id));
    }
    out.push_back({group, group->rule(id)});
  }
  std::ranges::sort(out, {}, [](const Placed& p) { return p.rule->id; });
  return out;
}

aws::ec2::DescribeSecurityGroupRulesResult describe(Ec2& ec2, api::Context& ctx,
                                                    const aws::ec2::DescribeSecurityGroupRulesRequest& in) {
  const auto scope = enter(ec2, ctx);
  const Filters<Placed> filters(
      in.filters,
      {{"group-id", [](const Placed& p) -> std::vector<std::string> { return {p.group->id}; }},
       {"security-group-rule-id", [](const Placed& p) -> std::vector<std::string> { return {p.rule->id}; }}});
  answer_dry_run(in.dry_run);
  auto rules = every_rule(ec2.store, scope, Wanted(in.security_group_rule_ids));
  std::erase_if(rules,
                [&](const Placed& p) { return !filters.accept(p, resource_tags(ec2.store, scope, p.rule->id)); });
  const auto page = api::page_of(std::move(rules), api::ec2_page(in.next_token, in.max_results),
                                 [](const Placed& p) { return p.rule->id; });
  aws::ec2::DescribeSecurityGroupRulesResult out;
  out.next_token = page.marker;
  out.security_group_rules.present = true;
  for (const auto& p : page.items) {
    out.security_group_rules.add(to_wire(*p.group, *p.rule, resource_tags(ec2.store, scope, p.rule->id)));
  }
  return out;
}

}  // namespace

template <class Out, class In>
using Handler = Out (*)(Ec2&, api::Context&, const In&);

void register_rules(api::Api& api, Ec2& ec2) {
  const auto on = [&]<class Out, class In>(const char* operation, Handler<Out, In> handler) {
    api.on(aws::ec2::kService, operation, ec2, handler);
  };
  on("AuthorizeSecurityGroupIngress",
     authorize<aws::ec2::AuthorizeSecurityGroupIngressResult, false, aws::ec2::AuthorizeSecurityGroupIngressRequest>);
  on("AuthorizeSecurityGroupEgress",
     authorize<aws::ec2::AuthorizeSecurityGroupEgressResult, true, aws::ec2::AuthorizeSecurityGroupEgressRequest>);
  on("RevokeSecurityGroupIngress",
     revoke<aws::ec2::RevokeSecurityGroupIngressResult, false, aws::ec2::RevokeSecurityGroupIngressRequest>);
  on("RevokeSecurityGroupEgress",
     revoke<aws::ec2::RevokeSecurityGroupEgressResult, true, aws::ec2::RevokeSecurityGroupEgressRequest>);
  on("UpdateSecurityGroupRuleDescriptionsIngress",
     update_descriptions<aws::ec2::UpdateSecurityGroupRuleDescriptionsIngressResult, false,
                         aws::ec2::UpdateSecurityGroupRuleDescriptionsIngressRequest>);
  on("UpdateSecurityGroupRuleDescriptionsEgress",
     update_descriptions<aws::ec2::UpdateSecurityGroupRuleDescriptionsEgressResult, true,
                         aws::ec2::UpdateSecurityGroupRuleDescriptionsEgressRequest>);
  on("ModifySecurityGroupRules", modify);
  on("DescribeSecurityGroupRules", describe);
}

}  // namespace howdah::ec2
