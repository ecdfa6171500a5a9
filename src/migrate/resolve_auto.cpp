#include <fmt/format.h>

#include "migrate/commands.h"
#include "migrate/diagnose.h"

namespace howdah::migrate {
namespace {

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
  const auto found = diagnose(s, *m);
  if (!found) {
    s.report().problem(found.error());
    return found.error().code == "no-match" ? kInconsistent : kFailed;
  }
  const Script& script = found->script;
  const std::vector<size_t>& fits = found->fits;
  const std::string mark_applied = s.history().mark_applied_sql(s.db(), *m);
  const size_t total = script.statements.size();
  if (fits.back() == 0)
    return s.change(s.history().mark_rolled_back_sql(s.db(), m->version),
                    {m->version, m->name, "up", "rolled back", 0, "no statement was applied"});
  if (fits.front() == total)
    return s.change(mark_applied, {m->version, m->name, "up", "marked", 0, "every statement was applied"});
  tell_partial(s, *m, script, fits, found->prefixes);
  if (finish && fits.size() == 1 && !found->prefixes.failed) {
    std::string rest;
    for (size_t i = fits.front(); i < total; i++) rest += text_of(script, i) + "\n;";
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
