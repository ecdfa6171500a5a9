#include <fmt/format.h>

#include "migrate/lint_file.h"

namespace howdah::migrate {
namespace {

void whole_file(File& f) {
  const auto& all = f.statements;
  if (f.source.dialect == Dialect::kPrisma) {
    if (all.size() > 1 && !f.wrapped)
      f.add_at(
          "no-transaction", f.migration.up, all[0].begin, "",
          fmt::format("{} statements that are no transaction: when one fails, Prisma leaves the earlier ones behind",
                      all.size()),
          "BEGIN; as the first statement and COMMIT; as the last");
    return;
  }
  if (f.transactional || all.empty()) return;
  for (const auto& s : all) {
    const std::string first = s.words.empty() ? "" : s.words[0];
    if (!outside_transaction(s).empty() || first == "do" || first == "call") return;
  }
  f.add_at("no-transaction", f.migration.up, all[0].begin, "",
           "the header turns the transaction off, but nothing here needs that: a failure would leave the first "
           "statements behind",
           "remove the header");
}

void order(File& f) {
  const auto& known = f.facts.known;
  if (known.contains(f.migration.version)) return;
  const bool native = f.source.dialect == Dialect::kNative;
  std::string last;
  for (const auto& v : known) {
    if (native ? version_less(last, v) : last < v) last = v;
  }
  if (last.empty() || !(native ? version_less(f.migration.version, last) : f.migration.version < last)) return;
  f.add_at("timestamp-before-applied", f.migration.up, 0, "",
           fmt::format("{} comes before {}, which {} has already", f.migration.name, last, f.facts.known_where),
           "give the file a newer version");
}

void each_statement(File& f, const Section& section, const std::vector<Statement>& all, bool transactional,
                    bool wrapped) {
  for (size_t i = 0; i < all.size(); i++) {
    const Statement& s = all[i];
    if (wrapped && (i == 0 || i + 1 == all.size())) continue;
    if (const std::string word = transaction_control(s); !word.empty())
      f.add_at("transaction-nesting", section, s.begin, "",
               fmt::format("{} inside a migration, which is a transaction of its own", word), "remove it");
    const std::string alone = outside_transaction(s);
    if (!alone.empty() && transactional)
      f.add_at("concurrently-in-transaction", section, s.begin, "", alone + " cannot run inside a transaction",
               f.source.dialect == Dialect::kPrisma
                   ? "put it alone into a migration of its own"
                   : "put it into a file of its own with the first line: -- howdah:no-transaction");
  }
}

void down(File& f) {
  if (f.source.dialect != Dialect::kNative) return;
  const Section& d = f.migration.down;
  if (!d.present) {
    f.add_at("down", f.migration.up, 0, "", "there is no down section: this cannot be reverted",
             "add: -- migrate:down");
    return;
  }
  const auto parts = split(d.sql);
  if (!parts) {
    f.findings.push_back({"syntax", Severity::kError, f.migration.version, d.file, d.line + parts.error().line - 1,
                          parts.error().column, "", parts.error().message, "", ""});
    return;
  }
  const bool wrapped = parts->size() >= 2 && transaction_control(parts->front()) == "begin" &&
                       transaction_control(parts->back()) == "commit";
  each_statement(f, d, *parts, d.transactional, wrapped);
  if (!f.facts.down_differs) return;
  if (const auto why = f.facts.down_differs(f.migration))
    f.add_at("down", d, 0, "", "down does not undo up: " + *why, "make it leave the schema as it was before up");
}

bool holds_lock(const File& f, const Ddl& d) {
  const bool ddl = d.kind == Ddl::kAlterTable || d.kind == Ddl::kCreateIndex || d.kind == Ddl::kDropTable ||
                   d.kind == Ddl::kTruncate || d.kind == Ddl::kLockTable;
  return ddl && f.busy(d.target());
}

void enum_value(File& f, size_t index) {
  const Piece& p = f.pieces[index];
  if (p.ddl.kind != Ddl::kAddValue || f.tables.fresh(p.ddl.target())) return;
  const std::string object = p.ddl.target().text() + "." + p.ddl.value;
  if (!p.ddl.ordered_value)
    f.add("enum-value", p, 0, object, fmt::format("'{}' goes to the end of the order", p.ddl.value),
          "say its place: BEFORE '...' or AFTER '...'");
  if (!f.transactional) return;
  for (size_t i = index + 1; i < f.pieces.size(); i++) {
    for (const auto& t : f.pieces[i].ddl.tokens) {
      if (t.kind != Token::kString || t.text != p.ddl.value) continue;
      f.add("enum-value", f.pieces[i], t.at, object,
            fmt::format("'{}' was added in this transaction and cannot be used before its commit (SQLSTATE 55P04)",
                        t.text),
            "use it in a later migration");
      return;
    }
  }
}

}  // namespace

void lint_transactions(File& f) {
  whole_file(f);
  order(f);
  each_statement(f, f.migration.up, f.statements, f.transactional, f.wrapped);
  down(f);
}

void lint_data(File& f, size_t index) {
  const Piece& p = f.pieces[index];
  enum_value(f, index);
  if (p.ddl.kind != Ddl::kUpdate && p.ddl.kind != Ddl::kDelete) return;
  if (!f.busy(p.ddl.target())) return;
  const std::string table = p.ddl.target().text(), verb = p.ddl.kind == Ddl::kUpdate ? "UPDATE" : "DELETE";
  const auto rows = f.facts.estimate ? f.facts.estimate(f.text(p)) : std::nullopt;
  const bool many = rows && *rows >= f.facts.many_rows;
  bool locked = false;
  for (size_t i = 0; i < index && f.transactional; i++) locked = locked || holds_lock(f, f.pieces[i].ddl);
  if (locked && (many || (!p.ddl.has_where && !rows)))
    f.add("backfill-in-ddl-transaction", p, 0, table,
          fmt::format("this {} of {} runs while the lock of an earlier statement is held", verb, table),
          "move it into a migration of its own, and do it in batches");
  if (many)
    f.add("large-data-change", p, 0, table,
          fmt::format("this {} changes about {:.0f} rows of {} in one transaction", verb, *rows, table),
          "do it in batches outside a migration");
}

}  // namespace howdah::migrate
