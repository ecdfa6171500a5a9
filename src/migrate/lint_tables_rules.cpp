#include <fmt/format.h>

#include "migrate/lint_file.h"

namespace howdah::migrate {
namespace {

bool serial(const std::string& type) { return type == "serial" || type == "bigserial" || type == "smallserial"; }

void constraint(File& f, const Piece& p, const Name& table, const Constraint& k, size_t at) {
  const std::string object = table.text() + "." + (k.name.empty() ? "constraint" : k.name);
  switch (k.kind) {
    case Constraint::kForeign:
      if (!k.not_valid)
        f.add("foreign-key-without-not-valid", p, at, object,
              fmt::format("checks every row of {} while nobody can write it or {}", table.text(), k.references.text()),
              "add it NOT VALID, and VALIDATE CONSTRAINT in a later migration");
      break;
    case Constraint::kCheck:
    case Constraint::kNotNull:
      if (!k.not_valid)
        f.add(k.kind == Constraint::kCheck ? "check-without-not-valid" : "set-not-null-directly", p, at, object,
              fmt::format("checks every row of {} while nobody can read it", table.text()),
              "add it NOT VALID, and VALIDATE CONSTRAINT in a later migration");
      break;
    case Constraint::kUnique:
    case Constraint::kPrimary:
      if (!k.using_index)
        f.add("unique-constraint-directly", p, at, object,
              fmt::format("builds an index of {} while nobody can read it", table.text()),
              "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... USING INDEX");
      break;
    case Constraint::kExclude:
      f.add("exclusion-constraint", p, at, object,
            fmt::format("builds an index of {} while nobody can read it; PostgreSQL has no other way", table.text()),
            "do it when nobody needs the table, and rehearse how long it takes");
  }
}

void new_column(File& f, const Piece& p, const Name& table, const Change& x) {
  const Column& c = x.column;
  const std::string object = table.text() + "." + c.name;
  const char* why = c.identity           ? "an identity column"
                    : serial(c.type)     ? "a serial column"
                    : c.stored           ? "a stored generated column"
                    : c.volatile_default ? "a default that differs from row to row"
                                         : nullptr;
  if (why != nullptr)
    f.add("add-column-rewrite", p, x.at, object,
          fmt::format("{} makes the server rewrite {} while nobody can read it", why, table.text()),
          "add the column without it, fill it in batches, then set the default");
  if (c.not_null && (!c.has_default || c.null_default) && !c.identity && !serial(c.type))
    f.add("add-not-null-without-default", p, x.at, object, fmt::format("fails when {} has rows", table.text()),
          "give it a constant default, or add it without NOT NULL and fill it first");
  for (const auto& k : c.constraints) {
    // A new column without a default is NULL everywhere: the server still scans for a CHECK, not for a foreign key.
    if (k.kind == Constraint::kForeign && (!c.has_default || c.null_default)) continue;
    constraint(f, p, table, k, k.at);
  }
}

void new_type(File& f, const Piece& p, const Name& table, const Change& x) {
  const std::string from = f.tables.type_of(table, x.name), to = x.column.type;
  const std::string object = table.text() + "." + x.name;
  if (!x.with_using && type_change_is_free(from, to)) return;
  const bool timestamps = (from.starts_with("timestamp") && to.starts_with("timestamp")) ||
                          (from.empty() && to.starts_with("timestamptz") && !x.with_using);
  if (timestamps && !x.with_using) {
    f.add("change-column-type", p, x.at, object,
          fmt::format("{} to {} rewrites {} unless the session's TimeZone is UTC", from.empty() ? "a timestamp" : from,
                      to, table.text()),
          "SET LOCAL timezone = 'UTC' before it, when that is what the old values mean");
    f.findings.back().severity = Severity::kWarning;
    return;
  }
  f.add("change-column-type", p, x.at, object,
        fmt::format("{}{} rewrites {} and its indexes while nobody can read it", from.empty() ? "" : from + " to ", to,
                    table.text()),
        "add a new column, copy in batches, then switch over");
}

void not_null(File& f, const Piece& p, const Name& table, const Change& x) {
  if (f.tables.checked().contains(table.key() + "." + x.name)) return;
  f.add("set-not-null-directly", p, x.at, table.text() + "." + x.name,
        fmt::format("scans {} while nobody can read it", table.text()),
        fmt::format("ADD CONSTRAINT ... CHECK ({} IS NOT NULL) NOT VALID, VALIDATE it in a later migration, then SET "
                    "NOT NULL, which needs no scan any more",
                    x.name));
}

/// `validated` under the same lock that the statement which added it took.
void validate(File& f, const Piece& p, const Name& table, const Change& x) {
  if (!f.transactional) return;
  for (const auto& earlier : f.pieces) {
    if (&earlier > &p) break;
    if (earlier.ddl.kind != Ddl::kAlterTable || earlier.ddl.target().key() != table.key()) continue;
    for (const auto& y : earlier.ddl.changes) {
      if (y.kind != Change::kAddConstraint || y.name != x.name || !y.constraint.not_valid) continue;
      f.add("validate-in-same-transaction", p, x.at, table.text() + "." + x.name,
            fmt::format("the scan runs under the lock that adding {} took, so NOT VALID was of no use", x.name),
            "move VALIDATE CONSTRAINT into a later migration");
      return;
    }
  }
}

void several(File& f, const Piece& p) {
  if (!f.transactional || !p.ddl.access_exclusive()) return;
  const std::string now = p.ddl.target().key();
  if (!f.busy(p.ddl.target())) return;
  for (const auto& earlier : f.pieces) {
    if (&earlier >= &p) return;
    const Name& other = earlier.ddl.target();
    if (!earlier.ddl.access_exclusive() || !f.busy(other)) continue;
    if (other.key() == now) return;  // reported, or first: this table was locked before
    f.add("several-tables-locked", p, 0, p.ddl.target().text(),
          fmt::format("locks {} while it holds {}: an application that takes them the other way round deadlocks",
                      p.ddl.target().text(), other.text()),
          "one table a migration");
    return;
  }
}

/// As in the file that Prisma writes for an enum that loses a value: nobody sees the column without its default.
bool default_comes_back(const File& f, const Piece& p, const Change& x) {
  return f.transactional && std::any_of(&p + 1, f.pieces.data() + f.pieces.size(), [&](const Piece& later) {
           return later.ddl.kind == Ddl::kAlterTable && later.ddl.target().key() == p.ddl.target().key() &&
                  std::any_of(later.ddl.changes.begin(), later.ddl.changes.end(),
                              [&](const Change& c) { return c.kind == Change::kSetDefault && c.name == x.name; });
         });
}

}  // namespace

void lint_table(File& f, const Piece& p) {
  several(f, p);
  if (p.ddl.kind != Ddl::kAlterTable || !f.busy(p.ddl.target())) return;
  const Name& table = p.ddl.target();
  for (const auto& x : p.ddl.changes) {
    const std::string object = table.text() + "." + x.name;
    if (x.kind == Change::kAddColumn) new_column(f, p, table, x);
    if (x.kind == Change::kAddConstraint) constraint(f, p, table, x.constraint, x.at);
    if (x.kind == Change::kType) new_type(f, p, table, x);
    if (x.kind == Change::kSetNotNull) not_null(f, p, table, x);
    if (x.kind == Change::kValidate) validate(f, p, table, x);
    if (x.kind == Change::kDropNotNull)
      f.add("drop-not-null-or-default", p, x.at, object, "readers that rely on a value get NULL from now on",
            "make the application ready first");
    if (x.kind == Change::kDropDefault && !default_comes_back(f, p, x))
      f.add("drop-not-null-or-default", p, x.at, object, "writers that rely on the default write NULL from now on",
            "make the application ready first");
  }
}

void lint_indexes(File& f, const Piece& p) {
  const Ddl& d = p.ddl;
  if (d.kind == Ddl::kCreateIndex && !d.concurrently && f.busy(d.target()))
    f.add("index-not-concurrently", p, 0, d.made.empty() ? d.target().text() : d.made,
          fmt::format("nobody can write {} while the index is built", d.target().text()),
          "CREATE INDEX CONCURRENTLY in a file with -- howdah:no-transaction");
  if (d.kind == Ddl::kDropIndex && !d.concurrently)
    f.add("drop-index-not-concurrently", p, 0, d.target().text(),
          "locks the table of the index against everybody, and waits for those who read it",
          "DROP INDEX CONCURRENTLY in a file with -- howdah:no-transaction");
  if (d.kind == Ddl::kReindex && !d.concurrently)
    f.add("drop-index-not-concurrently", p, 0, d.target().text(), "nobody can write the table while it runs",
          "REINDEX ... CONCURRENTLY in a file with -- howdah:no-transaction");
}

void lint_removals(File& f, const Piece& p) {
  const Ddl& d = p.ddl;
  const bool nobody_uses_it = f.migration.phase == Phase::kContract;
  if (d.kind == Ddl::kDropTable || d.kind == Ddl::kDropSchema) {
    for (const auto& t : d.targets) {
      if (d.kind == Ddl::kDropTable && (!f.busy(t) || (nobody_uses_it && !d.cascade))) continue;
      f.add("drop-table", p, 0, t.text(),
            fmt::format("{} and its rows are gone{}", t.text(), d.cascade ? ", and whatever depends on it" : ""),
            "take the application off it first; then say phase:contract, or allow this with a reason");
    }
  }
  if ((d.kind == Ddl::kDropOther || (d.kind == Ddl::kTruncate && f.busy(d.target()))) && d.cascade)
    f.add("drop-table", p, 0, d.target().text(), "CASCADE takes whatever depends on it, also what you don't know of",
          "name the objects instead");
  if (d.kind == Ddl::kRenameSchema || d.kind == Ddl::kRenameValue)
    f.add("rename-table", p, 0, d.target().text() + (d.value.empty() ? "" : "." + d.value),
          "the running application still uses the old name", "add the new one, move over, then remove the old one");
  if (d.kind != Ddl::kAlterTable || !f.busy(d.target())) return;
  for (const auto& x : d.changes) {
    const std::string table = d.target().text();
    if (x.kind == Change::kDropColumn && !(nobody_uses_it && !x.cascade))
      f.add("drop-column", p, x.at, table + "." + x.name,
            fmt::format("{}.{} and its values are gone{}", table, x.name,
                        x.cascade ? ", and whatever depends on it" : ""),
            "release an application that does not use it first; then say phase:contract, or allow this with a reason");
    if (x.kind == Change::kRenameColumn)
      f.add("rename-column", p, x.at, table + "." + x.name, "the running application still uses the old name",
            "add a new column, write both, move over, then drop the old one");
    if (x.kind == Change::kRenameTable || x.kind == Change::kSetSchema)
      f.add("rename-table", p, x.at, table, "the running application still uses the old name",
            "rename it and leave a view with the old name, in the same migration");
  }
}

}  // namespace howdah::migrate
