#include <fmt/format.h>

#include "migrate/lint_file.h"

namespace howdah::migrate {
namespace {

constexpr size_t kLongestName = 63;  // bytes; the server cuts the rest off and says only NOTICE

void type_of(File& f, const Piece& p, const Name& table, const Column& c) {
  const std::string base = c.type.substr(0, c.type.find('('));
  bool key = false;
  for (const auto& k : c.constraints) key = key || k.kind == Constraint::kPrimary;
  std::string why, fix;
  if (base == "char")
    why = "char(n) pads with blanks and is no faster", fix = "text";
  else if (base == "varchar" && c.type != base)
    why = "a longer limit needs another migration", fix = "text, with CHECK (length(...) <= n) if it matters";
  else if (base == "timestamp")
    why = "without a time zone nobody knows which moment it was", fix = "timestamptz";
  else if (base == "json")
    why = "json has no equality and no index", fix = "jsonb";
  else if (base == "money")
    why = "money depends on the server's locale", fix = "numeric";
  else if ((base == "int" || base == "smallint" || base == "serial" || base == "smallserial") &&
           (key || base.ends_with("serial")))
    why = "an int key runs out after 2 billion rows", fix = "bigint generated always as identity";
  else if (base == "bigserial")
    why = "a serial's sequence has rights and an owner of its own", fix = "bigint generated always as identity";
  if (!why.empty()) f.add("types", p, c.at, table.text() + "." + c.name, why, fix);
}

void long_names(File& f, const Piece& p) {
  const bool ddl = p.ddl.kind != Ddl::kOther && p.ddl.kind != Ddl::kInsert && p.ddl.kind != Ddl::kUpdate &&
                   p.ddl.kind != Ddl::kDelete;
  if (!ddl) return;
  for (const auto& t : p.ddl.tokens) {
    if (t.name() && t.text.size() > kLongestName)
      f.add("hygiene", p, t.at, t.text,
            fmt::format("this name has {} bytes, the server keeps {}", t.text.size(), kLongestName), "shorten it");
  }
}

}  // namespace

Habits habits_of(const std::vector<Ddl>& all) {
  Habits out;
  for (const auto& d : all) {
    if (d.kind == Ddl::kCreateTable && !d.target().schema.empty()) out.qualifies = true;
    if (d.kind == Ddl::kGrantTable) out.grants = true;
    for (const auto& x : d.changes) out.row_security = out.row_security || x.kind == Change::kRowSecurity;
  }
  return out;
}

void lint_types(File& f, const Piece& p) {
  if (p.ddl.kind == Ddl::kCreateTable) {
    for (const auto& c : p.ddl.columns) {
      Column column = c;
      for (const auto& k : p.ddl.constraints) {
        if (k.kind == Constraint::kPrimary && k.columns.size() == 1 && k.columns[0] == c.name)
          column.constraints.push_back(k);
      }
      type_of(f, p, p.ddl.target(), column);
    }
  }
  for (const auto& x : p.ddl.changes) {
    // Who makes a varchar longer has met its limit already.
    const bool new_type = x.kind == Change::kType && !x.column.type.starts_with("varchar");
    if (x.kind == Change::kAddColumn || new_type) type_of(f, p, p.ddl.target(), x.column);
  }
}

void lint_hygiene(File& f, const Piece& p) {
  const Ddl& d = p.ddl;
  long_names(f, p);
  if (d.kind == Ddl::kSetSearchPath)
    f.add("hygiene", p, 0, "search_path", "search_path set in a migration changes where the names below go",
          "write schema.name");
  if (d.kind == Ddl::kCreateFunction && d.security_definer && !d.sets_search_path)
    f.add("hygiene", p, 0, d.target().text(),
          "SECURITY DEFINER without a search_path of its own: a caller can put a table of his in its way",
          "SET search_path = pg_catalog, ... in the function");
  if (d.kind != Ddl::kCreateTable || d.temporary) return;
  if (f.habits.qualifies && d.target().schema.empty())
    f.add("hygiene", p, d.target().at, d.target().text(), "the other tables of this project are made with their schema",
          "write schema." + d.target().text());
}

void lint_grants(File& f) {
  for (const auto& p : f.pieces) {
    const Ddl& d = p.ddl;
    if (d.kind != Ddl::kCreateTable || d.temporary) continue;
    bool granted = false, secured = false;
    for (const auto& other : f.pieces) {
      if (other.ddl.kind == Ddl::kGrantTable) {
        granted = granted || other.ddl.all;
        for (const auto& t : other.ddl.targets) granted = granted || t.key() == d.target().key();
      }
      if (other.ddl.kind != Ddl::kAlterTable || other.ddl.target().key() != d.target().key()) continue;
      for (const auto& x : other.ddl.changes) {
        granted = granted || x.kind == Change::kOwner;
        secured = secured || x.kind == Change::kRowSecurity;
      }
    }
    if (f.habits.grants && !granted)
      f.add("hygiene", p, d.target().at, d.target().text(),
            "other tables of this project have grants, this one has none",
            fmt::format("GRANT ... ON {} TO ...", d.target().text()));
    if (f.habits.row_security && !secured)
      f.add("hygiene", p, d.target().at, d.target().text(),
            "other tables of this project have row security, this one lets everybody see every row",
            fmt::format("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", d.target().text()));
  }
}

}  // namespace howdah::migrate
