#include <algorithm>
#include <chrono>
#include <cstdio>

#include "backup/testing.h"
#include "os/spawn.h"

/// What copies and restores cost, beside cp. Run by hand, also on a file system that can reflink:
///   HOWDAH_TEST_DIR=/some/mount build/unit_tests --gtest_also_run_disabled_tests --gtest_filter='*BackupBench*'
namespace howdah::backup::testing {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

double cp(const std::string& from, const std::string& to) {
  const auto t = Clock::now();
  auto out = os::run({.program = "/bin/cp", .args = {"-a", "--reflink=never", from, to}}, std::chrono::minutes(5));
  if (!out || !out->ok()) throw std::runtime_error("cp failed");
  must(os::sync_fs(to));
  const double seconds = since(t);
  must(os::remove_tree(to));
  return seconds;
}

TEST(DISABLED_BackupBench, CopyAndRestore) {
  NEED_POSTGRESQL();
  Source source(80);
  {
    auto client = session(source.db);
    one(client, "CREATE TABLE t AS SELECT g AS id, repeat(md5(g::text), 6) AS pad FROM generate_series(1, 3000000) g");
    one(client, "CREATE INDEX ON t (id)");
    one(client, "CHECKPOINT");
  }
  std::vector<std::string> ids;
  for (int round = 0; round < 3; round++) {
    const double peer = cp(source.db.layout().data + "/base", state() + "/cp");
    ids.push_back("bench-" + std::to_string(round));
    auto t = Clock::now();
    const Base base = must(copy_running(spec_of(ids.back(), source.db)));
    const double copy = since(t);
    Restored restored(81 + static_cast<unsigned>(round));
    t = Clock::now();
    must(make_volume(state(), must(plan_of_base(state(), base)), restored.layout(), restored.owner()));
    const double volume = since(t);
    must(recover(must(plan_of_base(state(), base)), Shared::get().engine, restored.layout(), restored.owner(),
                 std::chrono::minutes(5)));
    const double recovered = since(t);
    auto client = restored.open();
    one(client, "SELECT id FROM t WHERE id = 4711");
    std::printf(
        "%.0f MB: cp -a + syncfs %.2f s, copy_running %.2f s; volume %.2f, recovered %.2f, first query %.2f s\n",
        static_cast<double>(base.bytes) / 1e6, peer, copy, volume, recovered, since(t));
  }
  // Replay and its proof.
  const Base from = must(read_base(state(), ids.back()));
  {
    auto client = session(source.db);
    for (int i = 0; i < 4; i++) one(client, "UPDATE t SET id = id WHERE id % 4 = " + std::to_string(i));
  }
  const Position target = restore_point(source, "bench");
  auto t = Clock::now();
  const Plan plan = must(plan_to_position(source.vault(), {from}, target));
  const double planned = since(t);
  t = Clock::now();
  const auto tail = must(walk_wal(WalFiles(plan.wal, 1), from.start.lsn, target.lsn));
  const double walked = since(t);
  Restored restored(90);
  t = Clock::now();
  must(make_volume(state(), plan, restored.layout(), restored.owner()));
  const double volume = since(t);
  must(recover(plan, Shared::get().engine, restored.layout(), restored.owner(), std::chrono::minutes(5)));
  std::printf("%.0f MB of WAL: plan %.3f s, read every record %.2f s; volume %.2f, recovered %.2f s\n",
              static_cast<double>(tail.end - from.start.lsn) / 1e6, planned, walked, volume, since(t));
  for (const auto& id : ids) must(remove_base(state(), id));
}

}  // namespace
}  // namespace howdah::backup::testing
