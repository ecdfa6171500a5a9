#include "migrate/lint.h"

#include <fmt/format.h>

#include <algorithm>

#include "migrate/lint_file.h"
#include "os/files.h"

namespace howdah::migrate {
namespace {

bool is_wrapped(const std::vector<Statement>& all) {
  return all.size() >= 2 && transaction_control(all.front()) == "begin" && transaction_control(all.back()) == "commit";
}

/// False when it does not split: then that is the only finding.
bool read_statements(File& f) {
  const Section& up = f.migration.up;
  auto parts = split(up.sql);
  if (!parts) {
    f.findings.push_back({.rule = "syntax",
                          .severity = Severity::kError,
                          .version = f.migration.version,
                          .file = up.file,
                          .line = up.line + parts.error().line - 1,
                          .column = parts.error().column,
                          .message = parts.error().message});
    return false;
  }
  f.statements = std::move(*parts);
  f.wrapped = is_wrapped(f.statements);
  f.transactional = up.transactional;
  const size_t skip = f.wrapped ? 1 : 0;
  for (size_t i = skip; i + skip < f.statements.size(); i++) {
    const Statement& s = f.statements[i];
    f.pieces.push_back({&s, parse_ddl(std::string_view(up.sql).substr(s.begin, s.end - s.begin))});
  }
  if (f.source.dialect == Dialect::kPrisma && f.statements.size() == 1) {
    f.transactional = outside_transaction(f.statements[0]).empty();
  }
  return true;
}

void look_at(File& f) {
  lint_transactions(f);
  for (size_t i = 0; i < f.pieces.size(); i++) {
    const Piece& p = f.pieces[i];
    lint_indexes(f, p);
    lint_table(f, p);
    lint_removals(f, p);
    lint_data(f, i);
    lint_types(f, p);
    lint_hygiene(f, p);
    f.tables.apply(p.ddl, true);
  }
  lint_grants(f);
}

/// -- migrate:allow <rule> [object] reason="..."
struct Allow {
  std::string rule, object, reason;
  int line = 0;
  bool used = false;
};

std::vector<Allow> allows_of(const std::string& file) {
  std::vector<Allow> out;
  const auto text = os::read_file(file, 256 << 20);
  if (!text) return out;
  int line = 0;
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    const std::string_view content = std::string_view(*text).substr(at, end - at);
    line++;
    at = end + 1;
    const size_t dashes = content.find_first_not_of(" \t");
    if (dashes == std::string_view::npos || !content.substr(dashes).starts_with("--")) continue;
    const size_t word = content.find_first_not_of(" \t", dashes + 2);
    if (word == std::string_view::npos) continue;
    constexpr std::string_view kMark = "migrate:allow ";
    if (!content.substr(word).starts_with(kMark)) continue;
    // Names have dashes in them, so this is read by hand: words and "quoted words", and key="value".
    Allow a{.line = line};
    bool reason = false;
    for (size_t i = word + kMark.size(); i < content.size();) {
      if (content[i] == ' ' || content[i] == '\t' || content[i] == '\r') {
        i++;
        continue;
      }
      if (content.substr(i).starts_with("reason=")) reason = true, i += 7;
      std::string value;
      const bool quoted = i < content.size() && content[i] == '"';
      const size_t stop = quoted ? content.find('"', i + 1) : content.find_first_of(" \t\r", i);
      const size_t last = std::min(stop, content.size());
      value = std::string(content.substr(i + quoted, last - i - quoted));
      i = last + 1;
      (reason ? a.reason : a.rule.empty() ? a.rule : a.object) = value;
    }
    out.push_back(std::move(a));
  }
  return out;
}

bool covers(const Allow& a, const Finding& f) {
  return a.rule == f.rule && !a.reason.empty() && (a.object.empty() || a.object == f.object);
}

Finding about_allow(const File& f, const Allow& a, Severity severity, std::string message, std::string fix) {
  return {.rule = "allow",
          .severity = severity,
          .version = f.migration.version,
          .file = f.migration.file,
          .line = a.line,
          .object = a.rule,
          .message = std::move(message),
          .fix = std::move(fix)};
}

void sort_out(File& f, LintResult& out) {
  auto allows = allows_of(f.migration.file);
  std::stable_sort(f.findings.begin(), f.findings.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
  });
  for (Finding& finding : f.findings) {
    const auto by = std::find_if(allows.begin(), allows.end(), [&](const Allow& a) { return covers(a, finding); });
    if (by == allows.end()) {
      out.findings.push_back(std::move(finding));
      continue;
    }
    by->used = true;
    finding.reason = by->reason;
    out.allowed.push_back(std::move(finding));
  }
  for (const auto& a : allows) {
    if (a.reason.empty())
      out.findings.push_back(about_allow(f, a, Severity::kError, "an exception needs a reason",
                                         fmt::format("-- migrate:allow {} reason=\"why\"", a.rule)));
    else if (!a.used)
      out.findings.push_back(about_allow(
          f, a, Severity::kWarning,
          fmt::format("nothing here breaks the rule \"{}\"{}", a.rule, a.object.empty() ? "" : " for " + a.object),
          "remove the exception"));
  }
}

}  // namespace

const std::vector<Rule>& lint_rules() {
  constexpr auto E = Severity::kError, W = Severity::kWarning;
  static const std::vector<Rule> kRules = {
      {"no-transaction", E, "several statements that are no transaction"},
      {"timestamp-before-applied", E, "older than what is applied already"},
      {"concurrently-in-transaction", E, "a statement that PostgreSQL refuses inside a transaction"},
      {"transaction-nesting", E, "BEGIN or COMMIT inside the migration's own transaction"},
      {"index-not-concurrently", W, "CREATE INDEX stops writes while it builds"},
      {"drop-index-not-concurrently", W, "DROP INDEX and REINDEX stop reads and writes"},
      {"add-column-rewrite", E, "a new column whose values make the server rewrite the table"},
      {"add-not-null-without-default", E, "fails when the table has rows"},
      {"set-not-null-directly", W, "scans the table while nobody can read it"},
      {"foreign-key-without-not-valid", W, "scans the table while nobody can write either table"},
      {"check-without-not-valid", W, "scans the table while nobody can read it"},
      {"validate-in-same-transaction", E, "NOT VALID is of no use when VALIDATE runs under the same lock"},
      {"unique-constraint-directly", W, "builds an index while nobody can read the table"},
      {"exclusion-constraint", W, "builds an index while nobody can read the table, always"},
      {"change-column-type", E, "rewrites the table while nobody can read it"},
      {"rename-column", E, "the running application still uses the old name"},
      {"rename-table", E, "the running application still uses the old name"},
      {"drop-column", E, "the running application may still use it; data is lost"},
      {"drop-table", E, "data is lost"},
      {"drop-not-null-or-default", W, "the running application may rely on it"},
      {"backfill-in-ddl-transaction", E, "rows are changed while the lock of an earlier statement is held"},
      {"large-data-change", W, "many rows in one statement"},
      {"several-tables-locked", W, "two tables locked in one transaction can deadlock with the application"},
      {"enum-value", W, "a new value that is used in its own transaction, or has no place in the order"},
      {"down", W, "no down section, or one that does not undo up"},
      {"types", W, "a type that is regretted later"},
      {"hygiene", W, "names, search_path, grants, row security"}};
  return kRules;
}

size_t LintResult::count(Severity s) const {
  return static_cast<size_t>(
      std::count_if(findings.begin(), findings.end(), [s](const Finding& f) { return f.severity == s; }));
}

std::string File::text(const Piece& p) const {
  return migration.up.sql.substr(p.statement->begin, p.statement->end - p.statement->begin);
}

void File::add(const char* rule, const Piece& p, size_t at, std::string object, std::string message, std::string fix) {
  add_at(rule, migration.up, p.statement->begin + at, std::move(object), std::move(message), std::move(fix));
}

void File::add_at(const char* rule, const Section& section, size_t byte, std::string object, std::string message,
                  std::string fix) {
  const auto& all = lint_rules();
  const auto known =
      std::find_if(all.begin(), all.end(), [&](const Rule& r) { return std::string_view(r.name) == rule; });
  const auto [line, column] = line_and_column(section.sql, byte);
  findings.push_back({.rule = rule,
                      .severity = known->severity,
                      .version = migration.version,
                      .file = section.file,
                      .line = section.line + line - 1,
                      .column = column,
                      .object = std::move(object),
                      .message = std::move(message),
                      .fix = std::move(fix)});
}

LintResult lint(const Source& source, const LintFacts& facts) {
  LintResult out;
  std::vector<Ddl> all;
  for (const auto& m : source.migrations) {
    const auto parts = split(m.up.sql);
    if (!parts) continue;
    for (const auto& s : *parts) all.push_back(parse_ddl(std::string_view(m.up.sql).substr(s.begin, s.end - s.begin)));
  }
  const Habits habits = habits_of(all);
  // What is chosen out of a directory runs together; a whole directory ran file by file, long ago.
  const bool one_run = facts.chosen.size() < source.migrations.size() || !facts.known_where.empty();
  Tables tables;
  bool running = false;
  for (const auto& m : source.migrations) {
    File f(m, source, facts, habits, tables);
    const bool chosen = facts.chosen.contains(m.version);
    if (!one_run || (chosen && !running)) tables.begin_run();
    running = running || chosen;
    if (!read_statements(f)) {
      if (chosen) out.files++, out.findings.push_back(f.findings.front());
      continue;
    }
    if (chosen) {
      out.files++;
      look_at(f);
      sort_out(f, out);
    } else {
      for (const auto& p : f.pieces) tables.apply(p.ddl, false);
    }
  }
  return out;
}

}  // namespace howdah::migrate
