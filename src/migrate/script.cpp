#include "migrate/script.h"

#include <fmt/format.h>

#include "os/files.h"

namespace howdah::migrate {
namespace {

constexpr size_t kLargestScript = size_t{2} << 30, kLargestList = 16 << 20;

std::string at(const std::string& file, int line, int column) { return fmt::format("{}:{}:{}", file, line, column); }

/// What cannot stand in a script that is one transaction.
std::optional<Problem> refused(const std::string& file, const Statement& s) {
  const std::string control = transaction_control(s), alone = outside_transaction(s);
  if (control.empty() && alone.empty()) return {};
  return Problem{.code = control.empty() ? "outside-transaction" : "transaction-nesting",
                 .where = at(file, s.line, s.column),
                 .message = control.empty() ? alone + " cannot run inside a transaction"
                                            : "the whole file is one transaction; remove this " + control};
}

/// Statements around all others that only say what we do anyway.
void unwrap(std::vector<Statement>& all) {
  if (all.size() < 2 || transaction_control(all.front()) != "begin" || transaction_control(all.back()) != "commit")
    return;
  all.erase(all.begin());
  all.pop_back();
}

}  // namespace

tl::expected<StatementFile, Problem> read_statement_file(const std::string& file) {
  auto text = os::read_file(file, kLargestList);
  if (!text) return tl::unexpected(Problem{.code = "files", .message = text.error().message});
  auto statements = split(*text);
  if (!statements) {
    const auto& e = statements.error();
    return tl::unexpected(Problem{.code = "syntax", .where = at(file, e.line, e.column), .message = e.message});
  }
  if (statements->empty()) return tl::unexpected(Problem{.code = "files", .message = file + " has no statement"});
  return StatementFile{std::move(*text), std::move(*statements)};
}

int run_script(Database& db, const std::string& file, bool in_transaction, Report& report) {
  const auto text = os::read_file(file, kLargestScript);
  if (!text) {
    report.problem({.code = "files", .message = text.error().message});
    return kUsage;
  }
  return run_script_text(db, *text, file, in_transaction, report);
}

int run_script_text(Database& db, const std::string& text, const std::string& file, bool in_transaction,
                    Report& report) {
  auto parts = split(text, true);
  if (!parts) {
    report.problem({.code = "syntax",
                    .where = at(file, parts.error().line, parts.error().column),
                    .message = parts.error().message});
    return kFailed;
  }
  unwrap(*parts);
  for (const auto& s : *parts) {
    if (const auto p = refused(file, s)) {
      report.problem(*p);
      return kFailed;
    }
  }
  if (!in_transaction) {
    if (auto begun = db.exec("begin"); !begun) return report.problem(problem_of(begun.error())), kFailed;
  }
  for (const auto& s : *parts) {
    const std::string sql = text.substr(s.begin, s.end - s.begin);
    auto done = s.is_copy() ? db.copy_in(sql, std::string_view(text).substr(s.data_begin, s.data_end - s.data_begin))
                            : db.exec(sql);
    if (done) continue;
    Problem p = problem_of(done.error());
    p.where = at(file, s.line, s.column);
    p.hint += (p.hint.empty() ? "" : "; ") + std::string("nothing of this file was applied");
    report.problem(p);
    if (!done.error().lost && !in_transaction) (void)db.exec("rollback");
    return interrupted() ? kInterrupted : done.error().lost ? kNoConnection : kFailed;
  }
  if (in_transaction) return kOk;
  if (auto ended = db.exec("commit; reset all"); !ended) return report.problem(problem_of(ended.error())), kFailed;
  return kOk;
}

}  // namespace howdah::migrate
