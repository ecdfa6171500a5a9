#include "backup/promoted.h"

#include "backup/base_check.h"
#include "backup/control.h"
#include "backup/testing.h"
#include "util/fault_point.h"

namespace howdah::backup::testing {
namespace {

/// A source with what only a whole recovery gets right: transactions prepared on both sides of a
/// checkpoint, commit timestamps, an unlogged table.
const pg::Settings kSettings = {{"max_prepared_transactions", "20"}, {"track_commit_timestamp", "on"}};

struct Busy {
  Source source;
  explicit Busy(unsigned slot) : source(slot, kSettings) {
    auto client = session(source.db);
    one(client, "CREATE TABLE t (id int)");
    one(client, "CREATE UNLOGGED TABLE u AS SELECT 1 AS id");
    one(client, "INSERT INTO t VALUES (1)");
  }
  void prepare(int id) {
    auto client = session(source.db);
    one(client, "BEGIN");
    one(client, fmt::format("INSERT INTO t VALUES ({})", id));
    one(client, fmt::format("PREPARE TRANSACTION 'p{}'", id));
  }
  std::string run(const std::string& sql) {
    auto client = session(source.db);
    return one(client, sql);
  }
};

pg::Client open(Restored& copy) {
  copy.configure(kSettings);
  return copy.open();
}

std::string ids(pg::Client& client) { return one(client, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM t"); }

bool was_recovered(const Restored& copy) { return os::exists(copy.layout().server_log()); }

TEST(BackupPromoted, ARolledBaseStartsWithoutRecoveryAndRollsOn) {
  NEED_POSTGRESQL();
  Busy busy(140);
  BaseGuard guards[] = {{"promoted-0"}, {"promoted-1"}, {"promoted-2"}};
  const Base zero = must(copy_running(spec_of("promoted-0", busy.source.db)));
  busy.prepare(2);
  busy.run("CHECKPOINT");
  busy.prepare(3);
  busy.run("INSERT INTO t VALUES (4)");
  const Position first = restore_point(busy.source, "first");
  const Base one_ = must(roll_forward(spec_of("promoted-1", busy.source.db), zero, first));
  EXPECT_TRUE(os::exists(base_dir(state(), one_.id) + "/promoted/pg_control"));
  busy.run("COMMIT PREPARED 'p2'");
  busy.run("ROLLBACK PREPARED 'p3'");
  busy.run("INSERT INTO t VALUES (5)");
  const Position second = restore_point(busy.source, "second");
  busy.source.keeper->catch_up();
  const Base two = must(roll_forward(spec_of("promoted-2", busy.source.db), one_, second));
  EXPECT_GE(two.start.lsn, one_.start.lsn);

  const auto plan = must(plan_of_base(state(), one_));
  EXPECT_EQ(promoted_end(state(), plan).value().timeline, 2u);
  Restored at_first(141);
  EXPECT_EQ(must(at_first.restore(plan)).end, first);
  EXPECT_FALSE(was_recovered(at_first));
  {
    auto client = open(at_first);
    EXPECT_EQ(ids(client), "1 4");
    EXPECT_EQ(one(client, "SELECT count(*) FROM u"), "0") << "unlogged tables come back empty";
    EXPECT_EQ(one(client, "SELECT string_agg(gid, ' ' ORDER BY gid) FROM pg_prepared_xacts"), "p2 p3");
    one(client, "COMMIT PREPARED 'p3'");
    EXPECT_EQ(ids(client), "1 3 4");
  }
  // Rolled on twice: by a roll, and by a restore.
  Restored at_second(142), between(143);
  EXPECT_EQ(must(at_second.restore(must(plan_of_base(state(), two)))).end, second);
  EXPECT_EQ(must(between.restore(must(plan_to_position(busy.source.vault(), {one_}, second)))).end, second);
  EXPECT_FALSE(was_recovered(at_second));
  EXPECT_TRUE(was_recovered(between));
  for (Restored* copy : {&at_second, &between}) {
    auto client = open(*copy);
    EXPECT_EQ(ids(client), "1 2 4 5");
    EXPECT_EQ(one(client, "SELECT count(*) FROM pg_prepared_xacts"), "0");
  }
}

TEST(BackupPromoted, WithoutANewCheckpointTheWalIsReplayedOnce) {
  NEED_POSTGRESQL();
  fault::enable();
  Busy busy(152);
  BaseGuard guards[] = {{"once-0"}, {"once-1"}, {"once-2"}, {"once-3"}};
  const Base zero = must(copy_running(spec_of("once-0", busy.source.db)));
  busy.prepare(2);
  const Base one_ = must(roll_forward(spec_of("once-1", busy.source.db), zero, restore_point(busy.source, "one")));
  busy.run("COMMIT PREPARED 'p2'");
  busy.run("CREATE TABLE gone AS SELECT generate_series(1, 1000) AS id");
  busy.run("DROP TABLE gone");
  busy.prepare(3);
  const Position second = restore_point(busy.source, "two");
  ASSERT_TRUE(fault::arm("backup.roll:replayed", "error"));
  const auto two = roll_forward(spec_of("once-2", busy.source.db), one_, second);
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_EQ(two->start, one_.start);
  const Control control = must(read_control(base_dir(state(), two->id) + "/data"));
  EXPECT_EQ(control.state, ClusterState::kShutDownInRecovery);
  EXPECT_EQ(control.redo, one_.start);
  EXPECT_EQ(behind_header(control.min_recovery_end), behind_header(second.lsn));
  busy.run("CHECKPOINT");
  busy.run("INSERT INTO t VALUES (4)");
  const Position third = restore_point(busy.source, "three");
  EXPECT_THROW((void)roll_forward(spec_of("once-3", busy.source.db), *two, third), std::runtime_error);
  fault::disarm_all();
  const Base three = must(roll_forward(spec_of("once-3", busy.source.db), *two, third));
  EXPECT_GT(three.start.lsn, two->start.lsn) << "a later roll begins later";
  busy.source.keeper->catch_up();
  // As a server, as a recovery of what was rolled once, and rolled on.
  must(os::remove_tree(base_dir(state(), one_.id)));
  Restored copies[] = {Restored(153), Restored(154), Restored(155)};
  const Plan plans[] = {must(plan_of_base(state(), *two)), must(plan_to_position(busy.source.vault(), {*two}, third)),
                        must(plan_of_base(state(), three))};
  for (int i = 0; i < 3; i++) {
    SCOPED_TRACE(i);
    EXPECT_EQ(must(copies[i].restore(plans[i])).end, plans[i].target);
    EXPECT_EQ(was_recovered(copies[i]), i == 1);
    auto client = open(copies[i]);
    EXPECT_EQ(ids(client), i == 0 ? "1 2" : "1 2 4");
    EXPECT_EQ(one(client, "SELECT string_agg(gid, ' ') FROM pg_prepared_xacts"), "p3");
    one(client, "COMMIT PREPARED 'p3'");
    EXPECT_EQ(ids(client), i == 0 ? "1 2 3" : "1 2 3 4");
  }
}

TEST(BackupPromoted, CommitTimestampsSurvive) {
  NEED_POSTGRESQL();
  Busy busy(144);
  BaseGuard guards[] = {{"stamped-0"}, {"stamped-1"}};
  const Base zero = must(copy_running(spec_of("stamped-0", busy.source.db)));
  busy.run("INSERT INTO t VALUES (2)");
  const Position here = restore_point(busy.source, "here");
  busy.source.keeper->catch_up();
  const Base rolled = must(roll_forward(spec_of("stamped-1", busy.source.db), zero, here));
  const std::string sql = "SELECT string_agg(pg_xact_commit_timestamp(xmin)::text, ' ' ORDER BY id) FROM t";
  for (const auto& plan :
       {must(plan_of_base(state(), rolled)), must(plan_to_position(busy.source.vault(), {zero}, here))}) {
    Restored copy(145);
    must(copy.restore(plan));
    auto client = open(copy);
    EXPECT_EQ(one(client, sql), busy.run(sql));
  }
}

TEST(BackupPromoted, WithoutWhatWasKeptTheBaseIsRecovered) {
  NEED_POSTGRESQL();
  Busy busy(146);
  BaseGuard guards[] = {{"bare-0"}, {"bare-1"}};
  const Base zero = must(copy_running(spec_of("bare-0", busy.source.db)));
  busy.run("INSERT INTO t VALUES (2)");
  const Position here = restore_point(busy.source, "here");
  busy.source.keeper->catch_up();
  const auto plan = must(plan_of_base(state(), must(roll_forward(spec_of("bare-1", busy.source.db), zero, here))));
  const std::string kept = base_dir(state(), "bare-1") + "/promoted";
  ASSERT_TRUE(promoted_end(state(), plan));
  const std::string control = must(os::read_file(kept + "/pg_control"));
  flip(kept + "/pg_control", 40);
  EXPECT_FALSE(promoted_end(state(), plan)) << "a damaged control file";
  must(os::write_file_atomic(kept + "/pg_control", control, 0600));
  ASSERT_TRUE(promoted_end(state(), plan));
  const auto start = must(parse_control(control));
  flip(kept + "/" + segment_name(2, start.checkpoint),
       static_cast<std::streamoff>(start.checkpoint % kSegmentSize) + 30);
  EXPECT_FALSE(promoted_end(state(), plan)) << "a damaged checkpoint";
  must(os::remove_tree(kept));
  Restored copy(147);
  EXPECT_EQ(must(copy.restore(plan)).end, here);
  EXPECT_TRUE(was_recovered(copy));
  auto client = open(copy);
  EXPECT_EQ(ids(client), "1 2");
}

TEST(BackupPromoted, ARestoredInstanceHasABaseAtOnce) {
  NEED_POSTGRESQL();
  Busy busy(148);
  Restored copy(149), again(150);
  BaseGuard guards[] = {{"link-0"}, {"link-1"}, {"link-2"}, {"link-3"}};
  const Base zero = must(copy_running(spec_of("link-0", busy.source.db)));
  busy.run("INSERT INTO t VALUES (2)");
  const Position here = restore_point(busy.source, "here");
  busy.source.keeper->catch_up();
  const Base rolled = must(roll_forward(spec_of("link-1", busy.source.db), zero, here));
  must(copy.restore(must(plan_of_base(state(), rolled))));
  auto client = open(copy);
  FakeKeeper keeper(copy);
  const auto linked = must(link_promoted(spec_of("link-2", copy), rolled.id));
  ASSERT_TRUE(linked);
  EXPECT_TRUE(linked->stopped);
  EXPECT_EQ(linked->end.timeline, 2u);
  EXPECT_FALSE(must(damage_of(state(), linked->id)));
  one(client, "INSERT INTO t VALUES (3)");
  const Position later = keeper.catch_up();
  must(remove_base(state(), rolled.id));
  const auto plan = must(plan_to_position(keeper.vault(), {*linked}, later));
  EXPECT_EQ(must(again.restore(plan)).timeline, 3u);
  auto reader = open(again);
  EXPECT_EQ(ids(reader), "1 2 3");
  EXPECT_FALSE(must(link_promoted(spec_of("link-3", copy), rolled.id))) << "it has gone";
}

TEST(BackupPromoted, AnInstanceThatBeganOtherwiseIsNotLinked) {
  NEED_POSTGRESQL();
  Busy busy(151);
  BaseGuard guards[] = {{"other-0"}, {"other-1"}, {"other-2"}};
  const Base zero = must(copy_running(spec_of("other-0", busy.source.db)));
  busy.run("INSERT INTO t VALUES (2)");
  const Position here = restore_point(busy.source, "here");
  busy.source.keeper->catch_up();
  const Base rolled = must(roll_forward(spec_of("other-1", busy.source.db), zero, here));
  // The source itself is on the old timeline.
  EXPECT_FALSE(link_promoted(spec_of("other-2", busy.source.db), rolled.id));
  EXPECT_FALSE(os::exists(base_dir(state(), "other-2") + ".tmp"));
}

}  // namespace
}  // namespace howdah::backup::testing
