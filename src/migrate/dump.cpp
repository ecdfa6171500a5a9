#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "migrate/clients.h"
#include "migrate/databases.h"
#include "os/files.h"
#include "os/spawn.h"

namespace howdah::migrate {
namespace {

constexpr auto kLongest = std::chrono::hours(24);

/// A name that fits nothing would silently dump what should have stayed.
std::optional<Problem> unknown(Database& db, const std::vector<std::string>& names, bool schemas) {
  for (const auto& name : names) {
    if (name.find_first_of("*?[|+") != std::string::npos) continue;
    auto found = db.exec(fmt::format(
        fmt::runtime(schemas ? "select to_regnamespace({}) is not null" : "select to_regclass({}) is not null"),
        db.literal(name)));
    if (!found) return problem_of(found.error());
    if (found->at(0, 0) == "t") continue;
    return Problem{.code = "not-found",
                   .message = fmt::format("there is no {} {}", schemas ? "schema" : "table", name),
                   .hint = "names are as in SQL: schema.table, \"Quoted\""};
  }
  return {};
}

tl::expected<std::vector<std::string>, SqlFailure> largest(Database& db, int count, Report& report) {
  auto rows = db.exec(fmt::format(
      "select format('%I.%I', nspname, relname), pg_size_pretty(pg_total_relation_size(c.oid)) from pg_class "
      "c join pg_namespace n on n.oid = relnamespace where relkind = 'r' and nspname !~ '^pg_' and nspname <> "
      "'information_schema' order by pg_total_relation_size(c.oid) desc, 1 limit {}",
      count));
  if (!rows) return tl::unexpected(rows.error());
  std::vector<std::string> out;
  for (const auto& r : rows->rows) {
    report.note(fmt::format("without the rows of {}, {}", r[0], r[1]));
    out.push_back(r[0]);
  }
  return out;
}

/// Schemas that extensions made for themselves. A readonly role may not be allowed to read them, and CREATE EXTENSION
/// makes them again.
tl::expected<std::vector<std::string>, SqlFailure> extension_schemas(Database& db, Report& report) {
  auto rows = db.exec(
      "select quote_ident(nspname), extname from pg_namespace n join pg_depend on classid = 'pg_namespace'::regclass "
      "and objid = n.oid and deptype = 'e' join pg_extension e on e.oid = refobjid order by 1");
  if (!rows) return tl::unexpected(rows.error());
  std::vector<std::string> out;
  for (const auto& r : rows->rows) {
    report.note(fmt::format("without the schema {} of the extension {}", r[0], r[1]));
    out.push_back(r[0]);
  }
  return out;
}

int refuse(Report& report, std::string code, std::string message) {
  report.problem({.code = std::move(code), .message = std::move(message)});
  return kUsage;
}

}  // namespace

int dump_database(const DatabaseCommand& c, const DumpOptions& o, Report& report) {
  if (os::exists(o.file)) return refuse(report, "exists", o.file + " exists already: name another file");
  auto db = Database::connect(c.target, {});
  if (!db) return report.problem(problem_of(db.error())), kNoConnection;
  for (const auto& [names, schemas] :
       {std::pair(&o.without_data, false), std::pair(&o.without_tables, false), std::pair(&o.without_schemas, true)}) {
    if (auto p = unknown(*db, *names, schemas)) return report.problem(*p), kUsage;
  }
  const auto env = client_environment(c.target);
  if (!env) return refuse(report, "url", env.error().message);
  const int major = db->version() / 10000;
  os::Command command{.program = client_program("pg_dump", major), .env = *env};
  if (command.program.empty())
    return refuse(
        report, "no-client",
        fmt::format("no pg_dump of version {0} or later is installed: apt-get install postgresql-client-{0}", major));
  const auto top = largest(*db, o.top_tables, report);
  if (!top) return report.problem(problem_of(top.error())), kFailed;
  const auto own = o.without_extension_schemas ? extension_schemas(*db, report) : std::vector<std::string>();
  if (!own) return report.problem(problem_of(own.error())), kFailed;
  std::error_code ec;
  const std::string unfinished = std::filesystem::absolute(o.file, ec).string() + ".tmp";
  command.args = {o.jobs > 0 ? "-Fd" : "-Fc", "-f", unfinished};
  if (o.jobs > 0) command.args.push_back(fmt::format("--jobs={}", o.jobs));
  if (!o.privileges) command.args.emplace_back("--no-privileges");
  for (const auto& s : *own) command.args.push_back("--exclude-schema=" + s);
  for (const auto& t : *top) command.args.push_back("--exclude-table-data=" + t);
  for (const auto& t : o.without_data) command.args.push_back("--exclude-table-data=" + t);
  for (const auto& t : o.without_tables) command.args.push_back("--exclude-table=" + t);
  for (const auto& s : o.without_schemas) command.args.push_back("--exclude-schema=" + s);
  const auto ran = os::run(command, kLongest);
  if (!ran || !ran->ok()) {
    (void)os::remove_tree(unfinished);
    report.problem({.code = "dump", .message = ran ? ran->text : ran.error().message});
    return kFailed;
  }
  if (rename(unfinished.c_str(), o.file.c_str()) != 0) return refuse(report, "files", o.file + " cannot be written");
  report.step({"", o.file, "", "dumped", 0, fmt::format("{} bytes", std::filesystem::file_size(o.file, ec))});
  report.note(fmt::format("restore it with: pg_restore --no-owner -d DATABASE {}", o.file));
  return kOk;
}

}  // namespace howdah::migrate
