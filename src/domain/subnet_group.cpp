#include "domain/subnet_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "domain/json.h"
#include "util/text.h"

namespace howdah {

template <class V, class T>
requires std::same_as<std::remove_const_t<T>, SubnetGroup::Member>
void fields(V& v, T& x) {
  v("subnet", x.subnet_id);
  v("zone", x.zone);
}

namespace {

template <class V, class T>
void group_fields(V& v, T& x) {
  v("scope", x.scope);
  v("name", x.name);
  v("description", x.description);
  v("vpc", x.vpc_id);
  v("subnets", x.subnets);
  v("tags", x.tags);
}

}  // namespace

std::vector<std::string> SubnetGroup::zones() const {
  std::set<std::string> out;
  for (const auto& s : subnets) out.insert(s.zone);
  return {out.begin(), out.end()};
}

std::string SubnetGroup::encode() const {
  return json::write([&](auto& v) { group_fields(v, *this); });
}
SubnetGroup SubnetGroup::decode(std::string_view text) {
  SubnetGroup x;
  json::read(text, [&](auto& v) { group_fields(v, x); });
  return x;
}

std::string subnet_group_name(std::string_view sent) { return lower_case(sent); }

std::optional<SubnetGroup> default_subnet_group(const store::Store& store, const Scope& scope) {
  const auto vpc = default_vpc(store, scope);
  if (!vpc) return {};
  SubnetGroup group{.scope = scope, .name = "default", .description = "default", .vpc_id = vpc->id};
  for (const auto& s : store.all<Subnet>(scope.prefix())) {
    if (s->vpc_id == vpc->id && s->default_for_az) group.subnets.push_back({s->id, s->zone});
  }
  if (group.subnets.empty()) return {};
  return group;
}

SubnetGroup resolve_subnet_group(store::Store& store, const Scope& scope, const NetworkConfig& config,
                                 const std::optional<std::string>& name) {
  ensure_default_network(store, scope, config);
  const auto wanted = subnet_group_name(name.value_or("default"));
  if (const auto record = store.get<SubnetGroup>(scope.key(wanted))) return *record;
  if (wanted == "default") {
    if (auto group = default_subnet_group(store, scope)) return *group;
    if (!name) {
      throw Fault("InvalidSubnet",
                  "No default subnet detected in VPC. Name a DB subnet group, or create a VPC with "
                  "subnets and a DB subnet group in it.");
    }
  }
  throw Fault("DBSubnetGroupNotFoundFault", fmt::format("DBSubnetGroup {} not found.", wanted));
}

}  // namespace howdah
