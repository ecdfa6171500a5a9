#include "migrate/copy.h"

#include <fmt/format.h>
#include <unistd.h>

#include "migrate/clients.h"
#include "os/files.h"
#include "os/spawn.h"
#include "util/id.h"

namespace howdah::migrate {
namespace {

Result<void> run(const std::string& program, int major, std::vector<std::string> args,
                 const std::map<std::string, std::string>& env) {
  os::Command command{.program = client_program(program, major), .args = std::move(args), .env = env};
  if (command.program.empty()) {
    return fail(
        fmt::format("somebody is connected, so the copy needs {} of version {}: apt-get install "
                    "postgresql-client-{}",
                    program, major, major));
  }
  const auto ran = os::run(command, std::chrono::hours(12));
  if (!ran) return tl::unexpected(ran.error());
  if (!ran->ok()) return fail(program + ": " + ran->text);
  return {};
}

}  // namespace

Result<std::unique_ptr<Copy>> Copy::of(const Target& target) {
  auto beside = Database::connect(target.with_database(target.database() == "postgres" ? "template1" : "postgres"), {});
  if (!beside) return fail(target.shown() + ": " + beside.error().message);
  std::unique_ptr<Copy> copy(
      new Copy(std::move(*beside), "howdah_copy_" + id::random("abcdefghijklmnopqrstuvwxyz", 10)));
  Database& db = copy->beside_;
  const std::string from = db.name(target.database()), to = db.name(copy->name_);
  auto made = db.exec(fmt::format("create database {} template {}", to, from));
  if (made) return copy;
  // 55006: somebody is connected; 42501: only its owner may use it as a template.
  if (made.error().sqlstate != "55006" && made.error().sqlstate != "42501") return fail(made.error().message);
  auto empty = db.exec(fmt::format("create database {} template template0", to));
  if (!empty) return fail(empty.error().message);
  if (auto ok = copy->dump_and_restore(target); !ok) return tl::unexpected(ok.error());
  return copy;
}

Result<void> Copy::dump_and_restore(const Target& target) {
  dumped_ = true;
  const auto env = client_environment(target);
  if (!env) return tl::unexpected(env.error());
  std::string directory = "/var/tmp/howdah-copy-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return fail("no temporary directory in /var/tmp");
  const int major = beside_.version() / 10000;
  auto ok = run("pg_dump", major, {"-Fd", "-j", "2", "-Z", "1", "-f", directory + "/dump"}, *env);
  if (ok) ok = run("pg_restore", major, {"-j", "2", "--exit-on-error", "-d", name_, directory + "/dump"}, *env);
  (void)os::remove_tree(directory);
  return ok;
}

Copy::~Copy() {
  beside_.ignore_interrupts();
  const char* force = beside_.version() >= 130000 ? " with (force)" : "";
  (void)beside_.exec("drop database if exists " + beside_.name(name_) + force);
}

}  // namespace howdah::migrate
