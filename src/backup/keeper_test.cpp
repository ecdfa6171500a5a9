#include <atomic>

#include "backup/keeper_testing.h"

namespace howdah::backup::keeper_testing {
namespace {

INSTANTIATE_TEST_SUITE_P(Ways, KeeperBothWays, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Stream" : "Tail"; });

TEST_P(KeeperBothWays, EverythingAcknowledgedOutlivesServerAndDisk) {
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

TEST_P(KeeperBothWays, UnderLoadEveryByteIsTheServersAlsoWhenTheKeeperIsKilled) {
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

TEST_P(KeeperBothWays, WhoIsInAHurryGetsTheNewestAndTheKeeperGoesOn) {
  must(ensure_keeper(spec));
  const pid_t first = read_info(vault.root())->pid;
  auto client = instance->connect();
  for (int i = 0; i < 20; i++) {
    ASSERT_TRUE(client.query("insert into public.ledger values (1, 'x')"));
    const Lsn end = flushed(client);
    hurry_keeper(spec);
    ASSERT_TRUE(vault.await({1, end}, 60s)) << content(vault.root() + "/keeper.log");
  }
  EXPECT_EQ(read_info(vault.root())->pid, first);
  EXPECT_TRUE(keeper_runs(scratch.path(), "db-K"));
}

TEST_P(KeeperBothWays, FollowsTheServerThroughCrashes) {
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
  if (GetParam()) {  // it uses the slot
    ASSERT_TRUE(must(stop_keeper(scratch.path(), "db-K", true, 60s)));
  }
  ASSERT_TRUE(wait_for([&] { return client.query("select pg_drop_replication_slot('howdah_vault')").has_value(); }));
  if (GetParam()) must(ensure_keeper(spec));
  must(pg::stop_server(instance->layout(), instance->owner(), pg::StopMode::kFast, 60s));
  ASSERT_TRUE(instance->start(120s));
  auto again = instance->connect();
  EXPECT_TRUE(wait_for([&] {
    const auto row = again.query("select restart_lsn from pg_replication_slots where slot_name = 'howdah_vault'");
    return row && !row->empty() && parse_lsn(row->get(0, 0));
  }));
}

TEST_P(KeeperBothWays, TheClockMovesWhileTheServerIsIdleAndLocateUsesIt) {
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
  const Time two = now() + 1ms;  // a Time ends the millisecond that the commit may be in
  ASSERT_TRUE(wait_for([&] { return vault.latest_restorable() >= two; }));
  const Position at = must(vault.locate(one, {1, base}));
  EXPECT_GE(at.lsn, base);
  EXPECT_LT(at.lsn, end);
  EXPECT_LE(base, idle.lsn);
  EXPECT_GE(must(vault.locate(two, {1, base})).lsn, end);
}

TEST_P(KeeperBothWays, GoesOverToTheTimelineOfAPromotedServer) {
  must(ensure_keeper(spec));
  {
    auto client = instance->connect();
    ASSERT_TRUE(client.query("insert into public.ledger values (1, 'one')"));
    ASSERT_TRUE(vault.await({1, flushed(client)}, 60s));
  }
  const Position before = vault.durable()->position;
  promote();
  auto client = instance->connect();
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

TEST_P(KeeperBothWays, ResumesOnTheTimelineThatItsVaultEndsOn) {
  must(ensure_keeper(spec));
  {
    auto client = instance->connect();
    ASSERT_TRUE(vault.await({1, flushed(client)}, 60s));
    ASSERT_TRUE(must(stop_keeper(scratch.path(), "db-K", false, 20s)));
    for (int i = 0; i < 3; i++) {  // what only the old timeline has
      ASSERT_TRUE(client.query("insert into public.ledger values (1, 'one')"));
      if (i < 2) {
        ASSERT_TRUE(client.query("select pg_switch_wal()"));
      }
    }
  }
  const Position before = vault.durable()->position;
  promote();
  auto client = instance->connect();
  ASSERT_TRUE(client.query("insert into public.ledger values (2, 'two')"));
  const Lsn end = flushed(client);
  must(ensure_keeper(spec));
  ASSERT_TRUE(vault.await({2, end}, 60s)) << content(vault.root() + "/keeper.log");
  const auto chain = vault.chain(before, {2, end}, sysid());
  ASSERT_TRUE(chain) << chain.error().message;
  EXPECT_GE(commits(before).size(), 4U);
  EXPECT_TRUE(must(read_losses(vault.root())).empty());
}

TEST_F(KeeperTest, SynchronousCommitsAreInTheVaultWithoutAnyDrain) {
  must(set_way(scratch.path(), "db-K", Way::only_stream));
  must(ensure_keeper(spec));
  instance->configure({{"synchronous_standby_names", kSlot}, {"autovacuum", "off"}});
  must(pg::reload_server(instance->layout(), instance->owner()));
  Lsn begin = 0;
  std::atomic<size_t> acknowledged = 0;
  {
    auto client = instance->connect();
    ASSERT_TRUE(wait_for([&] {
      const auto row = client.query("select sync_state from pg_stat_replication where application_name = $1", {kSlot});
      return row && row->size() == 1 && row->get(0, 0) == "sync";
    })) << content(vault.root() + "/keeper.log");
    begin = flushed(client);
    ASSERT_TRUE(vault.await({1, begin}, 60s));
    // Everything is killed while commits are being acknowledged. remote_apply is admitted: what the vault has on disk
    // it reports as applied.
    std::atomic<size_t> applied = 0;
    std::vector<std::jthread> writers;
    for (const bool apply : {false, false, false, true}) {
      writers.emplace_back([&, apply](const std::stop_token& stop) {
        auto mine = instance->connect();
        ASSERT_TRUE(!apply || mine.query("set synchronous_commit = remote_apply"));
        while (!stop.stop_requested() && mine.query("insert into public.ledger values (1, 'x')")) {
          acknowledged++;
          if (apply) applied++;
        }
      });
    }
    ASSERT_TRUE(wait_for([&] { return acknowledged >= 300 && applied >= 50; }));
    const auto keeper = must(os::open_pidfd(read_info(vault.root())->pid));
    must(os::send_signal(keeper, SIGKILL));
    kill_server();
    writers.clear();
    fs::remove_all(data());
    ASSERT_TRUE(os::wait_exit(keeper, 60s));
  }
  EXPECT_GE(commits({1, begin}).size(), acknowledged);
}

TEST_F(KeeperTest, AStreamWhoseWalWasRemovedGoesOnBehindARecordedGap) {
  must(set_way(scratch.path(), "db-K", Way::stream));
  must(ensure_keeper(spec));
  auto client = instance->connect();
  ASSERT_TRUE(vault.await({1, flushed(client)}, 60s)) << content(vault.root() + "/keeper.log");
  ASSERT_TRUE(must(stop_keeper(scratch.path(), "db-K", false, 20s)));
  const Lsn had = vault.durable()->position.lsn;
  ASSERT_TRUE(wait_for([&] { return client.query("select pg_drop_replication_slot('howdah_vault')").has_value(); }));
  for (int i = 0; i < 3; i++) {
    ASSERT_TRUE(client.query("insert into public.ledger values (1, 'x')"));
    ASSERT_TRUE(client.query("select pg_switch_wal()"));
    ASSERT_TRUE(client.query("checkpoint"));
  }
  ASSERT_FALSE(os::exists(data() + "/pg_wal/" + segment_name(1, had)));
  must(ensure_keeper(spec));
  ASSERT_TRUE(vault.await({1, flushed(client)}, 60s)) << content(vault.root() + "/keeper.log");
  const auto losses = must(read_losses(vault.root()));
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_EQ(lsn_text(losses[0].from.lsn), lsn_text(had));
  const Position end = vault.durable()->position;
  EXPECT_TRUE(vault.chain({1, losses[0].to}, end, sysid()));
  const auto over = vault.chain({1, had}, end, sysid());
  ASSERT_FALSE(over);
  EXPECT_NE(over.error().message.find("the server removed it"), std::string::npos) << over.error().message;
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
  hurry_keeper(spec);  // not the one that runs
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
}  // namespace howdah::backup::keeper_testing
