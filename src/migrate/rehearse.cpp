#include "migrate/rehearse.h"

#include <fmt/format.h>

#include "migrate/copy.h"
#include "migrate/diagnose.h"
#include "migrate/probe.h"

namespace howdah::migrate {
namespace {

using Clock = std::chrono::steady_clock;

class Rehearser {
 public:
  Rehearser(Session& s, Database& watcher) : s_(s), probe_(s.db(), watcher) {}
  Rehearsal result;

  int run(const Migration& m) {
    if (auto ok = probe_.begin(); !ok) return s_.sql_failure(ok.error(), kFailed);
    if (s_.source().dialect == Dialect::kKysely) return run_javascript(m);
    const auto script = prepare(m.up, m.version, s_.source().dialect);
    if (!script) {
      s_.report().problem(script.error());
      return kFailed;
    }
    const bool one = script->transactional;
    if (one) {
      if (auto ok = s_.db().exec("begin"); !ok) return s_.sql_failure(ok.error(), kFailed);
    }
    for (size_t i = 0; i < script->statements.size(); i++) {
      const auto& statement = script->statements[i];
      const std::string sql = text_of(*script, i);
      const auto work = [&](const auto& while_waiting) { return s_.db().exec(sql, while_waiting); };
      const auto where = [&](int position) {
        return position > 0 ? m.up.where(statement.begin + byte_of(sql, position))
                            : m.up.where(statement.line, statement.column);
      };
      if (int code = measure(m, one, where, sql, work); code != kOk) return code;
    }
    const std::string row = s_.history().applied_sql(s_.db(), m, static_cast<int>(script->statements.size()));
    return finish(m, "reset role; reset all;" + row, one);
  }

 private:
  /// Node sends its statements itself: the migration is measured as a whole.
  int run_javascript(const Migration& m) {
    Tunnel* node = s_.tunnel();
    if (node == nullptr) return kFailed;
    if (auto ok = s_.db().exec("begin"); !ok) return s_.sql_failure(ok.error(), kFailed);
    const auto work = [&](const auto& while_waiting) -> SqlAnswer {
      auto ran = node->call(s_.db(), "up", m.name, while_waiting);
      if (!ran) return tl::unexpected(ran.error());
      return Answer{};
    };
    const auto where = [&](int) { return m.file; };
    if (int code = measure(m, true, where, m.name, work); code != kOk) return code;
    return finish(m, s_.history().applied_sql(s_.db(), m, 0), true);
  }

  /// `where`: the place of a character of the statement, 0 = of the whole.
  int measure(const Migration& m, bool in_transaction, const std::function<std::string(int)>& where,
              const std::string& sql, const std::function<SqlAnswer(const std::function<void()>&)>& work) {
    auto effect = probe_.measure(in_transaction, work);
    if (!effect) {
      Problem p = problem_of(effect.error(), m.version);
      p.where = where(effect.error().position);
      p.hint += p.hint.empty() ? "this is what up would say" : "; this is what up would say";
      s_.report().problem(p);
      return interrupted() ? kInterrupted : kFailed;
    }
    effect->version = m.version;
    effect->where = where(0);
    effect->sql = sql;
    result.effects.push_back(std::move(*effect));
    return kOk;
  }

  int finish(const Migration& m, const std::string& history_sql, bool in_transaction) {
    const auto start = Clock::now();
    if (auto ok = s_.db().exec(history_sql + (in_transaction ? ";commit" : "")); !ok)
      return s_.sql_failure(ok.error(), kFailed);
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    for (auto& [table, hold] : probe_.end(ms)) {
      hold.version = m.version;
      Hold& worst = result.worst[table];
      if (worst.mode.empty() || hold.ms > worst.ms) worst = hold;
    }
    return kOk;
  }

  Session& s_;
  Probe probe_;
};

int over_budget(const Rehearsal& r, const Budget& budget, Report& report) {
  int code = kOk;
  for (const auto& [table, hold] : r.worst) {
    if (!budget.lock_ms || hold.ms <= *budget.lock_ms) continue;
    code = kOverBudget;
    report.problem({.code = "lock-budget",
                    .version = hold.version,
                    .message = fmt::format("{} locks {} ({}) for {:.0f} ms; {:.0f} ms are allowed", hold.version, table,
                                           hold.mode, hold.ms, *budget.lock_ms),
                    .fix = "howdah migrate lint"});
  }
  if (budget.lag_ms && r.replica_lag_ms() > *budget.lag_ms) {
    code = kOverBudget;
    report.problem({.code = "lag-budget",
                    .message = fmt::format("a replica would be {:.0f} ms behind; {:.0f} ms are allowed",
                                           r.replica_lag_ms(), *budget.lag_ms),
                    .hint = "write less at once: rows in batches, in transactions of their own"});
  }
  for (const auto& e : r.effects) {
    int64_t bytes = 0;
    for (const auto& [name, size] : e.rewritten) bytes += size;
    if (!budget.rewrite_bytes || bytes <= *budget.rewrite_bytes) continue;
    code = kOverBudget;
    report.problem({.code = "rewrite-budget",
                    .version = e.version,
                    .where = e.where,
                    .message = fmt::format("rewrites {} bytes; {} are allowed", bytes, *budget.rewrite_bytes),
                    .fix = "howdah migrate lint"});
  }
  return code;
}

std::string first_difference(const Objects& a, const Objects& b) {
  for (const auto& [name, hash] : a) {
    if (!b.contains(name)) return name + " is gone";
    if (b.at(name) != hash) return name + " differs";
  }
  for (const auto& [name, hash] : b) {
    if (!a.contains(name)) return name + " is left";
  }
  return "";
}

/// Down all the way, and up again.
int and_back(Session& s, const std::vector<const Migration*>& ran, const Objects& before) {
  const auto refuse = [&](const std::string& message) {
    s.report().problem({.code = "down", .message = message, .hint = "make down leave the schema as it was before up"});
    return kFailed;
  };
  const auto after = read_objects(s.db());
  if (!after) return s.sql_failure(after.error(), kFailed);
  if (int code = s.refresh(); code != kOk) return code;
  for (auto m = ran.rbegin(); m != ran.rend(); ++m) {
    const auto row =
        std::find_if(s.rows().begin(), s.rows().end(), [&](const Row& r) { return r.version == (*m)->version; });
    if (row == s.rows().end()) return refuse((*m)->name + " has no row");
    if (int code = s.run_down(Row(*row)); code != kOk) return code;
  }
  auto now = read_objects(s.db());
  if (!now) return s.sql_failure(now.error(), kFailed);
  if (const auto d = first_difference(before, *now); !d.empty()) return refuse("after going down " + d);
  for (const Migration* m : ran) {
    if (int code = s.run_up(*m, Commit::kNow); code != kOk) return code;
  }
  now = read_objects(s.db());
  if (!now) return s.sql_failure(now.error(), kFailed);
  if (const auto d = first_difference(*after, *now); !d.empty()) return refuse("after going up again " + d);
  s.report().note("down and up again lead to the same schemas");
  return kOk;
}

/// What an application would notice. Its statements from before a column went may be in pg_stat_statements for long.
int application_fails(const Rehearsal& r, Report& report) {
  for (const auto& b : r.broken)
    report.problem({.code = "statement",
                    .version = b.version,
                    .message = fmt::format("after {} the server cannot plan a statement any more: {}", b.version,
                                           b.failure.message),
                    .sqlstate = b.failure.sqlstate,
                    .detail = fmt::format("{}; called {} times, {:.0f} ms in all", b.statement.sql, b.statement.calls,
                                          b.statement.ms),
                    .hint = "when nothing sends it any more: select pg_stat_statements_reset(), or --statements 0"});
  if (r.load && r.load->failed > 0)
    report.problem({.code = "load",
                    .version = r.load->failed_version,
                    .message = fmt::format("{} of {} statements of the load failed, first while or after {} ran: {}",
                                           r.load->failed, r.load->statements, r.load->failed_version, r.load->failure),
                    .detail = r.load->failed_sql});
  return r.broken.empty() && (!r.load || r.load->failed == 0) ? kOk : kOverBudget;
}

int run_pending(Session& s, const std::vector<const Migration*>& pending, Database& watcher, const Rehearsing& wanted,
                Rehearsal& out) {
  Rehearser r(s, watcher);
  r.result.replica_rate = wanted.replica_rate;
  Replay replay(watcher, wanted.statements);
  std::unique_ptr<Load> load;
  if (!wanted.load.empty()) {
    auto begun = Load::begin(s.target(), wanted.load);
    if (!begun) {
      s.report().problem(begun.error());
      return kUsage;
    }
    load = std::move(*begun);
  }
  int code = kOk;
  for (const Migration* m : pending) {
    if (load) load->during(m->version);
    if (code = r.run(*m); code != kOk) break;
    replay.after(m->version);
  }
  if (code != kOk) (void)s.db().exec("rollback");  // the load may be waiting for its locks
  if (load) r.result.load = load->end();
  r.result.broken = replay.broken();
  r.result.statements_tried = replay.tried();
  out = std::move(r.result);
  return code;
}

int rehearse_on(Session& s, const Rehearsing& wanted, Report& report) {
  if (int code = s.open(); code != kOk) return code;
  const Verdict v = s.verdict();
  for (const auto& p : v.problems) report.problem(p);
  if (!v.problems.empty()) return kInconsistent;
  if (int code = s.lock(); code != kOk) return code;
  if (v.pending.empty()) {
    report.note("nothing to do");
    return kOk;
  }
  auto watcher = Database::connect(s.target(), {});
  if (!watcher) return s.sql_failure(watcher.error(), kNoConnection);
  const auto before = read_objects(s.db());
  if (!before) return s.sql_failure(before.error(), kFailed);
  Rehearsal result;
  const int code = run_pending(s, v.pending, *watcher, wanted, result);
  if (!report.json()) fmt::print("{}", rehearsal_text(result));
  report.attach("rehearsal", rehearsal_json(result));
  if (code != kOk) return code;
  if (!wanted.statements.why_none.empty())
    report.note("whether the application's statements still work was not tried: " + wanted.statements.why_none);
  if (wanted.with_down) {
    if (int bad = and_back(s, v.pending, *before); bad != kOk) return bad;
  }
  const int fails = application_fails(result, report), over = over_budget(result, wanted.budget, report);
  return fails != kOk ? fails : over;
}

}  // namespace

int rehearse(const Options& options, const Rehearsing& wanted, Report& report) {
  const auto target = parse_url(options.url);
  if (!target) {
    report.problem({.code = "url", .message = target.error().message});
    return kUsage;
  }
  auto copy = Copy::of(*target);
  if (!copy) {
    report.problem({.code = "copy", .message = copy.error().message});
    return kNoConnection;
  }
  report.note(fmt::format("on a copy{}: a warm server with other work may take longer",
                          (*copy)->dumped() ? " by dump and restore, because the database is in use" : ""));
  Options on_copy = options;
  on_copy.database = (*copy)->name();
  Session session(on_copy, report);
  return rehearse_on(session, wanted, report);
}

int rehearse_in_place(const Options& options, const Rehearsing& wanted, Report& report) {
  Session session(options, report);
  return rehearse_on(session, wanted, report);
}

}  // namespace howdah::migrate
