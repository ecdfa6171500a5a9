// DescribeDBParameters, DescribeEngineDefaultParameters, ModifyDBParameterGroup, ResetDBParameterGroup. Names, types
// and ranges come from the installed server itself. A request that is refused changes nothing.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <stdexcept>

#include "api/context.h"
#include "api/paginate.h"
#include "domain/config.h"
#include "domain/event.h"
#include "domain/instance.h"
#include "pg/prepared.h"
#include "rds/engine_versions.h"
#include "rds/filters.h"
#include "rds/parameter_groups.h"
#include "rds/settings.h"
#include "util/text.h"

namespace howdah::rds {
namespace {

constexpr size_t kMostChanges = 20;
constexpr const char* kImmediate = "immediate";
constexpr const char* kPendingReboot = "pending-reboot";

using Change = ParameterGroup::Change;

[[noreturn]] void invalid(const std::string& message) { throw Fault("InvalidParameterValue", message); }

std::shared_ptr<const pg::ParameterTable> table_of(const Rds& rds, const std::string& family) {
  const pg::Engine* engine = engine_of_family(rds.engines, family);
  if (!engine) invalid(fmt::format("DBParameterGroupFamily {} is not a valid parameter group family", family));
  const auto prepared = pg::prepare_engine(*engine, rds.config.state_dir);
  if (!prepared) throw std::runtime_error(prepared.error().message);
  const auto table = parameter_table(rds, *prepared);
  if (!table) throw std::runtime_error(table.error().message);
  return *table;
}

/// What the user made of a parameter; null when it has its default.
const Change* newest(const ParameterGroup& group, const std::string& parameter) {
  const auto it = group.changes.find(parameter);
  return it == group.changes.end() || !it->second.back().value ? nullptr : &it->second.back();
}

/// A row as the group shows it: `changed` is what the user made of it, or null.
aws::rds::Parameter to_wire(const pg::Parameter& p, const Change* changed) {
  aws::rds::Parameter out;
  out.parameter_name = p.name;
  if (changed) {
    out.parameter_value = changed->value;
  } else if (p.value) {
    out.parameter_value = *p.value;
  }
  if (!p.description.empty()) out.description = p.description;
  out.source = changed ? "user" : p.source;
  out.apply_type = p.apply_type;
  out.data_type = p.data_type;
  if (!p.allowed.empty()) out.allowed_values = p.allowed;
  out.is_modifiable = p.modifiable;
  out.apply_method = changed && changed->immediate ? kImmediate : kPendingReboot;
  return out;
}

struct Rows {
  wire::Seq<aws::rds::Parameter> parameters;
  std::optional<std::string> marker;
};

Rows rows_of(const pg::ParameterTable& table, const ParameterGroup& group, std::string_view source,
             const api::PageRequest& request) {
  struct Row {
    const pg::Parameter* parameter;
    const Change* changed;
  };
  std::vector<Row> all;
  for (const auto& p : table.all()) {
    const Change* changed = newest(group, p.name);
    if (source.empty() || source == (changed ? "user" : p.source)) all.push_back({&p, changed});
  }
  auto page = api::page_of(std::move(all), request, [](const Row& row) { return row.parameter->name; });
  Rows out;
  out.parameters.present = true;
  for (const Row& row : page.items) out.parameters.add(to_wire(*row.parameter, row.changed));
  out.marker = page.marker;
  return out;
}

/// Modules that are not installed would be left out of the server's list: better to say so now.
void check_modules(const pg::Engine& engine, const std::string& list) {
  for (size_t from = 0; from <= list.size();) {
    const size_t comma = std::min(list.find(',', from), list.size());
    std::string name = list.substr(from, comma - from);
    std::erase_if(name, [](char c) { return c == ' '; });
    from = comma + 1;
    const bool plain = name.find_first_of("/\\.") == std::string::npos;
    if (name.empty() || (plain && std::filesystem::exists(engine.libdir + "/" + name + ".so"))) continue;
    invalid(
        fmt::format("Invalid parameter value: {} for: shared_preload_libraries. There is no module {} in PostgreSQL {} "
                    "on this machine.",
                    list, name, engine.version));
  }
}

/// One parameter of a request, checked.
struct Wish {
  std::string name;
  Change change;
};

/// `at` is when it is made; `reset`: values are not looked at, and the method defaults to what the parameter can do.
Wish checked_wish(const Rds& rds, const pg::ParameterTable& table, const std::string& family,
                  const aws::rds::Parameter& in, Time at, bool reset) {
  if (!in.parameter_name || in.parameter_name->empty()) {
    invalid("The parameter ParameterName must be provided and must not be blank.");
  }
  const std::string name = lower_case(*in.parameter_name);
  const pg::Parameter* p = table.find(name);
  if (!p) invalid(fmt::format("Could not find parameter with name: {}", *in.parameter_name));
  if (!in.apply_method && !reset) invalid(fmt::format("The parameter ApplyMethod must be provided for {}.", name));
  const std::string method = in.apply_method.value_or(p->is_static() ? kPendingReboot : kImmediate);
  if (method != kImmediate && method != kPendingReboot) {
    invalid(fmt::format("Invalid apply method: {}. It is immediate or pending-reboot.", method));
  }
  if (p->is_static() && method == kImmediate) {
    throw Fault("InvalidParameterCombination",
                fmt::format("cannot use immediate apply method for static parameter (parameter {})", name));
  }
  if (reset) return {name, {at, method == kImmediate, std::nullopt}};
  if (!in.parameter_value) invalid(fmt::format("The parameter ParameterValue must be provided for {}.", name));
  if (const auto ok = table.check(name, *in.parameter_value); !ok) invalid(ok.error().message);
  if (name == "shared_preload_libraries") check_modules(*engine_of_family(rds.engines, family), *in.parameter_value);
  return {name, {at, method == kImmediate, *in.parameter_value}};
}

std::vector<Wish> checked_wishes(const Rds& rds, const std::string& family, const wire::Seq<aws::rds::Parameter>& in,
                                 bool reset) {
  if (in.size() > kMostChanges) {
    invalid(
        fmt::format("At most {} parameters can be changed in one request; this one has {}.", kMostChanges, in.size()));
  }
  const auto table = table_of(rds, family);
  std::vector<Wish> out;
  for (const auto& p : in) {
    Wish w = checked_wish(rds, *table, family, p, rds.clock.now(), reset);
    if (std::any_of(out.begin(), out.end(), [&](const Wish& o) { return o.name == w.name; })) {
      throw Fault("InvalidParameterCombination", fmt::format("The parameter {} is given twice.", w.name));
    }
    out.push_back(std::move(w));
  }
  return out;
}

/// Everything that the group changed, back to its default: at once where that is possible.
std::vector<Wish> reset_wishes(const Rds& rds, const ParameterGroup& group) {
  const auto table = table_of(rds, group.family);
  std::vector<Wish> out;
  for (const auto& [name, value] : group.values()) {
    const pg::Parameter* p = table->find(name);
    out.push_back({name, {rds.clock.now(), p && !p->is_static(), std::nullopt}});
  }
  return out;
}

void append_change_event(const Rds& rds, store::Tx& tx, const ParameterGroup& group, const Wish& w) {
  Event e;
  e.source_type = "db-parameter-group";
  e.source_id = group.name;
  e.source_arn = group.arn();
  e.id = "RDS-EVENT-0037";
  e.categories = {"configuration change"};
  e.message = fmt::format("Updated parameter {} to {} with apply method {}", w.name,
                          w.change.value.value_or("its default"), w.change.immediate ? kImmediate : kPendingReboot);
  e.date = rds.clock.now();
  append_event(tx, group.scope, e);
}

void refuse_default(const ParameterGroup& group) {
  if (default_group_family(group.name)) invalid(fmt::format("Cannot modify a default parameter group: {}", group.name));
}

/// When the longest-running server that runs with the group started; after everything when none does.
Time oldest_start(const store::Tx& tx, const ParameterGroup& group) {
  Time oldest = Time::max();
  for (const auto& i : tx.all<Instance>(group.scope.prefix())) {
    if (i->started_group == group.name) oldest = std::min(oldest, i->server_started);
  }
  return oldest;
}

void apply(const Rds& rds, store::Tx& tx, ParameterGroup group, const std::vector<Wish>& wishes) {
  const Time oldest = oldest_start(tx, group);
  for (const Wish& w : wishes) {
    group.change(w.name, w.change, oldest);
    append_change_event(rds, tx, group, w);
  }
  tx.put(std::move(group));
}

}  // namespace

aws::rds::DBParameterGroupDetails describe_db_parameters(Rds& rds, api::Context& ctx,
                                                         const aws::rds::DescribeDBParametersMessage& in) {
  const auto request = api::rds_page(in.marker, in.max_records);
  const Filters none(in.filters, {});
  const std::string source = in.source.value_or("");
  if (!source.empty() && source != "user" && source != "system" && source != "engine-default") {
    invalid(fmt::format("Invalid source: {}. It is user, system or engine-default.", source));
  }
  const ParameterGroup group = parameter_group_named(rds, ctx.scope(), *in.db_parameter_group_name);
  Rows rows = rows_of(*table_of(rds, group.family), group, source, request);
  aws::rds::DBParameterGroupDetails out;
  out.parameters = std::move(rows.parameters);
  out.marker = rows.marker;
  return out;
}

aws::rds::DescribeEngineDefaultParametersResult describe_engine_default_parameters(
    Rds& rds, api::Context&, const aws::rds::DescribeEngineDefaultParametersMessage& in) {
  const auto request = api::rds_page(in.marker, in.max_records);
  const Filters none(in.filters, {});
  Rows rows = rows_of(*table_of(rds, *in.db_parameter_group_family), {}, "", request);
  aws::rds::DescribeEngineDefaultParametersResult out;
  auto& defaults = out.engine_defaults.emplace();
  defaults.db_parameter_group_family = *in.db_parameter_group_family;
  defaults.parameters = std::move(rows.parameters);
  defaults.marker = rows.marker;
  return out;
}

aws::rds::DBParameterGroupNameMessage modify_db_parameter_group(Rds& rds, api::Context& ctx,
                                                                const aws::rds::ModifyDBParameterGroupMessage& in) {
  const Scope scope = ctx.scope();
  const ParameterGroup seen = parameter_group_named(rds, scope, *in.db_parameter_group_name);
  refuse_default(seen);
  if (in.parameters.empty()) invalid("The parameter Parameters must be provided and must not be empty.");
  // Outside of the transaction: a family's first table may take seconds to make.
  const auto wishes = checked_wishes(rds, seen.family, in.parameters, false);
  rds.store.write([&](store::Tx& tx) { apply(rds, tx, own_parameter_group(tx, scope, seen.name), wishes); });
  return {.db_parameter_group_name = seen.name};
}

aws::rds::DBParameterGroupNameMessage reset_db_parameter_group(Rds& rds, api::Context& ctx,
                                                               const aws::rds::ResetDBParameterGroupMessage& in) {
  const Scope scope = ctx.scope();
  const ParameterGroup seen = parameter_group_named(rds, scope, *in.db_parameter_group_name);
  refuse_default(seen);
  const bool all = in.reset_all_parameters.value_or(in.parameters.empty());
  if (all && !in.parameters.empty()) {
    throw Fault("InvalidParameterCombination", "Parameters can't be given together with ResetAllParameters.");
  }
  if (!all && in.parameters.empty()) invalid("Name the parameters to reset, or send ResetAllParameters.");
  const auto named = checked_wishes(rds, seen.family, in.parameters, true);
  rds.store.write([&](store::Tx& tx) {
    ParameterGroup group = own_parameter_group(tx, scope, seen.name);
    const auto wishes = all ? reset_wishes(rds, group) : named;
    apply(rds, tx, std::move(group), wishes);
  });
  return {.db_parameter_group_name = seen.name};
}

}  // namespace howdah::rds
