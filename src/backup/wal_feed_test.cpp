#include "backup/wal_feed.h"

#include <csignal>
#include <functional>

#include "backup/staging.h"
#include "backup/testing.h"
#include "pg/postmaster.h"
#include "util/fault_point.h"

namespace howdah::backup::testing {
namespace {

bool soon(const std::function<bool()>& true_soon) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!true_soon()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(Millis(2));
  }
  return true;
}

class WalFeedTest : public ::testing::Test {
 protected:
  WalFeedTest() {
    for (const auto& dir : {from_, wal_, feed_}) must(os::ensure_dir(dir, 0700));
    for (unsigned n = 1; n <= kSegments; n++) {
      plan_.wal.push_back(from_ + "/" + name(n) + (n == 3 ? ".partial" : ""));
      must(os::write_file_atomic(plan_.wal.back(), "WAL of " + name(n), 0600));
    }
    plan_.target = {1, kSegments * kSegmentSize + 100};
    must(WalFeed::prepare(plan_, feed_, wal_, owner_));
  }

  static std::string name(unsigned n) { return segment_name(1, n * kSegmentSize); }
  void ask(const std::string& what) { must(os::write_file_atomic(feed_ + "/asked", what + "\n", 0600)); }
  bool is_coming(unsigned n) { return os::exists(feed_ + "/" + name(n)); }
  /// Whether exactly these come to lie there, each from its own file, and no other can be waited for.
  bool there(unsigned first, unsigned last) {
    return soon([&] {
      bool right = true;
      for (unsigned n = 1; n <= kSegments - 2; n++) {
        const bool wanted = first <= n && n <= last;
        right = right && is_coming(n) != wanted && os::exists(wal_ + "/" + name(n)) == wanted;
        if (wanted && right) right = must(os::read_file(wal_ + "/" + name(n))).starts_with("WAL of " + name(n));
      }
      return right;
    });
  }

  static constexpr unsigned kSegments = 24;
  pg::testing::Scratch root_;
  const std::string from_ = root_.path() + "/from", wal_ = root_.path() + "/pg_wal", feed_ = root_.path() + "/feed";
  const os::Owner owner_{geteuid(), getegid()};
  Plan plan_;
};

TEST_F(WalFeedTest, AWindowOfSegmentsLiesAroundTheOneThatTheServerWants) {
  EXPECT_EQ(WalFeed::files_of(plan_).size(), kSegments - 2) << "the last two are written to, and placed at once";
  {
    const WalFeed feed(plan_, feed_, wal_, owner_);
    EXPECT_TRUE(there(1, 8)) << "nobody has asked yet";
    for (unsigned n = 2; n <= 6; n++) {
      ask(name(n));
      EXPECT_TRUE(there(n - 1, n + 7)) << n;
    }
    ask("00000002.history");
    std::this_thread::sleep_for(Millis(50));
    EXPECT_TRUE(there(5, 13)) << "what nobody brings changes nothing";
    ask(name(20));  // where the checkpoint's record is: the replay begins before it
    EXPECT_TRUE(there(20, kSegments - 2));
    ask(name(2));
    EXPECT_TRUE(there(2, 9));
  }
  for (const char* other : {"00000002.history", ""}) {
    ask(other);
    const WalFeed next(plan_, feed_, wal_, owner_);
    std::this_thread::sleep_for(Millis(50));
    EXPECT_TRUE(there(2, 9)) << "whoever comes next does not know where the server is";
  }
  const WalFeed next(plan_, feed_, wal_, owner_);
  ask(name(3));
  EXPECT_TRUE(there(2, 10)) << "and goes on when it does";
  EXPECT_FALSE(next.failure());
}

TEST_F(WalFeedTest, WhatAKillLeavesHalfIsBroughtAgain) {
  fault::enable();
  ASSERT_TRUE(fault::arm("backup.feed:brought", "error"));
  {
    const WalFeed feed(plan_, feed_, wal_, owner_);
    EXPECT_TRUE(soon([&] { return feed.failure().has_value(); }));
  }
  fault::disarm_all();
  EXPECT_TRUE(os::exists(wal_ + "/" + name(1)));
  EXPECT_TRUE(is_coming(1)) << "it may be half there";
  must(os::write_file_atomic(wal_ + "/" + name(1), "half", 0600));
  const WalFeed feed(plan_, feed_, wal_, owner_);
  EXPECT_TRUE(there(1, 8));
}

TEST_F(WalFeedTest, TheNextServerDoesNotKeepWhatTheLastOneWasGiven) {
  {
    const WalFeed feed(plan_, feed_, wal_, owner_);
    EXPECT_TRUE(there(1, 8));
  }
  must(WalFeed::prepare(plan_, feed_, wal_, owner_));
  EXPECT_TRUE(there(0, 0));
}

TEST_F(WalFeedTest, ASegmentThatCannotBeReadIsNamed) {
  must(os::remove_tree(plan_.wal[11]));
  const WalFeed feed(plan_, feed_, wal_, owner_);
  EXPECT_TRUE(there(1, 8));
  EXPECT_FALSE(feed.failure());
  ask(name(6));
  ASSERT_TRUE(soon([&] { return feed.failure().has_value(); }));
  EXPECT_NE(feed.failure()->message.find(plan_.wal[11]), std::string::npos) << feed.failure()->message;
  EXPECT_TRUE(is_coming(12));
}

/// A source with so many segments of WAL behind its base, and the plan to the end of it.
struct LongWay {
  Source source;
  BaseGuard guard;
  Plan plan;
  LongWay(unsigned slot, const std::string& base_id, int segments) : source(slot), guard{base_id} {
    const Base base = must(copy_running(spec_of(base_id, source.db)));
    {
      auto client = session(source.db);
      one(client, "CREATE TABLE t (id int PRIMARY KEY)");
      for (int i = 1; i <= segments; i++) {
        one(client, "INSERT INTO t VALUES (" + std::to_string(i) + ")");
        one(client, "SELECT pg_switch_wal()");
      }
    }
    const Position target = restore_point(source, base_id);
    source.keeper->catch_up();
    plan = must(plan_to_position(source.vault(), {base}, target));
  }
};

size_t segments_in(const std::string& directory) {
  size_t out = 0;
  for (const auto& path : wal_files_in(directory)) out += !path.ends_with(".history");
  return out;
}

void kill_all(const pg::testing::Instance& server) {
  for (const pid_t pid : pg::server_processes(server.layout().data, server.owner())) kill(pid, SIGKILL);
  while (!pg::server_processes(server.layout().data, server.owner()).empty()) std::this_thread::sleep_for(Millis(1));
}

TEST(BackupFeed, AServerGetsItsWalWhileItReplays) {
  NEED_POSTGRESQL();
  const LongWay way(78, "fed", 20);
  Restored copy(79);
  const std::string wal = copy.layout().data + "/pg_wal", feed = copy.layout().root + "/recovery/feed";
  must(make_volume(state(), way.plan, copy.layout(), copy.owner()));
  if (can_share(way.plan.wal.front(), wal)) GTEST_SKIP() << "here the WAL is cloned instead";
  EXPECT_EQ(segments_in(wal), 2u);

  // In short slices: the server waits in between, for whoever comes next. Once it is killed there.
  size_t most = 0;
  bool killed = false;
  auto recovered = recover(way.plan, Shared::get().engine, copy.layout(), copy.owner(), Millis(1));
  for (int i = 0; i < 3000 && !recovered && recovered.error().retry; i++) {
    most = std::max(most, segments_in(wal));
    const auto asked = os::read_file(feed + "/asked");
    if (!killed && asked && *asked > segment_name(1, way.plan.base.start.lsn + 4 * kSegmentSize)) {
      kill_all(copy);
      killed = true;
    }
    recovered = recover(way.plan, Shared::get().engine, copy.layout(), copy.owner(), Millis(20));
  }
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_TRUE(killed);
  EXPECT_LE(most, 8u + 2u + 2u) << "ahead, behind and at the end";
  EXPECT_EQ(recovered->end, way.plan.target);
  EXPECT_FALSE(os::exists(feed));
  auto client = copy.open();
  EXPECT_EQ(one(client, "SELECT count(*) || '/' || sum(id) FROM t"), "20/210");
}

/// Also while its start waits for the first segment, which would else last as long as the longest recovery.
TEST(BackupFeed, AServerWhoseFeedFailsIsEndedAtOnce) {
  NEED_POSTGRESQL();
  fault::enable();
  const LongWay way(78, "starved", 6);
  Restored copy(79);
  must(make_volume(state(), way.plan, copy.layout(), copy.owner()));
  if (can_share(way.plan.wal.front(), copy.layout().data)) GTEST_SKIP() << "here the WAL is cloned instead";
  ASSERT_TRUE(fault::arm("backup.feed:brought", "error"));
  const auto starved = recover(way.plan, Shared::get().engine, copy.layout(), copy.owner(), std::chrono::hours(12));
  fault::disarm_all();
  ASSERT_FALSE(starved);
  EXPECT_NE(starved.error().message.find("backup.feed:brought"), std::string::npos) << starved.error().message;
  EXPECT_TRUE(pg::server_processes(copy.layout().data, copy.owner()).empty());
  const auto recovered = copy.restore(way.plan);
  ASSERT_TRUE(recovered) << recovered.error().message;
  auto client = copy.open();
  EXPECT_EQ(one(client, "SELECT count(*) || '/' || sum(id) FROM t"), "6/21");
}

TEST(BackupFeed, AServerThatDiesWhenItHasLeftTheRecoveryGetsAllOfItsWal) {
  NEED_POSTGRESQL();
  fault::enable();
  const LongWay way(78, "left", 6);
  {
    Restored copy(79);
    must(make_volume(state(), way.plan, copy.layout(), copy.owner()));
    must(os::remove_tree(copy.layout().data + "/recovery.signal"));
    const auto crashed = recover(way.plan, Shared::get().engine, copy.layout(), copy.owner(), std::chrono::minutes(1));
    ASSERT_FALSE(crashed);
    EXPECT_NE(crashed.error().message.find("ended on timeline 1"), std::string::npos) << crashed.error().message;
    auto client = copy.open();
    EXPECT_EQ(one(client, "SELECT count(*) || '/' || sum(id) FROM t"), "6/21") << "the WAL was read to its end";
  }
  for (const bool settled : {false, true}) {
    Restored copy(79);
    ASSERT_TRUE(fault::arm("backup.recover:promoted", "error"));
    EXPECT_THROW((void)copy.restore(way.plan), std::runtime_error);
    fault::disarm_all();
    if (settled) std::this_thread::sleep_for(Millis(500));  // its checkpoint is over
    kill_all(copy);
    const auto recovered = copy.restore(way.plan);
    ASSERT_TRUE(recovered) << recovered.error().message;
    EXPECT_EQ(recovered->end, way.plan.target);
    auto client = copy.open();
    EXPECT_EQ(one(client, "SELECT count(*) || '/' || sum(id) FROM t"), "6/21");
  }
}

}  // namespace
}  // namespace howdah::backup::testing
