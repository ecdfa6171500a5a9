#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

#include "os/spawn.h"
#include "pg/roles.h"
#include "pg/scram.h"
#include "pg/testing.h"

/// Time from nothing to the master's first query, beside PostgreSQL's own way. Run by hand:
///   HOWDAH_TEST_DIR=/some/mount build/unit_tests --gtest_also_run_disabled_tests --gtest_filter='*Provision*'
namespace howdah::pg {
namespace {

using Clock = std::chrono::steady_clock;
using testing::must;
using testing::Shared;

double since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }
double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

struct Times {
  std::vector<double> volume, ready, query, total;
  std::vector<std::unique_ptr<testing::Instance>> kept;
};

void ours(unsigned slot, bool spare, Times& out) {
  std::string verifier = must(scram_verifier("password1"));
  auto begin = Clock::now();
  // Kept until the end: ext4 is slow to hand out inodes that were freed a moment ago, which only a benchmark does.
  auto& i = *out.kept.emplace_back(std::make_unique<testing::Instance>(slot, spare));
  out.volume.push_back(since(begin));
  auto t = Clock::now();
  if (!i.start()) throw std::runtime_error("start");
  out.ready.push_back(since(t));
  t = Clock::now();
  {
    Client c = i.connect();
    must(ensure_master(c, "master", verifier));
    if (spare) must(ensure_database(c, "app", "master"));
  }
  Client master =
      must(Client::connect_tcp("127.0.0.1", i.port(), "master", "password1", spare ? "app" : "postgres", "disable"));
  if (!master.query("SELECT 1")) throw std::runtime_error("query");
  out.query.push_back(since(t));
  out.total.push_back(since(begin));
  (void)stop_server(i.layout(), i.owner(), StopMode::kImmediate, std::chrono::seconds(20));
}

void run_as_service(const std::string& program, std::vector<std::string> args) {
  auto out = os::run({.program = program, .args = std::move(args), .run_as = Shared::get().identity.service},
                     std::chrono::minutes(1));
  if (!out || !out->ok()) throw std::runtime_error(program + ": " + (out ? out->text : out.error().message));
}

void theirs(unsigned slot, std::vector<double>& out) {
  Shared& s = Shared::get();
  std::string dir = s.scratch.path() + "/initdb" + std::to_string(slot), data = dir + "/data";
  must(os::ensure_dir(dir, 0700, s.identity.service));
  std::string port = std::to_string(31000 + slot);
  auto bin = [&](const char* name) { return s.engine.program(name); };
  auto begin = Clock::now();
  run_as_service(bin("initdb"), {"-D", data, "-k", "-U", "postgres", "--locale=C.UTF-8", "-A", "trust"});
  run_as_service(bin("pg_ctl"),
                 {"-D", data, "-w", "-l", dir + "/log", "-o", "-p " + port + " -k " + dir + " -h 127.0.0.1", "start"});
  run_as_service(bin("createuser"), {"-h", dir, "-p", port, "-U", "postgres", "-d", "-r", "master"});
  run_as_service(bin("createdb"), {"-h", dir, "-p", port, "-U", "postgres", "-O", "master", "app"});
  run_as_service(bin("psql"), {"-h", dir, "-p", port, "-U", "master", "-d", "app", "-c", "SELECT 1"});
  out.push_back(since(begin));
  run_as_service(bin("pg_ctl"), {"-D", data, "-w", "-m", "immediate", "stop"});
}

TEST(DISABLED_Bench, Provision) {
  NEED_POSTGRESQL();
  Times plain, spare;
  std::vector<double> peer;
  for (unsigned i = 0; i < 7; i++) {
    ours(10 + 2 * i, false, plain);
    ours(11 + 2 * i, true, spare);
    theirs(i, peer);
  }
  for (auto& [name, t] : {std::pair<const char*, Times&>("plain", plain), {"with database", spare}}) {
    std::printf("%-14s volume %.3f  start-to-ready %.3f  roles+first query %.3f  total %.3f s (median of 7)\n", name,
                median(t.volume), median(t.ready), median(t.query), median(t.total));
  }
  std::printf("initdb + pg_ctl -w start + createuser + createdb + psql: %.3f s\n", median(peer));
}

}  // namespace
}  // namespace howdah::pg
