// DescribeDBInstances: cost O(page) whatever the number of instances; by identifier or resource id O(log n).
#include <fmt/format.h>

#include <set>

#include "api/context.h"
#include "api/holds.h"
#include "api/paginate.h"
#include "aws/rds.h"
#include "rds/filters.h"
#include "rds/instances.h"
#include "rds/to_wire.h"

namespace howdah::rds {
namespace {

using Values = Filters::Values;

bool match(const Filters& wanted, const Instance& i) {
  return (wanted.admit("db-instance-id", i.identifier) || wanted.admit("db-instance-id", i.arn())) &&
         wanted.admit("dbi-resource-id", i.resource_id) && wanted.admit("engine", i.engine) &&
         wanted.admit("db-cluster-id", "") && wanted.admit("domain", "");  // no instance has one
}

/// The few instances that a filter names by key, so that Terraform's refresh does not walk the fleet; null = walk.
std::optional<std::vector<std::shared_ptr<const Instance>>> by_key(const Rds& rds, const Scope& scope,
                                                                   const Filters& wanted) {
  const Values* ids = wanted.values("dbi-resource-id");
  if (!ids) return std::nullopt;
  std::map<std::string, std::shared_ptr<const Instance>> found;
  for (const auto& id : *ids) {
    const auto i = rds.store.find<Instance>(Instance::by_id(id));
    if (i && i->scope == scope && match(wanted, *i)) found.emplace(i->identifier, i);
  }
  std::vector<std::shared_ptr<const Instance>> out;
  for (auto& [name, i] : found) out.push_back(std::move(i));
  return out;
}

/// The instance of that name as it is now. Waiters ask for one instance every 10 or 30 s. While it is on its way their
/// answer is held, at most 20 s, until it rests again: `aws rds wait` returns when the thing has happened, also after
/// several statuses on the way. Lists are always answered at once.
Seen see_at_rest(const Rds& rds, api::Context& ctx, const std::string& name) {
  static const Values kAtRest = {"available",   "stopped", "failed", "incompatible-parameters", "incompatible-restore",
                                 "storage-full"};
  const auto look = [&] { return see(rds, instance_named(rds.store, ctx.scope(), name)); };
  const auto rests = [&] {
    try {
      return kAtRest.contains(look().status);
    } catch (const Fault&) {  // it was deleted
      return true;
    }
  };
  Seen seen = look();
  if (kAtRest.contains(seen.status)) return seen;
  ctx.holds.wait(std::chrono::seconds(20), rests);
  return look();
}

}  // namespace

aws::rds::DBInstanceMessage describe_db_instances(Rds& rds, api::Context& ctx,
                                                  const aws::rds::DescribeDBInstancesMessage& in) {
  const Scope scope = ctx.scope();
  const auto request = api::rds_page(in.marker, in.max_records);
  const Filters wanted(in.filters, {"db-cluster-id", "db-instance-id", "dbi-resource-id", "domain", "engine"});
  aws::rds::DBInstanceMessage out;
  out.db_instances.present = true;
  InstanceWriter writer(rds);
  const auto add = [&](const Seen& seen) {
    out.db_instances.add_made([&] { return writer(*seen.instance, seen.status); });
  };

  if (in.db_instance_identifier && !in.db_instance_identifier->empty()) {
    const Seen seen = see_at_rest(rds, ctx, *in.db_instance_identifier);
    if (match(wanted, *seen.instance)) add(seen);
    return out;
  }
  if (const auto few = by_key(rds, scope, wanted)) {
    for (const auto& i : *few) add(see(rds, i));
    return out;
  }
  const auto page =
      api::page_of<Instance>(rds.store, scope.prefix(), request, [&](const Instance& i) { return match(wanted, i); });
  for (const auto& i : page.items) add(see(rds, i));
  out.marker = page.marker;
  return out;
}

}  // namespace howdah::rds
