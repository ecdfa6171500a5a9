#include "cli/migrate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/arguments.h"
#include "cli/database_url.h"
#include "cli/migrate_parser.h"
#include "cli/migrate_prisma.h"
#include "cli/temporary_clone.h"
#include "domain/config.h"
#include "migrate/commands.h"
#include "migrate/diff.h"
#include "migrate/import.h"
#include "migrate/rehearse.h"

namespace howdah::cli {
namespace {

int refuse(migrate::Report& report, std::string message) {
  report.problem({.code = "usage", .message = std::move(message), .fix = "howdah migrate --help"});
  return migrate::kUsage;
}

int usage(migrate::Report& report, std::string message) { return report.finish(refuse(report, std::move(message))); }

/// `--to kysely --out DIRECTORY` is `--format kysely --to DIRECTORY`. Returns what is wrong, or "".
std::string take_export_words(const MigrateCommands& c, MigrateGiven& g) {
  const auto named = !c.exported->has("--format") ? export_format(g.export_to) : std::nullopt;
  if (named) {
    g.format = *named;
    if (!g.export_out.empty()) g.export_to = g.export_out;
  } else if (!g.export_out.empty()) {
    return "--out goes with --to FORMAT";
  }
  return "";
}

int run_resolve(migrate::Session& s, const MigrateGiven& g) {
  if (g.automatic) return migrate::resolve_auto(s, g.name, g.finish);
  return migrate::resolve(s, g.name, g.applied ? migrate::Mark::kApplied : migrate::Mark::kRolledBack);
}

int run_lint(const MigrateCommands& c, MigrateGiven& g, migrate::Report& report) {
  if (g.rules) {
    for (const auto& r : migrate::lint_rules())
      fmt::print("{:<30} {:<8} {}\n", r.name, r.severity == migrate::Severity::kError ? "error" : "warning", r.about);
    return migrate::kOk;
  }
  // DATABASE_URL does not count: lint must say the same everywhere unless it is asked to look at a database.
  g.lint.with_database = !g.options.url.empty();
  if (g.lint.check_down && !g.lint.with_database) return usage(report, "--check-down needs --url");
  if (g.options.json && !c.lint->has("--format")) g.lint.format = migrate::LintFormat::kJson;
  if (g.lint.with_database) {
    const auto url = database_url(g.options.url, false);
    if (!url) return usage(report, url.error().message);
    migrate::catch_interrupts();
  }
  return migrate::lint_command(g.options, g.lint, report);
}

/// On a clone of the whole instance, which takes no time with the database's size and does not mind who is connected.
int rehearse_on_clone(const MigrateGiven& g, const migrate::Rehearsing& wanted, migrate::Report& report) {
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
  return migrate::rehearse_in_place(options, wanted, report);
}

/// Null after the report says what is wrong.
std::optional<migrate::Rehearsing> wanted_rehearsal(const MigrateGiven& g, migrate::Report& report) {
  migrate::Rehearsing out;
  out.with_down = g.with_down;
  out.load = g.load;
  const auto take = [&](const std::string& text, auto&& parse, auto& to) {
    if (text.empty()) return true;
    const auto value = parse(text);
    if (value)
      to = *value;
    else
      refuse(report, value.error().message);
    return value.has_value();
  };
  if (!take(g.max_lock, migrate::parse_duration, out.budget.lock_ms) ||
      !take(g.max_lag, migrate::parse_duration, out.budget.lag_ms) ||
      !take(g.max_rewrite, migrate::parse_bytes, out.budget.rewrite_bytes) ||
      !take(g.replica_rate, migrate::parse_bytes, out.replica_rate))
    return {};
  if (out.replica_rate <= 0) return refuse(report, "--replica-rate must be more than nothing"), std::nullopt;
  if (std::error_code ec; !g.load.empty() && !std::filesystem::is_regular_file(g.load, ec))
    return refuse(report, g.load + " is not there: --load takes a file of SQL statements"), std::nullopt;
  // Of the database itself: a copy has statistics of its own.
  if (const auto target = migrate::parse_url(g.options.url); target)
    out.statements = migrate::top_statements(*target, static_cast<size_t>(g.statements));
  return out;
}

int run_rehearse(MigrateGiven& g, migrate::Report& report) {
  constexpr std::string_view kCloneOf = "clone-of:";
  if (!g.copy_of.empty()) {
    if (!g.copy_of.starts_with(kCloneOf) || !g.instance.empty())
      return refuse(report, "--on clone-of:NAME, or --instance NAME");
    g.instance = g.copy_of.substr(kCloneOf.size());
  }
  const auto wanted = wanted_rehearsal(g, report);
  if (!wanted) return migrate::kUsage;
  if (!g.instance.empty()) return rehearse_on_clone(g, *wanted, report);
  return migrate::rehearse(g.options, *wanted, report);
}

int run_command(const MigrateCommands& c, const MigrateGiven& g, migrate::Session& s) {
  if (*c.up) return migrate::up(s, g.count, g.phase);
  if (*c.down) return migrate::down(s, g.down_count, g.missing);
  if (*c.to) return migrate::to(s, g.target);
  if (*c.latest) return migrate::up(s, -1);
  if (*c.redo) return migrate::redo(s);
  if (*c.status) return migrate::status(s, g.exit_code);
  if (*c.plan) return migrate::plan(s);
  if (*c.verify) return migrate::verify(s, g.exit_code);
  if (*c.baseline) return migrate::baseline(s, g.target);
  if (*c.doctor) return migrate::doctor(s);
  if (*c.import) return migrate::import_history(s, g.tool, g.missing);
  if (*c.repair && g.all) return migrate::repair_all(s, g.yes);
  if (*c.rebase || (*c.repair && g.reorder)) return migrate::rebase(s, g.data_loss);
  if (*c.schema) return migrate::table_schema(s, g.name);
  if (*c.remove) return migrate::history_delete(s, g.names, g.reason, g.yes);
  if (*c.restore) return migrate::history_restore(s, g.name);
  if (*c.log) return migrate::history_log(s);
  if (*c.squash) return migrate::squash(s, g.target, g.words, g.options.dry_run);
  if (*c.exported) return migrate::export_pending(s, g.export_to);
  if (*c.resolve) return run_resolve(s, g);
  return migrate::repair(s, g.name, g.accept ? migrate::Repair::kAccept : migrate::Repair::kForget);
}

/// The system takes the memory of a thousand migrations back at once; destructors would do it piece by piece.
int leave(migrate::Session& session, int code) {
  session.close();
  std::fflush(nullptr);
#ifndef __SANITIZE_ADDRESS__  // its report of leaks comes at the end
  _exit(code);
#endif
  return code;
}

}  // namespace

int run_migrate(int argc, char** argv) {
  Command app{"Migrations that leave either everything or nothing behind.", "howdah migrate"};
  app.require_subcommand();
  app.inherit_options();
  MigrateGiven g;
  const MigrateCommands c = add_migrate_commands(app, g);
  const PrismaVerbs prisma(app);
  auto words = without_prisma_migrate(argc, argv);
  if (const auto code = app.parse(std::move(words))) return *code == 0 ? 0 : static_cast<int>(migrate::kUsage);
  g.options.lock_wait = std::chrono::seconds(g.lock_wait);
  std::error_code ec;
  if (!app.has("--dir") && (prisma.given() || !std::filesystem::exists(g.options.directory, ec)) &&
      std::filesystem::exists("prisma/migrations", ec)) {
    g.options.directory = "prisma/migrations";
  }
  migrate::Report report(app.chosen(), g.options.json);
  if (prisma.given()) {
    if (!prisma.directory().empty()) g.options.directory = prisma.directory();
    migrate::catch_interrupts();
    return report.finish(prisma.run(g.options, report));
  }
  if (*c.resolve && g.applied + g.rolled_back + g.automatic != 1) {
    return usage(report, "say one of --applied, --rolled-back, --auto");
  }
  if (*c.repair && (g.accept + g.forget + g.reorder + g.all != 1 || (g.reorder || g.all) != g.name.empty()))
    return usage(report, "say VERSION --accept, VERSION --forget, --reorder or --all");
  if (*c.create) return report.finish(migrate::create(g.options, g.name, report));
  if (*c.lint) return run_lint(c, g, report);
  if (*c.exported) {
    if (const auto bad = take_export_words(c, g); !bad.empty()) return usage(report, bad);
  }
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
  const bool ahead = *c.up || *c.latest || (*c.to && g.target == "latest");
  const auto need = ahead ? migrate::Session::Need::kPending : migrate::Session::Need::kRows;
  if (const int code = session.open(need); code != migrate::kOk) return report.finish(code);
  return leave(session, report.finish(run_command(c, g, session)));
}

}  // namespace howdah::cli
