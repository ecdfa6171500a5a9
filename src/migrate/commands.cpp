#include "migrate/commands.h"

#include <fmt/format.h>

#include <thread>

namespace howdah::migrate {
namespace {

/// Unfinished native migrations do not block: up goes on with them.
int refuse_problems(Session& s, const Verdict& v) {
  int code = kOk;
  for (const auto& p : v.problems) {
    if (p.code == "failed-migration" && s.source().dialect == Dialect::kNative) continue;
    s.report().problem(p);
    code = kInconsistent;
  }
  return code;
}

int refuse_first_deploy(Session& s) {
  if (s.source().dialect != Dialect::kPrisma || !s.rows().empty()) return kOk;
  const auto empty = s.empty_database();
  if (!empty) return s.sql_failure(empty.error(), kFailed);
  if (*empty) return kOk;
  s.report().problem({.code = "not-empty",
                      .message = "the schema is not empty and has no history (Prisma's P3005)",
                      .hint = "if these tables are what the migrations make, mark them as applied",
                      .fix = "howdah migrate baseline latest"});
  return kInconsistent;
}

/// Everything must be runnable before anything runs.
int refuse_unrunnable(Session& s, const std::vector<const Migration*>& list) {
  int code = kOk;
  for (const Migration* m : list) {
    const auto script = prepare(m->up, m->version, s.source().dialect);
    if (script && (script->transactional || !s.options().single_transaction)) continue;
    s.report().problem(script
                           ? Problem{.code = "outside-transaction",
                                     .version = m->version,
                                     .where = m->up.where(1, 1),
                                     .message = "it runs outside a transaction, so --single-transaction is impossible"}
                           : script.error());
    code = kFailed;
  }
  return code;
}

/// Ends the transaction that holds the whole run.
int end_run(Session& s, int code) {
  const bool keep = code == kOk && !s.options().dry_run;
  const auto ended = s.db().exec(keep ? "commit" : "rollback");
  if (keep && !ended) {
    s.undone(ended.error().lost ? "unknown" : "rolled back");
    return s.sql_failure(ended.error(), kFailed);
  }
  if (keep)
    s.committed();
  else
    s.undone(code == kOk ? "tried" : "rolled back");
  if (code != kOk) s.report().note("the whole run was rolled back");
  if (code == kOk && !keep) s.report().note("dry run: everything was rolled back");
  return code;
}

int apply_all(Session& s, const std::vector<const Migration*>& list) {
  const bool one = s.options().single_transaction || s.options().dry_run;
  if (one) {
    if (auto begun = s.db().exec("begin"); !begun) return s.sql_failure(begun.error(), kFailed);
  }
  if (!one) s.expect_many(list.size());
  for (size_t i = 0; i < list.size();) {
    int code = kOk;
    // A dry run says of each migration how long it takes.
    const size_t together = one && !s.options().dry_run ? s.run_group(list, i, code) : 0;
    const Commit commit = one ? Commit::kCaller : i + 1 < list.size() ? Commit::kSoon : Commit::kNow;
    if (together == 0) code = s.run_up(*list[i], commit, i + 1 < list.size() ? list[i + 1] : nullptr);
    i += std::max<size_t>(together, 1);
    if (code == kOk) continue;
    return one ? end_run(s, code) : (s.settle(), code);
  }
  return one ? end_run(s, kOk) : static_cast<int>(kOk);
}

int nothing_to_do(Session& s) {
  s.report().note("nothing to do");
  return kOk;
}

int up_list(Session& s, const std::function<std::vector<const Migration*>(const Verdict&)>& choose) {
  if (s.up_to_date()) return nothing_to_do(s);
  const Verdict seen = s.verdict();
  if (int code = refuse_problems(s, seen); code != kOk) return code;
  if (s.has_history() && choose(seen).empty() && seen.squashed.empty()) return nothing_to_do(s);
  if (int code = refuse_first_deploy(s); code != kOk) return code;
  if (int code = refuse_unrunnable(s, choose(seen)); code != kOk) return code;
  if (int code = s.lock(); code != kOk) return code;
  const Verdict now = s.verdict();  // another run may have ended in between
  if (int code = refuse_problems(s, now); code != kOk) return code;
  if (!s.options().dry_run) {
    if (int code = record_baselines(s); code != kOk) return code;
  }
  const auto list = choose(now);
  if (list.empty()) s.report().note("nothing to do");
  return apply_all(s, list);
}

int down_rows(Session& s, const std::function<tl::expected<std::vector<Row>, Problem>(const Verdict&)>& choose) {
  if (!s.has_history()) return nothing_to_do(s);
  if (int code = s.lock(); code != kOk) return code;
  const auto rows = choose(s.verdict());
  if (!rows) {
    s.report().problem(rows.error());
    return kInconsistent;
  }
  if (rows->empty()) s.report().note("nothing to do");
  const bool dry = s.options().dry_run;
  if (dry) {
    if (auto begun = s.db().exec("begin"); !begun) return s.sql_failure(begun.error(), kFailed);
  }
  for (const Row& row : *rows) {
    if (int code = s.run_down(row, dry ? Commit::kCaller : Commit::kNow); code != kOk)
      return dry ? end_run(s, code) : code;
  }
  return dry ? end_run(s, kOk) : static_cast<int>(kOk);
}

std::optional<Problem> unfinished(const std::vector<Row>& rows) {
  for (const auto& r : rows) {
    if (r.state != State::kApplied) {
      return Problem{.code = "failed-migration",
                     .version = r.version,
                     .message = r.name + " is not finished",
                     .hint = "finish it with up, or resolve it",
                     .fix = "howdah migrate status"};
    }
  }
  return {};
}

Problem no_such(const std::string& target) {
  return {.code = "not-found",
          .version = target,
          .message = "there is no migration " + target,
          .fix = "howdah migrate status"};
}

}  // namespace

int up(Session& s, int count, std::optional<Phase> only) {
  const Migration* waiting = nullptr;
  bool first = false;  // it waits, and nothing runs
  const int code = up_list(s, [&](const Verdict& v) {
    auto list = v.pending;
    if (count >= 0 && list.size() > static_cast<size_t>(count)) list.resize(static_cast<size_t>(count));
    const auto other = std::find_if(list.begin(), list.end(), [&](auto* m) { return only && m->phase != *only; });
    waiting = other == list.end() ? nullptr : *other;
    first = waiting != nullptr && other == list.begin();
    list.erase(other, list.end());
    return list;
  });
  if (code != kOk || waiting == nullptr) return code;
  const bool expand = *only == Phase::kExpand;
  if (expand || !first) {
    s.report().note(fmt::format("{} and what comes after it wait: it is of the phase {}", waiting->name,
                                expand ? "contract" : "expand"));
    return kOk;
  }
  s.report().problem({.code = "phase",
                      .version = waiting->version,
                      .message = waiting->name + " comes first, and is not of the phase contract",
                      .fix = "howdah migrate up --phase expand"});
  return kInconsistent;
}

int down(Session& s, int count, bool missing) {
  return down_rows(s, [&](const Verdict& v) -> tl::expected<std::vector<Row>, Problem> {
    if (auto p = unfinished(v.applied)) return tl::unexpected(*p);
    std::vector<Row> rows(v.applied.rbegin(), v.applied.rend());
    if (missing)
      std::erase_if(rows, [&](const Row& r) { return s.source().find(r.version) != nullptr; });
    else if (rows.size() > static_cast<size_t>(count))
      rows.resize(static_cast<size_t>(count));
    return rows;
  });
}

int to(Session& s, const std::string& target) {
  if (target == "latest") return up(s, -1);
  const Migration* m = target == "none" ? nullptr : s.source().find(target);
  const Verdict v = s.verdict();
  const auto row = std::find_if(v.applied.begin(), v.applied.end(), [&](const Row& r) {
    return m == nullptr ? r.version == target || r.name == target : r.version == m->version;
  });
  if (m == nullptr && target != "none" && row == v.applied.end()) {
    s.report().problem(no_such(target));
    return kUsage;
  }
  if (target != "none" && row == v.applied.end()) {
    return up_list(s, [&](const Verdict& now) {
      std::vector<const Migration*> list;
      for (const Migration* p : now.pending) {
        if (p <= m) list.push_back(p);  // both point into the sorted source
      }
      return list;
    });
  }
  const std::string keep = target == "none" ? "" : row->version;
  return down_rows(s, [&](const Verdict& now) -> tl::expected<std::vector<Row>, Problem> {
    if (auto p = unfinished(now.applied)) return tl::unexpected(*p);
    std::vector<Row> rows;
    for (auto r = now.applied.rbegin(); r != now.applied.rend() && r->version != keep; ++r) rows.push_back(*r);
    return rows;
  });
}

int redo(Session& s) {
  const Verdict v = s.verdict();
  if (v.applied.empty()) return nothing_to_do(s);
  const Migration* m = s.source().find(v.applied.back().version);
  if (m == nullptr) {
    s.report().problem(no_such(v.applied.back().version));
    return kInconsistent;
  }
  if (int code = refuse_unrunnable(s, {m}); code != kOk) return code;
  if (int code = down(s, 1, false); code != kOk) return code;
  s.unlock();
  if (int code = s.refresh(); code != kOk) return code;
  return up(s, 1);
}

int status(Session& s, bool exit_code) {
  const Verdict v = s.verdict();
  for (const auto& r : v.applied) {
    const std::string detail = r.state == State::kApplied ? r.at
                               : r.statements > 0 ? fmt::format("{} of {} statements applied", r.done, r.statements)
                                                  : r.error;
    s.report().step({r.version, r.name, "up", r.state == State::kApplied ? "applied" : "failed", 0, detail});
  }
  size_t pending = 0;
  for (const Migration* m : v.pending) {
    const bool begun =
        std::any_of(v.applied.begin(), v.applied.end(), [&](const Row& r) { return r.version == m->version; });
    if (begun) continue;
    s.report().step({m->version, m->name, "up", "pending"});
    pending++;
  }
  for (const auto& p : v.problems) s.report().problem(p);
  for (const Migration* m : v.squashed)
    s.report().note(
        fmt::format("{} stands for {} migrations of the history: up records it", m->name, m->replaces.size()));
  const auto applied =
      std::count_if(v.applied.begin(), v.applied.end(), [](const Row& r) { return r.state == State::kApplied; });
  const auto unfinished = static_cast<std::ptrdiff_t>(v.applied.size()) - applied;
  s.report().note(fmt::format("{} applied, {}{} pending, {} problems", applied,
                              unfinished == 0 ? "" : fmt::format("{} unfinished, ", unfinished), pending,
                              v.problems.size()));
  if (!v.problems.empty()) return kInconsistent;
  return exit_code && !v.pending.empty() ? kPending : kOk;
}

int plan(Session& s) {
  const Verdict v = s.verdict();
  int code = refuse_problems(s, v);
  for (const Migration* m : v.pending) {
    const auto script = prepare(m->up, m->version, s.source().dialect);
    if (!script) {
      s.report().problem(script.error());
      code = kFailed;
      continue;
    }
    if (s.source().dialect == Dialect::kKysely) {
      s.report().step({m->version, m->name, "up", "pending"});
      continue;
    }
    s.report().step({m->version, m->name, "up", "pending", 0,
                     fmt::format("{} statements{}", script->statements.size(),
                                 script->transactional ? "" : ", each on its own: no transaction")});
  }
  return code;
}

int verify(Session& s, bool exit_code) {
  const Verdict v = s.verdict();
  for (const auto& p : v.problems) s.report().problem(p);
  if (!v.problems.empty()) return kInconsistent;
  s.report().note(
      fmt::format("{} applied migrations agree with their files, {} pending", v.applied.size(), v.pending.size()));
  return exit_code && !v.pending.empty() ? kPending : kOk;
}

int wait(Session& s, std::chrono::seconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    Report quiet("wait", true);  // problems of single attempts are not worth a line each
    Session attempt(s.options(), quiet);
    int code = attempt.open();
    if (code == kOk) {
      const Verdict v = attempt.verdict();
      for (const auto& p : v.problems) quiet.problem(p);
      code = !v.problems.empty() ? kInconsistent : v.pending.empty() ? kOk : kPending;
    }
    if (code == kOk) return kOk;
    if (interrupted()) return kInterrupted;
    if (code == kUsage || std::chrono::steady_clock::now() >= until) {
      for (const auto& p : quiet.problems()) s.report().problem(p);
      if (code == kPending)
        s.report().problem({.code = "pending", .message = "migrations are still pending", .fix = "howdah migrate up"});
      return code;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

int baseline(Session& s, const std::string& last) {
  const Migration* end =
      last == "latest" && !s.source().migrations.empty() ? &s.source().migrations.back() : s.source().find(last);
  if (end == nullptr) {
    s.report().problem(no_such(last));
    return kUsage;
  }
  if (int code = s.lock(); code != kOk) return code;
  const Verdict v = s.verdict();
  if (int code = refuse_problems(s, v); code != kOk) return code;
  if (auto p = unfinished(v.applied)) {
    s.report().problem(*p);
    return kInconsistent;
  }
  std::string sql = "begin;";
  std::vector<const Migration*> marked;
  for (const Migration* m : v.pending) {
    if (m <= end) sql += s.history().mark_applied_sql(s.db(), *m) + ";", marked.push_back(m);
  }
  if (auto done = s.db().exec(sql + "commit"); !done) return s.sql_failure(done.error(), kFailed);
  for (const Migration* m : marked) s.report().step({m->version, m->name, "up", "marked"});
  if (marked.empty()) s.report().note("nothing to do");
  return kOk;
}

}  // namespace howdah::migrate
