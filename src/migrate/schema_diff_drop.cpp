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
  for (const auto& [key, r] : a_.rules) {
    const bool gone = dropped_views_.contains(r.table) || (!stays(r.table) && !b_.views.contains(r.table));
    if (!gone && !rule_stays(key, r)) say(fmt::format("drop rule {} on {}", r.name, r.table));
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
      if ((k.kind == 'f') != foreign) continue;
      if (it != b_.constraints.end() && (kept(k, it->second) || only_validated(k, it->second))) continue;
      const bool table_goes = !stays(k.table) || remade(k.table);
      if (table_goes && !foreign) continue;  // goes with its table; foreign keys are in the way of other tables
      say(fmt::format("alter table {} drop constraint {}", k.table, k.name));
    }
  }
  for (const auto& [key, i] : a_.indexes) {
    if (kept_index(key)) continue;
    if (stays(i.table) && !remade(i.table)) say("drop index " + i.name);
    if (a_.views.contains(i.table) && !dropped_views_.contains(i.table)) say("drop index " + i.name);
  }
  for (const auto& [key, s] : a_.statistics) {
    const auto it = b_.statistics.find(key);
    const bool stays_there = it != b_.statistics.end() && statistics_stay(s, it->second);
    if (stays_there || dropped_views_.contains(s.table)) continue;
    if (a_.views.contains(s.table) || (stays(s.table) && !remade(s.table))) say("drop statistics " + s.name);
  }
}

/// A sequence goes with the column that owns it, which a default elsewhere would prevent (of a child, by inheritance).
void Differ::drop_borrowed_sequences() {
  for (const auto& [sequence, s] : a_.sequences) {
    if (s.owned_by.empty() || b_.sequences.contains(sequence)) continue;
    for (const auto& [name, t] : a_.tables) {
      if (!stays(name) || remade(name)) continue;
      for (const auto& c : t.columns) {
        if (s.owned_by != name + "." + c.name && c.expression.find(quoted(sequence)) != std::string::npos)
          say(fmt::format("alter table {} alter column {} drop default", name, c.name));
      }
    }
  }
}

void Differ::drop_tables() {
  std::set<std::string> seen;
  const std::function<void(const std::string&)> drop = [&](const std::string& name) {
    if ((stays(name) && !remade(name)) || !seen.insert(name).second) return;
    for (const auto& [child, t] : a_.tables) {
      if (t.parent == name || std::find(t.inherits.begin(), t.inherits.end(), name) != t.inherits.end()) drop(child);
    }
    out_.push_back(kLosesData + fmt::format("drop table {};", name));
  };
  for (const auto& [name, t] : a_.tables) drop(name);
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
    if (it == b_.functions.end() && !of_tables)
      unused_.push_back(name);
    else if (it == b_.functions.end() || it->second.signature != f.signature || it->second.kind != f.kind ||
             mentions_replaced(f.definition))
      say(fmt::format("drop {} {}", f.kind, name));
  }
}

void Differ::drop_types() {
  // The subtype_diff of a range goes after the range, all others before the types that they are about.
  const auto drop_unused = [&](bool of_ranges) {
    for (const auto& f : unused_) {
      const std::string mention = "subtype_diff = " + f.substr(0, f.find('('));
      const bool of_range = std::any_of(a_.ranges.begin(), a_.ranges.end(), [&](const auto& range) {
        return range.second.find(mention) != std::string::npos;
      });
      if (of_range == of_ranges) say(fmt::format("drop {} {}", a_.functions.at(f).kind, f));
    }
  };
  drop_unused(false);
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
  for (const auto& [name, definition] : a_.ranges) {
    if (!b_.ranges.contains(name)) say("drop type " + name);
  }
  drop_unused(true);
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
