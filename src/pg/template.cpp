#include "pg/template.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <fmt/format.h>

#include "os/copy.h"
#include "os/files.h"
#include "os/lock.h"
#include "os/spawn.h"
#include "pg/bootstrap.h"
#include "util/fault_point.h"
#include "util/id.h"

namespace howdah::pg {
namespace {

namespace fs = std::filesystem;

constexpr int kTemplateVersion = 3;  // raise when anything below changes what a template holds
constexpr size_t kPage = 8192;
constexpr std::chrono::minutes kToolTime(5);

/// One build: where, as whom, and under which lock.
struct Build {
  const Engine& engine;
  const os::Identity& identity;
  std::string dir;
  int lock_fd;
};

Result<std::string> run_tool(const Build& b, const char* tool, std::vector<std::string> args,
                             const std::string& input) {
  os::Command command{.program = b.engine.program(tool), .args = std::move(args), .run_as = b.identity.service};
  command.keep_fd = b.lock_fd;
  if (!input.empty()) command.input = input;
  auto out = os::run(command, kToolTime);
  if (!out) return tl::unexpected(out.error());
  if (!out->ok()) {
    std::string tail = out->text.size() > 2000 ? out->text.substr(out->text.size() - 2000) : out->text;
    return fail(
        fmt::format("{} of PostgreSQL {} failed with status {}: {}", tool, b.engine.version, out->status, tail));
  }
  return out->text;
}

Result<void> init_cluster(const Build& b, const std::string& data) {
  std::vector<std::string> args = {"-D",
                                   data,
                                   "-U",
                                   kAdminRole,
                                   "--data-checksums",
                                   "-E",
                                   "UTF8",
                                   "--locale=C.UTF-8",
                                   "--auth-local=peer",
                                   "--auth-host=reject",
                                   "-N"};
  if (b.engine.major >= 17) args.insert(args.end(), {"--locale-provider=builtin", "--builtin-locale=C.UTF-8"});
  auto done = run_tool(b, "initdb", args, "");
  if (!done) return tl::unexpected(done.error());
  return {};
}

/// Runs `statements` one after the other in database `database`; the first error ends it.
Result<void> run_single(const Build& b, const std::string& data, const char* database,
                        const std::vector<std::string>& statements) {
  std::string script;
  for (const auto& s : statements) script += s + ";\n\n";  // -j: a statement ends at a semicolon and an empty line
  std::string path = b.dir + "/script.sql";
  if (auto put = os::write_file_atomic(path, script, 0600); !put) return put;
  std::string preload;
  for (const char* module : {"pg_stat_statements", "auto_explain"}) {  // so that pg_settings knows their parameters
    if (os::exists(b.engine.libdir + "/" + module + ".so"))
      preload += (preload.empty() ? "" : ",") + std::string(module);
  }
  std::vector<std::string> args = {"--single", "-j", "-D", data};
  // One WAL segment at the end; nothing but our script may write.
  for (const char* setting : {"exit_on_error=on", "min_wal_size=32MB", "max_wal_size=64MB", "wal_recycle=off",
                              "fsync=off", "wal_level=replica", "log_min_messages=fatal"}) {
    if (b.engine.major < 12 && std::string_view(setting) == "wal_recycle=off") continue;
    args.insert(args.end(), {"-c", setting});
  }
  args.insert(args.end(), {"-c", "shared_preload_libraries=" + preload, database});
  auto done = run_tool(b, "postgres", args, path);
  if (!done) return tl::unexpected(done.error());
  if (done->find("ERROR:") != std::string::npos || done->find("FATAL:") != std::string::npos)
    return fail("bootstrap: " + *done);
  return os::remove_tree(path);
}

/// Cuts every WAL segment after its last page that is not all zero.
Result<void> trim_wal(const std::string& data) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(data + "/pg_wal", none)) {
    if (!entry.is_regular_file()) continue;
    auto content = os::read_file(entry.path().string(), size_t(1) << 31);
    if (!content) return tl::unexpected(content.error());
    auto last = content->find_last_not_of('\0');
    size_t used = last == std::string::npos ? 0 : (last / kPage + 1) * kPage;
    if (truncate(entry.path().c_str(), static_cast<off_t>(used)) != 0)
      return fail("cannot cut " + entry.path().string());
  }
  return {};
}

/// COPY's text format doubles backslashes and writes newlines as \n.
std::string uncopy(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    char c = text[++i];
    out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
  }
  return out;
}

/// Comes last: a slot holds back all WAL from the checkpoint before it.
std::vector<std::string> reserve_wal() {
  return {"SELECT pg_catalog.pg_switch_wal()", "CHECKPOINT",
          fmt::format("SELECT pg_catalog.pg_create_physical_replication_slot('{}', true)", kVaultSlot)};
}

Result<void> fill(const Build& b) {
  std::string plain = b.dir + "/plain", spare = b.dir + "/spare", dump = b.dir + "/settings.copy";
  if (auto done = init_cluster(b, plain); !done) return done;
  fault::point("pg.template:initdb");
  auto statements = bootstrap_statements(b.engine.major);
  statements.push_back(fmt::format("CREATE DATABASE {}", kAdminDatabase));
  statements.push_back(fmt::format("REVOKE ALL ON DATABASE {} FROM PUBLIC", kAdminDatabase));
  statements.push_back(
      fmt::format("COPY (SELECT pg_catalog.json_agg(s) FROM (SELECT name, setting, unit, context, vartype, min_val, "
                  "max_val, enumvals, boot_val, short_desc FROM pg_catalog.pg_settings ORDER BY name) s) "
                  "TO '{}'",
                  dump));
  statements.push_back("VACUUM (FREEZE)");
  for (auto& s : reserve_wal()) statements.push_back(std::move(s));
  if (auto done = run_single(b, plain, "postgres", statements); !done) return done;
  fault::point("pg.template:bootstrap");
  os::CopyOptions copy{.owner = b.identity.service};
  if (auto copied = os::copy_tree(plain, spare, copy); !copied) return tl::unexpected(copied.error());
  std::vector<std::string> more = {fmt::format("SELECT pg_catalog.pg_drop_replication_slot('{}')", kVaultSlot),
                                   fmt::format("CREATE DATABASE {}", kSpareDatabase)};
  for (auto& s : reserve_wal()) more.push_back(std::move(s));
  if (auto done = run_single(b, spare, "postgres", more); !done) return done;
  for (const auto& data : {plain, spare}) {
    if (auto cut = trim_wal(data); !cut) return cut;
  }
  auto settings = os::read_file(dump);
  if (!settings) return tl::unexpected(settings.error());
  if (auto put = os::write_file_atomic(b.dir + "/settings.json", uncopy(*settings), 0644); !put) return put;
  return os::remove_tree(dump);
}

}  // namespace

Result<Template> ensure_template(const Engine& engine, const std::string& state, const os::Identity& identity) {
  std::string hash = id::stable_hex(fmt::format("{} {} {}", engine.build, kBootstrapVersion, kTemplateVersion), 8);
  std::string dir = fmt::format("{}/templates/{}-{}", state, engine.version, hash), tmp = dir + ".tmp";
  Template result{dir + "/plain", dir + "/spare", dir + "/settings.json"};
  if (os::exists(dir)) return result;
  if (auto made = os::ensure_dir(state + "/templates", 0711); !made) return tl::unexpected(made.error());
  auto lock = os::LockFile::acquire(dir + ".lock", "the template " + dir, kToolTime);
  if (!lock) return tl::unexpected(lock.error());
  if (os::exists(dir)) return result;
  if (auto gone = os::remove_tree(tmp); !gone) return tl::unexpected(gone.error());
  if (auto made = os::ensure_dir(tmp, 0700, identity.service); !made) return tl::unexpected(made.error());
  if (auto filled = fill(Build{engine, identity, tmp, lock->fd().get()}); !filled)
    return tl::unexpected(filled.error());
  fault::point("pg.template:filled");
  if (auto synced = os::sync_fs(tmp); !synced) return tl::unexpected(synced.error());
  if (auto done = os::publish(tmp, dir); !done) return tl::unexpected(done.error());
  return result;
}

}  // namespace howdah::pg
