#include "rds/account.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/context.h"
#include "api/paginate.h"
#include "domain/config.h"
#include "domain/parameter_group.h"
#include "domain/snapshot.h"
#include "domain/subnet_group.h"
#include "rds/engine_versions.h"
#include "rds/filters.h"
#include "rds/resource_name.h"
#include "util/fault.h"

namespace howdah::rds {
namespace {

/// Cost O(resources of the scope). What is not named here does not exist in this version: none of it is in use.
std::map<std::string, int64_t> used_quotas(const Rds& rds, const Scope& scope) {
  std::map<std::string, int64_t> out;
  for (const auto& i : rds.store.all<Instance>(scope.prefix())) {
    ++out["DBInstances"];
    out["AllocatedStorage"] += i->allocated_storage;
  }
  for (const auto& s : rds.store.all<Snapshot>(scope.prefix())) out["ManualSnapshots"] += s->automated ? 0 : 1;
  for (const auto& g : rds.store.all<SubnetGroup>(scope.prefix())) {
    ++out["DBSubnetGroups"];
    auto& most = out["SubnetsPerDBSubnetGroup"];
    most = std::max(most, static_cast<int64_t>(g->subnets.size()));
  }
  out["DBParameterGroups"] = static_cast<int64_t>(visible_groups(rds.store, scope).size());
  return out;
}

void check_resource(const Rds& rds, const Scope& scope, std::string_view arn) {
  const ResourceName r = parse_resource_name(scope, arn);
  const bool there = r.type == "db" && rds.store.get<Instance>(scope.key(r.name));
  if (!there) throw Fault("ResourceNotFoundFault", fmt::format("The specified resource ID was not found: {}", arn));
}

aws::rds::OptionGroup option_group(const Scope& scope, int major) {
  const std::string name = fmt::format("default:postgres-{}", major);
  aws::rds::OptionGroup out;
  out.option_group_name = name;
  out.option_group_description = fmt::format("Default option group for postgres {}", major);
  out.engine_name = "postgres";
  out.major_engine_version = std::to_string(major);
  out.options.present = true;
  out.allows_vpc_and_non_vpc_instance_memberships = true;
  out.option_group_arn = scope.arn("rds", "og:" + name);
  return out;
}

}  // namespace

aws::rds::AccountAttributesMessage describe_account_attributes(Rds& rds, api::Context& ctx,
                                                               const aws::rds::DescribeAccountAttributesMessage&) {
  const auto used = used_quotas(rds, ctx.scope());
  aws::rds::AccountAttributesMessage out;
  out.account_quotas.present = true;
  for (const auto& [name, limit] : rds.config.quotas) {
    const auto it = used.find(name);
    out.account_quotas.add({.account_quota_name = name, .used = it == used.end() ? 0 : it->second, .max = limit});
  }
  return out;
}

aws::rds::PendingMaintenanceActionsMessage describe_pending_maintenance_actions(
    Rds& rds, api::Context& ctx, const aws::rds::DescribePendingMaintenanceActionsMessage& in) {
  api::rds_page(in.marker, in.max_records);
  const Filters filters(in.filters, {"db-cluster-id", "db-instance-id"});
  if (in.resource_identifier) check_resource(rds, ctx.scope(), *in.resource_identifier);
  aws::rds::PendingMaintenanceActionsMessage out;
  out.pending_maintenance_actions.present = true;
  return out;
}

aws::rds::ApplyPendingMaintenanceActionResult apply_pending_maintenance_action(
    Rds& rds, api::Context& ctx, const aws::rds::ApplyPendingMaintenanceActionMessage& in) {
  check_resource(rds, ctx.scope(), *in.resource_identifier);
  throw Fault("InvalidParameterValue", fmt::format("There is no pending maintenance action {} for {}.",
                                                   *in.apply_action, *in.resource_identifier));
}

aws::rds::OptionGroups describe_option_groups(Rds& rds, api::Context& ctx,
                                              const aws::rds::DescribeOptionGroupsMessage& in) {
  const auto request = api::rds_page(in.marker, in.max_records);
  const Filters none(in.filters, {});
  if (in.option_group_name && (in.engine_name || in.major_engine_version)) {
    throw Fault("InvalidParameterCombination",
                "OptionGroupName can't be given together with EngineName or MajorEngineVersion.");
  }
  if (in.major_engine_version && !in.engine_name) {
    throw Fault("InvalidParameterCombination", "MajorEngineVersion can be given only together with EngineName.");
  }
  const bool served = !in.engine_name || serves_engine(*in.engine_name);
  auto majors = installed_majors(rds.engines);
  std::erase_if(majors, [&](int major) {
    return !served || (in.major_engine_version && *in.major_engine_version != std::to_string(major)) ||
           (in.option_group_name && *in.option_group_name != fmt::format("default:postgres-{}", major));
  });
  if (in.option_group_name && majors.empty()) {
    throw Fault("OptionGroupNotFoundFault",
                fmt::format("Specified OptionGroupName: {} not found.", *in.option_group_name));
  }
  auto page = api::page_of(std::move(majors), request, [](int major) { return fmt::format("{:05}", major); });
  aws::rds::OptionGroups out;
  out.option_groups_list.present = true;
  for (const int major : page.items) out.option_groups_list.add(option_group(ctx.scope(), major));
  out.marker = page.marker;
  return out;
}

aws::rds::OptionGroupOptionsMessage describe_option_group_options(
    Rds&, api::Context&, const aws::rds::DescribeOptionGroupOptionsMessage& in) {
  api::rds_page(in.marker, in.max_records);
  serves_engine(*in.engine_name);
  aws::rds::OptionGroupOptionsMessage out;
  out.option_group_options.present = true;
  return out;
}

}  // namespace howdah::rds
