#include "cli/migrate_prisma.h"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>

#include "cli/arguments.h"
#include "cli/database_url.h"
#include "migrate/commands.h"
#include "migrate/diff.h"
#include "migrate/script.h"

namespace howdah::cli {
namespace {

int usage(migrate::Report& report, std::string message, std::string hint = "") {
  report.problem(
      {.code = "usage", .message = std::move(message), .hint = std::move(hint), .fix = "howdah migrate prisma --help"});
  return migrate::kUsage;
}

int as_prisma(int code) { return code == migrate::kOk || code == migrate::kInterrupted ? code : 1; }

}  // namespace

PrismaVerbs::PrismaVerbs(Command& migrate) {
  app_ = migrate.add_subcommand("prisma",
                                "Prisma's commands by their own names: deploy, status, resolve, diff, db execute");
  app_->require_subcommand();
  app_->add_option("--schema", schema_, "schema.prisma: the migrations are in the directory beside it");
  deploy_ = app_->add_subcommand("deploy", "run what is pending");
  status_ = app_->add_subcommand("status", "1 when something is pending or wrong");
  resolve_ = app_->add_subcommand("resolve", "mark an unfinished migration");
  const Option applied = resolve_->add_option("--applied", applied_, "all of this migration is there");
  resolve_->add_option("--rolled-back", rolled_back_, "nothing of it is there").excludes(applied);
  diff_ = app_->add_subcommand("diff", "the SQL that turns one schema into another");
  add_side(*diff_, "--from", from_);
  add_side(*diff_, "--to", to_);
  diff_->add_flag("--script", script_, "SQL, which is what is printed anyway");
  diff_->add_flag("--exit-code", exit_code_, "2 when they differ");
  diff_->add_option("--shadow-database-url", shadow_, "not needed: files run on scratch databases of the server");
  db_ = app_->add_subcommand("db", "");
  db_->require_subcommand();
  execute_ = db_->add_subcommand("execute", "run an SQL file in one transaction");
  const Option file = execute_->add_option("--file", file_, "the SQL");
  execute_->add_flag("--stdin", stdin_, "the SQL comes on stdin").excludes(file);
}

void PrismaVerbs::add_side(Command& diff, const std::string& prefix, Side& side) {
  diff.add_flag(prefix + "-empty", side.empty, "an empty database");
  diff.add_option(prefix + "-url", side.url, "a database");
  diff.add_option(prefix + "-migrations", side.migrations, "what a directory of migrations makes");
  diff.add_option(prefix + "-schema-datasource", side.datasource, "the database of DATABASE_URL");
  diff.add_option(prefix + "-schema-datamodel," + prefix + "-schema", side.datamodel, "refused: only Prisma reads it");
}

bool PrismaVerbs::given() const { return static_cast<bool>(*app_); }

std::string PrismaVerbs::directory() const {
  if (schema_.empty()) return "";
  const std::filesystem::path path(schema_);
  std::error_code ec;
  return ((std::filesystem::is_directory(path, ec) ? path : path.parent_path()) / "migrations").string();
}

int PrismaVerbs::run_diff(migrate::Options options, migrate::Report& report) const {
  std::string names[2];
  for (size_t i = 0; i < 2; i++) {
    const Side& side = i == 0 ? from_ : to_;
    const char* which = i == 0 ? "--from" : "--to";
    if (!side.datamodel.empty()) {
      return usage(report, fmt::format("{}-schema-datamodel: schema.prisma is not read here", which),
                   fmt::format("compare with what the migrations make: {}-migrations {}", which, options.directory));
    }
    int said = 0;
    const auto take = [&](bool given, const std::string& name) {
      if (given) names[i] = name, said++;
    };
    take(side.empty, "empty");
    take(!side.url.empty(), side.url);
    take(!side.migrations.empty(), side.migrations);
    take(!side.datasource.empty(), "db");
    if (said != 1) return usage(report, fmt::format("say one of {0}-empty, {0}-url, {0}-migrations", which));
  }
  if (options.url.empty()) options.url = !from_.url.empty() ? from_.url : to_.url;
  if (options.url.empty()) return usage(report, database_url("", false).error().message);
  const int code = migrate::diff(options, names[0], names[1], exit_code_, report);
  return code == migrate::kDrift ? 2 : as_prisma(code);
}

int PrismaVerbs::run_execute(const migrate::Options& options, migrate::Report& report) const {
  if (file_.empty() && !stdin_) return usage(report, "say --file FILE or --stdin");
  const auto target = migrate::parse_url(options.url);
  if (!target) return usage(report, target.error().message);
  auto db = migrate::Database::connect(*target, {});
  if (!db) return report.problem(migrate::problem_of(db.error())), 1;
  const std::string text = stdin_ ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : "";
  const int code = stdin_ ? migrate::run_script_text(*db, text, "stdin", false, report)
                          : migrate::run_script(*db, file_, false, report);
  if (code == migrate::kOk) report.step({"", stdin_ ? "stdin" : file_, "", "executed"});
  return as_prisma(code);
}

int PrismaVerbs::run(migrate::Options options, migrate::Report& report) const {
  const auto url = database_url(options.url, false);
  if (!url && !*diff_) return usage(report, url.error().message);
  options.url = url.value_or("");
  if (*diff_) {
    report.note("Prisma's own name of this is: prisma migrate diff");
    return run_diff(options, report);
  }
  if (*execute_) return run_execute(options, report);
  if (*resolve_ && applied_.empty() == rolled_back_.empty())
    return usage(report, "say --applied NAME or --rolled-back NAME");
  migrate::Session session(options, report);
  if (const int code = session.open(); code != migrate::kOk) return as_prisma(code);
  if (session.source().dialect != migrate::Dialect::kPrisma)
    return usage(report, options.directory +
                             " is not a directory of Prisma's: there is neither a migration_lock.toml "
                             "nor a migration.sql in a directory of it");
  if (*deploy_) return as_prisma(migrate::up(session, -1));
  if (*status_) return as_prisma(migrate::status(session, true));
  const bool applied = !applied_.empty();
  return as_prisma(migrate::resolve(session, applied ? applied_ : rolled_back_,
                                    applied ? migrate::Mark::kApplied : migrate::Mark::kRolledBack));
}

std::vector<std::string> without_prisma_migrate(int argc, char** argv) {
  std::vector<std::string> out(argv + 1, argv + argc);
  const auto prisma = std::find(out.begin(), out.end(), "prisma");
  if (prisma != out.end() && prisma + 1 != out.end() && prisma[1] == "migrate") out.erase(prisma + 1);
  return out;
}

}  // namespace howdah::cli
