#include <fmt/format.h>

#include <set>

#include "migrate/commands.h"
#include "migrate/doctor.h"
#include "migrate/import.h"

namespace howdah::migrate {
namespace {

constexpr const char* kOrder[] = {"failed-migration", "foreign-history", "equal-times",
                                  "out-of-order",     "invalid-index",   "not-valid"};

/// Its place among the mends; -1 = somebody has to decide. Accepting an edited file, forgetting a row, ending a session
/// and undoing drift are decisions; so is a half-applied migration of which nobody can tell how far it got.
int rank(const Finding& f) {
  const Problem& p = f.problem;
  if (p.code == "failed-migration" && (p.fix.find(" resolve ") == p.fix.npos || p.fix.ends_with("--auto"))) return -1;
  if (p.code == "foreign-history" && p.fix != "howdah migrate import") return -1;
  for (int i = 0; i < static_cast<int>(std::size(kOrder)); i++) {
    if (p.code == kOrder[i]) return i;
  }
  return -1;
}

std::string how(const Finding& f) {
  if (!f.sql.empty()) return f.sql;
  return f.problem.code == "equal-times" ? "a millisecond between them" : f.problem.fix;
}

int run_sql(Session& s, const Finding& f) {
  if (auto done = s.db().exec(f.sql); !done) {
    Problem p = problem_of(done.error());
    p.hint = "tried to mend " + f.problem.message;
    s.report().problem(p);
    return kFailed;
  }
  s.report().step({"", f.sql, "up", "mended"});
  return kOk;
}

int mend(Session& s, const Finding& f) {
  const Problem& p = f.problem;
  if (!f.sql.empty()) return run_sql(s, f);
  if (p.code == "failed-migration") return resolve_auto(s, p.version, true);
  if (p.code == "foreign-history") return import_history(s, "", false);
  if (p.code == "out-of-order") return rebase(s, false);
  if (int code = s.lock(); code != kOk) return code;
  return s.change(s.history().reorder_sql(), {"", s.history().table(), "up", "reordered"});
}

/// The next one to mend: the first in order that was not tried; null when there is none.
const Finding* next(const Examination& found, const std::set<std::string>& tried) {
  const Finding* best = nullptr;
  for (const auto& f : found.findings) {
    if (rank(f) < 0 || tried.contains(f.problem.message)) continue;
    if (best == nullptr || rank(f) < rank(*best)) best = &f;
  }
  return best;
}

int tell(Session& s, const Examination& found) {
  std::vector<const Finding*> order;
  for (const auto& f : found.findings) {
    if (rank(f) >= 0)
      order.push_back(&f);
    else
      s.report().problem(f.problem);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return rank(*a) < rank(*b); });
  for (const auto* f : order) s.report().step({f->problem.version, f->problem.message, "up", "would mend", 0, how(*f)});
  if (!order.empty()) s.report().note("nothing was changed: howdah migrate repair --all --yes does it");
  return found.exit_code();
}

}  // namespace

int repair_all(Session& s, bool confirmed) {
  Examination found = examine(s);
  if (!confirmed && !found.findings.empty()) return tell(s, found);
  std::set<std::string> tried;
  while (const Finding* f = next(found, tried)) {
    tried.insert(f->problem.message);
    if (const int code = mend(s, *f); code == kInterrupted || code == kLocked || code == kNoConnection) return code;
    s.unlock();
    if (const int code = s.refresh(); code != kOk) return code;
    found = examine(s);
  }
  for (const auto& f : found.findings) s.report().problem(f.problem);
  s.report().note(found.findings.empty() ? "nothing is wrong"
                                         : fmt::format("{} left for you to decide", found.findings.size()));
  return found.exit_code();
}

}  // namespace howdah::migrate
