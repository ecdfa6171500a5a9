#include <algorithm>

#include "migrate/schema_differ.h"

namespace howdah::migrate {
namespace {

/// The first word of "name type", which may be quoted.
std::string name_of(const std::string& attribute) {
  size_t end = 0;
  for (bool quoted = false; end < attribute.size() && (quoted || attribute[end] != ' '); end++) {
    if (attribute[end] == '"') quoted = !quoted;
  }
  return attribute.substr(0, end);
}

std::vector<std::string>::const_iterator find_name(const std::vector<std::string>& list, const std::string& attribute) {
  return std::find_if(list.begin(), list.end(), [&](const std::string& x) { return name_of(x) == name_of(attribute); });
}

}  // namespace

void Differ::make_domains() {
  for (const auto& [name, d] : b_.domains) {
    const auto it = a_.domains.find(name);
    if (replaced_.contains(name)) {
      say(fmt::format("alter domain {} rename to {}", name, old_name(name)));
    } else if (it != a_.domains.end()) {
      change_domain(name, it->second, d);
      continue;
    }
    std::string sql = fmt::format("create domain {} as {}", name, d.type);
    if (!d.expression.empty()) sql += " default " + d.expression;
    if (d.not_null) sql += " not null";
    for (const auto& [check, definition] : d.checks) sql += fmt::format(" constraint {} {}", check, definition);
    say(sql);
  }
}

void Differ::change_domain(const std::string& name, const SchemaModel::Domain& was, const SchemaModel::Domain& now) {
  const std::string alter = "alter domain " + name + " ";
  if (was.expression != now.expression)
    say(alter + (now.expression.empty() ? "drop default" : "set default " + now.expression));
  if (was.not_null != now.not_null) say(alter + (now.not_null ? "set not null" : "drop not null"));
  const auto same = [](const auto& checks, const auto& check) {
    const auto it = checks.find(check.first);
    return it != checks.end() && it->second == check.second;
  };
  for (const auto& check : was.checks) {
    if (!same(now.checks, check)) say(alter + "drop constraint " + check.first);
  }
  for (const auto& check : now.checks) {
    if (!same(was.checks, check)) say(fmt::format("{}add constraint {} {}", alter, check.first, check.second));
  }
}

/// New attributes come at the end; other orders are left to the caller. PostgreSQL refuses to change the type of one
/// while a table has such a column.
void Differ::make_composites() {
  for (const auto& [name, attributes] : b_.composites) {
    const auto it = a_.composites.find(name);
    if (it == a_.composites.end()) {
      say(fmt::format("create type {} as ({})", name, fmt::join(attributes, ", ")));
      continue;
    }
    const auto& was = it->second;
    for (const auto& x : was) {
      if (find_name(attributes, x) == attributes.end())
        say(fmt::format("alter type {} drop attribute {}", name, name_of(x)));
    }
    for (const auto& x : attributes) {
      const auto old = find_name(was, x);
      if (old == was.end())
        say(fmt::format("alter type {} add attribute {}", name, x));
      else if (*old != x)
        say(fmt::format("alter type {} alter attribute {} type {}", name, name_of(x), x.substr(name_of(x).size() + 1)));
    }
  }
}

/// One that changes is dropped first, which PostgreSQL refuses while something is of it.
void Differ::make_ranges(bool with_function) {
  for (const auto& [name, definition] : b_.ranges) {
    const size_t function = definition.find("subtype_diff = ");
    const size_t end = function == std::string::npos ? 0 : definition.find_first_of(",)", function);
    const bool own_function = end > 0 && definition.substr(function, end - function).find('.') != std::string::npos;
    const auto it = a_.ranges.find(name);
    if (own_function != with_function || (it != a_.ranges.end() && it->second == definition)) continue;
    if (it != a_.ranges.end()) say("drop type " + name);
    say(fmt::format("create type {} as range {}", name, definition));
  }
}

}  // namespace howdah::migrate
