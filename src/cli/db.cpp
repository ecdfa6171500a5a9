#include "cli/db.h"

#include <cstring>
#include <filesystem>

#include "cli/arguments.h"
#include "cli/database_url.h"
#include "cli/instance_url.h"
#include "migrate/commands.h"
#include "migrate/databases.h"

namespace howdah::cli {
namespace {

struct Given {
  migrate::DatabaseCommand command;
  migrate::SessionFilter filter;
  migrate::DumpOptions dump;
  migrate::Options migrations;
  std::string url, environment, role, schema_file = "db/schema.sql", seed_file = "db/seed.sql";
  std::vector<std::string> words;    ///< [name or file] [prod]
  std::vector<std::string> program;  ///< after "--"
  bool json = false, all = false;
};

struct Commands {
  Command *create, *drop, *load, *dump, *seed, *sessions, *setup, *reset, *connect, *protect, *take, *prepare,
      *extensions;
};

Command* add(Command& app, Given& g, const char* name, const char* about, const char* words) {
  Command* c = app.add_subcommand(name, about);
  if (*words != '\0') c->add_option("arguments", g.words, words).expected(0, 2);
  return c;
}

void drop_options(Command* c, Given& g) {
  c->add_flag("--force", g.command.force, "end the sessions that use it");
  c->add_option("--yes-name", g.command.confirmed, "a production database's name, typed out");
}

Commands add_commands(Command& app, Given& g) {
  Commands c{};
  c.create = add(app, g, "create", "create the database", "[name] [prod]");
  c.create->add_flag("--if-not-exists", g.command.if_not_exists, "0 when it exists");
  c.create->add_option("--owner", g.command.owner, "the role that owns it");
  c.create->add_option("--template", g.command.from_template, "copy this database");
  c.drop = add(app, g, "drop", "drop the database", "[name] [prod]");
  c.drop->add_flag("--if-exists", g.command.if_exists, "0 when there is none");
  drop_options(c.drop, g);
  c.load = add(app, g, "schema-load", "load db/schema.sql: all of it or nothing", "[file] [prod]");
  c.load->add_flag("--force", g.command.force, "although there are tables");
  c.load->add_option("--yes-name", g.command.confirmed, "a production database's name, typed out");
  c.dump = add(app, g, "schema-dump", "write db/schema.sql", "[file] [prod]");
  c.seed = add(app, g, "seed", "load db/seed.sql: all of it or nothing", "[file] [prod]");
  c.seed->add_option("--yes-name", g.command.confirmed, "a production database's name, typed out");
  c.sessions = add(app, g, "sessions", "who is connected, and who blocks whom", "[prod]");
  c.sessions->add_option("--kill", g.filter.kill, "end this session").positive();
  c.sessions->add_option("--cancel", g.filter.cancel, "cancel this session's query").positive();
  c.sessions->add_option("--idle-in-tx", g.filter.idle_in_transaction, "idle in a transaction for so many seconds")
      .not_negative();
  c.extensions = add(app, g, "extensions", "7 when some are older than the server's, as after an upgrade", "[prod]");
  c.extensions->add_flag("--all", g.all, "of every database of the server");
  c.setup = add(app, g, "setup", "create if missing, load schema and seed if empty; never drops", "[prod]");
  c.reset = add(app, g, "reset", "drop, then setup", "[prod]");
  drop_options(c.reset, g);
  c.take = add(app, g, "dump", "the whole database in pg_dump's custom format, to restore elsewhere", "[file] [prod]");
  c.take->add_option("--exclude-table-data", g.dump.without_data, "keep the table, leave out its rows");
  c.take->add_option("--exclude-table", g.dump.without_tables, "leave out the table");
  c.take->add_option("--exclude-schema", g.dump.without_schemas, "leave out the schema");
  c.take->add_option("--top-tables", g.dump.top_tables, "leave out the rows of the N largest tables, and list them")
      .range(1, 1000);
  c.take->add_flag("--skip-extension-schemas", g.dump.without_extension_schemas,
                   "leave out schemas that extensions made for themselves");
  c.take->add_option("--jobs", g.dump.jobs, "write a directory, with so many connections").range(1, 100);
  c.take->add_flag("--privileges", g.dump.privileges, "with grants");
  c.prepare = add(app, g, "prepare", "create if missing, load schema and seed if empty, then run migrations", "[prod]");
  c.prepare->add_option("--dir", g.migrations.directory, "the migrations (db/migrations, or prisma/migrations)");
  for (Command* a : {c.setup, c.reset, c.prepare}) {
    a->add_option("--schema", g.schema_file, "(db/schema.sql)");
    a->add_option("--seed", g.seed_file, "(db/seed.sql)");
  }
  c.connect = add(app, g, "connect", "psql, or the program after --, with the connection in its environment",
                  "[prod, NAME of NAME_CONNECTION_URL, or DB instance]");
  c.connect->add_option("--role", g.role, "of a DB instance: admin (its master user) or another role (readonly)");
  c.protect = app.add_subcommand("mark", "say what the database is: `mark production` protects it");
  c.protect->add_option("environment", g.environment).required();
  return c;
}

/// "prod" chooses PROD_CONNECTION_URL wherever it stands; the other word is the database's name or the file.
std::string take_words(Given& g) {
  std::string other;
  for (const auto& w : g.words) {
    if (w == "prod")
      g.command.prod = true;
    else
      other = w;
  }
  return other;
}

/// A new machine and an old one end up the same: everything is there, and nothing is pending.
int prepare(const Commands& c, const Given& g, migrate::Report& report) {
  std::error_code ec;
  migrate::DatabaseCommand command = g.command;
  command.if_not_exists = true;
  const bool schema = std::filesystem::exists(g.schema_file, ec);
  const int code = schema ? migrate::setup_database(command, g.schema_file, g.seed_file, report)
                          : migrate::create_database(command, report);
  if (code != migrate::kOk) return code;
  migrate::Options options = g.migrations;
  options.url = g.url;
  if (!c.prepare->has("--dir") && !std::filesystem::exists(options.directory, ec)) {
    if (!std::filesystem::exists("prisma/migrations", ec)) {
      report.note("there are no migrations");
      return schema ? migrate::kOk : migrate::kUsage;
    }
    options.directory = "prisma/migrations";
  }
  migrate::catch_interrupts();
  migrate::Session session(options, report);
  if (const int opened = session.open(); opened != migrate::kOk) return opened;
  return migrate::up(session, -1);
}

int run_command(const Commands& c, const Given& g, const std::string& word, migrate::Report& report) {
  if (*c.create) return migrate::create_database(g.command, report);
  if (*c.drop) return migrate::drop_database(g.command, report);
  if (*c.load) return migrate::load_file(g.command, word.empty() ? g.schema_file : word, true, report);
  if (*c.dump) return migrate::dump_schema(g.command, word.empty() ? g.schema_file : word, report);
  if (*c.prepare) return prepare(c, g, report);
  if (*c.take) {
    migrate::DumpOptions dump = g.dump;
    dump.file = word.empty() ? g.command.target.database() + ".dump" : word;
    return migrate::dump_database(g.command, dump, report);
  }
  if (*c.seed) return migrate::load_file(g.command, word.empty() ? g.seed_file : word, false, report);
  if (*c.sessions) return migrate::sessions(g.command, g.filter, report);
  if (*c.extensions) return migrate::extensions(g.command, g.all, report);
  if (*c.connect) return migrate::connect_with(g.command, g.program, report);
  if (*c.protect) return migrate::mark_environment(g.command, g.environment, report);
  if (*c.reset) {
    migrate::DatabaseCommand drop = g.command;
    drop.if_exists = true;
    if (const int code = migrate::drop_database(drop, report); code != migrate::kOk) return code;
  }
  return migrate::setup_database(g.command, g.schema_file, g.seed_file, report);
}

/// The words as of `howdah db`: db-schema-load x = db schema-load x; db schema load x = db schema-load x.
std::vector<std::string> normal_arguments(int argc, char** argv, Given& g) {
  std::vector<std::string> args;
  const char* slash = std::strrchr(argv[0], '/');
  std::string program = slash == nullptr ? argv[0] : slash + 1;
  if (program.ends_with(".sh")) program.resize(program.size() - 3);
  if (program.starts_with("db-")) args.push_back(program.substr(3));
  int i = 1;
  for (; i < argc && std::strcmp(argv[i], "--") != 0; i++) {
    if (!args.empty() && args.back() == "schema" && argv[i][0] != '-')
      args.back() += std::string("-") + argv[i];
    else
      args.emplace_back(argv[i]);
  }
  for (i++; i < argc; i++) g.program.emplace_back(argv[i]);
  return args;
}

}  // namespace

int run_db(int argc, char** argv) {
  Command app{"Databases of any PostgreSQL: create, load, seed, look, connect.", "howdah db"};
  app.require_subcommand();
  app.inherit_options();
  Given g;
  app.add_option("--url", g.url, "the database (default: CONNECTION_URL or DATABASE_URL; `prod`: PROD_CONNECTION_URL)");
  app.add_flag("--json", g.json, "one JSON object instead of lines");
  const Commands c = add_commands(app, g);
  if (const auto code = app.parse(normal_arguments(argc, argv, g)))
    return *code == 0 ? 0 : static_cast<int>(migrate::kUsage);
  migrate::Report report(app.chosen(), g.json);
  const std::string word = take_words(g);
  if (*c.connect && word.empty() && !g.role.empty()) {
    report.problem(
        {.code = "usage", .message = "--role goes with the name of a DB instance", .fix = "howdah db --help"});
    return report.finish(migrate::kUsage);
  }
  const auto url = *c.connect && !word.empty() ? connection_of(word, g.role) : database_url(g.url, g.command.prod);
  const auto target = url ? migrate::parse_url(*url) : tl::unexpected(url.error());
  if (!target) {
    report.problem({.code = "usage", .message = target.error().message, .fix = "howdah db --help"});
    return report.finish(migrate::kUsage);
  }
  g.command.target = *target;
  g.url = *url;
  if ((*c.create || *c.drop) && !word.empty()) g.command.target = target->with_database(word);
  report.about(g.command.target.shown(), "");
  return report.finish(run_command(c, g, word, report));
}

}  // namespace howdah::cli
