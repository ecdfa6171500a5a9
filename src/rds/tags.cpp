#include "rds/tags.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/context.h"
#include "domain/config.h"
#include "domain/parameter_group.h"
#include "domain/snapshot.h"
#include "domain/subnet_group.h"
#include "rds/engine_versions.h"
#include "rds/filters.h"
#include "rds/resource_name.h"
#include "rds/to_wire.h"

namespace howdah::rds {
namespace {

[[noreturn]] void invalid(const std::string& message) { throw Fault("InvalidParameterValue", message); }

struct Missing {
  const char* type;
  const char* code;
  const char* what;
};
/// Resource types of AWS, and what it says when there is no such resource. Types without a record here have none.
constexpr Missing kMissing[] = {
    {"db", "DBInstanceNotFound", "DBInstance"},
    {"subgrp", "DBSubnetGroupNotFoundFault", "DBSubnetGroup"},
    {"pg", "DBParameterGroupNotFound", "DBParameterGroup"},
    {"snapshot", "DBSnapshotNotFound", "DBSnapshot"},
    {"cluster", "DBClusterNotFoundFault", "DBCluster"},
    {"cluster-snapshot", "DBClusterSnapshotNotFoundFault", "DBClusterSnapshot"},
    {"cluster-pg", "DBParameterGroupNotFound", "DBClusterParameterGroup"},
    {"cluster-endpoint", "DBClusterEndpointNotFoundFault", "DBClusterEndpoint"},
    {"og", "OptionGroupNotFoundFault", "OptionGroup"},
    {"es", "SubscriptionNotFound", "EventSubscription"},
    {"ri", "ReservedDBInstanceNotFound", "ReservedDBInstance"},
    {"secgrp", "DBSecurityGroupNotFound", "DBSecurityGroup"},
    {"db-proxy", "DBProxyNotFoundFault", "DBProxy"},
    {"deployment", "BlueGreenDeploymentNotFoundFault", "BlueGreenDeployment"},
    {"auto-backup", "DBInstanceAutomatedBackupNotFound", "DBInstanceAutomatedBackup"},
};

[[noreturn]] void not_found(const ResourceName& r) {
  for (const auto& m : kMissing) {
    if (r.type == m.type) throw Fault(m.code, fmt::format("{} {} not found.", m.what, r.name));
  }
  invalid(fmt::format("Invalid resource type: {}", r.type));
}

/// Calls `f(record)` with the resource's record, read by `reader`. Throws its NotFound code when there is none.
template <class Reader, class F>
auto with_record(const Reader& reader, const Scope& scope, const ResourceName& r, F&& f) {
  const std::string key = scope.key(r.name);
  if (r.type == "db") {
    if (const auto found = reader.template get<Instance>(key)) return f(*found);
  } else if (r.type == "subgrp") {
    if (const auto found = reader.template get<SubnetGroup>(key)) return f(*found);
  } else if (r.type == "snapshot") {
    if (const auto found = reader.template get<Snapshot>(key)) return f(*found);
  } else if (r.type == "pg" && !r.name.starts_with(ParameterGroup::kRetired)) {
    if (const auto found = reader.template get<ParameterGroup>(key)) return f(*found);
  }
  not_found(r);
}

/// Groups that exist without a record, for as long as nobody changes them: they carry no tags.
bool is_implicit(const Rds& rds, const Scope& scope, const ResourceName& r) {
  if (r.type == "subgrp" && r.name == "default") {
    return !rds.store.get<SubnetGroup>(scope.key(r.name)) && default_subnet_group(rds.store, scope).has_value();
  }
  const auto majors = installed_majors(rds.engines);
  return std::any_of(majors.begin(), majors.end(), [&](int major) {
    return (r.type == "pg" && r.name == fmt::format("default.postgres{}", major)) ||
           (r.type == "og" && r.name == fmt::format("default:postgres-{}", major));
  });
}

/// Changes the tags of a resource in one transaction. `change` gets the old ones and returns the new ones.
template <class F>
void change_tags(Rds& rds, const Scope& scope, const std::string& arn, F&& change) {
  const ResourceName r = parse_resource_name(scope, arn);
  if (is_implicit(rds, scope, r)) {
    invalid(fmt::format("{} exists by default and can't be tagged. Create a group of your own and tag that.", r.name));
  }
  rds.store.write([&](store::Tx& tx) {
    with_record(tx, scope, r, [&](const auto& record) {
      auto changed = record;
      changed.tags = change(record.tags);
      tx.put(std::move(changed));
    });
  });
}

}  // namespace

wire::Empty add_tags_to_resource(Rds& rds, api::Context& ctx, const aws::rds::AddTagsToResourceMessage& in) {
  const Tags added = tags_from_wire(in.tags);
  change_tags(rds, ctx.scope(), *in.resource_name, [&](Tags tags) {
    for (const auto& [key, value] : added) tags[key] = value;
    check_tags(tags);
    return tags;
  });
  return {};
}

wire::Empty remove_tags_from_resource(Rds& rds, api::Context& ctx, const aws::rds::RemoveTagsFromResourceMessage& in) {
  change_tags(rds, ctx.scope(), *in.resource_name, [&](Tags tags) {
    for (const std::string& key : in.tag_keys) tags.erase(key);
    return tags;
  });
  return {};
}

aws::rds::TagListMessage list_tags_for_resource(Rds& rds, api::Context& ctx,
                                                const aws::rds::ListTagsForResourceMessage& in) {
  const Filters none(in.filters, {});
  const Scope scope = ctx.scope();
  const ResourceName r = parse_resource_name(scope, *in.resource_name);
  aws::rds::TagListMessage out;
  out.tag_list.present = true;
  if (is_implicit(rds, scope, r)) return out;
  out.tag_list = with_record(rds.store, scope, r, [](const auto& record) { return to_wire(record.tags); });
  return out;
}

}  // namespace howdah::rds
