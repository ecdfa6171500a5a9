#include "pg/parameters.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "os/files.h"
#include "pg/parameter_defaults.h"
#include "util/json.h"
#include "util/text.h"

namespace howdah::pg {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& row, const char* key) {
  auto found = row.find(key);
  return found != row.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string allowed_of(const Json& row, const std::string& vartype) {
  if (vartype == "bool") return "0,1";
  if (vartype == "enum") {
    std::vector<std::string> values;
    auto found = row.find("enumvals");
    if (found != row.end() && found->is_array()) values = found->get<std::vector<std::string>>();
    return fmt::format("{}", fmt::join(values, ","));
  }
  std::string name = text_of(row, "name");
  if (name == "log_destination") return "stderr,csvlog";
  if (name == "log_filename") return "postgresql.log.%Y-%m-%d,postgresql.log.%Y-%m-%d-%H,postgresql.log.%Y-%m-%d-%H%M";
  std::string low = text_of(row, "min_val"), high = text_of(row, "max_val");
  if (name == "max_connections") low = "6";  // ours and the superusers' reserved ones
  return low.empty() || high.empty() ? "" : low + "-" + high;
}

Parameter row_of(const Json& json) {
  Parameter p;
  p.name = lower_case(text_of(json, "name"));  // PostgreSQL says DateStyle, RDS says datestyle
  std::string vartype = text_of(json, "vartype"), context = text_of(json, "context");
  p.description = text_of(json, "short_desc");
  p.source = "engine-default";
  p.apply_type = context == "postmaster" || context == "internal" ? "static" : "dynamic";
  p.data_type = vartype == "bool"      ? "boolean"
                : vartype == "real"    ? "float"
                : vartype == "integer" ? "integer"
                                       : "string";
  if (p.name == "shared_preload_libraries") p.data_type = "list";
  p.allowed = allowed_of(json, vartype);
  p.modifiable = context != "internal" && !is_reserved_parameter(p.name);
  return p;
}

bool by_name(const Parameter& a, const Parameter& b) { return a.name < b.name; }

template <class N>
bool within(const std::string& value, const std::string& allowed) {
  auto dash = allowed.find('-', 1);  // the first may be a minus sign
  if (dash == std::string::npos) return true;
  N low{}, high{}, v{};
  auto parse = [](std::string_view text, N& out) {
    auto r = std::from_chars(text.data(), text.data() + text.size(), out);
    return r.ec == std::errc() && r.ptr == text.data() + text.size();
  };
  std::string_view range = allowed;
  if (!parse(range.substr(0, dash), low) || !parse(range.substr(dash + 1), high)) return true;
  return parse(value, v) && !(v < low) && !(high < v) && v == v;
}

bool one_of(const std::string& value, std::string_view list) {
  for (size_t from = 0; from <= list.size();) {
    size_t comma = std::min(list.find(',', from), list.size());
    if (list.substr(from, comma - from) == value) return true;
    from = comma + 1;
  }
  return false;
}

bool fits(const Parameter& p, const std::string& value) {
  for (unsigned char c : value) {
    if (c < 0x20 || c == 0x7f) return false;
  }
  bool number = p.data_type == "integer" || p.data_type == "float";
  if (number && is_formula(value)) {
    FormulaInput any{.memory = int64_t(8) << 30, .storage = int64_t(20) << 30, .vcpus = 2, .port = 5432};
    return evaluate(value, any).has_value();  // its result is checked where the class is known, by the server
  }
  if (p.data_type == "integer") return within<int64_t>(value, p.allowed);
  if (p.data_type == "float") return within<double>(value, p.allowed);
  if (p.data_type == "boolean" && p.allowed == "0,1") return one_of(value, "0,1,on,off,true,false");
  return p.allowed.empty() || one_of(value, p.allowed);
}

}  // namespace

bool is_on(const Settings& settings, const std::string& name) {
  const auto found = settings.find(name);
  return found != settings.end() && one_of(found->second, "1,on,true");
}

Result<ParameterTable> ParameterTable::load(const Engine& engine, const std::string& settings_file) {
  auto text = os::read_file(settings_file);
  if (!text) return tl::unexpected(text.error());
  auto json = try_parse_json(*text);
  if (!json.is_array()) return fail(settings_file + " is not a list of settings: remove its template directory");
  ParameterTable table;
  table.major_ = engine.major;
  for (const auto& row : json) {
    if (row.is_object()) table.rows_.push_back(row_of(row));
  }
  for (const auto& d : rds_defaults()) {
    for (auto& row : table.rows_) {
      if (row.name != d.name || engine.major < d.since) continue;
      row.value = d.value;
      row.source = "system";
    }
  }
  for (const auto& r : rds_parameters()) {
    auto same = [&](const Parameter& p) { return p.name == r.name; };
    if (engine.major < r.since || std::any_of(table.rows_.begin(), table.rows_.end(), same)) continue;
    table.rows_.push_back({.name = r.name,
                           .value = r.value,
                           .description = r.description,
                           .source = "system",
                           .apply_type = r.is_static ? "static" : "dynamic",
                           .data_type = r.data_type,
                           .allowed = r.allowed,
                           .refusal = r.refusal});
  }
  table.rows_.push_back({.name = "rds.extensions",
                         .value = fmt::format("{}", fmt::join(creatable_extensions(engine), ",")),
                         .description = "List of extensions that can be created.",
                         .source = "system",
                         .apply_type = "static",
                         .data_type = "list",
                         .modifiable = false});
  std::sort(table.rows_.begin(), table.rows_.end(), by_name);
  return table;
}

const Parameter* ParameterTable::find(std::string_view name) const {
  auto less = [](const Parameter& p, std::string_view n) { return p.name < n; };
  auto at = std::lower_bound(rows_.begin(), rows_.end(), name, less);
  return at != rows_.end() && at->name == name ? &*at : nullptr;
}

Result<void> ParameterTable::check(const std::string& name, const std::string& value) const {
  const Parameter* p = find(name);
  if (p == nullptr) return fail(fmt::format("Could not find parameter with name: {}", name));
  if (!p->modifiable) return fail(fmt::format("The parameter {} cannot be modified.", name));
  if (fits(*p, value)) return {};
  const std::string why = p->refusal.empty() ? "" : fmt::format(" ({})", p->refusal);
  return fail(
      fmt::format("Invalid parameter value: {} for: {} allowed values are: {}{}", value, name, p->allowed, why));
}

Result<Settings> ParameterTable::resolve(const Settings& user, const FormulaInput& input) const {
  Settings out;
  for (const auto& p : rows_) {
    if (p.value) out[p.name] = *p.value;
  }
  for (const auto& [name, value] : user) {
    if (auto ok = check(name, value); !ok) return tl::unexpected(ok.error());
    out[name] = value;
  }
  for (auto& [name, value] : out) {
    const Parameter* p = find(name);
    bool number = p->data_type == "integer" || p->data_type == "float";
    if (!number || !is_formula(value)) continue;
    auto result = evaluate(value, input);
    if (!result) return fail(fmt::format("parameter {}: {}", name, result.error().message));
    value = std::to_string(*result);
  }
  out["wal_level"] = is_on(out, "rds.logical_replication") ? "logical" : "replica";
  return out;
}

}  // namespace howdah::pg
