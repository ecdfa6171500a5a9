#include "migrate/replay.h"

#include <fmt/format.h>

#include "migrate/split.h"

namespace howdah::migrate {
namespace {

/// Where the view is, and its column for the time, which has another name before version 13 of the server.
tl::expected<std::string, SqlFailure> question(Database& live, size_t count) {
  const auto where = live.exec(
      "select quote_ident(nspname) from pg_extension join pg_namespace n on n.oid = extnamespace "
      "where extname = 'pg_stat_statements'");
  if (!where) return tl::unexpected(where.error());
  if (where->rows.empty()) return std::string();
  const char* time = live.version() >= 130000 ? "total_exec_time" : "total_time";
  return fmt::format(
      "select query, sum(calls)::bigint, sum({0}) from {1}.pg_stat_statements where dbid = (select oid from "
      "pg_database where datname = current_database()) and query <> '<insufficient privilege>' and query ~* "
      "'^[[:space:](]*(/[*]|--|select|with|values|table|insert|update|delete|merge)' group by query order by 3 desc "
      "limit {2}",
      time, where->at(0, 0), count);
}

bool can_be_planned(const std::string& sql) {
  const auto statements = split(sql);
  return statements && statements->size() == 1 && has_plan(sql, statements->front());
}

}  // namespace

AppStatements top_statements(const Target& target, size_t count) {
  AppStatements out;
  if (count == 0) return out;
  auto live = Database::connect(target, {});
  auto sql = live ? question(*live, count) : tl::unexpected(live.error());
  if (sql && sql->empty()) {
    out.why_none = "the database has no extension pg_stat_statements";
    return out;
  }
  auto path = sql ? live->exec("show search_path") : tl::unexpected(sql.error());
  auto rows = path ? live->exec(*sql) : path;
  if (!rows) {
    out.why_none = rows.error().message;
    return out;
  }
  out.search_path = path->at(0, 0);
  for (const auto& r : rows->rows) {
    if (can_be_planned(r[0])) out.list.push_back({r[0], std::atoll(r[1].c_str()), std::atof(r[2].c_str())});
  }
  if (out.list.empty()) out.why_none = "pg_stat_statements shows no statements of this database, or not to this role";
  return out;
}

Replay::Replay(Database& copy, const AppStatements& statements) : copy_(copy), search_path_(statements.search_path) {
  for (const auto& s : statements.list) {
    if (plan(s.sql)) good_.push_back(s);
  }
  tried_ = good_.size();
}

/// PREPARE finds the types of $1; the generic plan needs no values. EXPLAIN (GENERIC_PLAN) would be the same, from
/// version 16 on only.
tl::expected<void, SqlFailure> Replay::plan(const std::string& sql) {
  const auto failed = [&](const SqlAnswer& answer) {
    (void)copy_.exec("rollback");
    (void)copy_.exec("deallocate all");
    return answer ? tl::expected<void, SqlFailure>() : tl::unexpected(answer.error());
  };
  auto answer =
      copy_.exec(fmt::format("begin read only; set local plan_cache_mode = force_generic_plan; set local "
                             "statement_timeout = '10s'; select set_config('search_path', {}, true)",
                             copy_.literal(search_path_)));
  if (answer) answer = copy_.exec("prepare howdah_app as " + sql);
  if (answer)
    answer = copy_.exec("select cardinality(parameter_types) from pg_prepared_statements where name = 'howdah_app'");
  if (!answer) return failed(answer);
  std::string nulls;
  for (int i = std::atoi(answer->at(0, 0).c_str()); i > 0; i--) nulls += nulls.empty() ? "null" : ", null";
  return failed(copy_.exec("explain execute howdah_app" + (nulls.empty() ? "" : "(" + nulls + ")")));
}

void Replay::after(const std::string& version) {
  std::erase_if(good_, [&](const AppStatement& s) {
    const auto ok = plan(s.sql);
    if (!ok) broken_.push_back({s, version, ok.error()});
    return !ok;
  });
}

}  // namespace howdah::migrate
