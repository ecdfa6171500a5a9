// What goes wrong with base backups in the field, each provoked on purpose.
#include <atomic>
#include <cstring>
#include <fstream>

#include "backup/base_copy.h"
#include "backup/checksum.h"
#include "backup/control.h"
#include "backup/testing.h"
#include "os/spawn.h"

namespace howdah::backup::testing {
namespace {

using pg::testing::Instance;
namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience(120);

/// Every file and directory below `root`, but the content of pg_wal.
std::set<std::string> census(const std::string& root) {
  std::set<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    std::string path = entry.path().string().substr(root.size() + 1);
    if (!path.starts_with("pg_wal/")) out.insert(path);
  }
  return out;
}

TEST(BackupTraps, HoldsTheSameFilesAsPgBasebackupAndPassesPgVerifybackup) {
  NEED_POSTGRESQL();
  if (!os::exists(tool("pg_basebackup")) || !os::exists(tool("pg_verifybackup"))) GTEST_SKIP() << "no client tools";
  Source source(61);
  auto client = session(source.db);
  one(client, "CREATE UNLOGGED TABLE u AS SELECT g AS id FROM generate_series(1, 1000) g");
  one(client, "CREATE TEMP TABLE temporary AS SELECT 1");
  one(client, "CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 100000) g");
  one(client, "VACUUM t");
  one(client, "SELECT pg_create_physical_replication_slot('somebodys', true)");
  BaseGuard guard{"census"};
  auto base = copy_running(spec_of("census", source.db));
  ASSERT_TRUE(base) << base.error().message;
  const std::string dir = base_dir(state(), "census");

  auto verified = os::run({.program = tool("pg_verifybackup"), .args = {"-w", dir + "/wal", dir + "/data"}}, kPatience);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_TRUE(verified->ok()) << verified->text;

  std::ofstream(source.db.layout().hba_file(), std::ios::app) << "local replication rdsadmin peer map=howdah\n";
  must(pg::reload_server(source.db.layout(), source.db.owner()));
  const std::string theirs = state() + "/basebackup";
  auto taken = os::run({.program = tool("pg_basebackup"),
                        .args = {"-h", source.db.layout().run, "-p", std::to_string(source.db.port()), "-U", "rdsadmin",
                                 "-D", theirs, "-X", "none", "-c", "fast"}},
                       kPatience);
  ASSERT_TRUE(taken) << taken.error().message;
  ASSERT_TRUE(taken->ok()) << taken->text;
  const auto expected = census(theirs), seen = census(dir + "/data");
  must(os::remove_tree(theirs));
  for (const auto& path : expected) EXPECT_TRUE(seen.contains(path)) << "missing: " << path;
  for (const auto& path : seen) EXPECT_TRUE(expected.contains(path)) << "too much: " << path;

  // Trap 7: without its label this base would be recovered from the wrong place, silently.
  must(os::remove_tree(dir + "/data/backup_label"));
  Restored copy(62);
  auto refused = copy.restore(must(plan_of_base(state(), *base)));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("backup_label"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(os::exists(copy.layout().data));
  EXPECT_FALSE(os::exists(copy.layout().data + ".tmp"));
}

TEST(BackupTraps, ADamagedPageOfARunningServerIsReportedWithFileAndBlock) {
  NEED_POSTGRESQL();
  Source source(63);
  std::string file;
  {
    auto client = session(source.db);
    one(client, "CREATE TABLE t AS SELECT generate_series(1, 20000) AS id");
    one(client, "CHECKPOINT");
    file = one(client, "SELECT pg_relation_filepath('t')");
  }
  flip(source.db.layout().data + "/" + file, 11 * 8192 + 4000);
  auto base = copy_running(spec_of("torn", source.db));
  ASSERT_FALSE(base);
  EXPECT_NE(base.error().message.find("block 11 of " + file), std::string::npos) << base.error().message;
  EXPECT_FALSE(os::exists(base_dir(state(), "torn")));
  must(remove_base(state(), "torn"));
}

TEST(BackupTraps, AMissingOrDamagedSegmentIsNamedAndNothingRunsOnIt) {
  NEED_POSTGRESQL();
  Source source(64);
  BaseGuard guard{"gaps"};
  const Base base = must(copy_running(spec_of("gaps", source.db)));
  for (int i = 0; i < 3; i++) {
    auto client = session(source.db);
    one(client, "CREATE TABLE t" + std::to_string(i) + " AS SELECT generate_series(1, 2000) AS id");
    source.keeper->catch_up();
  }
  const Position target = restore_point(source, "end");
  const Plan plan = must(plan_to_position(source.vault(), {base}, target));
  Restored copy(65);
  int tried = 0;
  for (const auto& path : plan.wal) {
    if (!path.starts_with(source.vault().root()) || path.ends_with(".history")) continue;
    tried++;
    fs::rename(path, path + "-hidden");
    auto missing = plan_to_position(source.vault(), {base}, target);
    EXPECT_FALSE(missing) << path << " is missing";
    fs::rename(path + "-hidden", path);
    // In the first record's header: right behind the first page's header for all but the first segment.
    const bool first =
        base.end.lsn / kSegmentSize == segment_start(path.substr(path.rfind('/') + 1, 24))->lsn / kSegmentSize;
    const auto at = static_cast<std::streamoff>(first ? behind_header(base.end.lsn) % kSegmentSize + 10 : 50);
    flip(path, at);
    auto damaged = plan_to_position(source.vault(), {base}, target);
    if (damaged) {  // not in the last segment: noticed while the records are read and replayed
      auto made = copy.restore(*damaged);
      ASSERT_FALSE(made) << path << " is damaged at " << at;
      EXPECT_NE(made.error().message.find("damaged at"), std::string::npos) << made.error().message;
      EXPECT_FALSE(pg::observe(copy.layout(), copy.owner()).running());
      must(os::remove_tree(copy.layout().data));
    }
    EXPECT_FALSE(os::exists(copy.layout().data));
    EXPECT_FALSE(os::exists(copy.layout().data + ".tmp"));
    flip(path, at);
  }
  EXPECT_GE(tried, 3);
  EXPECT_TRUE(plan_to_position(source.vault(), {base}, target));
  const std::string own = plan_of_base(state(), base)->wal.back();
  flip(own, static_cast<std::streamoff>(behind_header(base.start.lsn) % kSegmentSize + 10));
  auto refused = copy.restore(must(plan_of_base(state(), base)));
  EXPECT_FALSE(refused) << "the base's own WAL is damaged";
}

TEST(BackupTraps, ASchemaStormAndPreparedTransactionsComeBackWhole) {
  NEED_POSTGRESQL();
  // Trap 26: more of everything than whoever restores it configures.
  Source source(
      66, {{"max_prepared_transactions", "10"}, {"max_connections", "250"}, {"max_locks_per_transaction", "128"}});
  {
    auto client = session(source.db);
    one(client, "CREATE TABLE p (id int)");
    one(client, "BEGIN; INSERT INTO p VALUES (1); PREPARE TRANSACTION 'waiting'");
  }
  Ledger ledger(source.db, 1);
  std::atomic<int> rounds{0};
  std::jthread storm([&](const std::stop_token& stop) {
    auto client = session(source.db);
    for (int i = 0; !stop.stop_requested(); i++, rounds++) {
      const std::string t = "s" + std::to_string(i % 5);
      one(client, "DROP TABLE IF EXISTS " + t);
      one(client, "CREATE TABLE " + t + " AS SELECT g AS id, repeat('z', 300) AS pad FROM generate_series(1, 3000) g");
      one(client, "CREATE INDEX ON " + t + " (id)");
      if (i % 3 == 0) one(client, "TRUNCATE " + t);
      if (i % 3 == 1) one(client, "DELETE FROM " + t + " WHERE id > 100");
      if (i % 3 == 1) one(client, "VACUUM " + t);
      if (i % 3 == 2) {  // trap 14: its files appear without their content in the WAL
        one(client, "DROP DATABASE IF EXISTS made");
        one(client,
            std::string("CREATE DATABASE made") + (client.server_version() < 150000 ? "" : " STRATEGY file_copy"));
      }
    }
  });
  while (rounds < 5) std::this_thread::sleep_for(Millis(5));
  BaseGuard guard{"storm"};
  auto base = copy_running(spec_of("storm", source.db));
  ASSERT_TRUE(base) << base.error().message;
  const int so_far = rounds;
  while (rounds < so_far + 5) std::this_thread::sleep_for(Millis(5));
  const Position target = restore_point(source, "storm");
  storm = {};
  ledger.stop();
  source.keeper->catch_up();

  Restored copy(67);
  copy.configure({{"max_prepared_transactions", "10"}});
  const Plan plan = must(plan_to_position(source.vault(), {*base}, target));
  // Restartable at any moment: asked again and again while the recovery goes on.
  must(make_volume(state(), plan, copy.layout(), copy.owner()));
  auto recovered = recover(plan, Shared::get().engine, copy.layout(), copy.owner(), Millis(1));
  for (int i = 0; i < 1000 && !recovered && recovered.error().retry; i++) {
    recovered = recover(plan, Shared::get().engine, copy.layout(), copy.owner(), Millis(i < 3 ? 10 : 1000));
  }
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_EQ(recovered->end, target);
  auto client = copy.open();
  ledger.check(client, target.lsn);
  auto tables = client.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'p'");
  ASSERT_TRUE(tables);
  for (int i = 0; i < tables->size(); i++) {
    const std::string name(tables->get(i, 0));
    EXPECT_NO_THROW(one(client, "SELECT count(*) FROM " + name)) << name;
    EXPECT_NO_THROW(one(client, "REINDEX TABLE " + name)) << name;
    EXPECT_NO_THROW(one(client, "VACUUM FULL " + name)) << name;
  }
  // The target may lie inside DROP DATABASE: what is left of it then says so and can be dropped.
  if (one(client, "SELECT count(*) FROM pg_database WHERE datname = 'made' AND datconnlimit = -2") == "1") {
    EXPECT_NO_THROW(one(client, "DROP DATABASE made"));
  }
  if (one(client, "SELECT count(*) FROM pg_database WHERE datname = 'made'") == "1") {
    auto made = must(pg::Client::connect(copy.layout(), copy.port(), "made"));
    EXPECT_GT(std::stoi(one(made, "SELECT count(*) FROM pg_class, pg_proc")), 300);
    EXPECT_NO_THROW(one(made, "REINDEX SYSTEM made"));
  }
  EXPECT_EQ(one(client, "SELECT gid FROM pg_prepared_xacts"), "waiting");
  one(client, "COMMIT PREPARED 'waiting'");
  EXPECT_EQ(one(client, "SELECT count(*) FROM p"), "1");
}

TEST(BackupTraps, ATablespaceIsRefusedAndNeverFollowed) {
  const std::string from = state() + "/tablespace-from", to = state() + "/tablespace-to";
  fs::create_directories(from + "/pg_tblspc");
  fs::create_directory_symlink("/etc", from + "/pg_tblspc/16400");
  for (bool running : {false, true}) {
    auto copied = copy_data(from, to, {.running = running});
    ASSERT_FALSE(copied);
    EXPECT_NE(copied.error().message.find("pg_tblspc/16400 is a tablespace"), std::string::npos)
        << copied.error().message;
    must(os::remove_tree(to));
  }
  must(os::remove_tree(from));
}

TEST(BackupTraps, ALostHistoryFileIsAnErrorAndNotAnOlderTimeline) {
  const Vault vault(state(), "db-lost");
  fs::create_directories(wal_dir(vault.root()));
  const Base base{.id = "b", .resource_id = "db-lost", .start = {1, 0x2000028}, .end = {1, 0x2000100}};
  EXPECT_FALSE(plan_to_position(vault, {base}, {2, 0x5000000})) << "nothing says that timeline 2 comes from the base's";
  must(vault.remove());
}

TEST(BackupTraps, ATornPageIsReadAgain) {
  const std::string from = state() + "/torn-from", to = state() + "/torn-to";
  fs::create_directories(from + "/base/5");
  // Two states of the same page, each whole; between them one half of each is there for a moment.
  std::string pages[2];
  for (int i = 0; i < 2; i++) {
    pages[i] = std::string(kPage, static_cast<char>('a' + i));
    const uint16_t sum = page_checksum(pages[i].data(), 0);
    std::memcpy(pages[i].data() + 8, &sum, sizeof sum);
  }
  { std::ofstream(from + "/base/5/16384") << pages[0]; }
  std::atomic<int> turns{0};
  std::jthread writer([&](const std::stop_token& stop) {
    std::fstream f(from + "/base/5/16384", std::ios::in | std::ios::out | std::ios::binary);
    for (; !stop.stop_requested(); turns++) {
      const std::string& next = pages[(turns + 1) % 2];
      f.seekp(0).write(next.data(), kPage / 2).flush();
      std::this_thread::yield();
      f.seekp(kPage / 2).write(next.data() + kPage / 2, kPage / 2).flush();
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
  });
  for (int last = -1, i = 0; i < 300; i++) {
    while (turns == last) std::this_thread::yield();
    last = turns;
    must(os::remove_tree(to));
    auto copied = copy_data(from, to, {.running = true, .verify_pages = true, .start = ~0ULL});
    ASSERT_TRUE(copied) << copied.error().message;
    const std::string got = must(os::read_file(to + "/base/5/16384"));
    ASSERT_TRUE(got == pages[0] || got == pages[1]) << "a torn page in copy " << i;
  }
  writer = {};
  must(os::remove_tree(from));
  must(os::remove_tree(to));
}

TEST(BackupTraps, ABaseIsThrownAwayWhenTheSessionThatBeganItEnds) {
  NEED_POSTGRESQL();
  Source source(68);
  BaseGuard guard{"ended"};
  auto spec = spec_of("ended", source.db);
  std::atomic<bool> ended{false};
  spec.progress = [&](int) {
    if (ended.exchange(true)) return;
    auto client = session(source.db);
    // The backup's session waits idle until the files are copied.
    one(client,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND (query LIKE '%pg_backup_start%' OR query LIKE '%pg_start_backup%')");
  };
  auto refused = copy_running(spec);
  ASSERT_TRUE(ended);
  ASSERT_FALSE(refused) << "without pg_backup_stop nobody knows where it becomes consistent";
  EXPECT_FALSE(os::exists(base_dir(state(), "ended")));
  EXPECT_FALSE(os::exists(base_dir(state(), "ended") + ".tmp"));
  EXPECT_TRUE(copy_running(spec)) << "the next try is a new backup";
}

TEST(BackupTraps, AControlFileThatIsBeingWrittenIsReadWhole) {
  NEED_POSTGRESQL();
  const std::string from = Shared::get().from.plain, to = state() + "/control";
  const std::string content = must(os::read_file(from + "/global/pg_control"));
  fs::create_directories(to + "/global");
  { std::ofstream(to + "/global/pg_control") << content; }
  std::jthread writer([&](const std::stop_token& stop) {
    std::string other = content;
    std::fstream f(to + "/global/pg_control", std::ios::in | std::ios::out | std::ios::binary);
    while (!stop.stop_requested()) {  // torn for a moment, whole for longer
      f.seekp(0).write("????????", 8).flush();
      f.seekp(0).write(content.data(), 8).flush();
      std::this_thread::sleep_for(Millis(1));
    }
  });
  for (int i = 0; i < 2000; i++) EXPECT_EQ(must(read_control_stable(to)), content);
  writer = {};
  must(os::remove_tree(to));
}

TEST(BackupTraps, TheControlFileOfAServerThatWritesItAllTheTimeIsReadWhole) {
  NEED_POSTGRESQL();
  Instance db(59);
  ASSERT_TRUE(db.start());
  std::atomic<int> written{0};
  std::jthread server([&](const std::stop_token& stop) {
    auto client = db.connect();
    for (; !stop.stop_requested(); written++) one(client, "CHECKPOINT");
  });
  const uint64_t system = must(read_control(db.layout().data)).system_identifier;
  std::set<std::string> seen;
  Lsn before = 0;
  for (int i = 0; i < 100'000 || written < 100; i++) {
    const std::string content = must(read_control_stable(db.layout().data));
    const Control control = must(parse_control(content));
    ASSERT_EQ(control.system_identifier, system);
    ASSERT_GE(control.checkpoint, before);
    before = control.checkpoint;
    seen.insert(content);
  }
  EXPECT_GT(seen.size(), 50u) << "nobody wrote it meanwhile";
}

TEST(BackupTraps, TheControlFileIsCopiedLast) {
  NEED_POSTGRESQL();
  Source source(60);
  BaseGuard guard{"last"};
  auto spec = spec_of("last", source.db);
  std::atomic<bool> asked{false};
  Lsn checkpoint = 0;
  spec.progress = [&](int) {
    if (asked.exchange(true)) return;  // while the files are being copied
    auto client = session(source.db);
    one(client, "CHECKPOINT");
    checkpoint = parse_lsn(one(client, "SELECT checkpoint_lsn FROM pg_control_checkpoint()")).value();
  };
  must(copy_running(spec));
  ASSERT_NE(checkpoint, 0u);
  EXPECT_GE(must(read_control(base_dir(state(), "last") + "/data")).checkpoint, checkpoint);
}

TEST(BackupTraps, PageChecksumsAreThoseOfTheServer) {
  NEED_POSTGRESQL();
  auto inspected = inspect_data(Shared::get().from.plain, true);
  ASSERT_TRUE(inspected) << inspected.error().message;
  EXPECT_GT(inspected->files.size(), 800u);
  EXPECT_EQ(first_block("base/5/16384.2"), 2u * 131072);
  EXPECT_EQ(first_block("base/5/16384_vm"), 0u);
  EXPECT_EQ(first_block("base/5/pg_filenode.map"), std::nullopt);
  EXPECT_EQ(first_block("base/5/PG_VERSION"), std::nullopt);
  EXPECT_EQ(first_block("global/pg_control"), std::nullopt);
  EXPECT_EQ(first_block("pg_xact/0000"), std::nullopt);
}

}  // namespace
}  // namespace howdah::backup::testing
