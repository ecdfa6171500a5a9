#include <fmt/format.h>

#include "migrate/session.h"

namespace howdah::migrate {

Tunnel* Session::tunnel() {
  if (tunnel_) return tunnel_.get();
  auto started = Tunnel::start(source_.provider.empty() ? source_.directory : source_.provider);
  if (!started) {
    report_.problem({.code = "node", .where = source_.directory, .message = started.error().message});
    return nullptr;
  }
  tunnel_ = std::move(*started);
  return tunnel_.get();
}

/// One transaction around what the JavaScript executes and the history row, tried again as a whole when a lock was not
/// to be had.
int Session::run_javascript(const std::string& op, const Migration& m, const std::string& history_sql, Commit commit) {
  const bool in_transaction = commit == Commit::kCaller;
  Tunnel* node = tunnel();
  if (node == nullptr) return kFailed;
  const auto& list = node->list();
  const auto entry = std::find_if(list.begin(), list.end(), [&](const auto& e) { return e.name == m.name; });
  if (entry == list.end() || (op == "down" && !entry->down)) {
    report_.problem(
        {.code = "no-" + op, .version = m.version, .where = m.file, .message = m.name + " exports no function " + op});
    return kFailed;
  }
  const auto start = std::chrono::steady_clock::now();
  int code = kOk;
  for (int attempt = 1;; attempt++) {
    blockers_.clear();
    std::optional<SqlFailure> failed;
    auto step = [&](const SqlAnswer& a) { return a ? true : (failed = a.error(), false); };
    if (in_transaction ||
        step(db_->exec(commit == Commit::kSoon ? "begin; set local synchronous_commit = off" : "begin"))) {
      const auto ran = node->call(*db_, op, m.name, [this] { watch_blockers(); });
      if (!ran)
        failed = ran.error();
      else
        step(db_->exec(history_sql + (in_transaction ? "" : ";commit")));
    }
    if (!failed) break;
    if (!failed->lost && !in_transaction) (void)db_->exec("rollback");
    if (!in_transaction && !failed->lost && wait_and_retry(*failed, attempt, 0)) continue;
    if (!in_transaction) settle();
    if (interrupted()) return sql_failure(*failed, kFailed);
    Problem p = problem_of(*failed, m.version);
    if (failed->sqlstate.empty() && !failed->lost) p.code = "javascript";
    p.where = m.file;
    if (!blockers_.empty()) p.detail += (p.detail.empty() ? "" : "; ") + ("blocked by " + blockers_);
    p.hint += (p.hint.empty() ? "" : "; ") + std::string("nothing of this migration was applied");
    report_.problem(p);
    code = failed->lost ? kNoConnection : kFailed;
    break;
  }
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  done({m.version, m.name, op, code != kOk ? "failed" : op == "up" ? "applied" : "reverted", ms}, commit);
  return code;
}

tl::expected<void, Problem> Session::replay(Database& scratch, const Migration& m) {
  std::optional<SqlFailure> failed;
  if (source_.dialect == Dialect::kKysely) {
    Tunnel* node = tunnel();
    if (node == nullptr) return tl::unexpected(Problem{.code = "node", .message = "node could not be started"});
    if (auto ran = node->call(scratch, "up", m.name); !ran) failed = ran.error();
  } else if (auto script = prepare(m.up, m.version, source_.dialect); !script) {
    return tl::unexpected(script.error());
  } else if (script->transactional) {
    if (auto ran = scratch.exec(script->sql); !ran) failed = ran.error();
  } else {
    for (const auto& st : script->statements) {
      if (failed) break;
      if (auto ran = scratch.exec(script->sql.substr(st.begin, st.end - st.begin)); !ran) failed = ran.error();
    }
  }
  if (!failed) {
    if (auto reset = scratch.exec("reset all"); !reset) failed = reset.error();
  }
  if (!failed) return {};
  Problem p = problem_of(*failed, m.version);
  p.where = m.file;
  return tl::unexpected(p);
}

}  // namespace howdah::migrate
