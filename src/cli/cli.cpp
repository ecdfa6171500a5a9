#include "cli/cli.h"

#include <fmt/format.h>

#include <cstring>

#include "cli/arguments.h"
#include "cli/backup.h"
#include "cli/cfn.h"
#include "cli/db.h"
#include "cli/migrate.h"
#include "cli/plans.h"
#include "cli/sync.h"

namespace howdah::cli {
namespace {

constexpr const char* kAbout =
    "Howdah: your own Amazon RDS for PostgreSQL.\n"
    "\n"
    "  howdah serve &              start the control plane\n"
    "  eval \"$(howdah env)\"        point the aws CLI and SDKs at it\n"
    "  aws rds create-db-instance --db-instance-identifier mydb --engine postgres \\\n"
    "      --db-instance-class db.t3.micro --allocated-storage 20 \\\n"
    "      --master-username me --master-user-password ...\n";

void add_config_options(Command& app, ConfigSource& source) {
  app.add_option("--config", source.file,
                 "settings (default: /etc/howdah/howdah.toml or ~/.config/howdah/howdah.toml)");
  app.add_option("--state-dir", source.state_dir, "where everything is kept (default: /var/lib/howdah as root)");
  app.add_option("--listen", source.listen, "ADDRESS:PORT of the API (default: 127.0.0.1:4566)");
}

int with_config(const ConfigSource& source, const std::function<int(const Config&)>& command) {
  const auto config = load_config(source);
  if (!config) {
    fmt::print(stderr, "howdah: {}\n", config.error().message);
    return 2;
  }
  return command(*config);
}

/// What is asked of the daemon.
class ControlCommands {
 public:
  explicit ControlCommands(Command& app) {
    swap_ = app.add_subcommand("swap", "exchange the names and endpoints of two instances, in one gap");
    swap_->add_option("first", first_, "DB instance identifier").required();
    swap_->add_option("second", second_, "DB instance identifier").required();
    swap_->add_option("--sessions", sessions_, "cut (default): all clients reconnect; keep: old ones stay")
        .one_of({"cut", "keep"});

    clone_ = app.add_subcommand("clone", "a new instance that is a copy of another, as it is or was");
    clone_->add_option("source", copy_.source, "DB instance or snapshot").required();
    clone_->add_option("name", copy_.target, "identifier of the new instance").required();
    clone_->add_option("--at", copy_.at, kInstant);
    clone_->add_option("--password-file", copy_.password_file, "holds the new master password (default: a random one)");

    query_ = app.add_subcommand("query", "one statement on an instance as it was, read-only");
    query_->add_option("source", look_.source, "DB instance or snapshot").required();
    query_->add_option("statement", look_.statement, "SQL").required();
    query_->add_option("--at", look_.at, kInstant);
    query_->add_option("--database", look_.database, "default: the one the instance was created with");
    query_->add_option("--timeout", look_.timeout_seconds, "seconds the statement may take (default: 600)");
    const Option csv = query_->add_flag(
        "--csv", [this] { look_.format = "csv"; }, "print CSV");
    query_
        ->add_flag(
            "--json", [this] { look_.format = "json"; }, "print JSON")
        .excludes(csv);

    table_ = app.add_subcommand("restore-table", "bring one table back as it was, into a running instance");
    table_->add_option("--from", back_.source, "DB instance or snapshot").required();
    table_->add_option("--at", back_.at, kInstant);
    table_->add_option("--table", back_.table, "SCHEMA.TABLE").required();
    table_->add_option("--into", back_.into, "INSTANCE or INSTANCE.DATABASE").required();
    table_->add_option("--as", back_.as, "under another name");
    table_->add_flag("--replace", back_.replace, "rename a table of that name aside");

    drill_ = app.add_subcommand("drill", "restore an instance's newest backup aside, check it, throw it away");
    drill_->add_option("instance", drilled_, "DB instance identifier").required();
    drills_ = app.add_subcommand("drills", "how the last restore drills went");
    drills_->add_option("instance", drilled_, "DB instance identifier (default: all)");
  }

  /// What was asked for, if it was one of these.
  std::function<int(const Config&)> parsed() const {
    if (*swap_) return [this](const Config& c) { return swap(c, first_, second_, sessions_); };
    if (*clone_) return [this](const Config& c) { return clone(c, copy_); };
    if (*query_) return [this](const Config& c) { return query(c, look_); };
    if (*table_) return [this](const Config& c) { return restore_table(c, back_); };
    if (*drill_) return [this](const Config& c) { return drill(c, drilled_); };
    if (*drills_) return [this](const Config& c) { return drills(c, drilled_); };
    return {};
  }

 private:
  static constexpr const char* kInstant =
      "\"2026-11-20 10:05\", of the local time zone unless it ends in Z or an offset (default: now)";
  Command *swap_, *clone_, *query_, *table_, *drill_, *drills_;
  std::string first_, second_, sessions_ = "cut", drilled_;
  CloneRequest copy_;
  QueryRequest look_;
  RestoreTableRequest back_;
};

/// Command families with parsers of their own; also reached by the name of the program: db-create, db-setup...
std::optional<int> family(int argc, char** argv) {
  const char* slash = std::strrchr(argv[0], '/');
  const std::string_view program = slash == nullptr ? argv[0] : slash + 1;
  if (program.starts_with("db-")) return run_db(argc, argv);
  if (argc < 2) return program == "bootstrap" ? std::optional(run_bootstrap()) : std::nullopt;
  const std::string_view word = argv[1];
  if (word == "db" || word.starts_with("db-")) return run_db(argc - 1, argv + 1);
  if (word == "dump") return run_db(argc, argv);
  if (std::string_view(argv[1]) == "keeper" && argc == 3) return run_keeper(argv[2]);
  if (std::string_view(argv[1]) == "sync-guard" && argc == 3) return run_sync_guard(argv[2]);
  if (std::string_view(argv[1]) == "backup") return run_backup(argc - 1, argv + 1);
  if (std::string_view(argv[1]) == "migrate") return run_migrate(argc - 1, argv + 1);
  if (std::string_view(argv[1]) == "sync") return run_sync(argc - 1, argv + 1);
  if (std::string_view(argv[1]) == "plans") return run_plans(argc - 1, argv + 1);
  return {};
}

}  // namespace

int run(int argc, char** argv, const std::function<int(const Config&)>& serve) {
  if (const auto command = family(argc, argv)) return *command;
  if (argc >= 2 && std::string_view(argv[1]) == "help") {  // howdah help migrate up
    std::vector<char*> words(argv, argv + argc);
    std::string help = "--help";
    words.erase(words.begin() + 1);
    words.push_back(help.data());
    return run(argc, words.data(), serve);
  }
  Command app{kAbout, "howdah"};
  app.require_subcommand();
  app.inherit_options();
  app.version("howdah " HOWDAH_VERSION);
  ConfigSource source = ConfigSource::from_environment();
  add_config_options(app, source);

  auto* serve_command = app.add_subcommand("serve", "run the control plane in the foreground");
  serve_command->add_flag("--test-hooks", source.test_hooks, "serve /_test/clock, /_test/fault and /_test/reset");
  app.add_subcommand("db", "create, load, seed and look into any PostgreSQL; howdah db --help");
  app.add_subcommand("dump", "a whole database into a file, to restore elsewhere; howdah dump --help");
  app.add_subcommand("migrate", "migrations of any PostgreSQL; howdah migrate --help");
  app.add_subcommand("sync", "rows of tables from one database to another; howdah sync table --help");
  app.add_subcommand("plans", "plans of queries before and after; howdah plans --help");
  app.add_subcommand("backup", "the backup repository: list, verify, restore; howdah backup --help");
  auto* env_command = app.add_subcommand("env", "print shell commands that point the aws CLI and SDKs here");
  auto* doctor_command = app.add_subcommand("doctor", "say what this machine lacks, and how to get it");
  auto* engine_command = app.add_subcommand("engine", "the PostgreSQL servers of this machine");
  engine_command->require_subcommand();
  auto* engine_list = engine_command->add_subcommand("list", "every version that instances can run");
  ControlCommands control(app);
  auto* version_command = app.add_subcommand("version", "print the version");

  if (const auto code = app.parse(argc, argv)) return *code;

  if (*version_command) {
    fmt::print("howdah {}\n", HOWDAH_VERSION);
    return 0;
  }
  if (*serve_command) return with_config(source, serve);
  if (*env_command) return with_config(source, print_env);
  if (*doctor_command) return with_config(source, doctor);
  if (const auto command = control.parsed()) return with_config(source, command);
  if (*engine_list) return with_config(source, list_engines);
  return 2;
}

}  // namespace howdah::cli
