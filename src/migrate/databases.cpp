#include "migrate/databases.h"

#include <fmt/format.h>

#include "migrate/script.h"
#include "os/files.h"

namespace howdah::migrate {
namespace {

int failed(Report& report, const SqlFailure& f) {
  report.problem(problem_of(f));
  return f.lost ? kNoConnection : kFailed;
}

tl::expected<Database, SqlFailure> connect(const Target& target) {
  Target t = target;
  t.options["application_name"] = "howdah db";
  return Database::connect(t, {});
}

/// A connection to create or drop `target` from: the maintenance database of the same server.
tl::expected<Database, SqlFailure> connect_beside(const Target& target) {
  auto db = connect(target.with_database(target.database() == "postgres" ? "template1" : "postgres"));
  if (db || db.error().message.find("does not exist") == std::string::npos) return db;
  return connect(target.with_database("template1"));
}

SqlAnswer exists(Database& db, const Target& target) {
  return db.exec("select shobj_description(oid, 'pg_database') from pg_database where datname = " +
                 db.literal(target.database()));
}

/// Kept as the database's setting howdah.environment, which needs no table and survives loading a schema.
SqlAnswer environment_of(Database& db, const Target& target) {
  return db.exec(
      "select split_part(c, '=', 2) from pg_database d join pg_db_role_setting s on s.setdatabase = d.oid and "
      "s.setrole = 0, unnest(s.setconfig) c where c like 'howdah.environment=%' and datname = " +
      db.literal(target.database()));
}

std::string session_list(const Answer& a) {
  std::string out;
  for (const auto& r : a.rows)
    out += fmt::format("{}pid {} ({}, {}, {})", out.empty() ? "" : "; ", r[0], r[1], r[2], r[3]);
  return out;
}

tl::expected<bool, SqlFailure> is_empty(Database& db) {
  auto r = db.exec(
      "select not exists (select from pg_class c join pg_namespace n on n.oid = relnamespace where relkind in "
      "('r', 'p', 'v', 'm', 'S') and nspname !~ '^pg_' and nspname <> 'information_schema' and not exists "
      "(select from pg_depend where objid = c.oid and classid = 'pg_class'::regclass and deptype = 'e'))");
  if (!r) return tl::unexpected(r.error());
  return r->at(0, 0) == "t";
}

/// Schema and seed in one transaction: a setup that fails half-way can simply be run again.
int load_both(Database& db, const std::string& schema_file, const std::string& seed_file, Report& report) {
  if (auto begun = db.exec("begin"); !begun) return failed(report, begun.error());
  std::vector<std::string> files = {schema_file};
  if (os::exists(seed_file)) files.push_back(seed_file);
  for (const auto& file : files) {
    const auto start = std::chrono::steady_clock::now();
    int code = run_script(db, file, true, report);
    if (code == kOk) {
      if (auto reset = db.exec("reset all"); !reset) code = failed(report, reset.error());
    }
    const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    report.step({"", file, "", code == kOk ? "loaded" : "failed", ms});
    if (code != kOk) return code;  // the connection closes, the server rolls back
  }
  auto ended = db.exec("commit");
  return ended ? static_cast<int>(kOk) : failed(report, ended.error());
}

}  // namespace

std::optional<Problem> production_guard(Database& db, const DatabaseCommand& c, const std::string& what) {
  auto environment = environment_of(db, c.target);
  if (!environment) return problem_of(environment.error());
  const bool marked = !environment->rows.empty() && environment->at(0, 0) == "production";
  if ((!c.prod && !marked) || c.confirmed == c.target.database()) return {};
  return Problem{.code = "protected",
                 .message = fmt::format("{} is a production database: {} refused", c.target.shown(), what),
                 .hint = "type its name when you mean it",
                 .fix = fmt::format("add --yes-name {}", c.target.database())};
}

int create_database(const DatabaseCommand& c, Report& report) {
  auto db = connect_beside(c.target);
  if (!db) return failed(report, db.error());
  const std::string name = c.target.database();
  auto there = exists(*db, c.target);
  if (!there) return failed(report, there.error());
  if (!there->rows.empty()) {
    if (c.if_not_exists) return report.step({"", name, "", "exists"}), kOk;
    report.problem({.code = "exists", .message = "database " + name + " exists already", .fix = "add --if-not-exists"});
    return kUsage;
  }
  std::string sql = "create database " + db->name(name);
  if (!c.owner.empty()) sql += " owner " + db->name(c.owner);
  if (!c.from_template.empty()) sql += " template " + db->name(c.from_template);
  auto made = db->exec(sql);
  if (!made && !(c.if_not_exists && made.error().sqlstate == "42P04")) return failed(report, made.error());
  report.step({"", name, "", "created"});
  return kOk;
}

int drop_database(const DatabaseCommand& c, Report& report) {
  auto db = connect_beside(c.target);
  if (!db) return failed(report, db.error());
  const std::string name = c.target.database();
  auto there = exists(*db, c.target);
  if (!there) return failed(report, there.error());
  if (there->rows.empty()) {
    if (c.if_exists) return report.step({"", name, "", "absent"}), kOk;
    report.problem({.code = "not-found", .message = "there is no database " + name, .fix = "add --if-exists"});
    return kUsage;
  }
  if (auto p = production_guard(*db, c, "drop")) return report.problem(*p), kUsage;
  auto users = db->exec(
      "select pid, coalesce(usename, ''), application_name, coalesce(state, '') from pg_stat_activity where "
      "datname = " +
      db->literal(name));
  if (!users) return failed(report, users.error());
  if (!users->rows.empty() && !c.force) {
    report.problem({.code = "in-use",
                    .message = fmt::format("database {} is in use by {}", name, session_list(*users)),
                    .hint = "end these sessions, or let drop end them",
                    .fix = "add --force"});
    return kFailed;
  }
  if (!users->rows.empty()) report.note("ending " + session_list(*users));
  if (c.force && db->version() < 130000) {
    (void)db->exec("select pg_terminate_backend(pid) from pg_stat_activity where datname = " + db->literal(name));
  }
  auto gone = db->exec("drop database " + db->name(name) + (c.force && db->version() >= 130000 ? " with (force)" : ""));
  if (!gone) return failed(report, gone.error());
  report.step({"", name, "", "dropped"});
  return kOk;
}

int mark_environment(const DatabaseCommand& c, const std::string& environment, Report& report) {
  auto db = connect(c.target);
  if (!db) return failed(report, db.error());
  auto done = db->exec(fmt::format("alter database {} set howdah.environment = {}", db->name(c.target.database()),
                                   db->literal(environment)));
  if (!done) return failed(report, done.error());
  report.step({"", c.target.database(), "", "marked", 0, environment});
  return kOk;
}

int load_file(const DatabaseCommand& c, const std::string& file, bool schema, Report& report) {
  auto db = connect(c.target);
  if (!db) return failed(report, db.error());
  if (!schema || c.force) {  // loading a schema into an empty database destroys nothing
    if (auto p = production_guard(*db, c, schema ? "schema load" : "seed")) return report.problem(*p), kUsage;
  }
  if (schema && !c.force) {
    const auto empty = is_empty(*db);
    if (!empty) return failed(report, empty.error());
    if (!*empty) {
      report.problem({.code = "not-empty",
                      .message = c.target.shown() + " has tables already",
                      .hint = "load into a new database, or load on top of them",
                      .fix = "add --force"});
      return kInconsistent;
    }
  }
  const auto start = std::chrono::steady_clock::now();
  const int code = run_script(*db, file, false, report);
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  report.step({"", file, "", code == kOk ? "loaded" : "failed", ms});
  return code;
}

int setup_database(const DatabaseCommand& given, const std::string& schema_file, const std::string& seed_file,
                   Report& report) {
  DatabaseCommand c = given;
  c.if_not_exists = true;
  if (const int code = create_database(c, report); code != kOk) return code;
  auto db = connect(c.target);
  if (!db) return failed(report, db.error());
  const auto empty = is_empty(*db);
  if (!empty) return failed(report, empty.error());
  if (!*empty) {
    report.note(c.target.shown() +
                " has tables already: neither schema nor seed was loaded (howdah db drop starts afresh)");
    return kOk;
  }
  return load_both(*db, schema_file, seed_file, report);
}

}  // namespace howdah::migrate
