#include "migrate/schema_differ.h"

namespace howdah::migrate {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

std::vector<std::string> Differ::run() {
  choose_types();
  choose_views();
  drop_code();
  unlink_children();
  drop_functions(true);
  drop_parts();
  drop_borrowed_sequences();
  drop_tables();
  drop_identities();
  make_types();
  make_enums();
  make_ranges(false);
  make_domains();
  make_composites();
  functions(false);
  make_ranges(true);
  make_tables();
  change_tables();
  change_partitions();
  replace_types();
  sequence_owners();
  persistence();
  make_constraints();
  make_indexes([&](const std::string& t) { return !b_.views.contains(t); });
  link_children();
  replica_identities();
  functions(true);
  make_views();
  make_indexes([&](const std::string& t) { return b_.views.contains(t); });
  make_statistics();
  make_rules();
  make_triggers();
  make_policies();
  make_comments();
  drop_types();
  if (!out_.empty() && bodies_) out_.insert(out_.begin(), "set check_function_bodies = off;");
  return std::move(out_);
}

bool Differ::remade(const std::string& table) const {
  if (!stays(table)) return false;
  const auto &x = a_.tables.at(table), &y = b_.tables.at(table);
  const bool with_parent = !y.parent.empty() && (!stays(y.parent) || remade(y.parent));
  return x.partition_key != y.partition_key || x.parent != y.parent || x.bound != y.bound || with_parent;
}

bool Differ::kept(const SchemaModel::Part& was, const SchemaModel::Part& now) const {
  return was == now && stays(now.table) && !remade(now.table) && !mentions_replaced(now.definition) &&
         !on_regenerated(now);
}

bool Differ::kept_index(const std::string& key) const {
  const auto was = a_.indexes.find(key), now = b_.indexes.find(key);
  if (was == a_.indexes.end() || now == b_.indexes.end()) return false;
  return was->second == now->second && !dropped_views_.contains(now->second.table) && !remade(now->second.table) &&
         !mentions_replaced(now->second.definition) && !on_regenerated(now->second);
}

bool Differ::only_validated(const SchemaModel::Part& was, const SchemaModel::Part& now) const {
  SchemaModel::Part valid = now;
  valid.definition += " NOT VALID";
  return was == valid && kept(was, valid);
}

bool Differ::uses_new_label(const std::string& type, const std::vector<std::string>& old) const {
  for (const auto& l : b_.enums.at(type)) {
    if (std::find(old.begin(), old.end(), l) != old.end()) continue;
    const std::string text = quoted(l) + "::" + type;
    const auto in = [&](const std::string& definition) { return definition.find(text) != std::string::npos; };
    for (const auto& [name, t] : b_.tables) {
      if (in(t.bound)) return true;
      for (const auto& c : t.columns) {
        if (in(c.expression)) return true;
      }
    }
    for (const auto* parts : {&b_.constraints, &b_.indexes, &b_.triggers}) {
      for (const auto& [key, p] : *parts) {
        if (in(p.definition)) return true;
      }
    }
    for (const auto& [name, v] : b_.views) {
      if (in(v.definition)) return true;
    }
  }
  return false;
}

bool Differ::regenerated(const std::string& table, const SchemaModel::Column& was) const {
  const auto* now = stays(table) ? b_.tables.at(table).find(was.name) : nullptr;
  return now != nullptr &&
         (was.generated != now->generated || (!now->generated.empty() && was.expression != now->expression));
}

bool Differ::on_regenerated(const SchemaModel::Part& part) const {
  const auto it = a_.tables.find(part.table);
  return it != a_.tables.end() &&
         std::any_of(it->second.columns.begin(), it->second.columns.end(), [&](const SchemaModel::Column& c) {
           return regenerated(part.table, c) && part.definition.find(c.name) != std::string::npos;
         });
}

/// The type of a column that a policy mentions cannot be changed under it.
bool Differ::policy_stays(const std::string& key, const SchemaModel::Part& policy) const {
  const auto it = b_.policies.find(key);
  return it != b_.policies.end() && it->second == policy && !touched_.contains(policy.table) &&
         !mentions_replaced(policy.definition);
}

void Differ::choose_types() {
  for (const auto& [name, labels] : b_.enums) {
    const auto it = a_.enums.find(name);
    if (it == a_.enums.end() || it->second == labels) continue;
    size_t found = 0;
    for (const auto& l : labels) found += found < it->second.size() && it->second[found] == l;
    if (found != it->second.size() || uses_new_label(name, it->second)) replaced_.insert(name);
  }
  for (const auto& [name, d] : b_.domains) {
    const auto it = a_.domains.find(name);
    if (it != a_.domains.end() && (it->second.type != d.type || replaced_.contains(d.type))) replaced_.insert(name);
  }
}

bool Differ::of_replaced_type(const SchemaModel::Column& c) const {
  return std::any_of(replaced_.begin(), replaced_.end(),
                     [&](const std::string& t) { return c.type == t || c.type == t + "[]"; });
}

bool Differ::mentions_replaced(const std::string& definition) const {
  return std::any_of(replaced_.begin(), replaced_.end(),
                     [&](const std::string& t) { return definition.find(t) != std::string::npos; });
}

void Differ::choose_views() {
  auto& touched = touched_;
  for (const auto& [name, table] : a_.tables) {
    if (!stays(name) || remade(name)) {
      touched.insert(name);
      continue;
    }
    for (const auto& c : table.columns) {
      const auto* now = b_.tables.at(name).find(c.name);
      if (now == nullptr || now->type != c.type || now->collation != c.collation || now->generated != c.generated ||
          (!c.generated.empty() && now->expression != c.expression) || of_replaced_type(c))
        touched.insert(name);
    }
  }
  for (const auto& [name, view] : a_.views) {
    const auto it = b_.views.find(name);
    if (it == b_.views.end() || it->second.definition != view.definition || it->second.options != view.options ||
        mentions_replaced(view.definition) || it->second.materialized != view.materialized)
      touched.insert(name);
  }
  for (bool more = true; more;) {
    more = false;
    for (const auto& [name, view] : a_.views) {
      for (const auto& used : view.uses) {
        if (touched.contains(used) && touched.insert(name).second) more = true;
      }
    }
  }
  for (const auto& name : touched) {
    if (a_.views.contains(name)) dropped_views_.insert(name);
  }
}

void Differ::in_order(const std::map<std::string, SchemaModel::View>& views, const std::set<std::string>& chosen,
                      const std::function<void(const std::string&)>& visit, bool users_first) {
  std::vector<std::string> order;
  std::set<std::string> seen;
  std::function<void(const std::string&)> go = [&](const std::string& name) {
    if (!chosen.contains(name) || !seen.insert(name).second) return;
    for (const auto& used : views.at(name).uses) go(used);
    order.push_back(name);
  };
  for (const auto& name : chosen) go(name);
  if (users_first) std::reverse(order.begin(), order.end());
  for (const auto& name : order) visit(name);
}

std::string last_part(const std::string& name) {
  return name.substr(name.rfind(name.ends_with('"') ? ".\"" : ".") + 1);
}

std::string Differ::old_name(const std::string& type) {
  const std::string name = last_part(type);
  if (name.ends_with('"')) return name.substr(0, name.size() - 1) + "_howdah_old\"";
  return name + "_howdah_old";
}

std::string Differ::old_full_name(const std::string& type) {
  return type.substr(0, type.size() - last_part(type).size()) + old_name(type);
}

std::vector<std::string> schema_diff(const SchemaModel& from, const SchemaModel& to) { return Differ(from, to).run(); }

}  // namespace howdah::migrate
