#pragma once
#include <fcntl.h>
#include <signal.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "backup/keeper_spec.h"
#include "backup/keeper_tail.h"
#include "backup/keeper_way.h"
#include "backup/losses.h"
#include "os/pidfd.h"
#include "os/spawn.h"
#include "pg/control_file.h"
#include "pg/testing.h"

/// The keeper as a process beside a real server. Only for *_test.cpp.
namespace howdah::backup::keeper_testing {

using pg::testing::must;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

inline Time now() { return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now()); }

template <class Condition>
bool wait_for(Condition condition, std::chrono::seconds timeout = 120s) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

inline std::string content(const std::string& path) {
  std::ostringstream out;  // not by an iterator: under ThreadSanitizer a segment takes seconds
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(out).str();
}

inline Lsn flushed(pg::Client& client) {
  return parse_lsn(client.query("select pg_current_wal_flush_lsn()").value().get(0, 0)).value();
}

class KeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    NEED_POSTGRESQL();
    instance = std::make_unique<pg::testing::Instance>(610);
    spec = {fs::path(fs::read_symlink("/proc/self/exe").parent_path() / "howdah").string(),
            scratch.path(),
            "db-K",
            instance->layout(),
            instance->owner(),
            instance->port()};
    ASSERT_TRUE(instance->start());
    auto client = instance->connect();
    ASSERT_TRUE(client.query("create table public.ledger (id bigint, filler text)"));
  }
  void TearDown() override { EXPECT_TRUE(stop_keeper(scratch.path(), "db-K", false, 20s).value_or(false)); }

  std::string data() { return instance->layout().data; }
  uint64_t sysid() { return must(pg::system_identifier_of(data())); }

  /// Kills the postmaster and everything that is the instance's, at once.
  void kill_server() {
    const auto seen = instance->look();
    ASSERT_GT(seen.pid, 0);
    must(os::send_signal(seen.pidfd, SIGKILL));
    ASSERT_TRUE(wait_for([&] { return os::wait_exit(seen.pidfd, 0ms); }));
    must(pg::stop_server(instance->layout(), instance->owner(), pg::StopMode::kImmediate, 60s));
  }

  /// Stops the server and starts it on the next timeline.
  void promote() {
    must(pg::stop_server(instance->layout(), instance->owner(), pg::StopMode::kFast, 60s));
    must(os::write_file_atomic(data() + "/recovery.signal", "", 0600, instance->owner()));
    const auto started = pg::start_server({.engine = pg::testing::Shared::get().engine,
                                           .layout = instance->layout(),
                                           .owner = instance->owner(),
                                           .timeout = 120s,
                                           .extra_args = {"-c", "restore_command=false"}});
    ASSERT_TRUE(started) << started.error().message;
    auto client = instance->connect();
    ASSERT_TRUE(wait_for([&] { return client.query("select pg_is_in_recovery()").value().get(0, 0) == "f"; }));
  }

  /// Every page that the vault holds of this timeline, up to the end, is what pg_wal holds.
  void expect_same_as_pg_wal(int at_least = 1) {
    const auto [timeline, end] = vault.durable()->position;
    const History history = must(read_history(vault.root(), timeline));
    int compared = 0;
    for (const auto& segment : list_segments(vault.root())) {
      if (history.of_segment(segment.start.lsn) != segment.start.timeline) continue;
      const std::string theirs = content(data() + "/pg_wal/" + segment_name(segment.start.timeline, segment.start.lsn));
      if (theirs.empty()) continue;  // recycled since
      std::string ours = content(
          (segment.partial ? partial_path : segment_path)(vault.root(), segment.start.timeline, segment.start.lsn));
      if (!segment.partial) {
        ASSERT_EQ(ours.size(), kSegmentSize);
      }
      if (end < segment.start.lsn + ours.size()) ours.resize(end > segment.start.lsn ? end - segment.start.lsn : 0);
      if (parse_page_header(theirs.data(), segment.start.lsn)) {
        EXPECT_TRUE(theirs.compare(0, ours.size(), ours) == 0) << segment_name(1, segment.start.lsn);
        compared++;
      }
    }
    EXPECT_GE(compared, at_least);
    for (const auto& entry : fs::directory_iterator(wal_dir(vault.root()))) {
      EXPECT_EQ(entry.path().string().find("conflict"), std::string::npos);
    }
  }

  /// The ids of committed inserts into the ledger... as many commit records as the vault's WAL holds after `from`.
  std::multimap<Lsn, bool> commits(Position from) {
    const auto end = vault.durable()->position;
    VaultSource source(vault.root(), must(read_history(vault.root(), end.timeline)));
    WalReader reader = source.reader();
    std::multimap<Lsn, bool> out;
    if (!reader.seek_first(from.lsn)) return out;
    while (reader.position() < end.lsn) {
      const auto record = reader.next();
      if (!record) break;
      if (record->start >= from.lsn && record->transaction_end()) out.emplace(record->end, true);
    }
    EXPECT_EQ(lsn_text(reader.position()), lsn_text(end.lsn));
    return out;
  }

  os::Child pgbench(int seconds) {
    os::Command c{.program = "/usr/bin/pgbench"};
    c.args = {"-n",
              "-c",
              "4",
              "-T",
              std::to_string(seconds),
              "-f",
              scratch.path() + "/load.sql",
              "-h",
              instance->layout().run,
              "-p",
              std::to_string(instance->port()),
              "-U",
              "rdsadmin",
              "postgres"};
    std::ofstream(scratch.path() + "/load.sql")
        << "\\set n random(1, 3000)\ninsert into public.ledger values (:n, repeat('x', :n));\n"
           "select pg_logical_emit_message(false, 'm', repeat('y', :n * 5));\n";
    return must(os::spawn(c, scratch.path() + "/pgbench.log"));
  }

  pg::testing::Scratch scratch;
  std::unique_ptr<pg::testing::Instance> instance;
  KeeperSpec spec;
  Vault vault{scratch.path(), "db-K"};
};

/// What holds for a keeper that reads pg_wal holds for one that receives a stream.
class KeeperBothWays : public KeeperTest, public ::testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    KeeperTest::SetUp();
    if (GetParam()) must(set_way(scratch.path(), "db-K", Way::stream));
  }
};

}  // namespace howdah::backup::keeper_testing
