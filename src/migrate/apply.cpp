#include <fmt/format.h>

#include <cmath>
#include <random>
#include <thread>

#include "migrate/session.h"
#include "util/id.h"

namespace howdah::migrate {
namespace {

using Clock = std::chrono::steady_clock;
double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

bool worth_retrying(const SqlFailure& f) {
  return f.sqlstate == "55P03" || f.sqlstate == "40P01" || f.sqlstate == "40001";
}

/// How long a migration that is committed may wait for the disk, and its line for that.
constexpr auto kUnsettled = std::chrono::milliseconds(500);

/// Settings that the script changes for its session must not leak into our history statement or the next migration.
std::string reset_after(const Script& script) {
  for (const auto& s : script.statements) {
    if (s.words.empty()) continue;
    if (s.words[0] == "set" || s.words[0] == "reset") return "reset session authorization; reset role; reset all;";
  }
  return script.sql.find("set_config") == std::string::npos ? ""
                                                            : "reset session authorization; reset role; reset all;";
}

/// What a script may have removed (DEALLOCATE ALL), and what another server connection of a pooler never had.
constexpr const char* kNoSuchStatement = "26000";

struct Batch {
  std::string text;
  size_t script_at = 0;  ///< where the script begins
  int before = 0;        ///< statements in front of it
};

/// A server that crashes loses the last transactions of those that did not wait for its disk, never one in the middle,
/// and a migration and its row are one transaction: schema and history agree after any crash.
constexpr const char* kDoNotWait = "set local synchronous_commit = off;";

Batch batch_of(const Section& section, const Script& script, const std::string& history_sql, Commit commit,
               const std::string& quoted_lock, const std::string& quoted_statement) {
  Batch b;
  const bool begin = commit != Commit::kCaller;
  if (begin) b.text = "begin;", b.before++;
  if (commit == Commit::kSoon) b.text += kDoNotWait, b.before++;
  if (!section.lock_timeout.empty()) b.text += "set local lock_timeout = " + quoted_lock + ";", b.before++;
  if (!section.statement_timeout.empty())
    b.text += "set local statement_timeout = " + quoted_statement + ";", b.before++;
  b.text += "\n";
  b.script_at = b.text.size();
  b.text += script.sql + "\n;" + reset_after(script) + history_sql;
  if (begin) b.text += ";commit";
  return b;
}

}  // namespace

/// Asked on the lease connection while the worker waits: afterwards nobody blocks it any more.
void Session::watch_blockers() {
  if (!lease_) return;
  auto r =
      lease_->exec(fmt::format("select pid, usename, coalesce(application_name, ''), coalesce(state, ''), "
                               "date_trunc('second', clock_timestamp() - "
                               "coalesce(xact_start, backend_start)), left(query, 120) from pg_stat_activity where pid "
                               "= any(pg_blocking_pids({}))",
                               server_pid_));
  if (!r || r->rows.empty()) return;
  blockers_.clear();
  for (const auto& row : r->rows) {
    blockers_ += fmt::format("{}pid {} ({}, {}, {} for {}): {}", blockers_.empty() ? "" : "; ", row[0], row[1], row[2],
                             row[3], row[4], row[5]);
  }
}

bool Session::wait_and_retry(const SqlFailure& f, int attempt, int tries) {
  if (tries == 0) tries = options_.tries;
  if (!worth_retrying(f) || attempt >= tries || interrupted()) return false;
  static std::mt19937 random{std::random_device{}()};
  const double base = std::min(15.0, 0.5 * std::pow(1.6, attempt - 1));
  const double seconds = base * std::uniform_real_distribution<>(0.8, 1.2)(random);
  report_.note(fmt::format("{}; try {} of {} follows in {:.1f} s{}", f.message, attempt + 1, tries, seconds,
                           blockers_.empty() ? "" : "; blocked by " + blockers_));
  for (double slept = 0; slept < seconds && !interrupted(); slept += 0.1) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return !interrupted();
}

int Session::execute(const Section& section, const Script& script, const std::string& version,
                     const std::function<std::string()>& history_sql, Commit commit, const std::string& fix) {
  const bool in_transaction = commit == Commit::kCaller;
  for (int attempt = 1;; attempt++) {
    const Batch batch = batch_of(section, script, history_sql(), commit, db_->literal(section.lock_timeout),
                                 db_->literal(section.statement_timeout));
    if (lease_ && !lease_->alive()) {
      report_.problem({.code = "connection",
                       .version = version,
                       .message = "the connection that holds the lock was lost",
                       .fix = "howdah migrate up"});
      return kNoConnection;
    }
    blockers_.clear();
    auto done = db_->exec(
        batch.text, [this] { watch_blockers(); }, [this] { look_ahead(); });
    if (done) return kOk;
    const SqlFailure f = done.error();
    if (!f.lost && !in_transaction) (void)db_->exec("rollback");
    if (f.sqlstate == kNoSuchStatement && !prepared_.empty() && !in_transaction) {
      prepared_.clear();
      attempt--;
      continue;
    }
    if (!in_transaction && !f.lost && wait_and_retry(f, attempt, section.tries)) continue;
    if (!in_transaction) settle();
    if (interrupted()) return sql_failure(f, kFailed);
    Problem p = problem_of(f, version);
    const size_t end = batch.script_at + script.sql.size();
    const size_t byte = f.position > 0 ? byte_of(batch.text, f.position) : 0;
    const int index = f.done - batch.before;
    if (byte >= batch.script_at && byte < end)
      p.where = section.where(byte - batch.script_at);
    else if (index >= 0 && index < static_cast<int>(script.statements.size())) {
      p.where = section.where(script.statements[index].line, script.statements[index].column);
    } else {
      p.where = section.file;
    }
    if (!blockers_.empty()) p.detail += (p.detail.empty() ? "" : "; ") + ("blocked by " + blockers_);
    p.hint += fmt::format("{}{}", p.hint.empty() ? "" : "; ",
                          f.lost ? "nobody knows whether the last commit arrived: howdah migrate status says it"
                                 : "nothing of this migration was applied");
    p.fix = f.lost ? "howdah migrate status" : fix;
    report_.problem(p);
    return f.lost ? static_cast<int>(kNoConnection) : static_cast<int>(kFailed);
  }
}

void Session::look_ahead() {
  if (next_ == nullptr) return;
  ready_.emplace(next_, prepare(next_->up, next_->version, source_.dialect));
  next_ = nullptr;
}

void Session::expect_many(size_t count) {
  constexpr size_t kWorthIt = 8;
  // A name that nobody has: a pooler's server connection may remember others' statements.
  const std::string name = "howdah_" + id::random("0123456789abcdef", 16), sql = history_->prepare_sql(name);
  if (count >= kWorthIt && !sql.empty() && db_->exec(sql)) prepared_ = name;
}

int Session::run_up(const Migration& m, Commit commit, const Migration* next) {
  if (source_.dialect == Dialect::kKysely) return run_javascript("up", m, history_->applied_sql(*db_, m, 0), commit);
  auto script = ready_ && ready_->first == &m ? std::move(ready_->second) : prepare(m.up, m.version, source_.dialect);
  ready_.reset();
  next_ = next;
  if (!script) {
    report_.problem(script.error());
    return kFailed;
  }
  if (!script->transactional) settle();
  const auto start = Clock::now();
  const int count = static_cast<int>(script->statements.size());
  const auto row = [&] {
    return prepared_.empty() || commit == Commit::kCaller ? history_->applied_sql(*db_, m, count)
                                                          : history_->prepared_applied_sql(*db_, m, count, prepared_);
  };
  const int code = script->transactional ? execute(m.up, *script, m.version, row, commit) : run_stepwise(m, *script);
  done({m.version, m.name, "up", code == kOk ? "applied" : "failed", ms_since(start)}, commit);
  return code;
}

void Session::done(Step step, Commit commit) {
  const bool waits = commit == Commit::kCaller || (commit == Commit::kSoon && step.status != "failed");
  if (!waits) {
    committed();
    return report_.step(std::move(step));
  }
  held_.push_back(std::move(step));
  if (commit == Commit::kSoon && Clock::now() - settled_ > kUnsettled) settle();
}

void Session::settle() {
  settled_ = Clock::now();
  if (held_.empty()) return;
  db_->ignore_interrupts();
  // A row's lock is the smallest thing that a commit waits for.
  const auto synced = db_->exec("begin; select from " + history_->table() + " limit 1 for update; commit");
  db_->ignore_interrupts(false);
  if (synced) return committed();
  undone("unknown");
  report_.note("nobody knows which of the migrations above are on the server's disk: howdah migrate status says it");
}

void Session::committed() {
  for (auto& step : held_) report_.step(std::move(step));
  held_.clear();
}

void Session::undone(const char* status) {
  for (auto& step : held_) {
    if (step.status != "failed") step.status = status;
  }
  committed();
}

int Session::run_down(const Row& row, Commit commit) {
  const Migration* m = source_.find(row.version);
  if (source_.dialect == Dialect::kKysely && m != nullptr) {
    return run_javascript("down", *m, history_->reverted_sql(*db_, row), commit);
  }
  Section section;
  if (m != nullptr && m->down.present)
    section = m->down;
  else if (row.has_down)
    section = Section{.present = true, .file = row.name + " (down SQL of the history)", .sql = row.down_sql};
  if (!section.present) {
    report_.problem({.code = "no-down",
                     .version = row.version,
                     .where = m == nullptr ? "" : m->file,
                     .message = row.name + " has no down section",
                     .hint = "write one, or undo it with a new migration"});
    return kFailed;
  }
  auto script = prepare(section, row.version, source_.dialect);
  if (script && !script->transactional) {
    script = tl::unexpected(Problem{.code = "outside-transaction",
                                    .version = row.version,
                                    .where = section.where(1, 1),
                                    .message = "a down section must run in a transaction"});
  }
  if (!script) {
    report_.problem(script.error());
    return kFailed;
  }
  const auto start = Clock::now();
  const int code = execute(
      section, *script, row.version, [&] { return history_->reverted_sql(*db_, row); }, commit,
      m != nullptr && m->down.present ? "correct its down section, then: howdah migrate down"
                                      : "undo it by hand, then: howdah migrate repair " + row.version + " --forget");
  done({row.version, row.name, "down", code == kOk ? "reverted" : "failed", ms_since(start)}, commit);
  return code;
}

}  // namespace howdah::migrate
