#include <fmt/format.h>

#include "migrate/databases.h"

namespace howdah::migrate {
namespace {

constexpr const char* kExtensions =
    "select e.extname, e.extversion, coalesce(a.default_version, '') from pg_extension e left join "
    "pg_available_extensions a on a.name = e.extname order by 1";
constexpr const char* kDatabases =
    "select datname from pg_database where datallowconn and not datistemplate order by 1";

/// How many are outdated, or a failure.
tl::expected<int, SqlFailure> extensions_of(const Target& target, bool named, Report& report) {
  auto db = Database::connect(target, {});
  if (!db) return tl::unexpected(db.error());
  const auto rows = db->exec(kExtensions);
  if (!rows) return tl::unexpected(rows.error());
  int outdated = 0;
  for (const auto& r : rows->rows) {
    const std::string name = named ? target.database() + ": " + r[0] : r[0];
    const bool gone = r[2].empty(), current = r[1] == r[2];
    report.step({r[1], name, "",
                 current ? "current"
                 : gone  ? "gone"
                         : "outdated",
                 0, current ? r[1] : fmt::format("{}, the server has {}", r[1], gone ? "none" : r[2])});
    if (current) continue;
    outdated++;
    const std::string psql = fmt::format("howdah db connect -- psql{} -c ", named ? " -d " + target.database() : "");
    if (gone)
      report.problem({.code = "gone",
                      .message = name + " is installed in the database, and the server does not have it any more",
                      .hint = "install its package on the server; or do without it",
                      .fix = psql + fmt::format("'drop extension {}'", db->name(r[0]))});
    else
      report.problem({.code = "outdated",
                      .message = fmt::format("{} is {}, and the server has {}", name, r[1], r[2]),
                      .hint = "its owner may also update it in a migration",
                      .fix = psql + fmt::format("'alter extension {} update'", db->name(r[0]))});
  }
  return outdated;
}

}  // namespace

int extensions(const DatabaseCommand& c, bool all, Report& report) {
  const auto failed = [&](const SqlFailure& f) {
    report.problem(problem_of(f));
    return f.lost ? kNoConnection : kFailed;
  };
  std::vector<Target> targets = {c.target};
  if (all) {
    auto db = Database::connect(c.target, {});
    if (!db) return failed(db.error());
    const auto names = db->exec(kDatabases);
    if (!names) return failed(names.error());
    targets.clear();
    for (const auto& r : names->rows) targets.push_back(c.target.with_database(r[0]));
  }
  int outdated = 0;
  for (const auto& target : targets) {
    const auto found = extensions_of(target, all, report);
    if (!found) return failed(found.error());
    outdated += *found;
  }
  report.note(outdated == 0 ? "every extension is of the server's version" : fmt::format("{} to update", outdated));
  return outdated == 0 ? kOk : kDrift;
}

}  // namespace howdah::migrate
