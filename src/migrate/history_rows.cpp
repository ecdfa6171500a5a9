#include <fmt/format.h>

#include "migrate/commands.h"

namespace howdah::migrate {
namespace {

using Rows = std::vector<const Row*>;

int refuse(Session& s, Problem p, int code = kInconsistent) {
  if (p.fix.empty()) p.fix = "howdah migrate status";
  s.report().problem(std::move(p));
  return code;
}

/// The first row that stays although it belongs after `gone`, which up would then call pending.
const Row* left_behind(Session& s, const Rows& all_gone, const Row& gone) {
  if (gone.state == State::kRolledBack || s.source().find(gone.version) == nullptr) return nullptr;
  const Row* first = nullptr;
  for (const Row& r : s.rows()) {
    const bool goes = std::find(all_gone.begin(), all_gone.end(), &r) != all_gone.end();
    if (goes || r.state == State::kRolledBack || !comes_before(s.source().dialect, gone.version, r.version)) continue;
    if (first == nullptr || comes_before(s.source().dialect, r.version, first->version)) first = &r;
  }
  return first;
}

std::string consequence(Session& s, const Row& row) {
  if (s.source().find(row.version) == nullptr) return "its file is not there";
  return "its file is there: up runs it again, and fails if what it makes is still there";
}

}  // namespace

int history_delete(Session& s, const std::vector<std::string>& names, const std::string& reason, bool confirmed) {
  if (confirmed && s.has_history()) {
    if (int code = s.lock(); code != kOk) return code;
  }
  Rows gone;
  for (const auto& name : names) {
    const Row* row = s.row(name);
    if (row == nullptr)
      return refuse(s, {.code = "not-found", .version = name, .message = "the history has no " + name});
    gone.push_back(row);
  }
  for (const Row* row : gone) {
    const Row* later = left_behind(s, gone, *row);
    if (later == nullptr) continue;
    return refuse(s, {.code = "gap",
                      .version = row->version,
                      .message = fmt::format("{} would be pending again while {}, which comes after it, stays applied",
                                             row->name, later->name),
                      .hint = "nothing was changed. Name the later ones as well, or go down to before it"});
  }
  std::string sql = "begin;";
  for (const Row* row : gone) sql += s.history().forget_sql(s.db(), row->version, reason) + ";";
  if (!confirmed) {
    for (const Row* row : gone) s.report().step({row->version, row->name, "", "to go", 0, consequence(s, *row)});
    return refuse(
        s,
        {.code = "confirm",
         .version = gone.front()->version,
         .message = fmt::format("this removes {} of {} and changes nothing else: the schema stays as it is",
                                gone.size() == 1 ? "one migration" : fmt::format("{} migrations", gone.size()),
                                s.history().table()),
         .fix = fmt::format("howdah migrate history delete {} --yes", fmt::join(names, " "))},
        kUsage);
  }
  if (auto deleted = s.db().exec(sql + "commit"); !deleted) return s.sql_failure(deleted.error(), kFailed);
  for (const Row* row : gone) {
    s.report().step({row->version, row->name, "", "deleted", 0, consequence(s, *row)});
    s.report().note(fmt::format("{} keeps the row; to undo this: howdah migrate history restore {}", s.history().log(),
                                row->version));
  }
  return kOk;
}

int history_restore(Session& s, const std::string& name) {
  if (!s.has_history()) return refuse(s, {.code = "not-found", .message = "there is no history"});
  if (int code = s.lock(); code != kOk) return code;
  const Migration* m = s.source().find(name);
  const std::string version = m == nullptr ? name : m->version;
  if (s.row(version) != nullptr)
    return refuse(s, {.code = "exists", .version = version, .message = "the history has " + version + " already"});
  const auto kept = s.history().forgotten(s.db(), version);  // by its name too: its file may be gone
  if (!kept) return s.sql_failure(kept.error(), kFailed);
  if (kept->rows.empty())
    return refuse(s, {.code = "not-found",
                      .version = version,
                      .message = s.history().log() + " keeps no deleted row of " + version,
                      .fix = "howdah migrate history log"});
  return s.change(s.history().restore_sql(s.db(), kept->at(0, 0)),
                  {kept->at(0, 0), m == nullptr ? name : m->name, "", "restored"});
}

int history_log(Session& s) {
  const auto log = s.history().read_log(s.db());
  if (!log) return s.sql_failure(log.error(), kFailed);
  for (const auto& r : log->rows) s.report().step({r[2], r[2], "", r[3], 0, fmt::format("{} by {}", r[0], r[1])});
  if (log->rows.empty()) s.report().note("nothing was changed by hand");
  return kOk;
}

}  // namespace howdah::migrate
