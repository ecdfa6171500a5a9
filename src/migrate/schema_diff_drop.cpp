#include "migrate/schema_differ.h"

namespace howdah::migrate {

void Differ::drop_code() {
  for (const auto& [key, p] : a_.policies) {
    if (!policy_stays(key, p) && stays(p.table) && !remade(p.table))
      say(fmt::format("drop policy {} on {}", p.name, p.table));
  }
  for (const auto& [key, t] : a_.triggers) {
    const auto it = b_.triggers.find(key);
    const bool gone = dropped_views_.contains(t.table) || (!stays(t.table) && !b_.views.contains(t.table));
    if (gone || (it != b_.triggers.end() && it->second == t)) continue;
    say(fmt::format("drop trigger {} on {}", t.name, t.table));
  }
  in_order(
      a_.views, dropped_views_,
      [&](const std::string& v) {
        say(fmt::format("drop {}view {}", a_.views.at(v).materialized ? "materialized " : "", v));
      },
      true);
}

void Differ::drop_parts() {
  for (const bool foreign : {true, false}) {
    for (const auto& [key, k] : a_.constraints) {
      const auto it = b_.constraints.find(key);
      if ((k.kind == 'f') != foreign || (it != b_.constraints.end() && it->second == k && !remade(k.table) &&
                                         !mentions_replaced(k.definition) && !on_regenerated(k)))
        continue;
      const bool table_goes = !stays(k.table) || remade(k.table);
      if (table_goes && !foreign) continue;  // goes with its table; foreign keys are in the way of other tables
      say(fmt::format("alter table {} drop constraint {}", k.table, k.name));
    }
  }
  for (const auto& [key, i] : a_.indexes) {
    const auto it = b_.indexes.find(key);
    if (it != b_.indexes.end() && it->second == i && !mentions_replaced(i.definition) && !on_regenerated(i)) continue;
    if (stays(i.table) && !remade(i.table)) say("drop index " + i.name);
    if (a_.views.contains(i.table) && !dropped_views_.contains(i.table)) say("drop index " + i.name);
  }
}

void Differ::drop_tables() {
  for (const bool partitions : {true, false}) {
    for (const auto& [name, t] : a_.tables) {
      if (t.parent.empty() == partitions || (stays(name) && !remade(name))) continue;
      out_.push_back(kLosesData + fmt::format("drop table {};", name));
    }
  }
  for (const auto& [name, t] : a_.tables) {
    if (!stays(name) || remade(name) || !t.parent.empty()) continue;
    for (const auto& c : t.columns) {
      if (b_.tables.at(name).find(c.name) == nullptr)
        out_.push_back(kLosesData + fmt::format("alter table {} drop column {};", name, c.name));
    }
  }
}

void Differ::drop_identities() {
  for (const auto& [name, t] : a_.tables) {
    if (!stays(name) || remade(name) || !t.parent.empty()) continue;
    for (const auto& c : t.columns) {
      const auto* now = b_.tables.at(name).find(c.name);
      if (now == nullptr) continue;
      const std::string alter = fmt::format("alter table {} alter column {} ", name, c.name);
      if (!c.identity.empty() && now->identity.empty()) say(alter + "drop identity");
      if (!c.identity.empty() || now->identity.empty() || c.expression.empty()) continue;
      say(alter + "drop default");
      for (const auto& [sequence, s] : a_.sequences) {
        if (s.owned_by != name + "." + c.name || b_.sequences.contains(sequence)) continue;
        say("drop sequence " + sequence);
        gone_.insert(sequence);
      }
    }
  }
}

void Differ::drop_functions(bool of_tables) {
  for (const auto& [name, f] : a_.functions) {
    if (f.needs_tables != of_tables) continue;
    const auto it = b_.functions.find(name);
    const std::string sql = fmt::format("drop {} {}", f.kind, name);
    if (it == b_.functions.end() && !of_tables)
      unused_.push_back(sql);
    else if (it == b_.functions.end() || it->second.signature != f.signature || it->second.kind != f.kind ||
             mentions_replaced(f.definition))
      say(sql);
  }
}

void Differ::drop_types() {
  for (const auto& sql : unused_) say(sql);
  for (const auto& [name, s] : a_.sequences) {
    // Owned by what was dropped: it went along.
    const std::string table = s.owned_by.substr(0, s.owned_by.rfind('.'));
    const std::string column = s.owned_by.empty() ? "" : s.owned_by.substr(table.size() + 1);
    const bool went = !table.empty() && (!stays(table) || b_.tables.at(table).find(column) == nullptr);
    if (!b_.sequences.contains(name) && !went && !gone_.contains(name)) say("drop sequence " + name);
  }
  for (const auto& [name, attributes] : a_.composites) {
    if (!b_.composites.contains(name)) say("drop type " + name);
  }
  for (const auto& [name, d] : a_.domains) {
    if (!b_.domains.contains(name)) say("drop domain " + name);
  }
  for (const auto& [name, labels] : a_.enums) {
    if (!b_.enums.contains(name)) say("drop type " + name);
  }
  for (const auto& e : a_.extensions) {
    if (!b_.extensions.contains(e)) say("drop extension " + e);
  }
  for (const auto& s : a_.schemas) {
    if (!b_.schemas.contains(s)) say("drop schema " + s);
  }
}

}  // namespace howdah::migrate
