#include <fmt/format.h>

#include <functional>

#include "migrate/schema_model.h"

namespace howdah::migrate {
namespace {

using Model = SchemaModel;
constexpr const char* kLoses = "-- loses data:\n";

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

std::string list(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& i : items) out += (out.empty() ? "" : ", ") + i;
  return out;
}

std::string column_sql(const Model::Column& c) {
  std::string out = c.name + " " + c.type;
  if (!c.collation.empty()) out += " collate " + c.collation;
  if (!c.generated.empty())
    out += fmt::format(" generated always as ({}) {}", c.expression, c.generated == "s" ? "stored" : "virtual");
  else if (!c.identity.empty())
    out += fmt::format(" generated {} as identity", c.identity == "a" ? "always" : "by default");
  else if (!c.expression.empty())
    out += " default " + c.expression;
  return out + (c.not_null ? " not null" : "");
}

class Differ {
 public:
  Differ(const Model& from, const Model& to) : a_(from), b_(to) {}

  std::vector<std::string> run() {
    choose_enums();
    choose_views();
    drop_code();
    drop_functions(true);
    drop_parts();
    drop_tables();
    drop_identities();
    make_types();
    functions(false);
    make_tables();
    change_tables();
    replace_enums();
    sequence_owners();
    persistence();
    make_constraints();
    make_indexes([&](const std::string& t) { return !b_.views.contains(t); });
    functions(true);
    make_views();
    make_indexes([&](const std::string& t) { return b_.views.contains(t); });
    make_triggers();
    drop_types();
    if (!out_.empty() && bodies_) out_.insert(out_.begin(), "set check_function_bodies = off;");
    return std::move(out_);
  }

 private:
  void say(const std::string& sql) { out_.push_back(sql + ";"); }

  bool stays(const std::string& table) const { return a_.tables.contains(table) && b_.tables.contains(table); }

  /// A partition that became another one, a table that became partitioned: made anew.
  bool remade(const std::string& table) const {
    if (!stays(table)) return false;
    const auto &x = a_.tables.at(table), &y = b_.tables.at(table);
    return x.partition_key != y.partition_key || x.parent != y.parent || x.bound != y.bound;
  }

  /// A label cannot be used in the transaction that added it.
  bool uses_new_label(const std::string& type, const std::vector<std::string>& old) const {
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

  /// Labels that were only added can be added; else the type is replaced.
  void choose_enums() {
    for (const auto& [name, labels] : b_.enums) {
      const auto it = a_.enums.find(name);
      if (it == a_.enums.end() || it->second == labels) continue;
      size_t found = 0;
      for (const auto& l : labels) found += found < it->second.size() && it->second[found] == l;
      if (found != it->second.size() || uses_new_label(name, it->second)) replaced_.insert(name);
    }
  }

  bool of_replaced_type(const Model::Column& c) const {
    return std::any_of(replaced_.begin(), replaced_.end(),
                       [&](const std::string& t) { return c.type == t || c.type == t + "[]"; });
  }

  bool mentions_replaced(const std::string& definition) const {
    return std::any_of(replaced_.begin(), replaced_.end(),
                       [&](const std::string& t) { return definition.find(t) != std::string::npos; });
  }

  /// Views that must go: other ones in b, and those over what changes under them, and those over such views.
  void choose_views() {
    std::set<std::string> touched;
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
      if (it == b_.views.end() || it->second.definition != view.definition || mentions_replaced(view.definition) ||
          it->second.materialized != view.materialized)
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

  /// `first` before those that it needs, or after them.
  void in_order(const std::map<std::string, Model::View>& views, const std::set<std::string>& chosen,
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

  void drop_code() {
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

  void drop_parts() {
    for (const bool foreign : {true, false}) {
      for (const auto& [key, k] : a_.constraints) {
        const auto it = b_.constraints.find(key);
        if ((k.kind == 'f') != foreign ||
            (it != b_.constraints.end() && it->second == k && !remade(k.table) && !mentions_replaced(k.definition)))
          continue;
        const bool table_goes = !stays(k.table) || remade(k.table);
        if (table_goes && !foreign) continue;  // goes with its table; foreign keys are in the way of other tables
        say(fmt::format("alter table {} drop constraint {}", k.table, k.name));
      }
    }
    for (const auto& [key, i] : a_.indexes) {
      const auto it = b_.indexes.find(key);
      if (it != b_.indexes.end() && it->second == i && !mentions_replaced(i.definition)) continue;
      if (stays(i.table) && !remade(i.table)) say("drop index " + i.name);
      if (a_.views.contains(i.table) && !dropped_views_.contains(i.table)) say("drop index " + i.name);
    }
  }

  void drop_tables() {
    for (const bool partitions : {true, false}) {
      for (const auto& [name, t] : a_.tables) {
        if (t.parent.empty() == partitions || (stays(name) && !remade(name))) continue;
        out_.push_back(kLoses + fmt::format("drop table {};", name));
      }
    }
    for (const auto& [name, t] : a_.tables) {
      if (!stays(name) || remade(name) || !t.parent.empty()) continue;
      for (const auto& c : t.columns) {
        if (b_.tables.at(name).find(c.name) == nullptr)
          out_.push_back(kLoses + fmt::format("alter table {} drop column {};", name, c.name));
      }
    }
  }

  /// The sequence of an identity and that of a serial have the same name: one must go before the other comes.
  void drop_identities() {
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

  void make_types() {
    for (const auto& s : b_.schemas) {
      if (!a_.schemas.contains(s)) say("create schema " + s);
    }
    for (const auto& e : b_.extensions) {
      if (!a_.extensions.contains(e)) say("create extension " + e);
    }
    for (const auto& [name, labels] : b_.enums) {
      std::vector<std::string> all;
      for (const auto& l : labels) all.push_back(quoted(l));
      const auto it = a_.enums.find(name);
      if (it == a_.enums.end()) say(fmt::format("create type {} as enum ({})", name, list(all)));
      if (it == a_.enums.end() || it->second == labels) continue;
      if (replaced_.contains(name)) {
        say(fmt::format("alter type {} rename to {}", name, old_name(name)));
        say(fmt::format("create type {} as enum ({})", name, list(all)));
        continue;
      }
      size_t found = 0;
      for (size_t i = 0; i < labels.size(); i++) {
        if (found < it->second.size() && it->second[found] == labels[i])
          found++;
        else
          say(fmt::format("alter type {} add value {}{}", name, all[i],
                          i == 0 ? " before " + quoted(it->second[0]) : " after " + all[i - 1]));
      }
    }
    for (const auto& [name, s] : b_.sequences) {
      const auto it = a_.sequences.find(name);
      if (it == a_.sequences.end())
        say(fmt::format("create {}sequence {} {}", s.unlogged ? "unlogged " : "", name, s.definition));
      else if (it->second.definition != s.definition)
        say(fmt::format("alter sequence {} {}{}", name, s.definition,
                        s.definition.ends_with(" cycle") ? "" : " no cycle"));
    }
  }

  static std::string old_name(const std::string& type) {
    const size_t dot = type.rfind(type.ends_with('"') ? ".\"" : ".");
    std::string name = type.substr(dot + 1);
    if (name.ends_with('"')) return name.substr(0, name.size() - 1) + "_howdah_old\"";
    return name + "_howdah_old";
  }
  static std::string old_full_name(const std::string& type) {
    const size_t dot = type.rfind(type.ends_with('"') ? ".\"" : ".");
    return type.substr(0, dot + 1) + old_name(type);
  }

  /// Those that return rows of a table must go before it, all others after what they are used in.
  void drop_functions(bool of_tables) {
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

  void functions(bool late) {
    if (!late) drop_functions(false);
    for (const auto& [name, f] : b_.functions) {
      const auto it = a_.functions.find(name);
      const bool same =
          it != a_.functions.end() && it->second.definition == f.definition && !mentions_replaced(f.definition);
      if (same || f.needs_tables != late) continue;
      bodies_ = true;
      std::string text = f.definition;
      while (!text.empty() && text.back() == '\n') text.pop_back();
      say(text);
    }
  }

  void make_tables() {
    std::vector<std::string> order;
    std::function<void(const std::string&)> add = [&](const std::string& name) {
      if (!b_.tables.contains(name) || std::find(order.begin(), order.end(), name) != order.end()) return;
      add(b_.tables.at(name).parent);
      order.push_back(name);
    };
    for (const auto& [name, t] : b_.tables) add(name);
    for (const auto& name : order) {
      if (stays(name) && !remade(name)) continue;
      const auto& t = b_.tables.at(name);
      std::vector<std::string> columns;
      for (const auto& c : t.columns) columns.push_back("\n  " + column_sql(c));
      const std::string what = t.parent.empty() ? fmt::format("({}\n)", list(columns))
                                                : fmt::format("partition of {} {}", t.parent, t.bound);
      say(fmt::format("create {}table {} {}{}", t.unlogged ? "unlogged " : "", name, what,
                      t.partition_key.empty() ? "" : " partition by " + t.partition_key));
      if (t.row_security) say(fmt::format("alter table {} enable row level security", name));
    }
  }

  void change_tables() {
    for (const auto& [name, t] : b_.tables) {
      if (!stays(name) || remade(name)) continue;
      const auto& was = a_.tables.at(name);
      if (was.row_security != t.row_security)
        say(fmt::format("alter table {} {} row level security", name, t.row_security ? "enable" : "disable"));
      if (!t.parent.empty()) continue;  // its parent's columns are its own
      for (const auto& c : t.columns) {
        const auto* old = was.find(c.name);
        if (old == nullptr)
          say(fmt::format("alter table {} add column {}", name, column_sql(c)));
        else if (!(*old == c) || of_replaced_type(c))
          change_column(name, *old, c);
      }
    }
  }

  void change_column(const std::string& table, const Model::Column& was, const Model::Column& c) {
    const std::string alter = fmt::format("alter table {} alter column {} ", table, c.name);
    if (was.generated != c.generated || (!c.generated.empty() && was.expression != c.expression)) {
      out_.push_back(kLoses + fmt::format("alter table {} drop column {};", table, c.name));
      say(fmt::format("alter table {} add column {}", table, column_sql(c)));
      return;
    }
    const bool retyped = was.type != c.type || was.collation != c.collation || of_replaced_type(c);
    const bool redefault = was.expression != c.expression || (retyped && !was.expression.empty());
    if (redefault && !was.expression.empty() && c.generated.empty() && c.identity.empty()) say(alter + "drop default");
    if (retyped)
      say(fmt::format("{}type {}{} using {}{}::{}", alter, c.type, c.collation.empty() ? "" : " collate " + c.collation,
                      c.name, through_text(was), c.type));
    if (redefault && !c.expression.empty() && c.generated.empty()) say(alter + "set default " + c.expression);
    if (was.not_null != c.not_null && (c.not_null || !primary(table, c.name)))
      say(alter + (c.not_null ? "set not null" : "drop not null"));
    const char* how = c.identity == "a" ? "always" : "by default";
    if (was.identity.empty() && !c.identity.empty()) say(fmt::format("{}add generated {} as identity", alter, how));
    if (!was.identity.empty() && !c.identity.empty() && was.identity != c.identity)
      say(fmt::format("{}set generated {}", alter, how));
  }

  /// Enums have casts from and to text only.
  std::string through_text(const Model::Column& was) const {
    if (a_.enums.contains(was.type)) return "::text";
    return was.type.ends_with("[]") && a_.enums.contains(was.type.substr(0, was.type.size() - 2)) ? "::text[]" : "";
  }

  bool primary(const std::string& table, const std::string& column) const {
    for (const auto& [key, k] : b_.constraints) {
      if (k.table == table && k.kind == 'p' && k.definition.find(column) != std::string::npos) return true;
    }
    return false;
  }

  void replace_enums() {
    for (const auto& type : replaced_) say("drop type " + old_full_name(type));
  }

  void sequence_owners() {
    for (const auto& [name, s] : b_.sequences) {
      const auto it = a_.sequences.find(name);
      const std::string was = it == a_.sequences.end() ? "" : it->second.owned_by;
      if (was != s.owned_by)
        say(fmt::format("alter sequence {} owned by {}", name, s.owned_by.empty() ? "none" : s.owned_by));
    }
  }

  /// After the owners: a table takes its sequences along, from version 15 on.
  void persistence() {
    for (const auto& [name, t] : b_.tables) {
      if (stays(name) && !remade(name) && a_.tables.at(name).unlogged != t.unlogged)
        say(fmt::format("alter table {} set {}", name, t.unlogged ? "unlogged" : "logged"));
    }
    for (const auto& [name, s] : b_.sequences) {
      const auto it = a_.sequences.find(name);
      if (it != a_.sequences.end() && it->second.unlogged != s.unlogged)
        say(fmt::format("alter sequence {} set {}", name, s.unlogged ? "unlogged" : "logged"));
    }
  }

  void make_constraints() {
    for (const bool foreign : {false, true}) {
      for (const auto& [key, k] : b_.constraints) {
        const auto it = a_.constraints.find(key);
        const bool same = it != a_.constraints.end() && it->second == k && stays(k.table) && !remade(k.table) &&
                          !mentions_replaced(k.definition);
        if (same || (k.kind == 'f') != foreign) continue;
        say(fmt::format("alter table {} add constraint {} {}", k.table, k.name, k.definition));
      }
    }
  }

  void make_indexes(const std::function<bool(const std::string&)>& wanted) {
    for (const auto& [key, i] : b_.indexes) {
      if (!wanted(i.table)) continue;
      const auto it = a_.indexes.find(key);
      const bool kept = !dropped_views_.contains(i.table) && !remade(i.table) && !mentions_replaced(i.definition);
      if (it != a_.indexes.end() && it->second == i && kept) continue;
      say(i.definition);
    }
  }

  void make_views() {
    std::set<std::string> chosen;
    for (const auto& [name, view] : b_.views) {
      if (!a_.views.contains(name) || dropped_views_.contains(name)) chosen.insert(name);
    }
    in_order(
        b_.views, chosen,
        [&](const std::string& v) {
          const auto& view = b_.views.at(v);
          say(fmt::format("create {}view {} as\n{}", view.materialized ? "materialized " : "", v, view.definition));
        },
        false);
  }

  void make_triggers() {
    for (const auto& [key, t] : b_.triggers) {
      const auto it = a_.triggers.find(key);
      const bool kept = !dropped_views_.contains(t.table) && !remade(t.table);
      if (it != a_.triggers.end() && it->second == t && kept) continue;
      say(t.definition);
      if (t.kind == 'D') say(fmt::format("alter table {} disable trigger {}", t.table, t.name));
      if (t.kind == 'A') say(fmt::format("alter table {} enable always trigger {}", t.table, t.name));
      if (t.kind == 'R') say(fmt::format("alter table {} enable replica trigger {}", t.table, t.name));
    }
  }

  void drop_types() {
    for (const auto& sql : unused_) say(sql);
    for (const auto& [name, s] : a_.sequences) {
      // Owned by what was dropped: it went along.
      const std::string table = s.owned_by.substr(0, s.owned_by.rfind('.'));
      const std::string column = s.owned_by.empty() ? "" : s.owned_by.substr(table.size() + 1);
      const bool went = !table.empty() && (!stays(table) || b_.tables.at(table).find(column) == nullptr);
      if (!b_.sequences.contains(name) && !went && !gone_.contains(name)) say("drop sequence " + name);
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

  const Model &a_, &b_;
  std::vector<std::string> out_, unused_;
  std::set<std::string> dropped_views_, replaced_, gone_;
  bool bodies_ = false;
};

}  // namespace

std::vector<std::string> schema_diff(const SchemaModel& from, const SchemaModel& to) { return Differ(from, to).run(); }

}  // namespace howdah::migrate
