#include <algorithm>

#include "migrate/schema_differ.h"

namespace howdah::migrate {

std::string Differ::options_sql(const std::map<std::string, std::string>& options) {
  std::string out;
  for (const auto& [name, value] : options) {
    const bool plain =
        !value.empty() && value.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") == value.npos;
    out += fmt::format("{}{}={}", out.empty() ? "" : ", ", name, plain ? value : quoted(value));
  }
  return out;
}

void Differ::change_options(const std::string& table, const std::map<std::string, std::string>& was,
                            const std::map<std::string, std::string>& now) {
  std::map<std::string, std::string> set;
  std::vector<std::string> reset;
  for (const auto& option : now) {
    const auto it = was.find(option.first);
    if (it == was.end() || it->second != option.second) set.insert(option);
  }
  for (const auto& [name, value] : was) {
    if (!now.contains(name)) reset.push_back(name);
  }
  if (!set.empty()) say(fmt::format("alter table {} set ({})", table, options_sql(set)));
  if (!reset.empty()) say(fmt::format("alter table {} reset ({})", table, fmt::join(reset, ", ")));
}

bool Differ::changes_shape(const std::string& table) const {
  if (!stays(table) || remade(table)) return true;
  const auto &was = a_.tables.at(table), &now = b_.tables.at(table);
  if (was.columns.size() != now.columns.size()) return true;
  for (const auto& c : now.columns) {
    const auto* old = was.find(c.name);
    if (old == nullptr || !(*old == c) || of_replaced_type(c)) return true;
  }
  const auto checks = [&](const SchemaModel& m) {
    std::vector<SchemaModel::Part> out;
    for (const auto& [key, k] : m.constraints) {
      if (k.table == table && k.kind == 'c') out.push_back(k);
    }
    return out;
  };
  return checks(a_) != checks(b_);
}

void Differ::unlink_children() {
  for (const auto& [name, t] : a_.tables) {
    if (!stays(name) || remade(name)) continue;
    const bool same = t.inherits == b_.tables.at(name).inherits && !changes_shape(name) &&
                      std::none_of(t.inherits.begin(), t.inherits.end(),
                                   [&](const std::string& parent) { return changes_shape(parent); });
    if (same) continue;
    unlinked_.insert(name);
    for (const auto& parent : t.inherits) say(fmt::format("alter table {} no inherit {}", name, parent));
  }
}

void Differ::link_children() {
  for (const auto& [name, t] : b_.tables) {
    if (stays(name) && !remade(name) && !unlinked_.contains(name)) continue;
    for (const auto& parent : t.inherits) say(fmt::format("alter table {} inherit {}", name, parent));
  }
}

bool Differ::partitions_have_default(const std::string& table, const std::string& column) const {
  return std::any_of(a_.tables.begin(), a_.tables.end(), [&](const auto& t) {
    if (t.second.parent != table || !stays(t.first) || remade(t.first)) return false;
    const auto* c = t.second.find(column);
    return (c != nullptr && !c->expression.empty()) || partitions_have_default(t.first, column);
  });
}

/// What is said of a parent's column holds for those of all partitions, also where they had something else.
Differ::Settled Differ::change_partition_column(const std::string& table, const std::string& column) {
  const std::string key = table + " " + column;
  if (const auto it = settled_.find(key); it != settled_.end()) return it->second;
  const auto& t = b_.tables.at(table);
  const auto& now = *t.find(column);
  const auto* was = stays(table) && !remade(table) ? a_.tables.at(table).find(column) : nullptr;
  if (was != nullptr && regenerated(table, *was)) was = nullptr;
  Settled state{.expression = was == nullptr, .not_null = was == nullptr};
  if (t.parent.empty()) {
    if (was != nullptr) state = {redefaulted(table, *was, now), was->not_null != now.not_null};
    return settled_[key] = state;
  }
  const auto above = change_partition_column(t.parent, column);
  const auto* parent = b_.tables.at(t.parent).find(column);
  state.expression = state.expression || above.expression;
  state.not_null = state.not_null || above.not_null;
  const std::string alter = fmt::format("alter table {} alter column {} ", table, column);
  if (now.generated.empty() && (state.expression ? parent->expression : was->expression) != now.expression) {
    say(alter + (now.expression.empty() ? "drop default" : "set default " + now.expression));
    state.expression = true;
  }
  if ((state.not_null ? parent->not_null : was->not_null) != now.not_null) {
    say(alter + (now.not_null ? "set not null" : "drop not null"));
    state.not_null = true;
  }
  return settled_[key] = state;
}

void Differ::change_partitions() {
  for (const auto& [name, t] : b_.tables) {
    if (t.parent.empty()) continue;
    for (const auto& c : t.columns) {
      if (c.identity.empty() && !primary(name, c.name)) change_partition_column(name, c.name);
    }
  }
}

void Differ::replica_identities() {
  for (const auto& [name, t] : b_.tables) {
    const bool there = stays(name) && !remade(name);
    const std::string was = there ? a_.tables.at(name).replica_identity : "";
    bool same = was == t.replica_identity;
    constexpr std::string_view kIndex = "using index ";
    if (same && there && was.starts_with(kIndex)) {  // an index that was made again is none
      const std::string index = was.substr(kIndex.size()),
                        schema = name.substr(0, name.size() - last_part(name).size());
      const auto k = a_.constraints.find(name + " " + index), now = b_.constraints.find(name + " " + index);
      same = k != a_.constraints.end() && now != b_.constraints.end() ? kept(k->second, now->second)
                                                                      : kept_index(name + " " + schema + index);
    }
    if (!same)
      say(fmt::format("alter table {} replica identity {}", name,
                      t.replica_identity.empty() ? "default" : t.replica_identity));
  }
}

bool Differ::statistics_stay(const SchemaModel::Part& was, const SchemaModel::Part& now) const {
  if (b_.views.contains(now.table)) return was == now && !dropped_views_.contains(now.table);
  return kept(was, now);
}

void Differ::make_statistics() {
  for (const auto& [key, s] : b_.statistics) {
    const auto it = a_.statistics.find(key);
    if (it == a_.statistics.end() || !statistics_stay(it->second, s)) say(s.definition);
  }
}

/// A rule keeps the columns that it mentions as they are.
bool Differ::rule_stays(const std::string& key, const SchemaModel::Part& rule) const {
  const auto it = b_.rules.find(key);
  return it != b_.rules.end() && it->second == rule && !mentions_replaced(rule.definition) &&
         std::none_of(touched_.begin(), touched_.end(),
                      [&](const std::string& name) { return rule.definition.find(name) != std::string::npos; });
}

void Differ::make_rules() {
  for (const auto& [key, r] : b_.rules) {
    if (a_.rules.contains(key) && rule_stays(key, a_.rules.at(key))) continue;
    say(r.definition);
    if (r.kind == 'D') say(fmt::format("alter table {} disable rule {}", r.table, r.name));
    if (r.kind == 'A') say(fmt::format("alter table {} enable always rule {}", r.table, r.name));
    if (r.kind == 'R') say(fmt::format("alter table {} enable replica rule {}", r.table, r.name));
  }
}

}  // namespace howdah::migrate
