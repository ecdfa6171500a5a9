#include "rds/parameter_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "api/context.h"
#include "api/paginate.h"
#include "domain/config.h"
#include "rds/engine_versions.h"
#include "rds/filters.h"
#include "rds/resource_name.h"
#include "rds/to_wire.h"
#include "util/text.h"

namespace howdah::rds {
namespace {

[[noreturn]] void not_found(std::string_view name) {
  throw Fault("DBParameterGroupNotFound", fmt::format("DBParameterGroup not found: {}", name));
}

/// Lower-case. Throws for a name that AWS refuses.
std::string checked_name(std::string_view sent, const char* parameter) {
  const std::string name = lower_case(sent);
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const bool ok = !name.empty() && name.size() <= 255 && letter(name.front()) && name.back() != '-' &&
                  name.find("--") == std::string::npos && std::all_of(name.begin(), name.end(), [&](char c) {
                    return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
                  });
  if (!ok || name.starts_with("default.")) {
    throw Fault(
        "InvalidParameterValue",
        fmt::format("The parameter {} is not a valid identifier: '{}'. Identifiers must begin with a letter; must "
                    "contain only ASCII letters, digits, and hyphens; must not end with a hyphen or contain two "
                    "consecutive hyphens; and must not begin with 'default.'.",
                    parameter, sent));
  }
  return name;
}

void check_description(std::string_view text, const char* parameter) {
  if (text.find_first_not_of(' ') != std::string_view::npos) return;
  throw Fault("InvalidParameterValue",
              fmt::format("The parameter {} must be provided and must not be blank.", parameter));
}

/// Stores a new group. Throws when the name is taken or the quota used up.
void add_group(const Rds& rds, const ParameterGroup& group) {
  rds.store.write([&](store::Tx& tx) {
    if (tx.get<ParameterGroup>(group.key())) {
      throw Fault("DBParameterGroupAlreadyExists", fmt::format("Parameter group {} already exists", group.name));
    }
    const auto limit = rds.config.quotas.find("DBParameterGroups");
    const auto used = static_cast<int64_t>(visible_groups(tx, group.scope).size());
    if (limit != rds.config.quotas.end() && used >= limit->second) {
      throw Fault(
          "DBParameterGroupQuotaExceeded",
          fmt::format("DB parameter group quota exceeded: {} of {} are in use. Raise quotas.DBParameterGroups in "
                      "the configuration.",
                      used, limit->second));
    }
    tx.put(group);
  });
}

ParameterGroup default_group(const Scope& scope, const std::string& family) {
  ParameterGroup g;
  g.scope = scope;
  g.name = default_parameter_group(family);
  g.family = family;
  g.description = "Default parameter group for " + family;
  return g;
}

aws::rds::DBParameterGroup to_wire(const ParameterGroup& g) {
  aws::rds::DBParameterGroup out;
  out.db_parameter_group_name = g.name;
  out.db_parameter_group_family = g.family;
  out.description = g.description;
  out.db_parameter_group_arn = g.arn();
  return out;
}

/// Sorted by name; the quota bounds how many.
std::vector<ParameterGroup> all_groups(const Rds& rds, const Scope& scope) {
  std::vector<ParameterGroup> out;
  for (const int major : installed_majors(rds.engines))
    out.push_back(default_group(scope, fmt::format("postgres{}", major)));
  for (const auto& g : visible_groups(rds.store, scope)) out.push_back(*g);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

}  // namespace

ParameterGroup parameter_group_named(const Rds& rds, const Scope& scope, std::string_view name) {
  const std::string key = lower_case(name);
  if (const auto family = default_group_family(key)) {
    if (!engine_of_family(rds.engines, *family)) not_found(name);
    return default_group(scope, *family);
  }
  const auto found = rds.store.get<ParameterGroup>(scope.key(key));
  if (!found || found->retired()) not_found(name);
  return *found;
}

ParameterGroup own_parameter_group(const store::Tx& tx, const Scope& scope, std::string_view name) {
  const auto found = tx.get<ParameterGroup>(scope.key(lower_case(name)));
  if (!found) not_found(name);
  return *found;
}

aws::rds::CreateDBParameterGroupResult create_db_parameter_group(Rds& rds, api::Context& ctx,
                                                                 const aws::rds::CreateDBParameterGroupMessage& in) {
  ParameterGroup g;
  g.scope = ctx.scope();
  g.name = checked_name(*in.db_parameter_group_name, "DBParameterGroupName");
  g.family = *in.db_parameter_group_family;
  if (!engine_of_family(rds.engines, g.family)) {
    throw Fault("InvalidParameterValue",
                fmt::format("ParameterGroupFamily {} is not a valid parameter group family", g.family));
  }
  check_description(*in.description, "Description");
  g.description = *in.description;
  g.tags = tags_from_wire(in.tags);
  add_group(rds, g);
  return {.db_parameter_group = to_wire(g)};
}

aws::rds::CopyDBParameterGroupResult copy_db_parameter_group(Rds& rds, api::Context& ctx,
                                                             const aws::rds::CopyDBParameterGroupMessage& in) {
  const Scope scope = ctx.scope();
  std::string source = *in.source_db_parameter_group_identifier;
  if (source.starts_with("arn:")) {
    const ResourceName r = parse_resource_name(scope, source);
    if (r.type != "pg") not_found(source);
    source = r.name;
  }
  const ParameterGroup from = parameter_group_named(rds, scope, source);
  ParameterGroup g;
  g.scope = scope;
  g.name = checked_name(*in.target_db_parameter_group_identifier, "TargetDBParameterGroupIdentifier");
  g.family = from.family;
  check_description(*in.target_db_parameter_group_description, "TargetDBParameterGroupDescription");
  g.description = *in.target_db_parameter_group_description;
  g.tags = tags_from_wire(in.tags);
  for (const auto& [parameter, made] : from.changes) {
    if (made.back().value) g.changes[parameter] = {made.back()};
  }
  add_group(rds, g);
  return {.db_parameter_group = to_wire(g)};
}

aws::rds::DBParameterGroupsMessage describe_db_parameter_groups(Rds& rds, api::Context& ctx,
                                                                const aws::rds::DescribeDBParameterGroupsMessage& in) {
  const auto request = api::rds_page(in.marker, in.max_records);
  const Filters none(in.filters, {});
  aws::rds::DBParameterGroupsMessage out;
  if (in.db_parameter_group_name && !in.db_parameter_group_name->empty()) {
    out.db_parameter_groups.add(to_wire(parameter_group_named(rds, ctx.scope(), *in.db_parameter_group_name)));
    return out;
  }
  out.db_parameter_groups.present = true;
  auto page = api::page_of(all_groups(rds, ctx.scope()), request, [](const ParameterGroup& g) { return g.name; });
  for (const auto& g : page.items) out.db_parameter_groups.add(to_wire(g));
  out.marker = page.marker;
  return out;
}

wire::Empty delete_db_parameter_group(Rds& rds, api::Context& ctx, const aws::rds::DeleteDBParameterGroupMessage& in) {
  const Scope scope = ctx.scope();
  const std::string name = lower_case(*in.db_parameter_group_name);
  if (const auto family = default_group_family(name); family && engine_of_family(rds.engines, *family)) {
    throw Fault("InvalidDBParameterGroupState", fmt::format("Default DBParameterGroup cannot be deleted: {}", name));
  }
  rds.store.write([&](store::Tx& tx) {
    const auto group = tx.get<ParameterGroup>(scope.key(name));
    if (!group || group->retired()) not_found(name);
    if (!instances_using(tx, scope, name).empty()) {
      throw Fault(
          "InvalidDBParameterGroupState",
          fmt::format("One or more database instances are still members of this parameter group {}, so the group "
                      "cannot be deleted",
                      name));
    }
    delete_group(tx, *group, rds.clock.now());
  });
  return {};
}

}  // namespace howdah::rds
