#include <fmt/format.h>

#include <cstring>

#include "migrate/session.h"
#include "util/text.h"

namespace howdah::migrate {
namespace {

std::string text_of(const Script& script, size_t i) {
  const auto& s = script.statements[i];
  return script.sql.substr(s.begin, s.end - s.begin);
}

/// Of the first `n` statements: that these were not edited is what resuming depends on.
std::string prefix_checksum(const Script& script, size_t n) {
  std::string all;
  for (size_t i = 0; i < n; i++) all += text_of(script, i) + ";";
  return text_checksum(all);
}

/// CALL and DO may commit inside, which a transaction block forbids.
bool runs_alone(const Statement& s) {
  return !outside_transaction(s).empty() || (!s.words.empty() && (s.words[0] == "call" || s.words[0] == "do"));
}

/// The index's name in CREATE/DROP INDEX CONCURRENTLY [IF [NOT] EXISTS] name, as written; "" when it has none.
std::string index_name(const std::string& text) {
  size_t at = text.size();
  for (size_t i = 0; i + 12 < text.size() && at == text.size(); i++) {
    if (lower_case(text.substr(i, 12)) == "concurrently") at = i + 12;
  }
  std::string rest = text.substr(std::min(at, text.size()));
  const auto next = [&] {
    rest.erase(0, std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
    size_t end = 0;
    for (bool quoted = false; end < rest.size() && (quoted || !std::strchr(" \t\r\n,;", rest[end])); end++) {
      if (rest[end] == '"') quoted = !quoted;
    }
    const std::string word = rest.substr(0, end);
    rest.erase(0, end);
    return word;
  };
  const auto is = [](const std::string& a, const char* b) { return lower_case(a) == b; };
  std::string name = next();
  if (is(name, "if")) {
    name = next();
    if (is(name, "not")) name = next();
    name = next();
  }
  return is(name, "on") ? "" : name;
}

}  // namespace

/// A statement that cannot share a transaction with its progress may have run although the history does not say so.
/// True when it is seen to be there already. What a broken CREATE INDEX CONCURRENTLY left is removed.
bool Session::recovered(const Statement& s, const std::string& text) {
  const std::string kind = outside_transaction(s);
  if (kind != "CREATE INDEX CONCURRENTLY" && kind != "DROP INDEX CONCURRENTLY") return false;
  const std::string name = index_name(text);
  if (name.empty()) return false;
  auto found =
      db_->exec(fmt::format("select indisvalid from pg_index where indexrelid = to_regclass({})", db_->literal(name)));
  if (!found) return false;
  if (kind[0] == 'D') return found->rows.empty();
  if (found->rows.empty()) return false;
  if (found->at(0, 0) == "t") return true;
  report_.note("removing the invalid index " + name + ", left by an attempt that failed");
  (void)db_->exec("drop index concurrently if exists " + name);
  return false;
}

/// Whether an unfinished attempt can be gone on with.
std::optional<Problem> Session::cannot_resume(const Migration& m, const Script& script, const Row& row) {
  const size_t first = static_cast<size_t>(row.done);
  if (first > 0 && (first > script.statements.size() || prefix_checksum(script, first) != row.done_checksum)) {
    return Problem{
        .code = "edited",
        .version = m.version,
        .where = m.up.where(1, 1),
        .message = fmt::format("the first {} statements of {} were applied and have changed since", first, m.name),
        .hint = "restore them; later statements may be edited"};
  }
  if (row.state != State::kRunning || first >= script.statements.size()) return {};
  const Statement& s = script.statements[first];
  if (s.words.empty() || (s.words[0] != "call" && s.words[0] != "do")) return {};
  return Problem{
      .code = "interrupted",
      .version = m.version,
      .where = m.up.where(s.line, s.column),
      .message = "the last run died during this statement; what it did inside is not known",
      .hint = "look, then mark the migration: --applied when all is done, --rolled-back to run it from its start",
      .fix = "howdah migrate resolve " + m.version + " --applied"};
}

/// Statement `i` and its progress: in one transaction where PostgreSQL allows it, one after the other otherwise.
int Session::run_one(const Migration& m, const Script& script, size_t i, const Row* unfinished) {
  const Statement& s = script.statements[i];
  const std::string text = text_of(script, i);
  const std::string progress = history_->progress_sql(*db_, m, static_cast<int>(i) + 1, prefix_checksum(script, i + 1));
  const bool alone = runs_alone(s);
  const bool in_doubt =
      unfinished != nullptr && unfinished->state == State::kRunning && unfinished->done == static_cast<int>(i);
  for (int attempt = 1;; attempt++) {
    blockers_.clear();
    if (alone && (unfinished != nullptr || attempt > 1) && recovered(s, text) && in_doubt) break;
    auto done = db_->exec(alone ? text : "begin;" + text + "\n;" + progress + ";commit", [this] { watch_blockers(); });
    if (done) break;
    const SqlFailure f = done.error();
    if (!f.lost) (void)db_->exec("rollback");
    if (!f.lost && wait_and_retry(f, attempt, m.up.tries)) continue;
    if (!f.lost) (void)db_->exec(history_->failed_sql(*db_, m, f.message));
    Problem p = problem_of(f, m.version);
    p.where = m.up.where(s.line, s.column);
    p.detail +=
        fmt::format("{}{} of {} statements are applied", p.detail.empty() ? "" : "; ", i, script.statements.size());
    p.fix = source_.dialect == Dialect::kPrisma ? "howdah migrate resolve " + m.version + " --rolled-back"
                                                : "correct this statement, then: howdah migrate up";
    report_.problem(p);
    return interrupted() ? kInterrupted : f.lost ? kNoConnection : kFailed;
  }
  if (!alone || progress.empty()) return kOk;
  auto noted = db_->exec(progress);
  return noted ? static_cast<int>(kOk) : sql_failure(noted.error(), kFailed);
}

int Session::run_stepwise(const Migration& m, const Script& script) {
  const auto known = std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) {
    return r.version == m.version && (r.state == State::kFailed || r.state == State::kRunning);
  });
  const Row* unfinished = known == rows_.end() ? nullptr : &*known;
  if (unfinished != nullptr) {
    if (auto problem = cannot_resume(m, script, *unfinished)) {
      report_.problem(*problem);
      return kInconsistent;
    }
  }
  auto started = db_->exec(history_->start_sql(*db_, m, static_cast<int>(script.statements.size())));
  if (!started) return sql_failure(started.error(), kFailed);
  for (size_t i = unfinished == nullptr ? 0 : static_cast<size_t>(unfinished->done); i < script.statements.size();
       i++) {
    if (const int code = run_one(m, script, i, unfinished); code != kOk) return code;
  }
  auto finished = db_->exec(history_->finished_sql(*db_, m));
  return finished ? static_cast<int>(kOk) : sql_failure(finished.error(), kFailed);
}

}  // namespace howdah::migrate
