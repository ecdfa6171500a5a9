#include "backup/restore.h"

#include <sys/wait.h>
#include <atomic>
#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include "backup/staging.h"
#include "backup/testing.h"
#include "os/background.h"
#include "util/fault_point.h"

namespace howdah::backup::testing {
namespace {

constexpr std::chrono::seconds kPatience(60);

TEST(BackupRunning, RestoresToExactlyANamedPositionUnderLoad) {
  NEED_POSTGRESQL();
  Source source(51, {{"timezone", "Asia/Kathmandu"}});  // trap 3: the server's idea of the time does not matter
  {
    auto client = session(source.db);
    one(client, "CREATE UNLOGGED TABLE u AS SELECT 1 AS id");
    one(client, "CREATE TABLE big AS SELECT g AS id, repeat('y', 500) AS pad FROM generate_series(1, 20000) g");
  }
  Ledger ledger(source.db, 3);
  ledger.await_rows(100);
  BaseGuard guard{"running-1"};
  // A try that died left its directory behind.
  must(os::ensure_dir(state() + "/bases", 0711));
  must(os::ensure_dir(state() + "/bases/running-1.tmp", 0700));
  auto base = copy_running(spec_of("running-1", source.db));
  ASSERT_TRUE(base) << base.error().message;
  EXPECT_FALSE(base->stopped);
  EXPECT_LT(base->start.lsn, base->end.lsn);
  EXPECT_EQ(must(copy_running(spec_of("running-1", source.db))).ended, base->ended);
  ledger.await_rows(100);
  const Position target = restore_point(source, "here");
  const Time instant = now();
  ledger.await_rows(100);
  ledger.stop();
  source.keeper->catch_up();

  const Plan plan = must(plan_to_position(source.vault(), {*base}, target));
  EXPECT_EQ(plan.target, target);
  Restored copy(52);
  auto recovered = copy.restore(plan);
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_EQ(recovered->end, target);
  EXPECT_EQ(recovered->timeline, 2u);
  {
    auto client = copy.open();
    ledger.check(client, target.lsn);
    EXPECT_EQ(one(client, "SELECT count(*) FROM u"), "0") << "unlogged tables come back empty";
    one(client, "INSERT INTO u VALUES (2)");
    EXPECT_EQ(one(client, "SELECT count(*) FROM big"), "20000");
  }
  // Trap 16: the same point once more, beside the first, and the base itself.
  Restored second(53);
  EXPECT_EQ(must(second.restore(plan)).timeline, 2u);
  {
    auto client = second.open();
    ledger.check(client, target.lsn);
    one(client, "CREATE TABLE mine (id int)");
  }
  Restored third(54);
  auto at_end = third.restore(must(plan_of_base(state(), *base)));
  ASSERT_TRUE(at_end) << at_end.error().message;
  EXPECT_EQ(at_end->end, base->end);
  {
    auto client = third.open();
    ledger.check(client, base->end.lsn);
  }
  // By time: a position that is not before what the restore point's was.
  const Plan timed = must(plan_to_time(source.vault(), {*base}, instant));
  EXPECT_GE(timed.target.lsn, target.lsn);
  Restored fourth(96);
  ASSERT_EQ(must(fourth.restore(timed)).end, timed.target);
  {
    auto client = fourth.open();
    ledger.check(client, timed.target.lsn);
  }
  EXPECT_FALSE(plan_to_time(source.vault(), {*base}, base->ended - Millis(1000))) << "trap 1: before the base's end";
  EXPECT_FALSE(plan_to_time(source.vault(), {*base}, now() + kPatience)) << "after the latest restorable time";
  EXPECT_FALSE(plan_to_position(source.vault(), {*base}, {1, base->end.lsn - 8}));
}

class BackupAfter : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, BackupAfter, ::testing::Values(false, true),
                         [](const auto& i) { return i.param ? "ACrash" : "AShutdown"; });

TEST_P(BackupAfter, ACopyOfAStoppedServerLeadsOnWithTheWalAfterIt) {
  NEED_POSTGRESQL();
  const bool crash = GetParam();
  Source source(crash ? 70 : 73, {{"fsync", "on"}});
  {
    auto client = session(source.db);
    one(client, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS id");
  }
  const auto mode = crash ? pg::StopMode::kImmediate : pg::StopMode::kFast;
  ASSERT_TRUE(must(pg::stop_server(source.db.layout(), source.db.owner(), mode, std::chrono::seconds(60))));
  BaseGuard guards[] = {{crash ? "after-1" : "after-0"}, {"after-rolled"}};
  const Base base = must(copy_stopped(spec_of(guards[0].id, source.db), crash));
  ASSERT_TRUE(source.db.start());
  {
    auto client = session(source.db);
    one(client, "INSERT INTO t SELECT generate_series(1001, 3000)");
  }
  const Position target = restore_point(source, "after");
  {
    auto client = session(source.db);
    one(client, "DELETE FROM t");
  }
  source.keeper->catch_up();
  std::vector<Plan> plans = {must(plan_to_position(source.vault(), {base}, target))};
  const Base rolled = must(roll_forward(spec_of("after-rolled", source.db), base, target));
  EXPECT_FALSE(rolled.crash_consistent);
  plans.push_back(must(plan_of_base(state(), rolled)));
  for (unsigned i = 0; i < plans.size(); i++) {
    SCOPED_TRACE(i);
    Restored copy((crash ? 71 : 74) + i);
    auto recovered = copy.restore(plans[i]);
    ASSERT_TRUE(recovered) << recovered.error().message;
    EXPECT_EQ(recovered->end, target);
    EXPECT_EQ(recovered->timeline, 2u);
    auto client = copy.open();
    EXPECT_EQ(one(client, "SELECT count(*) || '/' || sum(id) FROM t"), "3000/4501500");
  }
}

TEST(BackupRoll, ABaseIsRolledForwardTwiceAndRestoresExactly) {
  NEED_POSTGRESQL();
  Source source(55);
  Ledger ledger(source.db, 2);
  ledger.await_rows(50);
  BaseGuard guards[] = {{"roll-0"}, {"roll-1"}, {"roll-2"}};
  const Base zero = must(copy_running(spec_of("roll-0", source.db)));
  std::vector<Base> bases = {zero};
  std::vector<Position> points;
  for (int i = 1; i <= 2; i++) {
    ledger.await_rows(50);
    {
      auto client = session(source.db);
      if (i == 1) one(client, "CHECKPOINT");
      one(client, "CREATE TABLE t" + std::to_string(i) + " AS SELECT generate_series(1, 3000) AS id");
    }
    points.push_back(restore_point(source, "roll"));
    ledger.await_rows(30);
    const std::string id = "roll-" + std::to_string(i);
    must(os::ensure_dir(state() + "/bases/" + id + ".tmp", 0711));
    must(os::ensure_dir(state() + "/bases/" + id + ".tmp/data", 0700));
    const Time before = now();
    auto rolled = roll_forward(spec_of(id, source.db), bases.back(), points.back());
    ASSERT_TRUE(rolled) << rolled.error().message;
    EXPECT_EQ(rolled->end, points.back());
    EXPECT_GT(rolled->start.lsn, zero.start.lsn - 1);
    EXPECT_LT(rolled->ended, before) << "from the vault's clock, not from when it was made";
    EXPECT_EQ(must(roll_forward(spec_of(id, source.db), bases.back(), points.back())).ended, rolled->ended);
    bases.push_back(*rolled);
  }
  ledger.stop();
  source.keeper->catch_up();
  // The first one alone, without the vault; and rolled on by a restore to the second point.
  const Plan plans[] = {must(plan_of_base(state(), bases[1])), must(plan_of_base(state(), bases[2])),
                        must(plan_to_position(source.vault(), {bases[0], bases[1]}, points[1]))};
  EXPECT_EQ(plans[2].base.id, "roll-1") << "the newest base before the target";
  EXPECT_EQ(must(plan_to_time(source.vault(), bases, bases[2].ended - Millis(1))).base.id, "roll-1") << "trap 1";
  const Durable durable = source.vault().durable().value();
  std::vector<Base> late = bases;
  late[2].ended = durable.clock + Millis(500);
  EXPECT_EQ(must(plan_to_time(source.vault(), late, durable.clock)).base.id, "roll-1");
  EXPECT_EQ(must(plan_to_position(source.vault(), late, durable.position)).base.id, "roll-2")
      << "what a drill restores";
  CheckedWays ways;
  EXPECT_EQ(ways.reached(bases[0]), bases[0].end);
  for (const Position to : {points[1], durable.position}) {
    ASSERT_TRUE(check_way(source.vault(), {bases[0]}, to, ways));
    EXPECT_EQ(ways.reached(bases[0]), to);
  }
  CheckedWays ahead;
  EXPECT_FALSE(must(check_ahead(source.vault(), {bases[0]}, ahead))) << "there is no more";
  EXPECT_GE(ahead.reached(bases[0]).lsn, durable.position.lsn);
  EXPECT_FALSE(check_ahead(source.vault(), {}, ahead)) << "there is no base";
  EXPECT_FALSE(check_way(source.vault(), {bases[0]}, {1, durable.position.lsn + kSegmentSize}, ways));
  EXPECT_EQ(ways.reached(bases[0]), durable.position);
  EXPECT_EQ(ways.reached(bases[2]), durable.position) << "a newer base on the way that is known";
  CheckedWays newer;
  ASSERT_TRUE(check_way(source.vault(), bases, durable.position, newer));
  EXPECT_EQ(newer.reached(bases[0]), bases[0].end) << "what lies before the way is not known";
  Base other = bases[2];
  other.system_identifier++;
  EXPECT_EQ(newer.reached(other), other.end) << "of another server nothing is known";
  Base beside = bases[2];
  beside.end = {2, durable.position.lsn};
  EXPECT_EQ(newer.reached(beside), beside.end) << "of another timeline nothing is known";
  for (unsigned i = 0; i < 3; i++) {
    SCOPED_TRACE(i);
    Restored copy(56 + i);
    auto recovered = copy.restore(plans[i]);
    ASSERT_TRUE(recovered) << recovered.error().message;
    EXPECT_EQ(recovered->end, points[i == 0 ? 0 : 1]);
    auto client = copy.open();
    ledger.check(client, recovered->end.lsn);
    EXPECT_EQ(one(client, "SELECT count(*) FROM t1"), "3000");
    EXPECT_EQ(one(client, "SELECT count(*) FROM pg_class WHERE relname = 't2'"), i == 0 ? "0" : "1");
  }
}

/// A pace that rests from the first byte on, and briefly: what is tested is where it rests, not how long it takes on a
/// machine that is busy.
os::Pace brief_pace() { return os::Pace(0, Millis(100)); }

/// Others on this machine, who use more of it than a pace thinks nobody misses.
class Others {
 public:
  Others() {
    for (unsigned n = 0; n <= std::thread::hardware_concurrency() / 4; n++) {
      threads_.emplace_back([this] {
        while (!stop_) {
        }
      });
    }
  }
  ~Others() {
    stop_ = true;
    for (auto& t : threads_) t.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

/// A process that rolls a base forward, at a pace, once it is told where to; killed at the end. Made before the test
/// has threads: a child gets their locks, but not them. So it takes the instance's slot, and the base from the disk.
class SlowRoll {
 public:
  SlowRoll(unsigned slot, const std::string& from, const std::string& to) {
    const BaseSpec spec{.state = state(),
                        .id = to,
                        .resource_id = "db-TEST" + std::to_string(slot),
                        .engine = Shared::get().engine,
                        .owner = Shared::get().identity.instance(slot),
                        .progress = {},
                        .now = now};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
    const os::Fd told(ends[0]);
    tell_ = os::Fd(ends[1]);
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ != 0) return;
    tell_.reset();
    run(told, from, spec);
  }
  ~SlowRoll() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  SlowRoll(const SlowRoll&) = delete;
  void begin(Position target) { ASSERT_EQ(write(tell_.get(), &target, sizeof target), ssize_t{sizeof target}); }

 private:
  [[noreturn]] static void run(const os::Fd& told, const std::string& from, const BaseSpec& spec) noexcept {
    Position target;
    if (read(told.get(), &target, sizeof target) == ssize_t{sizeof target}) {
      os::Pace pace = brief_pace();
      os::set_pace(&pace);
      (void)roll_forward(spec, must(read_base(spec.state, from)), target);
    }
    _exit(0);
  }

  pid_t pid_ = -1;
  os::Fd tell_;
};

TEST(BackupRoll, BesideOthersItRestsBetweenSegments) {
  NEED_POSTGRESQL();
  std::optional<SlowRoll> killed(std::in_place, 55, "slow-0", "slow-1");
  Source source(55);
  BaseGuard guards[] = {{"slow-0"}, {"slow-1"}};
  const Base zero = must(copy_running(spec_of("slow-0", source.db)));
  {
    auto client = session(source.db);
    one(client, "CREATE TABLE t AS SELECT generate_series(1, 300) AS id");
    for (int i = 0; i < 3; i++)
      one(client, "SELECT pg_switch_wal() FROM (SELECT pg_logical_emit_message(false, '', '')) x");
  }
  const Position there = restore_point(source, "slow");
  source.keeper->catch_up();
  // Killed while its server is held, whoever comes next begins anew.
  const std::string half = base_dir(state(), "slow-1") + ".tmp";
  std::optional<Others> others(std::in_place);
  killed->begin(there);
  for (int i = 0; i < 12000 && !os::exists(half + "/run/held"); i++) std::this_thread::sleep_for(Millis(5));
  ASSERT_TRUE(os::exists(half + "/run/held"));
  killed.reset();
  os::Pace pace = brief_pace();
  std::thread([&] {
    os::set_pace(&pace);
    const auto rolled = roll_forward(spec_of("slow-1", source.db), zero, there);
    EXPECT_TRUE(rolled) << rolled.error().message;
  }).join();
  others.reset();
  EXPECT_GE(pace.rested(), 5 * Millis(100)) << "at least between four segments, twice, and while files were read";
  EXPECT_FALSE(os::exists(base_dir(state(), "slow-1") + "/hold"));
  Restored copy(56);
  must(copy.restore(must(plan_of_base(state(), must(read_base(state(), "slow-1"))))));
  auto client = copy.open();
  EXPECT_EQ(one(client, "SELECT count(*) FROM t"), "300");
}

TEST(BackupRoll, WalIsPlacedAtThePaceOfTheThread) {
  NEED_POSTGRESQL();
  const std::string from = state() + "/paced.from", to = state() + "/paced.to";
  for (const auto& dir : {from, to}) must(os::ensure_dir(dir, 0700));
  std::vector<std::string> files;
  for (Lsn i = 1; i <= 2; i++) {
    files.push_back(from + "/" + segment_name(1, i * kSegmentSize));
    must(os::write_file_atomic(files.back(), "WAL", 0600));
    must(fill_segment(files.back()));
  }
  os::Pace pace(0);
  std::thread([&] {
    os::set_pace(&pace);
    std::this_thread::sleep_for(Millis(25));  // of work: a rest is due
    must(place_wal(files, to));
  }).join();
  EXPECT_GE(pace.rested(), Millis(100));
  must(os::remove_tree(from));
  must(os::remove_tree(to));
}

TEST(BackupInterrupted, EveryFunctionIsFinishedByTheNextCall) {
  NEED_POSTGRESQL();
  fault::enable();
  Source source(76);
  {
    auto client = session(source.db);
    one(client, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS id");
  }
  BaseGuard guards[] = {{"cut-1"}, {"cut-2"}};
  for (const char* at : {"backup.base:started", "backup.base:synced", "backup.base:published"}) {
    ASSERT_TRUE(fault::arm(at, "error"));
    EXPECT_THROW((void)copy_running(spec_of("cut-1", source.db)), std::runtime_error) << at;
  }
  const Base base = must(copy_running(spec_of("cut-1", source.db)));
  EXPECT_FALSE(os::exists(base_dir(state(), "cut-1") + ".lock"));
  {
    auto client = session(source.db);
    one(client, "INSERT INTO t SELECT generate_series(1001, 2000)");
  }
  const Position target = restore_point(source, "cut");
  for (const char* at : {"backup.roll:copied", "backup.roll:replayed", "backup.base:synced"}) {
    ASSERT_TRUE(fault::arm(at, "error"));
    EXPECT_THROW((void)roll_forward(spec_of("cut-2", source.db), base, target), std::runtime_error) << at;
  }
  EXPECT_EQ(must(roll_forward(spec_of("cut-2", source.db), base, target)).end, target);

  const Plan plan = must(plan_to_position(source.vault(), {base}, target));
  Restored copy(77);
  for (const char* at :
       {"backup.volume:copied", "backup.volume:made", "backup.recover:promoted", "backup.recover:stopped"}) {
    ASSERT_TRUE(fault::arm(at, "error"));
    EXPECT_THROW((void)copy.restore(plan), std::runtime_error) << at;
  }
  ASSERT_TRUE(fault::arm("pg.volume:synced", "error"));
  EXPECT_THROW((void)copy.restore(plan), std::runtime_error);
  // The machine goes down before it is known that all is on the disk.
  const std::string mark = copy.layout().root + "/unsynced", left = copy.layout().data + "/left";
  ASSERT_TRUE(os::exists(mark));
  must(os::write_file_atomic(mark, "another boot\n", 0600));
  must(os::write_file_atomic(left, "", 0600));
  auto recovered = copy.restore(plan);
  fault::disarm_all();
  EXPECT_FALSE(os::exists(left)) << "what may be half on the disk is made again";
  EXPECT_FALSE(os::exists(mark));
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_EQ(recovered->end, target);
  EXPECT_EQ(recovered->timeline, 2u);
  auto client = copy.open();
  EXPECT_EQ(one(client, "SELECT count(*) || '/' || sum(id) FROM t"), "2000/2001000");
  EXPECT_EQ(must(copy.restore(plan)).timeline, 2u) << "while it runs, nothing is touched";
  EXPECT_EQ(one(client, "SELECT count(*) FROM t"), "2000");
  EXPECT_FALSE(copy.restore(must(plan_of_base(state(), base)))) << "another plan for the same directory";
}

}  // namespace
}  // namespace howdah::backup::testing
