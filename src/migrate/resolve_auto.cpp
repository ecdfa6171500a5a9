#include <fmt/format.h>

#include "migrate/commands.h"
#include "migrate/fingerprint.h"

namespace howdah::migrate {
namespace {

/// The schema after each prefix of a migration's statements, as far as they run on an empty copy.
struct Prefixes {
  std::vector<Objects> after;     ///< [0] = before the first statement
  std::optional<Problem> failed;  ///< why the statement after the last prefix does not run
};

std::string text_of(const Script& script, size_t i) {
  const auto& s = script.statements[i];
  return script.sql.substr(s.begin, s.end - s.begin);
}

tl::expected<Prefixes, Problem> replay(Session& s, Database& scratch, const Migration& until, const Script& script) {
  for (const auto& m : s.source().migrations) {
    if (m.version == until.version) break;
    const auto row =
        std::find_if(s.rows().begin(), s.rows().end(), [&](const Row& r) { return r.version == m.version; });
    if (row == s.rows().end() || row->state != State::kApplied) continue;
    auto done = scratch.exec(m.up.sql);
    if (done) done = scratch.exec("reset all");
    if (!done) {
      Problem p = problem_of(done.error(), m.version);
      p.where = m.file;
      p.hint = "the migrations before it must run on an empty database, to compare with";
      return tl::unexpected(p);
    }
  }
  Prefixes out;
  for (size_t i = 0;; i++) {
    auto objects = read_objects(scratch);
    if (!objects) return tl::unexpected(problem_of(objects.error()));
    out.after.push_back(std::move(*objects));
    if (i == script.statements.size()) return out;
    if (auto done = scratch.exec(text_of(script, i)); !done) {
      out.failed = problem_of(done.error(), until.version);
      out.failed->where = until.up.where(script.statements[i].line, script.statements[i].column);
      return out;
    }
  }
}

/// Objects that any of the statements touches; everything else in the live database does not matter.
Objects only(const Objects& from, const std::vector<Objects>& prefixes) {
  Objects out;
  for (const auto& prefix : prefixes) {
    for (const auto& [name, hash] : prefix) {
      const auto first = prefixes[0].find(name);
      if (first != prefixes[0].end() && first->second == hash) continue;
      if (const auto it = from.find(name); it != from.end()) out.insert(*it);
    }
    for (const auto& [name, hash] : prefixes[0]) {
      if (const auto it = from.find(name); it != from.end() && !prefix.contains(name)) out.insert(*it);
    }
  }
  return out;
}

/// Which numbers of applied statements the live schema is consistent with.
std::vector<size_t> matching(const Objects& live, const std::vector<Objects>& prefixes) {
  std::vector<size_t> out;
  const Objects seen = only(live, prefixes);
  for (size_t i = 0; i < prefixes.size(); i++) {
    if (only(prefixes[i], prefixes) == seen) out.push_back(i);
  }
  return out;
}

void tell_partial(Session& s, const Migration& m, const Script& script, const std::vector<size_t>& fits,
                  const Prefixes& prefixes) {
  const size_t total = script.statements.size();
  std::string count = fmt::format("{}", fits.front());
  if (fits.size() > 1) count = fmt::format("{} to {}", fits.front(), fits.back());
  s.report().note(fmt::format("{} of {} statements of {} are applied", count, total, m.name));
  for (size_t i = 0; i < total; i++) {
    const char* state = i < fits.front() ? "applied" : i < fits.back() ? "unknown" : "missing";
    std::string text = text_of(script, i);
    std::replace(text.begin(), text.end(), '\n', ' ');
    s.report().note(fmt::format("  {:<8} {}  {}", state,
                                m.up.where(script.statements[i].line, script.statements[i].column),
                                text.substr(0, 90)));
  }
  if (fits.size() > 1)
    s.report().note("  unknown: statements that change data leave no trace in the schema; look at the rows");
  if (prefixes.failed) s.report().problem(*prefixes.failed);
}

}  // namespace

int resolve_auto(Session& s, const std::string& version, bool finish) {
  if (int code = s.lock(); code != kOk) return code;
  const Migration* m = s.source().find(version);
  const auto row = std::find_if(s.rows().begin(), s.rows().end(),
                                [&](const Row& r) { return m != nullptr && r.version == m->version; });
  if (row == s.rows().end() || (row->state != State::kFailed && row->state != State::kRunning)) {
    s.report().problem({.code = "not-failed",
                        .version = version,
                        .message = version + " has no unfinished attempt",
                        .fix = "howdah migrate status"});
    return kInconsistent;
  }
  const auto script = prepare(m->up, m->version, s.source().dialect);
  if (!script) {
    s.report().problem(script.error());
    return kFailed;
  }
  auto scratch = Scratch::create(s.db(), s.target());
  if (!scratch) return s.sql_failure(scratch.error(), kFailed);
  const auto prefixes = replay(s, (*scratch)->db(), *m, *script);
  if (!prefixes) {
    s.report().problem(prefixes.error());
    return kFailed;
  }
  const auto live = read_objects(s.db());
  if (!live) return s.sql_failure(live.error(), kFailed);
  const auto fits = matching(*live, prefixes->after);
  if (fits.empty()) {
    s.report().problem({.code = "no-match",
                        .version = m->version,
                        .where = m->file,
                        .message = "the schema is like after none of the statements: somebody changed it by hand",
                        .hint = "compare it with the file, then resolve it with --applied or --rolled-back"});
    return kInconsistent;
  }
  const std::string mark_applied = s.history().mark_applied_sql(s.db(), *m);
  const size_t total = script->statements.size();
  if (fits.back() == 0)
    return s.change(s.history().mark_rolled_back_sql(s.db(), m->version),
                    {m->version, m->name, "up", "rolled back", 0, "no statement was applied"});
  if (fits.front() == total)
    return s.change(mark_applied, {m->version, m->name, "up", "marked", 0, "every statement was applied"});
  tell_partial(s, *m, *script, fits, *prefixes);
  if (finish && fits.size() == 1 && !prefixes->failed) {
    std::string rest;
    for (size_t i = fits.front(); i < total; i++) rest += text_of(*script, i) + "\n;";
    return s.change(rest + mark_applied,
                    {m->version, m->name, "up", "finished", 0, fmt::format("{} statements run", total - fits.front())});
  }
  const bool certain = fits.size() == 1;
  s.report().problem(
      {.code = "half-applied",
       .version = m->version,
       .where = m->file,
       .message = certain ? "it is half applied" : "how much of it is applied is not certain",
       .hint =
           certain
               ? "forward: correct the statement that failed, then run the missing ones and mark it in one "
                 "transaction; "
                 "back: undo the applied ones, then resolve --rolled-back"
               : "look at the rows, complete it by hand, then resolve --applied; or undo it and resolve --rolled-back",
       .fix = certain ? "howdah migrate resolve " + m->version + " --auto --finish"
                      : "howdah migrate resolve " + m->version + " --applied"});
  return kInconsistent;
}

}  // namespace howdah::migrate
