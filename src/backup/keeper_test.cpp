#include <fcntl.h>
#include <signal.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "backup/keeper_spec.h"
#include "backup/keeper_tail.h"
#include "os/pidfd.h"
#include "os/spawn.h"
#include "pg/control_file.h"
#include "pg/testing.h"

/// The keeper as a process beside a real server.
namespace howdah::backup {
namespace {

using pg::testing::must;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

Time now() { return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now()); }

template <class Condition>
bool wait_for(Condition condition, std::chrono::seconds timeout = 120s) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Lsn flushed(pg::Client& client) {
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

TEST_F(KeeperTest, EverythingAcknowledgedOutlivesServerAndDisk) {
  must(ensure_keeper(spec));
  std::vector<Lsn> acknowledged;
  Lsn begin = 0;
  {
    auto client = instance->connect();
    begin = flushed(client);
    ASSERT_TRUE(vault.await({1, begin}, 60s));
    for (int i = 0; i < 400; i++) {
      ASSERT_TRUE(client.query("insert into public.ledger values (" + std::to_string(i) + ", 'x')"));
      acknowledged.push_back(flushed(client));
    }
    kill_server();
    fs::remove_all(data());
  }
  // The keeper ends by itself once there is nothing left to read.
  ASSERT_TRUE(wait_for([&] { return !keeper_runs(scratch.path(), "db-K"); })) << content(vault.root() + "/keeper.log");
  const auto durable = vault.durable();
  ASSERT_TRUE(durable);
  EXPECT_GE(durable->position.lsn, acknowledged.back());
  EXPECT_GE(commits({1, begin}).size(), acknowledged.size());
}

TEST_F(KeeperTest, UnderLoadEveryByteIsTheServersAlsoWhenTheKeeperIsKilled) {
  must(ensure_keeper(spec));
  const os::Child load = pgbench(5);
  std::mt19937 random(7);
  int kills = 0;
  while (!os::wait_exit(load.pidfd, Millis(random() % 400))) {
    auto keeper = must(os::open_pidfd(read_info(vault.root())->pid));
    kills += must(os::send_signal(keeper, SIGKILL));
    ASSERT_TRUE(os::wait_exit(keeper, 60s));  // else it would be found running for a moment yet
    must(ensure_keeper(spec));
  }
  (void)os::reap(load.pidfd);
  EXPECT_GT(kills, 3);
  auto client = instance->connect();
  const Lsn end = flushed(client);
  ASSERT_TRUE(vault.await({1, end}, 60s)) << content(vault.root() + "/keeper.log");
  expect_same_as_pg_wal(2);
  // Whole from the first segment on, and the slot has moved on.
  const Position first = list_segments(vault.root()).front().start;
  const auto chain = vault.chain(first, vault.durable()->position, sysid());
  EXPECT_TRUE(chain) << chain.error().message;
  EXPECT_GT(commits(first).size(), 10U);
  EXPECT_TRUE(wait_for([&] {
    const auto row = client.query("select restart_lsn from pg_replication_slots where slot_name = 'howdah_vault'");
    return row && parse_lsn(row->get(0, 0)).value_or(0) > first.lsn + kSegmentSize;
  }));
}

TEST_F(KeeperTest, FollowsTheServerThroughCrashes) {
  must(ensure_keeper(spec));
  for (int round = 0; round < 4; round++) {
    {
      const os::Child load = pgbench(60);
      (void)os::wait_exit(load.pidfd, Millis(300 + 250 * round));
      kill_server();
      ASSERT_TRUE(wait_for([&] { return os::wait_exit(load.pidfd, 0ms); }));
      (void)os::reap(load.pidfd);
    }
    const auto started = instance->start(120s);
    ASSERT_TRUE(started) << started.error().message;
    auto client = instance->connect();
    ASSERT_TRUE(client.query("insert into public.ledger values (-1, 'after')"));
    ASSERT_TRUE(vault.await({1, flushed(client)}, 60s)) << content(vault.root() + "/keeper.log");
  }
  auto client = instance->connect();
  for (int i = 0; i < 3; i++) {
    ASSERT_TRUE(client.query("select pg_switch_wal()"));
    ASSERT_TRUE(vault.await({1, flushed(client)}, 60s)) << content(vault.root() + "/keeper.log");
    ASSERT_TRUE(client.query("insert into public.ledger values (-3, 'more')"));
  }
  ASSERT_TRUE(client.query("insert into public.ledger values (-2, 'end')"));
  ASSERT_TRUE(vault.await({1, flushed(client)}, 60s)) << content(vault.root() + "/keeper.log");
  expect_same_as_pg_wal();
  const auto first = list_segments(vault.root()).front().start;
  EXPECT_TRUE(vault.chain(first, vault.durable()->position, sysid()));
  // A server that comes back without the slot gets it again.
  ASSERT_TRUE(client.query("select pg_drop_replication_slot('howdah_vault')"));
  must(pg::stop_server(instance->layout(), instance->owner(), pg::StopMode::kFast, 60s));
  ASSERT_TRUE(instance->start(120s));
  auto again = instance->connect();
  EXPECT_TRUE(wait_for([&] {
    const auto row = again.query("select restart_lsn from pg_replication_slots where slot_name = 'howdah_vault'");
    return row && !row->empty() && parse_lsn(row->get(0, 0));
  }));
}

TEST_F(KeeperTest, TheClockMovesWhileTheServerIsIdleAndLocateUsesIt) {
  must(ensure_keeper(spec));
  auto client = instance->connect();
  const Lsn base = flushed(client);
  ASSERT_TRUE(vault.await({1, base}, 60s));
  const Time one = now();
  ASSERT_TRUE(wait_for([&] { return vault.latest_restorable() > one + 1s; }));
  const Position idle = must(vault.locate(one, {1, base}));
  ASSERT_TRUE(client.query("insert into public.ledger values (1, 'x')"));
  const Lsn end = flushed(client);
  ASSERT_TRUE(vault.await({1, end}, 60s));
  const Time two = now();
  ASSERT_TRUE(wait_for([&] { return vault.latest_restorable() >= two; }));
  const Position at = must(vault.locate(one, {1, base}));
  EXPECT_GE(at.lsn, base);
  EXPECT_LT(at.lsn, end);
  EXPECT_LE(base, idle.lsn);
  EXPECT_GE(must(vault.locate(two, {1, base})).lsn, end);
}

TEST_F(KeeperTest, GoesOverToTheTimelineOfAPromotedServer) {
  must(ensure_keeper(spec));
  {
    auto client = instance->connect();
    ASSERT_TRUE(client.query("insert into public.ledger values (1, 'one')"));
    ASSERT_TRUE(vault.await({1, flushed(client)}, 60s));
  }
  const Position before = vault.durable()->position;
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
  ASSERT_TRUE(client.query("insert into public.ledger values (2, 'two')"));
  const Lsn end = flushed(client);
  ASSERT_TRUE(vault.await({2, end}, 60s)) << content(vault.root() + "/keeper.log");
  EXPECT_TRUE(vault.await(before, 1s)) << "what was durable on the old timeline stays so";
  const auto chain = vault.chain(before, {2, end}, sysid());
  ASSERT_TRUE(chain) << chain.error().message;
  EXPECT_TRUE(chain->front().ends_with("00000002.history"));
  expect_same_as_pg_wal();
  EXPECT_GE(must(vault.locate(vault.latest_restorable().value(), before)).lsn, end);
  fs::remove(wal_dir(vault.root()) + "/00000002.history");
  EXPECT_FALSE(vault.chain(before, {2, end}, sysid()));
}

TEST_F(KeeperTest, OneRunsAndAnotherVersionReplacesIt) {
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; i++) callers.emplace_back([&] { EXPECT_TRUE(ensure_keeper(spec)); });
  for (auto& t : callers) t.join();
  const pid_t first = read_info(vault.root())->pid;
  must(ensure_keeper(spec));
  EXPECT_EQ(read_info(vault.root())->pid, first);
  EXPECT_FALSE(vault.remove()) << "a keeper writes there";
  spec.port++;
  must(ensure_keeper(spec));
  EXPECT_NE(read_info(vault.root())->pid, first);
  auto client = instance->connect();
  ASSERT_TRUE(client.query("insert into public.ledger values (1, 'x')"));
  const Lsn end = flushed(client);
  EXPECT_TRUE(must(stop_keeper(scratch.path(), "db-K", true, 60s)));
  EXPECT_FALSE(keeper_runs(scratch.path(), "db-K"));
  EXPECT_GE(vault.durable()->position.lsn, end);
  EXPECT_TRUE(must(stop_keeper(scratch.path(), "db-K", true, 1s))) << "none runs";
  must(vault.remove());
  EXPECT_FALSE(vault.durable());
}

TEST_F(KeeperTest, AServerThatLostItsLastWritesIsFollowed) {
  // Two different continuations of one cluster: what a server writes, and what it writes after a power cut took that.
  const std::string wal = scratch.path() + "/pgdata/pg_wal", one = scratch.path() + "/one",
                    two = scratch.path() + "/two";
  const auto stop = [&] { must(pg::stop_server(instance->layout(), instance->owner(), pg::StopMode::kFast, 60s)); };
  const auto write = [&](const std::string& what) {
    ASSERT_TRUE(instance->start());
    auto client = instance->connect();
    ASSERT_TRUE(client.query("insert into public.ledger select g, '" + what + "' from generate_series(1, 20000) g"));
  };
  const auto copy = [&](const std::string& to) {
    fs::create_directories(to);
    for (const auto& entry : fs::directory_iterator(data() + "/pg_wal")) {
      if (entry.is_regular_file()) fs::copy_file(entry.path(), to + "/" + entry.path().filename().string());
    }
  };
  stop();
  os::Command snapshot{.program = "/bin/cp", .args = {"-a", data(), scratch.path() + "/saved"}};
  ASSERT_TRUE(must(os::run(snapshot, 60s)).ok());
  write("one");
  kill_server();
  copy(one);
  fs::remove_all(data());
  snapshot.args = {"-a", scratch.path() + "/saved", data()};
  ASSERT_TRUE(must(os::run(snapshot, 60s)).ok());
  write("something else, and longer");
  kill_server();
  copy(two);

  fs::create_directories(wal);
  fs::create_directories(wal_dir(vault.root()));
  const auto show = [&](const std::string& from) {  // in place, as a server would
    for (const auto& entry : fs::directory_iterator(from)) {
      const std::string bytes = content(entry.path().string());
      std::fstream out(wal + "/" + entry.path().filename().string(), std::ios::in | std::ios::out | std::ios::binary);
      if (!out) out.open(wal + "/" + entry.path().filename().string(), std::ios::out | std::ios::binary);
      out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
  };
  const os::Owner self{geteuid(), getegid()};
  const auto run = [&] {
    Tail tail(vault.root(), scratch.path() + "/pgdata", self);
    must(tail.copy());
    must(PositionFile(vault.root()).write({tail.end(), now()}));
  };
  const auto same = [&](const std::string& as) {
    Tail tail(vault.root(), scratch.path() + "/nowhere", self);
    const Position end = vault.durable()->position;
    VaultSource ours(vault.root(), History(1));
    for (const auto& segment : list_segments(vault.root())) {
      if (segment.start.lsn >= end.lsn) continue;
      const size_t size = std::min<uint64_t>(kSegmentSize, end.lsn - segment.start.lsn);
      std::string bytes(size, '\0');
      size_t got = 0;
      while (got < size) {
        const size_t n = ours.read(segment.start.lsn + got, bytes.data() + got, size - got);
        ASSERT_GT(n, 0U);
        got += n;
      }
      EXPECT_TRUE(content(as + "/" + segment_name(1, segment.start.lsn)).compare(0, size, bytes) == 0)
          << as << " " << segment_name(1, segment.start.lsn);
    }
  };
  show(one);
  run();
  const Position first = vault.durable()->position;
  same(one);
  run();
  EXPECT_EQ(vault.durable()->position, first);
  show(two);
  run();
  EXPECT_NE(vault.durable()->position, first);
  same(two);
}

}  // namespace
}  // namespace howdah::backup
