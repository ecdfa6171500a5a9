#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "migrate/clients.h"
#include "migrate/databases.h"
#include "os/files.h"
#include "os/spawn.h"

namespace howdah::migrate {
namespace {

namespace fs = std::filesystem;

/// Takes out what differs from dump to dump of the same schema: psql's random \restrict key and version comments.
std::string stable(const std::string& dump) {
  std::string out;
  for (size_t at = 0; at < dump.size();) {
    const size_t end = std::min(dump.find('\n', at), dump.size() - 1) + 1;
    const std::string_view line = std::string_view(dump).substr(at, end - at);
    const bool drop = line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ") ||
                      line.starts_with("-- Dumped from ") || line.starts_with("-- Dumped by ");
    if (!drop) out += line;
    at = end;
  }
  return out;
}

Result<std::string> dumped(const std::string& program, const std::vector<std::string>& args,
                           const std::map<std::string, std::string>& env) {
  char name[] = "/tmp/howdah-dump-XXXXXX";
  if (mkdtemp(name) == nullptr) return fail("no temporary directory");
  const std::string file = std::string(name) + "/schema.sql";
  os::Command command{.program = program, .args = args, .env = env};
  command.args.insert(command.args.end(), {"--no-owner", "-f", file});
  auto ran = os::run(command, std::chrono::minutes(60));
  auto text = ran && ran->ok() ? os::read_file(file, size_t{1} << 30)
                               : Result<std::string>(fail(ran ? ran->text : ran.error().message));
  (void)os::remove_tree(name);
  if (!text) return text;
  return stable(*text);
}

}  // namespace

Result<std::map<std::string, std::string>> client_environment(const Target& target) {
  static const std::map<std::string, std::string> kNames = {{"host", "PGHOST"},
                                                            {"hostaddr", "PGHOSTADDR"},
                                                            {"port", "PGPORT"},
                                                            {"dbname", "PGDATABASE"},
                                                            {"user", "PGUSER"},
                                                            {"password", "PGPASSWORD"},
                                                            {"passfile", "PGPASSFILE"},
                                                            {"sslmode", "PGSSLMODE"},
                                                            {"sslrootcert", "PGSSLROOTCERT"},
                                                            {"sslcert", "PGSSLCERT"},
                                                            {"sslkey", "PGSSLKEY"},
                                                            {"sslcrl", "PGSSLCRL"},
                                                            {"options", "PGOPTIONS"},
                                                            {"application_name", "PGAPPNAME"},
                                                            {"connect_timeout", "PGCONNECT_TIMEOUT"},
                                                            {"channel_binding", "PGCHANNELBINDING"},
                                                            {"gssencmode", "PGGSSENCMODE"},
                                                            {"target_session_attrs", "PGTARGETSESSIONATTRS"},
                                                            {"service", "PGSERVICE"}};
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : target.options) {
    const auto found = kNames.find(key);
    if (found == kNames.end())
      return fail(fmt::format("the URL's parameter {} cannot be given to a client program", key));
    out[found->second] = value;
  }
  return out;
}

std::string client_program(const std::string& name, int server_major) {
  std::string best;
  int best_major = 0;
  std::error_code ec;
  for (const auto& e : fs::directory_iterator("/usr/lib/postgresql", ec)) {
    const int major = std::atoi(e.path().filename().c_str());
    const std::string path = (e.path() / "bin" / name).string();
    if (major < server_major || (best_major != 0 && major >= best_major) || access(path.c_str(), X_OK) != 0) continue;
    best = path, best_major = major;
  }
  return best;
}

namespace {
Result<std::string> dumped_by(const Target& target, int server_version, const std::vector<std::string>& args) {
  const auto env = client_environment(target);
  if (!env) return tl::unexpected(env.error());
  const std::string program = client_program("pg_dump", server_version / 10000);
  if (program.empty())
    return fail(fmt::format("no pg_dump of version {} or later is installed", server_version / 10000));
  return dumped(program, args, *env);
}
}  // namespace

Result<std::string> dumped_schema(const Target& target, int server_version) {
  return dumped_by(target, server_version, {"--schema-only", "--no-privileges"});
}
Result<std::string> dumped_statements(const Target& target, int server_version) {
  return dumped_by(target, server_version, {"--column-inserts", "--rows-per-insert=100"});
}

int dump_schema(const DatabaseCommand& c, const std::string& file, Report& report) {
  auto db = Database::connect(c.target, {});
  if (!db) return report.problem(problem_of(db.error())), kNoConnection;
  const auto env = client_environment(c.target);
  if (!env) return report.problem({.code = "url", .message = env.error().message}), kUsage;
  const int major = db->version() / 10000;
  const std::string program = client_program("pg_dump", major);
  if (program.empty()) {
    report.problem({.code = "no-client",
                    .message = fmt::format("no pg_dump of version {} or later is installed", major),
                    .fix = fmt::format("apt-get install postgresql-client-{}", major)});
    return kUsage;
  }
  auto text = dumped(program, {"--schema-only", "--no-privileges"}, *env);
  std::vector<std::string> rows = {"--data-only", "--column-inserts"};
  auto tables = db->exec(
      "select format('%I.%I', nspname, relname) from pg_class c join pg_namespace n on n.oid = relnamespace where "
      "relkind = 'r' and relname in ('schema_history', '_prisma_migrations', 'kysely_migration', 'schema_migrations')");
  if (!tables) return report.problem(problem_of(tables.error())), kFailed;
  for (const auto& r : tables->rows) rows.push_back("--table=" + r[0]);
  if (text && !tables->rows.empty()) {
    const auto history = dumped(program, rows, *env);
    text = history ? Result<std::string>(*text + *history) : history;
  }
  const auto written = text ? os::write_file_atomic(file, *text, 0644) : tl::unexpected(text.error());
  if (!written) return report.problem({.code = "dump", .message = written.error().message}), kFailed;
  report.step({"", file, "", "dumped", 0, fmt::format("{} bytes", text->size())});
  return kOk;
}

int connect_with(const DatabaseCommand& c, std::vector<std::string> command, Report& report) {
  const auto env = client_environment(c.target);
  if (!env) return report.problem({.code = "url", .message = env.error().message}), kUsage;
  for (const auto& [key, value] : *env) setenv(key.c_str(), value.c_str(), 1);
  if (command.empty()) {
    command = {"psql"};
    if (c.prod) command.insert(command.end(), {"-v", "PROMPT1=[PRODUCTION] %/%R%x%# "});
  }
  std::vector<char*> argv;
  for (auto& a : command) argv.push_back(a.data());
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  report.problem({.code = "no-client",
                  .message = fmt::format("{}: {}", command[0], std::strerror(errno)),
                  .fix = "apt-get install postgresql-client"});
  return kUsage;
}

}  // namespace howdah::migrate
