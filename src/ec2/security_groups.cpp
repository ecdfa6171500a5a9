// Security groups themselves; rules.cpp has their rules.
#include <fmt/format.h>

#include "api/api.h"
#include "api/context.h"
#include "api/paginate.h"
#include "domain/instance.h"
#include "ec2/ec2.h"
#include "ec2/filter.h"
#include "ec2/rule_wire.h"
#include "util/id.h"

namespace howdah::ec2 {
namespace {

std::shared_ptr<const Vpc> vpc_for_group(const store::Tx& tx, const Scope& scope,
                                         const std::optional<std::string>& vpc_id) {
  if (vpc_id) {
    if (auto vpc = tx.get<Vpc>(scope.key(*vpc_id))) return vpc;
    throw Fault("InvalidVpcID.NotFound", fmt::format("The vpc ID '{}' does not exist", *vpc_id));
  }
  if (auto vpc = default_vpc(tx, scope)) return vpc;
  throw Fault("VPCIdNotSpecified", "No default VPC for this user. Name the VPC with VpcId.");
}

aws::ec2::CreateSecurityGroupResult create(Ec2& ec2, api::Context& ctx,
                                           const aws::ec2::CreateSecurityGroupRequest& in) {
  const auto scope = enter(ec2, ctx);
  check_group_name(in.group_name.value_or(""));
  check_group_description(in.description.value_or(""));
  const auto tags = tags_for(in.tag_specifications, "security-group");
  SecurityGroup group{.scope = scope, .id = id::ec2("sg"), .name = *in.group_name, .description = *in.description};
  group.rules.push_back({.id = id::ec2("sgr"), .egress = true, .protocol = "-1", .cidr4 = "0.0.0.0/0"});
  ec2.store.write([&](store::Tx& tx) {
    group.vpc_id = vpc_for_group(tx, scope, in.vpc_id)->id;
    if (tx.find<SecurityGroup>(group_name_alias(scope, group.vpc_id, group.name))) {
      throw Fault("InvalidGroup.Duplicate",
                  fmt::format("The security group '{}' already exists for VPC '{}'", group.name, group.vpc_id));
    }
    put_resource_tags(tx, scope, group.id, tags);
    tx.put(group);
    answer_dry_run(in.dry_run);
  });
  return {.group_id = group.id, .tags = tags_to_wire(tags), .security_group_arn = group.arn()};
}

/// Throws DependencyViolation while something is in the group or another group's rule speaks of it.
void check_unused(const store::Tx& tx, const SecurityGroup& group) {
  const auto violation = [&](const std::string& user) {
    throw Fault("DependencyViolation", fmt::format("resource {} has a dependent object: {}", group.id, user));
  };
  for (const auto& i : tx.all<Instance>(group.scope.prefix())) {
    if (std::ranges::find(i->security_groups, group.id) != i->security_groups.end()) {
      violation("the DB instance " + i->identifier + " is in it");
    }
  }
  for (const auto& other : tx.all<SecurityGroup>(group.scope.prefix())) {
    if (other->id == group.id) continue;
    for (const auto& rule : other->rules) {
      if (rule.group_id == group.id) violation(fmt::format("the rule {} of {} refers to it", rule.id, other->id));
    }
  }
}

aws::ec2::DeleteSecurityGroupResult remove(Ec2& ec2, api::Context& ctx,
                                           const aws::ec2::DeleteSecurityGroupRequest& in) {
  const auto scope = enter(ec2, ctx);
  return ec2.store.write([&](store::Tx& tx) {
    const auto group = target_group(tx, scope, in);
    if (group->is_default()) {
      throw Fault("CannotDelete",
                  fmt::format("the specified group: \"{}\" name: \"default\" cannot be deleted by a user", group->id));
    }
    check_unused(tx, *group);
    for (const auto& rule : group->rules) put_resource_tags(tx, scope, rule.id, {});
    put_resource_tags(tx, scope, group->id, {});
    tx.erase<SecurityGroup>(group->key());
    answer_dry_run(in.dry_run);
    return aws::ec2::DeleteSecurityGroupResult{.return_ = true, .group_id = group->id};
  });
}

using Values = std::vector<std::string>;

/// The values that one field of a direction's rules has, empty ones left out.
template <class Get>
auto of_rules(bool egress, Get get) {
  return [egress, get](const SecurityGroup& group) {
    Values out;
    for (const auto& rule : group.rules) {
      if (rule.egress != egress) continue;
      if (std::string value = get(rule); !value.empty()) out.push_back(std::move(value));
    }
    return out;
  };
}

std::string port_word(const Rule& rule, int port) { return rule.protocol == "-1" ? "" : std::to_string(port); }

Filters<SecurityGroup> group_filters(const wire::Seq<aws::ec2::Filter>& filters) {
  const auto one = [](auto get) { return [get](const SecurityGroup& g) { return Values{get(g)}; }; };
  const auto from = [](const Rule& r) { return port_word(r, r.from_port); };
  const auto to = [](const Rule& r) { return port_word(r, r.to_port); };
  const auto protocol = [](const Rule& r) { return r.protocol; };
  const auto cidr = [](const Rule& r) { return r.cidr4; };
  const auto cidr6 = [](const Rule& r) { return r.cidr6; };
  const auto source = [](const Rule& r) { return r.group_id; };
  const auto owner = [](const Rule& r) { return r.group_owner; };
  return {filters,
          {{"group-id", one([](const auto& g) { return g.id; })},
           {"group-name", one([](const auto& g) { return g.name; })},
           {"description", one([](const auto& g) { return g.description; })},
           {"vpc-id", one([](const auto& g) { return g.vpc_id; })},
           {"owner-id", one([](const auto& g) { return g.owner(); })},
           {"ip-permission.cidr", of_rules(false, cidr)},
           {"ip-permission.ipv6-cidr", of_rules(false, cidr6)},
           {"ip-permission.from-port", of_rules(false, from)},
           {"ip-permission.to-port", of_rules(false, to)},
           {"ip-permission.protocol", of_rules(false, protocol)},
           {"ip-permission.group-id", of_rules(false, source)},
           {"ip-permission.user-id", of_rules(false, owner)},
           {"egress.ip-permission.cidr", of_rules(true, cidr)},
           {"egress.ip-permission.ipv6-cidr", of_rules(true, cidr6)},
           {"egress.ip-permission.from-port", of_rules(true, from)},
           {"egress.ip-permission.to-port", of_rules(true, to)},
           {"egress.ip-permission.protocol", of_rules(true, protocol)},
           {"egress.ip-permission.group-id", of_rules(true, source)},
           {"egress.ip-permission.user-id", of_rules(true, owner)}}};
}

aws::ec2::SecurityGroup to_wire(const SecurityGroup& group, const Tags& tags) {
  aws::ec2::SecurityGroup out;
  out.group_id = group.id;
  out.group_name = group.name;
  out.description = group.description;
  out.vpc_id = group.vpc_id;
  out.owner_id = group.owner();
  out.security_group_arn = group.arn();
  out.ip_permissions = permissions_of(group, false);
  out.ip_permissions_egress = permissions_of(group, true);
  out.tags = tags_to_wire(tags);
  return out;
}

aws::ec2::DescribeSecurityGroupsResult describe(Ec2& ec2, api::Context& ctx,
                                                const aws::ec2::DescribeSecurityGroupsRequest& in) {
  const auto scope = enter(ec2, ctx);
  const auto filters = group_filters(in.filters);
  for (const auto& id : in.group_ids) require_group(ec2.store, scope, id);
  const auto vpc = default_vpc_id(scope);
  for (const auto& name : in.group_names) {
    if (ec2.store.find<SecurityGroup>(group_name_alias(scope, vpc, name))) continue;
    throw Fault("InvalidGroup.NotFound",
                fmt::format("The security group '{}' does not exist in default VPC '{}'", name, vpc));
  }
  answer_dry_run(in.dry_run);
  const Wanted ids(in.group_ids), names(in.group_names);
  const auto page = api::page_of<SecurityGroup>(
      ec2.store, scope.prefix(), api::ec2_page(in.next_token, in.max_results), [&](const SecurityGroup& g) {
        const bool named = in.group_names.empty() || (g.vpc_id == vpc && names.has(g.name));
        return ids.has(g.id) && named && filters.accept(g, resource_tags(ec2.store, scope, g.id));
      });
  aws::ec2::DescribeSecurityGroupsResult out;
  out.next_token = page.marker;
  out.security_groups.present = true;
  for (const auto& g : page.items) out.security_groups.add(to_wire(*g, resource_tags(ec2.store, scope, g->id)));
  return out;
}

}  // namespace

void register_security_groups(api::Api& api, Ec2& ec2) {
  const auto& service = aws::ec2::kService;
  api.on(service, "CreateSecurityGroup", ec2, create);
  api.on(service, "DeleteSecurityGroup", ec2, remove);
  api.on(service, "DescribeSecurityGroups", ec2, describe);
}

}  // namespace howdah::ec2
