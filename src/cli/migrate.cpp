#include "cli/migrate.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>

#include "cli/cfn.h"
#include "cli/database_url.h"
#include "cli/temporary_clone.h"
#include "domain/config.h"
#include "migrate/commands.h"
#include "migrate/diff.h"
#include "migrate/export.h"
#include "migrate/import.h"
#include "migrate/lint_run.h"
#include "migrate/rehearse.h"

namespace howdah::cli {
namespace {

struct Given {
  migrate::Options options;
  migrate::LintOptions lint;
  CfnOptions cfn;
  std::string name, target = "latest", from = "db", onto = "migrations", tool, max_lock, max_rewrite, instance,
                    words = "baseline", export_to;
  migrate::ExportFormat format = migrate::ExportFormat::kSql;
  int count = -1, down_count = 1, lock_wait = 60, timeout = 60;
  bool exit_code = false, missing = false, applied = false, rolled_back = false, automatic = false, finish = false,
       data_loss = false, accept = false, forget = false, rules = false, with_down = false, pending = false;
};

struct Commands {
  CLI::App *create, *up, *down, *to, *redo, *status, *plan, *verify, *resolve, *repair, *wait, *baseline, *rebase,
      *lint, *doctor, *import, *rehearse, *diff, *squash, *exported, *cfn;
};

void common_options(CLI::App& app, Given& g) {
  app.add_option("--url", g.options.url, "the database (default: CONNECTION_URL or DATABASE_URL)");
  app.add_option("--dir", g.options.directory,
                 "the migrations (default: db/migrations, or prisma/migrations when that is there)");
  app.add_flag("--json", g.options.json, "one JSON object instead of lines");
  app.add_flag("--out-of-order", g.options.out_of_order, "also run migrations older than the last applied one");
  app.add_option("--lock-timeout", g.options.lock_timeout, "wait for a table's lock this long, then try again (2s)");
  app.add_option("--statement-timeout", g.options.statement_timeout, "end a statement after this time (never)");
  app.add_option("--lock-wait", g.lock_wait, "seconds to wait for another run (60)");
  app.add_option("--tries", g.options.tries, "attempts of a migration that gets no lock (10)")
      ->check(CLI::Range(1, 1000));
}

CLI::App* add_lint(CLI::App& app, Given& g) {
  static const std::map<std::string, migrate::LintFormat> kFormats = {{"text", migrate::LintFormat::kText},
                                                                      {"json", migrate::LintFormat::kJson},
                                                                      {"github", migrate::LintFormat::kGithub},
                                                                      {"gitlab", migrate::LintFormat::kGitlab},
                                                                      {"gcc", migrate::LintFormat::kGcc}};
  CLI::App* c = app.add_subcommand("lint", "what is dangerous in the migrations; with --url only in the pending ones");
  c->add_option("--against", g.lint.against, "only files that this git revision does not have like this");
  c->add_option("--format", g.lint.format, "text, json, github, gitlab or gcc")
      ->transform(CLI::CheckedTransformer(kFormats));
  c->add_option("--max-rows", g.lint.many_rows, "with --url: more rows in one statement are a finding (100000)");
  c->add_flag("--check-down", g.lint.check_down, "with --url: run up, down, up on a scratch database");
  c->add_flag("--strict", g.lint.strict, "warnings are errors");
  c->add_flag("--rules", g.rules, "list the rules");
  return c;
}

CLI::App* add_export(CLI::App& app, Given& g) {
  using Format = migrate::ExportFormat;
  static const std::map<std::string, Format> kFormats = {{"sql", Format::kSql},
                                                         {"native", Format::kNative},
                                                         {"prisma", Format::kPrisma},
                                                         {"flyway", Format::kFlyway},
                                                         {"dbmate", Format::kDbmate},
                                                         {"goose", Format::kGoose},
                                                         {"golang-migrate", Format::kGolangMigrate},
                                                         {"sql-migrate", Format::kSqlMigrate}};
  CLI::App* c = app.add_subcommand("export", "the migrations in another tool's layout, or as one script");
  c->add_option("--format", g.format, "sql, native, prisma, flyway, dbmate, goose, golang-migrate or sql-migrate (sql)")
      ->transform(CLI::CheckedTransformer(kFormats));
  c->add_option("--to", g.export_to, "a new directory; with sql a file (stdout)");
  c->add_flag("--pending", g.pending, "with sql: what the database lacks, with the rows of its history");
  return c;
}

Commands add_commands(CLI::App& app, Given& g) {
  Commands c{};
  c.create = app.add_subcommand("new", "make an empty migration file")->alias("create");
  c.create->add_option("name", g.name)->required();
  c.up = app.add_subcommand("up", "run pending migrations, each with its history row in one transaction");
  c.up->add_option("count", g.count, "how many (all)")->check(CLI::NonNegativeNumber);
  c.up->add_flag("--single-transaction", g.options.single_transaction, "all or nothing");
  c.up->add_flag("--dry-run", g.options.dry_run, "run everything, then roll back");
  c.down = app.add_subcommand("down", "revert the last migration");
  c.down->add_option("count", g.down_count, "how many (1)")->check(CLI::NonNegativeNumber);
  c.down->add_flag("--missing", g.missing, "revert those whose files are gone");
  c.to = app.add_subcommand("to", "go up or down to a version, name, `latest` or `none`");
  c.to->add_option("target", g.target)->required();
  c.redo = app.add_subcommand("redo", "revert the last migration and run it again");
  c.status = app.add_subcommand("status", "what is applied, pending or wrong");
  c.status->add_flag("--exit-code", g.exit_code, "8 when something is pending");
  c.plan = app.add_subcommand("plan", "what up would run");
  c.verify = app.add_subcommand("verify", "do files and history agree?");
  c.verify->add_flag("--exit-code", g.exit_code, "8 when something is pending");
  c.resolve = app.add_subcommand("resolve", "mark an unfinished migration after looking at it");
  c.resolve->add_option("version", g.name)->required();
  c.resolve->add_flag("--applied", g.applied, "all of it is there");
  c.resolve->add_flag("--rolled-back", g.rolled_back, "nothing of it is there; up runs it again");
  c.resolve->add_flag("--auto", g.automatic, "find out on scratch databases which statements ran");
  c.resolve->add_flag("--finish", g.finish, "with --auto: run the statements that are missing")->needs("--auto");
  c.repair = app.add_subcommand("repair", "make the history agree with a changed or removed file");
  c.repair->add_option("version", g.name)->required();
  c.repair->add_flag("--accept", g.accept, "the file's new text is right");
  c.repair->add_flag("--forget", g.forget, "remove the row");
  c.rebase =
      app.add_subcommand("rebase", "run migrations that came late with a merge, where the order makes no difference");
  c.rebase->add_flag("--accept-data-loss", g.data_loss, "where it does: go down and up again");
  c.lint = add_lint(app, g);
  c.rehearse = app.add_subcommand("rehearse", "run what is pending on a copy: locks, rewrites, WAL, time");
  c.rehearse->add_option("--max-lock", g.max_lock, "9 when a table is locked for longer: 500ms, 1s, 2min");
  c.rehearse->add_option("--max-rewrite", g.max_rewrite, "9 when a statement rewrites more: 0B, 100MB, 1GB");
  c.rehearse->add_option(
      "--instance", g.instance,
      "of this DB instance: a clone of it is the copy, in use or not; the URL says database and role");
  c.rehearse->add_flag("--with-down", g.with_down, "then down and up again, comparing the schema");
  c.diff = app.add_subcommand("diff", "the SQL that turns one schema into another");
  c.diff->add_option("--from", g.from, "db, migrations, a URL, a directory or an SQL file (db)");
  c.diff->add_option("--to", g.onto, "the same (migrations)");
  c.diff->add_flag("--exit-code", g.exit_code, "7 when they differ");
  c.doctor = app.add_subcommand("doctor", "what is wrong, and the command that mends it");
  c.import = app.add_subcommand("import", "take over the history of another tool");
  c.import->add_option("--from", g.tool,
                       "dbmate, rails, golang-migrate, goose, sql-migrate, node-pg-migrate, alembic, "
                       "flyway or sqitch (the one that is there)");
  c.import->add_flag("--skip-missing", g.missing, "leave out what has no file here");
  c.squash = app.add_subcommand("squash", "make one baseline file of several migrations");
  c.squash->add_option("last", g.target, "up to this one (latest)");
  c.squash->add_option("--name", g.words, "words of the file's name (baseline)");
  c.squash->add_flag("--dry-run", g.options.dry_run, "print the baseline");
  c.exported = add_export(app, g);
  c.cfn = app.add_subcommand("cfn", "answer CloudFormation's custom-resource events, over HTTP or as a Lambda runtime");
  c.cfn->add_option("--listen", g.cfn.listen, "ADDRESS:PORT (127.0.0.1:8087)");
  c.cfn->add_option("--tls-certificate", g.cfn.certificate, "PEM file; needed for other addresses than loopback");
  c.cfn->add_option("--tls-key", g.cfn.key, "PEM file");
  c.wait = app.add_subcommand("wait", "return when the database answers and nothing is pending");
  c.wait->add_option("--timeout", g.timeout, "seconds (60)");
  c.baseline = app.add_subcommand("baseline", "mark migrations as applied without running them");
  c.baseline->add_option("last", g.target, "up to this one, or `latest`")->required();
  return c;
}

int usage(migrate::Report& report, std::string message) {
  report.problem({.code = "usage", .message = std::move(message), .fix = "howdah migrate --help"});
  return report.finish(migrate::kUsage);
}

int run_resolve(migrate::Session& s, const Given& g) {
  if (g.automatic) return migrate::resolve_auto(s, g.name, g.finish);
  return migrate::resolve(s, g.name, g.applied ? migrate::Mark::kApplied : migrate::Mark::kRolledBack);
}

int run_lint(const Commands& c, Given& g, migrate::Report& report) {
  if (g.rules) {
    for (const auto& r : migrate::lint_rules())
      fmt::print("{:<30} {:<8} {}\n", r.name, r.severity == migrate::Severity::kError ? "error" : "warning", r.about);
    return migrate::kOk;
  }
  // DATABASE_URL does not count: lint must say the same everywhere unless it is asked to look at a database.
  g.lint.with_database = !g.options.url.empty();
  if (g.lint.check_down && !g.lint.with_database) return usage(report, "--check-down needs --url");
  if (g.options.json && c.lint->count("--format") == 0) g.lint.format = migrate::LintFormat::kJson;
  if (g.lint.with_database) {
    const auto url = database_url(g.options.url, false);
    if (!url) return usage(report, url.error().message);
    migrate::catch_interrupts();
  }
  return migrate::lint_command(g.options, g.lint, report);
}

/// On a clone of the whole instance, which takes no time with the database's size and does not mind who is connected.
int rehearse_on_clone(const Given& g, const migrate::Budget& budget, migrate::Report& report) {
  const auto fail = [&](const std::string& message, int code) {
    report.problem({.code = "copy", .message = message});
    return code;
  };
  const auto target = migrate::parse_url(g.options.url);
  if (!target) return fail(target.error().message, migrate::kUsage);
  const auto config = load_config(ConfigSource::from_environment());
  if (!config) return fail(config.error().message, migrate::kUsage);
  const char* said = std::getenv("PGPASSWORD");
  std::string password = said == nullptr ? "" : said;
  if (target->options.contains("password")) password = target->options.at("password");
  if (password.empty()) return fail("the URL or PGPASSWORD must hold the role's password", migrate::kUsage);
  const std::string user = target->options.contains("user") ? target->options.at("user") : "";
  const auto clone = TemporaryClone::of(*config, g.instance, user, password);
  if (!clone) return fail(clone.error().message, migrate::kNoConnection);
  report.note(
      fmt::format("on {}, a clone of {}: a warm server with other work may take longer", (*clone)->name(), g.instance));
  migrate::Options options = g.options;
  options.url = (*clone)->redirect(g.options.url);
  return migrate::rehearse_in_place(options, budget, g.with_down, report);
}

int run_rehearse(const Given& g, migrate::Report& report) {
  migrate::Budget budget;
  if (!g.max_lock.empty()) {
    const auto ms = migrate::parse_duration(g.max_lock);
    if (!ms) return usage(report, ms.error().message);
    budget.lock_ms = *ms;
  }
  if (!g.max_rewrite.empty()) {
    const auto bytes = migrate::parse_bytes(g.max_rewrite);
    if (!bytes) return usage(report, bytes.error().message);
    budget.rewrite_bytes = *bytes;
  }
  if (!g.instance.empty()) return rehearse_on_clone(g, budget, report);
  return migrate::rehearse(g.options, budget, g.with_down, report);
}

int run_command(const Commands& c, const Given& g, migrate::Session& s) {
  if (*c.up) return migrate::up(s, g.count);
  if (*c.down) return migrate::down(s, g.down_count, g.missing);
  if (*c.to) return migrate::to(s, g.target);
  if (*c.redo) return migrate::redo(s);
  if (*c.status) return migrate::status(s, g.exit_code);
  if (*c.plan) return migrate::plan(s);
  if (*c.verify) return migrate::verify(s, g.exit_code);
  if (*c.baseline) return migrate::baseline(s, g.target);
  if (*c.doctor) return migrate::doctor(s);
  if (*c.import) return migrate::import_history(s, g.tool, g.missing);
  if (*c.rebase) return migrate::rebase(s, g.data_loss);
  if (*c.squash) return migrate::squash(s, g.target, g.words, g.options.dry_run);
  if (*c.exported) return migrate::export_pending(s, g.export_to);
  if (*c.resolve) return run_resolve(s, g);
  return migrate::repair(s, g.name, g.accept ? migrate::Repair::kAccept : migrate::Repair::kForget);
}

}  // namespace

int run_migrate(int argc, char** argv) {
  CLI::App app{"Migrations that leave either everything or nothing behind.", "howdah migrate"};
  app.require_subcommand(1);
  app.fallthrough();
  Given g;
  common_options(app, g);
  const Commands c = add_commands(app, g);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : static_cast<int>(migrate::kUsage);
  }
  g.options.lock_wait = std::chrono::seconds(g.lock_wait);
  std::error_code ec;
  if (app.count("--dir") == 0 && !std::filesystem::exists(g.options.directory, ec) &&
      std::filesystem::exists("prisma/migrations", ec)) {
    g.options.directory = "prisma/migrations";
  }
  migrate::Report report(app.get_subcommands().front()->get_name(), g.options.json);
  if (*c.resolve && g.applied + g.rolled_back + g.automatic != 1) {
    return usage(report, "say one of --applied, --rolled-back, --auto");
  }
  if (*c.repair && g.accept + g.forget != 1) return usage(report, "say one of --accept, --forget");
  if (*c.create) return report.finish(migrate::create(g.options, g.name, report));
  if (*c.lint) return run_lint(c, g, report);
  if (*c.exported && !g.pending) {
    return report.finish(migrate::export_migrations(g.options, g.format, g.export_to, report));
  }
  if (*c.exported && g.format != migrate::ExportFormat::kSql) return usage(report, "--pending is for --format sql");
  const auto url = database_url(g.options.url, false);
  if (*c.cfn) {  // an event may name its database
    g.cfn.directory = g.options.directory;
    g.cfn.url = url.value_or("");
    return run_cfn(g.cfn);
  }
  if (!url) return usage(report, url.error().message);
  g.options.url = *url;
  migrate::catch_interrupts();
  if (*c.diff) return report.finish(migrate::diff(g.options, g.from, g.onto, g.exit_code, report));
  if (*c.rehearse) return report.finish(run_rehearse(g, report));
  migrate::Session session(g.options, report);
  if (*c.wait) return report.finish(migrate::wait(session, std::chrono::seconds(g.timeout)));
  if (const int code = session.open(); code != migrate::kOk) return report.finish(code);
  return report.finish(run_command(c, g, session));
}

}  // namespace howdah::cli
