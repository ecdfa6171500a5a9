#include "migrate/schema_differ.h"

namespace howdah::migrate {
namespace {

std::string list(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& i : items) out += (out.empty() ? "" : ", ") + i;
  return out;
}

/// Without its schema and quotes.
std::string bare(const std::string& name) {
  const std::string last = last_part("." + name);
  return last.ends_with('"') ? last.substr(1, last.size() - 2) : last;
}

/// Of a sequence, as SQL has them: those that the list `except` does not have.
std::string options_of(const std::string& list, const std::string& except = "") {
  std::string out;
  for (size_t at = 0; at < list.size();) {
    const size_t end = std::min(list.find(", ", at), list.size());
    const std::string option = list.substr(at, end - at);
    if ((", " + except + ",").find(", " + option + ",") == std::string::npos) out += (out.empty() ? "" : " ") + option;
    at = end + 2;
  }
  return out;
}

/// In parentheses after "identity"; "" when PostgreSQL chooses the same by itself.
std::string sequence_sql(const std::string& table, const SchemaModel::Column& c) {
  std::string out;
  if (bare(c.sequence) != bare(table) + "_" + bare(c.name) + "_seq") out = "sequence name " + c.sequence;
  if (!c.plain_sequence) out += (out.empty() ? "" : " ") + options_of(c.sequence_options);
  return out.empty() ? "" : " (" + out + ")";
}

std::string column_sql(const std::string& table, const SchemaModel::Column& c) {
  std::string out = c.name + " " + c.type;
  if (!c.collation.empty()) out += " collate " + c.collation;
  if (!c.generated.empty())
    out += fmt::format(" generated always as ({}) {}", c.expression, c.generated == "s" ? "stored" : "virtual");
  else if (!c.identity.empty())
    out +=
        fmt::format(" generated {} as identity{}", c.identity == "a" ? "always" : "by default", sequence_sql(table, c));
  else if (!c.expression.empty())
    out += " default " + c.expression;
  return out + (c.not_null ? " not null" : "");
}

}  // namespace

void Differ::make_types() {
  for (const auto& s : b_.schemas) {
    if (!a_.schemas.contains(s)) say("create schema " + s);
  }
  for (const auto& e : b_.extensions) {
    if (!a_.extensions.contains(e)) say("create extension " + e);
  }
  for (const auto& [name, s] : b_.sequences) {
    const auto it = a_.sequences.find(name);
    if (it == a_.sequences.end())
      say(fmt::format("create {}sequence {} {}", s.unlogged ? "unlogged " : "", name, options_of(s.definition)));
    else if (it->second.definition != s.definition)
      change_sequence(name, it->second.definition, s.definition);
  }
}

void Differ::make_enums() {
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
}

void Differ::functions(bool late) {
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

void Differ::make_tables() {
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
    for (const auto& c : t.columns) columns.push_back("\n  " + column_sql(name, c));
    const std::string what =
        t.parent.empty() ? fmt::format("({}\n)", list(columns)) : fmt::format("partition of {} {}", t.parent, t.bound);
    const std::string options = options_sql(t.options);
    say(fmt::format("create {}table {} {}{}{}", t.unlogged ? "unlogged " : "", name, what,
                    t.partition_key.empty() ? "" : " partition by " + t.partition_key,
                    options.empty() ? "" : " with (" + options + ")"));
    if (t.row_security) say(fmt::format("alter table {} enable row level security", name));
    if (t.force_row_security) say(fmt::format("alter table {} force row level security", name));
  }
}

void Differ::change_tables() {
  for (const auto& [name, t] : b_.tables) {
    if (!stays(name) || remade(name)) continue;
    const auto& was = a_.tables.at(name);
    if (was.row_security != t.row_security)
      say(fmt::format("alter table {} {} row level security", name, t.row_security ? "enable" : "disable"));
    if (was.force_row_security != t.force_row_security)
      say(fmt::format("alter table {} {} row level security", name, t.force_row_security ? "force" : "no force"));
    change_options(name, was.options, t.options);
    if (!t.parent.empty()) continue;  // its parent's columns are its own
    for (const auto& c : t.columns) {
      const auto* old = was.find(c.name);
      if (old == nullptr)
        say(fmt::format("alter table {} add column {}", name, column_sql(name, c)));
      else if (!(*old == c) || of_replaced_type(c))
        change_column(name, *old, c);
    }
  }
}

void Differ::change_column(const std::string& table, const SchemaModel::Column& was, const SchemaModel::Column& c) {
  const std::string alter = fmt::format("alter table {} alter column {} ", table, c.name);
  if (regenerated(table, was)) {
    out_.push_back(kLosesData + fmt::format("alter table {} drop column {};", table, c.name));
    say(fmt::format("alter table {} add column {}", table, column_sql(table, c)));
    return;
  }
  const bool retyped = was.type != c.type || was.collation != c.collation || of_replaced_type(c);
  const bool redefault = redefaulted(table, was, c);
  const bool had = !was.expression.empty() || (retyped && partitions_have_default(table, c.name));
  if (redefault && had && c.generated.empty() && c.identity.empty()) say(alter + "drop default");
  if (retyped)
    say(fmt::format("{}type {}{} using {}{}::{}", alter, c.type, c.collation.empty() ? "" : " collate " + c.collation,
                    c.name, through_text(was), c.type));
  if (redefault && !c.expression.empty() && c.generated.empty()) say(alter + "set default " + c.expression);
  if (was.not_null != c.not_null && (c.not_null || !primary(table, c.name)))
    say(alter + (c.not_null ? "set not null" : "drop not null"));
  const char* how = c.identity == "a" ? "always" : "by default";
  if (was.identity.empty() && !c.identity.empty())
    say(fmt::format("{}add generated {} as identity{}", alter, how, sequence_sql(table, c)));
  if (was.identity.empty() || c.identity.empty()) return;
  if (was.identity != c.identity) say(fmt::format("{}set generated {}", alter, how));
  const bool both_plain = was.plain_sequence && c.plain_sequence;  // a new type brings its own limits then
  if (!both_plain && (was.sequence_options != c.sequence_options || retyped))
    change_sequence(was.sequence, retyped ? "" : was.sequence_options, c.sequence_options);
  if (was.sequence != c.sequence)
    say(fmt::format("alter sequence {} rename to {}", was.sequence, last_part(c.sequence)));
}

/// One that was never used begins at its new start; others go on where they are.
void Differ::change_sequence(const std::string& name, const std::string& was, const std::string& now) {
  const std::string options = options_of(now, was);
  const bool begins = a_.unused.contains(name) && options.starts_with("start ");
  say(fmt::format("alter sequence {} {}{}", name, options, begins ? " restart" : ""));
}

bool Differ::redefaulted(const std::string& table, const SchemaModel::Column& was, const SchemaModel::Column& c) const {
  const bool retyped = was.type != c.type || was.collation != c.collation || of_replaced_type(c);
  return was.expression != c.expression ||
         (retyped && (!was.expression.empty() || partitions_have_default(table, c.name)));
}

std::string Differ::through_text(const SchemaModel::Column& was) const {
  const bool array = was.type.ends_with("[]");
  const std::string type = array ? was.type.substr(0, was.type.size() - 2) : was.type;
  if (!a_.enums.contains(type) && !(a_.domains.contains(type) && replaced_.contains(type))) return "";
  return array ? "::text[]" : "::text";
}

bool Differ::primary(const std::string& table, const std::string& column) const {
  for (const auto& [key, k] : b_.constraints) {
    if (k.table == table && k.kind == 'p' && k.definition.find(column) != std::string::npos) return true;
  }
  return false;
}

void Differ::replace_types() {
  for (const auto& type : replaced_) {
    if (b_.domains.contains(type)) say("drop domain " + old_full_name(type));
  }
  for (const auto& type : replaced_) {
    if (b_.enums.contains(type)) say("drop type " + old_full_name(type));
  }
}

void Differ::sequence_owners() {
  for (const auto& [name, s] : b_.sequences) {
    const auto it = a_.sequences.find(name);
    const std::string was = it == a_.sequences.end() ? "" : it->second.owned_by;
    if (was != s.owned_by)
      say(fmt::format("alter sequence {} owned by {}", name, s.owned_by.empty() ? "none" : s.owned_by));
  }
}

void Differ::persistence() {
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

void Differ::make_constraints() {
  for (const bool foreign : {false, true}) {
    for (const auto& [key, k] : b_.constraints) {
      const auto it = a_.constraints.find(key);
      if ((k.kind == 'f') != foreign || (it != a_.constraints.end() && kept(it->second, k))) continue;
      if (it != a_.constraints.end() && only_validated(it->second, k)) {
        say(fmt::format("alter table {} validate constraint {}", k.table, k.name));
        continue;
      }
      say(fmt::format("alter table {} add constraint {} {}", k.table, k.name, k.definition));
    }
  }
}

void Differ::make_indexes(const std::function<bool(const std::string&)>& wanted) {
  for (const auto& [key, i] : b_.indexes) {
    if (wanted(i.table) && !kept_index(key)) say(i.definition);
  }
}

void Differ::make_views() {
  std::set<std::string> chosen;
  for (const auto& [name, view] : b_.views) {
    if (!a_.views.contains(name) || dropped_views_.contains(name)) chosen.insert(name);
  }
  in_order(
      b_.views, chosen,
      [&](const std::string& v) {
        const auto& view = b_.views.at(v);
        say(fmt::format("create {}view {}{} as\n{}", view.materialized ? "materialized " : "", v,
                        view.options.empty() ? "" : " with (" + view.options + ")", view.definition));
      },
      false);
}

void Differ::make_triggers() {
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

void Differ::make_policies() {
  for (const auto& [key, p] : b_.policies) {
    const bool kept = a_.policies.contains(key) && policy_stays(key, a_.policies.at(key)) && !remade(p.table);
    if (!kept) say(p.definition);
  }
}

/// Whether the schema has what a comment is about, as far as diff makes it.
bool Differ::has_object(const SchemaModel& m, const SchemaModel::Comment& c) {
  const std::string key = c.object + " " + c.part;
  if (c.kind == "constraint") return m.constraints.contains(key);
  if (c.kind == "trigger") return m.triggers.contains(key);
  if (c.kind == "policy") return m.policies.contains(key);
  if (c.kind == "function" || c.kind == "procedure") return m.functions.contains(c.object);
  if (c.kind == "domain") return m.domains.contains(c.object);
  if (c.kind == "type") return m.composites.contains(c.object) || m.enums.contains(c.object);
  const auto table = m.tables.find(c.object);
  if (table == m.tables.end()) return m.views.contains(c.object) || m.sequences.contains(c.object);
  return c.part.empty() || table->second.find(c.part) != nullptr;
}

/// The comment of what was made again went with it.
bool Differ::made_again(const SchemaModel::Comment& c) const {
  if (dropped_views_.contains(c.object) || remade(c.object) || replaced_.contains(c.object)) return true;
  const std::string key = c.object + " " + c.part;
  if (c.kind == "function" || c.kind == "procedure")
    return a_.functions.at(c.object).definition != b_.functions.at(c.object).definition;
  if (c.kind == "policy") return !policy_stays(key, a_.policies.at(key));
  if (c.kind == "trigger") return !(a_.triggers.at(key) == b_.triggers.at(key));
  if (c.kind == "constraint")
    return !(a_.constraints.at(key) == b_.constraints.at(key)) || on_regenerated(a_.constraints.at(key)) ||
           mentions_replaced(a_.constraints.at(key).definition);
  const auto* column = c.kind == "column" && stays(c.object) ? a_.tables.at(c.object).find(c.part) : nullptr;
  return column != nullptr && regenerated(c.object, *column);
}

void Differ::make_comments() {
  for (const auto& [object, c] : a_.comments) {
    if (!b_.comments.contains(object) && has_object(b_, c) && has_object(a_, c) && !made_again(c))
      say(fmt::format("comment on {} is null", object));
  }
  for (const auto& [object, c] : b_.comments) {
    const auto it = a_.comments.find(object);
    const bool same = it != a_.comments.end() && it->second.text == c.text;
    if (!same || (has_object(a_, c) && has_object(b_, c) && made_again(c)))
      say(fmt::format("comment on {} is {}", object, quoted(c.text)));
  }
}

}  // namespace howdah::migrate
