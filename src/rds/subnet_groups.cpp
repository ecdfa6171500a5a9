// DB subnet groups: in which subnets of one VPC an instance may be placed. The group `default` has no record: it is
// every default subnet of the default VPC, and can be neither changed nor deleted.
#include "rds/subnet_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/api.h"
#include "api/context.h"
#include "api/paginate.h"
#include "domain/config.h"
#include "domain/subnet_group.h"
#include "rds/to_wire.h"

namespace howdah::rds {
namespace {

constexpr std::string_view kDefault = "default";

[[noreturn]] void not_found(std::string_view name) {
  throw Fault("DBSubnetGroupNotFoundFault", fmt::format("DBSubnetGroup {} not found.", name));
}

NetworkConfig network_of(const Rds& rds) { return {rds.config.az_suffixes}; }

std::string checked_name(std::string_view sent) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto allowed = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == ' ' || c == '-';
  };
  if (sent.empty() || sent.size() > 255 || !letter(sent[0]) || !std::ranges::all_of(sent, allowed)) {
    throw Fault(
        "InvalidParameterValue",
        fmt::format("The parameter DBSubnetGroupName is not a valid name: '{}'. It must begin with a letter and "
                    "have at most 255 letters, digits, periods, underscores, spaces or hyphens.",
                    sent));
  }
  auto name = subnet_group_name(sent);
  if (name == kDefault) {
    throw Fault("InvalidParameterValue", "The parameter DBSubnetGroupName must not be 'default'.");
  }
  return name;
}

int64_t quota(const Rds& rds, const char* name) { return rds.config.quotas.at(name); }

/// Fills `subnets` and `vpc_id` from the ids that were sent. Throws AWS's fault for what doesn't make a group.
void set_subnets(const Rds& rds, const store::Tx& tx, const wire::Seq<std::string>& ids, SubnetGroup& group) {
  group.subnets.clear();
  group.vpc_id.clear();
  const std::set<std::string> unique(ids.begin(), ids.end());
  std::vector<std::string> unknown;
  for (const auto& id : unique) {
    const auto subnet = tx.get<Subnet>(group.scope.key(id));
    if (!subnet) {
      unknown.push_back(id);
      continue;
    }
    if (!group.vpc_id.empty() && group.vpc_id != subnet->vpc_id) {
      throw Fault("InvalidSubnet", fmt::format("The subnets are not all in one VPC: {} is in {}, {} is in {}.",
                                               group.subnets.back().subnet_id, group.vpc_id, id, subnet->vpc_id));
    }
    group.vpc_id = subnet->vpc_id;
    group.subnets.push_back({id, subnet->zone});
  }
  if (!unknown.empty()) {
    throw Fault("InvalidSubnet", fmt::format("Some input subnets in :[{}] are invalid.", fmt::join(unknown, ", ")));
  }
  const auto covered = group.zones();
  if (std::cmp_less(covered.size(), rds.config.subnet_group_min_azs)) {
    throw Fault("DBSubnetGroupDoesNotCoverEnoughAZs",
                fmt::format("The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ "
                            "coverage: {}. Add subnets to cover at least {} AZs.",
                            covered.empty() ? "none" : fmt::format("{}", fmt::join(covered, ", ")),
                            rds.config.subnet_group_min_azs));
  }
  if (std::cmp_greater(group.subnets.size(), quota(rds, "SubnetsPerDBSubnetGroup"))) {
    throw Fault("DBSubnetQuotaExceededFault",
                fmt::format("A DB subnet group can have at most {} subnets.", quota(rds, "SubnetsPerDBSubnetGroup")));
  }
}

std::vector<std::shared_ptr<const Instance>> instances_in(const store::Tx& tx, const SubnetGroup& group) {
  auto all = tx.all<Instance>(group.scope.prefix());
  std::erase_if(all, [&](const auto& i) { return i->subnet_group != group.name; });
  return all;
}

/// An instance keeps its VPC and its zone, so the group must keep them too.
void check_still_covers(const store::Tx& tx, const SubnetGroup& before, const SubnetGroup& after) {
  const auto zones = after.zones();
  for (const auto& i : instances_in(tx, before)) {
    if (after.vpc_id == before.vpc_id && std::ranges::binary_search(zones, i->availability_zone)) continue;
    throw Fault("SubnetAlreadyInUse",
                fmt::format("The DB instance {} uses the DB subnet group {} in {} of {}. Keep a subnet there.",
                            i->identifier, before.name, i->availability_zone, before.vpc_id));
  }
}

std::vector<bool> active_subnets(const store::Store& store, const SubnetGroup& group) {
  std::vector<bool> out;
  for (const auto& member : group.subnets) {
    out.push_back(store.get<Subnet>(group.scope.key(member.subnet_id)) != nullptr);
  }
  return out;
}

void write(const SubnetGroup& group, const std::vector<bool>& active, aws::rds::DBSubnetGroup& out) {
  out.db_subnet_group_name = group.name;
  out.db_subnet_group_description = group.description;
  out.vpc_id = group.vpc_id;
  out.subnet_group_status = "Complete";
  out.db_subnet_group_arn = group.arn();
  out.supported_network_types = {"IPV4"};
  out.subnets.present = true;
  for (size_t n = 0; n < group.subnets.size(); n++) {
    auto& subnet = out.subnets.add();
    subnet.subnet_identifier = group.subnets[n].subnet_id;
    subnet.subnet_availability_zone.emplace().name = group.subnets[n].zone;
    subnet.subnet_outpost.emplace();
    subnet.subnet_status = active[n] ? "Active" : "Inactive";
  }
}

wire::Ref<aws::rds::DBSubnetGroup> to_wire(const store::Store& store, const SubnetGroup& group) {
  wire::Ref<aws::rds::DBSubnetGroup> out;
  write(group, active_subnets(store, group), out.emplace());
  return out;
}

aws::rds::CreateDBSubnetGroupResult create(Rds& rds, api::Context& ctx,
                                           const aws::rds::CreateDBSubnetGroupMessage& in) {
  SubnetGroup group{.scope = ctx.scope(), .name = checked_name(in.db_subnet_group_name.value_or(""))};
  group.description = in.db_subnet_group_description.value_or("");
  if (group.description.empty()) {
    throw Fault("InvalidParameterValue",
                "The parameter DBSubnetGroupDescription must be provided and must not be blank.");
  }
  group.tags = tags_from_wire(in.tags);
  ensure_default_network(rds.store, group.scope, network_of(rds));
  rds.store.write([&](store::Tx& tx) {
    if (tx.get<SubnetGroup>(group.key())) {
      throw Fault("DBSubnetGroupAlreadyExists", fmt::format("The DB subnet group '{}' already exists.", group.name));
    }
    if (std::cmp_greater_equal(tx.all<SubnetGroup>(group.scope.prefix()).size(), quota(rds, "DBSubnetGroups"))) {
      throw Fault("DBSubnetGroupQuotaExceeded",
                  fmt::format("The quota of {} DB subnet groups is used up.", quota(rds, "DBSubnetGroups")));
    }
    set_subnets(rds, tx, in.subnet_ids, group);
    tx.put(group);
  });
  aws::rds::CreateDBSubnetGroupResult out;
  out.db_subnet_group = to_wire(rds.store, group);
  return out;
}

aws::rds::ModifyDBSubnetGroupResult modify(Rds& rds, api::Context& ctx,
                                           const aws::rds::ModifyDBSubnetGroupMessage& in) {
  const auto scope = ctx.scope();
  const auto name = checked_name(in.db_subnet_group_name.value_or(""));
  const auto changed = rds.store.write([&](store::Tx& tx) {
    const auto before = tx.get<SubnetGroup>(scope.key(name));
    if (!before) not_found(name);
    SubnetGroup after = *before;
    if (in.db_subnet_group_description) after.description = *in.db_subnet_group_description;
    set_subnets(rds, tx, in.subnet_ids, after);
    check_still_covers(tx, *before, after);
    tx.put(after);
    return after;
  });
  aws::rds::ModifyDBSubnetGroupResult out;
  out.db_subnet_group = to_wire(rds.store, changed);
  return out;
}

wire::Empty remove(Rds& rds, api::Context& ctx, const aws::rds::DeleteDBSubnetGroupMessage& in) {
  const auto scope = ctx.scope();
  const auto name = subnet_group_name(in.db_subnet_group_name.value_or(""));
  if (name == kDefault) {
    throw Fault("InvalidDBSubnetGroupStateFault", "The DB subnet group 'default' can't be deleted.");
  }
  rds.store.write([&](store::Tx& tx) {
    const auto group = tx.get<SubnetGroup>(scope.key(name));
    if (!group) not_found(name);
    if (const auto users = instances_in(tx, *group); !users.empty()) {
      throw Fault("InvalidDBSubnetGroupStateFault",
                  fmt::format("Cannot delete the subnet group '{}' because at least one database instance: {} is still "
                              "using it.",
                              name, users[0]->identifier));
    }
    tx.erase<SubnetGroup>(group->key());
  });
  return {};
}

/// The implicit group and the records, in the order of their names.
std::vector<SubnetGroup> every_group(const Rds& rds, const Scope& scope) {
  std::vector<SubnetGroup> out;
  if (auto group = default_subnet_group(rds.store, scope)) out.push_back(std::move(*group));
  for (const auto& record : rds.store.all<SubnetGroup>(scope.prefix())) out.push_back(*record);
  std::ranges::sort(out, {}, &SubnetGroup::name);
  return out;
}

aws::rds::DBSubnetGroupMessage describe(Rds& rds, api::Context& ctx,
                                        const aws::rds::DescribeDBSubnetGroupsMessage& in) {
  const auto scope = ctx.scope();
  if (!in.filters.empty()) {
    throw Fault("InvalidParameterValue",
                fmt::format("Unrecognized filter name: {}. DescribeDBSubnetGroups has no filters.",
                            in.filters.front().name.value_or("")));
  }
  ensure_default_network(rds.store, scope, network_of(rds));
  auto groups = every_group(rds, scope);
  if (in.db_subnet_group_name) {
    const auto name = subnet_group_name(*in.db_subnet_group_name);
    std::erase_if(groups, [&](const auto& g) { return g.name != name; });
    if (groups.empty()) not_found(name);
  }
  auto page = api::page_of(std::move(groups), api::rds_page(in.marker, in.max_records),
                           [](const SubnetGroup& g) { return g.name; });
  aws::rds::DBSubnetGroupMessage out;
  out.marker = page.marker;
  out.db_subnet_groups.present = true;
  for (const auto& group : page.items) write(group, active_subnets(rds.store, group), out.db_subnet_groups.add());
  return out;
}

}  // namespace

std::optional<SubnetGroupsOfAnswer::Known> SubnetGroupsOfAnswer::look_up(const Scope& scope,
                                                                         const std::string& name) const {
  std::optional<SubnetGroup> group;
  if (const auto record = store_.get<SubnetGroup>(scope.key(name))) {
    group = *record;
  } else if (name == kDefault) {
    group = default_subnet_group(store_, scope);
  }
  if (!group) return {};
  auto active = active_subnets(store_, *group);
  return Known{std::move(*group), std::move(active)};
}

wire::Ref<aws::rds::DBSubnetGroup> SubnetGroupsOfAnswer::to_wire(const Scope& scope, const std::string& name) {
  std::string key = scope.key(name);
  auto known = known_.find(key);
  if (known == known_.end()) known = known_.emplace(std::move(key), look_up(scope, name)).first;
  wire::Ref<aws::rds::DBSubnetGroup> out;
  if (known->second) write(known->second->group, known->second->active, out.emplace());
  return out;
}

void register_subnet_groups(api::Api& api, Rds& rds) {
  const auto& service = aws::rds::kService;
  api.on(service, "CreateDBSubnetGroup", rds, create);
  api.on(service, "ModifyDBSubnetGroup", rds, modify);
  api.on(service, "DeleteDBSubnetGroup", rds, remove);
  api.on(service, "DescribeDBSubnetGroups", rds, describe);
}

}  // namespace howdah::rds
