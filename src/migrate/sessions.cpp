#include <fmt/format.h>

#include "migrate/databases.h"

namespace howdah::migrate {
namespace {

constexpr const char* kSessions =
    "select pid, coalesce(usename, ''), application_name, coalesce(host(client_addr), 'local'), coalesce(state, ''), "
    "coalesce(date_trunc('second', clock_timestamp() - coalesce(xact_start, state_change, backend_start))::text, ''), "
    "coalesce(wait_event_type || ':' || wait_event, ''), coalesce(array_to_string(pg_blocking_pids(pid), ','), ''), "
    "regexp_replace(left(query, 100), '\\s+', ' ', 'g') from pg_stat_activity where backend_type = 'client backend' "
    "and pid <> pg_backend_pid() and datname = current_database()";

int end_session(Database& db, const char* function, int pid, Report& report) {
  auto done = db.exec(fmt::format(
      "select {}(pid) from pg_stat_activity where pid = {} and datname = current_database()", function, pid));
  if (!done) return report.problem(problem_of(done.error())), kFailed;
  if (done->rows.empty() || done->at(0, 0) != "t") {
    report.problem({.code = "not-found",
                    .message = fmt::format("this database has no session {}", pid),
                    .fix = "howdah db sessions"});
    return kUsage;
  }
  report.step({std::to_string(pid), fmt::format("session {}", pid), "",
               function == std::string("pg_cancel_backend") ? "cancelled" : "ended"});
  return kOk;
}

}  // namespace

int sessions(const DatabaseCommand& c, const SessionFilter& filter, Report& report) {
  auto db = Database::connect(c.target, {});
  if (!db) return report.problem(problem_of(db.error())), kNoConnection;
  report.about(c.target.shown(), "");
  if (filter.kill != 0) return end_session(*db, "pg_terminate_backend", filter.kill, report);
  if (filter.cancel != 0) return end_session(*db, "pg_cancel_backend", filter.cancel, report);
  std::string sql = kSessions;
  if (filter.idle_in_transaction >= 0) {
    sql += fmt::format(" and state like 'idle in transaction%' and state_change < clock_timestamp() - interval '{} s'",
                       filter.idle_in_transaction);
  }
  auto rows = db->exec(sql + " order by xact_start nulls last, pid");
  if (!rows) return report.problem(problem_of(rows.error())), kFailed;
  for (const auto& r : rows->rows) {
    std::string detail = fmt::format("{}  {}  {}  {}", r[2], r[3], r[4], r[5]);
    if (!r[6].empty()) detail += "  waits for " + r[6];
    if (!r[7].empty()) detail += "  blocked by " + r[7];
    if (!r[8].empty()) detail += "  " + r[8];
    report.step({r[0], r[0] + " " + r[1], "", r[7].empty() ? "session" : "blocked", 0, detail});
  }
  if (rows->rows.empty()) report.note("no other session");
  return kOk;
}

}  // namespace howdah::migrate
