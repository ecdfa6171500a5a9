#include "cli/migrate_parser.h"

#include <map>

namespace howdah::cli {
namespace {

void common_options(Command& app, MigrateGiven& g) {
  app.add_option("--url", g.options.url, "the database (default: CONNECTION_URL or DATABASE_URL)");
  app.add_option("--dir", g.options.directory,
                 "the migrations (default: db/migrations, or prisma/migrations when that is there)");
  app.add_flag("--json", g.options.json, "one JSON object instead of lines");
  app.add_flag("--out-of-order", g.options.out_of_order, "also run migrations older than the last applied one");
  app.add_option("--lock-timeout", g.options.lock_timeout, "wait for a table's lock this long, then try again (2s)")
      .duration();
  app.add_option("--statement-timeout", g.options.statement_timeout, "end a statement after this time (never)")
      .duration();
  app.add_option("--lock-wait", g.lock_wait, "seconds to wait for another run (60)").not_negative();
  app.add_option("--tries", g.options.tries, "attempts of a migration that gets no lock (10)").range(1, 1000);
}

Command* add_lint(Command& app, MigrateGiven& g) {
  static const std::map<std::string, migrate::LintFormat> kFormats = {{"text", migrate::LintFormat::kText},
                                                                      {"json", migrate::LintFormat::kJson},
                                                                      {"github", migrate::LintFormat::kGithub},
                                                                      {"gitlab", migrate::LintFormat::kGitlab},
                                                                      {"gcc", migrate::LintFormat::kGcc}};
  Command* c = app.add_subcommand("lint", "what is dangerous in the migrations; with --url only in the pending ones");
  c->add_option("--against", g.lint.against, "only files that this git revision does not have like this");
  c->add_choice("--format", g.lint.format, kFormats, "text, json, github, gitlab or gcc");
  c->add_option("--max-rows", g.lint.many_rows, "with --url: more rows in one statement are a finding (100000)");
  c->add_flag("--check-down", g.lint.check_down, "with --url: run up, down, up on a scratch database");
  c->add_flag("--strict", g.lint.strict, "warnings are errors");
  c->add_flag("--rules", g.rules, "list the rules");
  return c;
}

const std::map<std::string, migrate::ExportFormat>& export_formats() {
  using Format = migrate::ExportFormat;
  static const std::map<std::string, Format> kFormats = {{"sql", Format::kSql},
                                                         {"native", Format::kNative},
                                                         {"prisma", Format::kPrisma},
                                                         {"flyway", Format::kFlyway},
                                                         {"dbmate", Format::kDbmate},
                                                         {"goose", Format::kGoose},
                                                         {"golang-migrate", Format::kGolangMigrate},
                                                         {"sql-migrate", Format::kSqlMigrate},
                                                         {"kysely", Format::kKysely}};
  return kFormats;
}

const std::map<std::string, std::optional<migrate::Phase>>& phases() {
  static const std::map<std::string, std::optional<migrate::Phase>> kPhases = {{"expand", migrate::Phase::kExpand},
                                                                               {"contract", migrate::Phase::kContract}};
  return kPhases;
}

Command* add_export(Command& app, MigrateGiven& g) {
  Command* c = app.add_subcommand("export", "the migrations in another tool's layout, or as one script");
  c->add_choice("--format", g.format, export_formats(),
                "sql, native, prisma, kysely, flyway, dbmate, goose, golang-migrate or sql-migrate (sql)");
  c->add_option("--to", g.export_to,
                "a new directory; with sql a file (stdout); or a format: --to kysely --out DIRECTORY");
  c->add_option("--out", g.export_out, "with --to FORMAT: the directory (its name)");
  c->add_flag("--pending", g.pending, "with sql: what the database lacks, with the rows of its history");
  return c;
}

void add_history(Command& app, MigrateGiven& g, MigrateCommands& c) {
  Command* history = app.add_subcommand("history", "rows of the history, by hand");
  history->require_subcommand();
  c.remove = history->add_subcommand("delete", "remove rows; a log keeps them");
  c.remove->add_option("name", g.names, "versions or names").required();
  c.remove->add_option("--reason", g.reason, "kept with them");
  c.remove->add_flag("--yes", g.yes, "do it; otherwise it only says what it would do");
  c.restore = history->add_subcommand("restore", "put back what was deleted last");
  c.restore->add_option("name", g.name).required();
  c.log = history->add_subcommand("log", "what was changed by hand, newest first");
}

}  // namespace

std::optional<migrate::ExportFormat> export_format(const std::string& word) {
  const auto found = export_formats().find(word);
  return found == export_formats().end() ? std::nullopt : std::optional(found->second);
}

MigrateCommands add_migrate_commands(Command& app, MigrateGiven& g) {
  common_options(app, g);
  MigrateCommands c{};
  c.create = app.add_subcommand("new", "make an empty migration file", "create");
  c.create->add_option("name", g.name).required();
  c.up = app.add_subcommand("up", "run pending migrations, each with its history row in one transaction");
  c.up->add_option("count", g.count, "how many (all)").not_negative();
  c.up->add_choice("--phase", g.phase, phases(),
                   "expand or contract: only as far as the next migration of the other phase");
  c.up->add_flag("--single-transaction", g.options.single_transaction, "all or nothing");
  c.up->add_flag("--dry-run", g.options.dry_run, "run everything, then roll back");
  c.down = app.add_subcommand("down", "revert the last migration");
  c.down->add_option("count", g.down_count, "how many (1)").not_negative();
  c.down->add_flag("--missing", g.missing, "revert those whose files are gone");
  c.to = app.add_subcommand("to", "go up or down to a version, name, `latest` or `none`");
  c.to->add_option("target", g.target).required();
  for (Command* a : {c.down, c.to}) a->add_flag("--dry-run", g.options.dry_run, "run everything, then roll back");
  c.latest = app.add_subcommand("latest", "to latest");
  c.redo = app.add_subcommand("redo", "revert the last migration and run it again");
  c.status = app.add_subcommand("status", "what is applied, pending or wrong");
  c.status->add_flag("--exit-code", g.exit_code, "8 when something is pending");
  c.plan = app.add_subcommand("plan", "what up would run");
  c.verify = app.add_subcommand("verify", "do files and history agree?");
  c.verify->add_flag("--exit-code", g.exit_code, "8 when something is pending");
  c.resolve = app.add_subcommand("resolve", "mark an unfinished migration after looking at it");
  c.resolve->add_option("version", g.name).required();
  c.resolve->add_flag("--applied", g.applied, "all of it is there");
  c.resolve->add_flag("--rolled-back", g.rolled_back, "nothing of it is there; up runs it again");
  c.resolve->add_flag("--auto", g.automatic, "find out on scratch databases which statements ran");
  c.resolve->add_flag("--finish", g.finish, "with --auto: run the statements that are missing").needs("--auto");
  c.repair = app.add_subcommand("repair", "make the history agree with a changed or removed file");
  c.repair->add_option("version", g.name);
  c.repair->add_flag("--accept", g.accept, "the file's new text is right");
  c.repair->add_flag("--forget", g.forget, "remove the row");
  c.repair->add_flag("--reorder", g.reorder, "the same as rebase");
  c.repair->add_flag("--all", g.all, "every finding of doctor that can be mended without a decision of yours");
  c.repair->add_flag("--yes", g.yes, "with --all: do it; otherwise it only says what it would do").needs("--all");
  c.rebase =
      app.add_subcommand("rebase", "run migrations that came late with a merge, where the order makes no difference");
  for (Command* a : {c.repair, c.rebase})
    a->add_flag("--accept-data-loss", g.data_loss, "where it does: go down and up again");
  c.rebase->add_flag("--dry-run", g.options.dry_run, "run everything, then roll back");
  add_history(app, g, c);
  c.schema = app.add_subcommand("schema", "a table as SQL, and the migrations that made it so");
  c.schema->add_option("table", g.name, "users, app.users").required();
  c.lint = add_lint(app, g);
  c.rehearse = app.add_subcommand("rehearse", "run what is pending on a copy: locks, rewrites, WAL, time");
  c.rehearse->add_option("--max-lock", g.max_lock, "9 when a table is locked for longer: 500ms, 1s, 2min");
  c.rehearse->add_option("--max-rewrite", g.max_rewrite, "9 when a statement rewrites more: 0B, 100MB, 1GB");
  c.rehearse->add_option("--max-lag", g.max_lag, "9 when a replica would get further behind: 500ms, 10s");
  c.rehearse->add_option("--replica-rate", g.replica_rate, "WAL that a replica applies in a second (50MB)");
  c.rehearse
      ->add_option("--statements", g.statements,
                   "9 when one of so many of pg_stat_statements cannot be planned any more (100)")
      .not_negative();
  c.rehearse->add_option("--load", g.load, "a file of statements that two connections run meanwhile, again and again");
  c.rehearse->add_option(
      "--instance", g.instance,
      "of this DB instance: a clone of it is the copy, in use or not; the URL says database and role");
  c.rehearse->add_option("--on", g.copy_of, "clone-of:NAME is --instance NAME");
  c.rehearse->add_flag("--with-down", g.with_down, "then down and up again, comparing the schema");
  c.diff = app.add_subcommand("diff", "the SQL that turns one schema into another");
  c.diff->add_option("--from", g.from, "db, migrations, empty, a URL, a directory or an SQL file (db)");
  c.diff->add_option("--to", g.onto, "the same (migrations)");
  c.diff->add_flag("--exit-code", g.exit_code, "7 when they differ");
  c.doctor = app.add_subcommand("doctor", "what is wrong, and the command that mends it");
  c.import = app.add_subcommand("import", "take over the history of another tool");
  c.import->add_option("--from", g.tool, "the tool whose table it is (the one that is there)")
      .one_of({"dbmate", "rails", "golang-migrate", "goose", "sql-migrate", "node-pg-migrate", "alembic", "flyway",
               "sqitch"});
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
  c.wait->add_option("--timeout", g.timeout, "seconds (60)").not_negative();
  c.baseline = app.add_subcommand("baseline", "mark migrations as applied without running them");
  c.baseline->add_option("last", g.target, "up to this one, or `latest`").required();
  return c;
}

}  // namespace howdah::cli
