#include "backup/base.h"

#include <fcntl.h>
#include <unistd.h>
#include <atomic>
#include <filesystem>
#include <fstream>

#include "backup/base_copy.h"
#include "backup/checksum.h"
#include "backup/control.h"
#include "backup/manifest.h"
#include "backup/testing.h"
#include "backup/wal_tail.h"
#include "os/spawn.h"
#include "pg/control_file.h"

namespace howdah::backup::testing {
namespace {

using pg::StopMode;
using pg::testing::Instance;

constexpr std::chrono::seconds kPatience(60);

Base sample() {
  return {.id = "base-1",
          .resource_id = "db-A",
          .start = {1, 0x2000028},
          .end = {1, 0x2000138},
          .ended = Time(Millis(1'800'000'000'123)),
          .system_identifier = 0xFEDCBA9876543210,
          .engine_version = "15.18",
          .bytes = 123456789,
          .crash_consistent = false,
          .stopped = true};
}

TEST(BackupManifest, ComesBackAsItWas) {
  auto base = parse_base(render_base(sample()));
  ASSERT_TRUE(base) << base.error().message;
  EXPECT_EQ(base->id, "base-1");
  EXPECT_EQ(base->resource_id, "db-A");
  EXPECT_EQ(base->start, (Position{1, 0x2000028}));
  EXPECT_EQ(base->end, (Position{1, 0x2000138}));
  EXPECT_EQ(base->ended, Time(Millis(1'800'000'000'123)));
  EXPECT_EQ(base->system_identifier, 0xFEDCBA9876543210);
  EXPECT_EQ(base->bytes, 123456789u);
  EXPECT_TRUE(base->stopped);
  EXPECT_FALSE(base->crash_consistent);
  EXPECT_FALSE(base->interim);
  Base between = sample();
  between.interim = true;
  EXPECT_TRUE(parse_base(render_base(between))->interim);
}

TEST(BackupManifest, EveryFlippedOrMissingByteIsNoticed) {
  const std::string text = render_base(sample());
  for (size_t i = 0; i < text.size(); i++) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 0x01);
    EXPECT_FALSE(parse_base(changed)) << "byte " << i;
    EXPECT_FALSE(parse_base(text.substr(0, i))) << "cut at " << i;
  }
  EXPECT_FALSE(parse_base(text + " "));
}

TEST(BackupChecksum, CrcIsTheOneOfPgControl) {
  Crc32c crc;
  std::string text(1000, '\0');
  for (size_t i = 0; i < text.size(); i++) text[i] = static_cast<char>(i * 7);
  crc.add(text.data(), 13);
  crc.add(text.data() + 13, text.size() - 13);
  EXPECT_EQ(crc.value(), pg::crc32c(text.data(), text.size()));
  Crc32c known;
  known.add("123456789", 9);
  EXPECT_EQ(known.value(), 0xE3069283U);
  EXPECT_EQ(known.hex(), "839206e3");
}

TEST(BackupControl, SaysWhatPgControldataSays) {
  NEED_POSTGRESQL();
  Instance db(41);
  auto control = read_control(db.layout().data);
  ASSERT_TRUE(control) << control.error().message;
  auto out = os::run({.program = tool("pg_controldata"), .args = {db.layout().data}}, kPatience);
  if (!out || !out->ok()) GTEST_SKIP() << "no pg_controldata of this version";
  auto line = [&](const std::string& label) {
    auto at = out->text.find(label);
    auto from = out->text.find_first_not_of(' ', at + label.size());
    return out->text.substr(from, out->text.find('\n', from) - from);
  };
  EXPECT_EQ(line("Database system identifier:"), std::to_string(control->system_identifier));
  EXPECT_EQ(line("Latest checkpoint location:"), lsn_text(control->checkpoint));
  EXPECT_EQ(line("Latest checkpoint's REDO location:"), lsn_text(control->redo.lsn));
  EXPECT_EQ(line("Latest checkpoint's TimeLineID:"), std::to_string(control->redo.timeline));
  EXPECT_EQ(line("max_connections setting:"), std::to_string(control->max_connections));
  EXPECT_EQ(line("max_worker_processes setting:"), std::to_string(control->max_worker_processes));
  EXPECT_EQ(line("max_prepared_xacts setting:"), std::to_string(control->max_prepared_transactions));
  EXPECT_EQ(line("max_locks_per_xact setting:"), std::to_string(control->max_locks_per_transaction));
  EXPECT_EQ(line("Data page checksum version:"), control->page_checksums ? "1" : "0");
  EXPECT_EQ(control->state, ClusterState::kShutDown);
}

TEST(BackupStopped, RestoresToTheSameRows) {
  NEED_POSTGRESQL();
  Instance db(42);
  ASSERT_TRUE(db.start());
  {
    auto client = session(db);
    one(client, "CREATE TABLE t AS SELECT g AS id, repeat('x', 100) AS pad FROM generate_series(1, 20000) g");
    one(client, "CREATE UNLOGGED TABLE u AS SELECT 1 AS id");
  }
  EXPECT_FALSE(copy_stopped(spec_of("stopped-1", db), false)) << "it runs";
  ASSERT_TRUE(must(pg::stop_server(db.layout(), db.owner(), StopMode::kFast, kPatience)));
  BaseGuard guard{"stopped-1"};
  // What an interrupted try left behind does not matter.
  must(os::ensure_dir(state() + "/bases", 0711));
  must(os::ensure_dir(state() + "/bases/stopped-1.tmp", 0700));
  must(os::write_file_atomic(state() + "/bases/stopped-1.tmp/junk", "x", 0600));
  std::atomic<int> progress = 0;
  BaseSpec spec = spec_of("stopped-1", db);
  spec.progress = [&](int percent) { progress = percent; };
  auto base = copy_stopped(spec, false);
  ASSERT_TRUE(base) << base.error().message;
  EXPECT_EQ(progress, 100);
  EXPECT_TRUE(base->stopped);
  EXPECT_GT(base->bytes, 20'000'000u);
  EXPECT_FALSE(os::exists(state() + "/bases/stopped-1.tmp"));
  EXPECT_EQ(must(copy_stopped(spec, false)).ended, base->ended) << "called again, it finds what it made";
  auto read = read_base(state(), "stopped-1");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->end, base->end);

  const Plan plan = must(plan_of_base(state(), *read));
  Restored copy(43);
  must(os::ensure_dir(copy.layout().data + ".tmp", 0700));
  auto recovered = copy.restore(plan);
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_EQ(recovered->timeline, 1u);
  auto client = copy.open();
  EXPECT_EQ(one(client, "SELECT count(*) || '/' || sum(id) FROM t"), "20000/200010000");
  EXPECT_EQ(one(client, "SELECT count(*) FROM u"), "1") << "a clean shutdown keeps unlogged tables";
  EXPECT_EQ(one(client, "SELECT count(*) FROM pg_replication_slots"), "0");
}

TEST(BackupStopped, RestoresAlsoWhenEmptyDirectoriesWereLost) {
  NEED_POSTGRESQL();
  namespace fs = std::filesystem;
  Instance db(57);
  ASSERT_TRUE(db.start());
  {
    auto client = session(db);
    one(client, "CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 100) g");
  }
  ASSERT_TRUE(must(pg::stop_server(db.layout(), db.owner(), StopMode::kFast, kPatience)));
  must(os::remove_tree(db.layout().data + "/pg_replslot"));
  std::set<std::string> lost = {"pg_replslot"};  // and what git, an archive or an object store would have dropped
  for (bool again = true; again;) {
    again = false;
    for (const auto& entry : fs::recursive_directory_iterator(db.layout().data)) {
      if (!entry.is_directory() || !fs::is_empty(entry.path())) continue;
      lost.insert(entry.path().string().substr(db.layout().data.size() + 1));
      fs::remove(entry.path());
      again = true;
      break;
    }
  }
  for (const char* name : {"pg_notify", "pg_stat_tmp", "pg_logical/mappings", "pg_wal/archive_status"}) {
    EXPECT_TRUE(lost.contains(name)) << name;
  }
  const std::string to = state() + "/lost-to";
  must(copy_data(db.layout().data, to, {.running = true}));
  for (const auto& name : lost) EXPECT_TRUE(fs::is_directory(to + "/" + name)) << name;
  must(os::remove_tree(to));

  BaseGuard guard{"lost-1"};
  const Base base = must(copy_stopped(spec_of("lost-1", db), false));
  Restored copy(58);
  auto recovered = copy.restore(must(plan_of_base(state(), base)));
  ASSERT_TRUE(recovered) << recovered.error().message;
  auto client = copy.open();
  EXPECT_EQ(one(client, "SELECT count(*) FROM t"), "100");
}

TEST(BackupStopped, OneThatCrashedIsRecoveredToItsEnd) {
  NEED_POSTGRESQL();
  Instance db(44);
  db.configure({{"fsync", "on"}});
  ASSERT_TRUE(db.start());
  {
    auto client = session(db);
    one(client, "CREATE TABLE t (id int)");
    one(client, "CHECKPOINT");
    one(client, "INSERT INTO t SELECT generate_series(1, 5000)");
  }
  ASSERT_TRUE(must(pg::stop_server(db.layout(), db.owner(), StopMode::kImmediate, kPatience)));
  BaseGuard guard{"crashed-1"};
  EXPECT_FALSE(copy_stopped(spec_of("crashed-1", db), false)) << "not shut down cleanly";
  auto base = copy_stopped(spec_of("crashed-1", db), true);
  ASSERT_TRUE(base) << base.error().message;
  EXPECT_TRUE(base->crash_consistent);
  Restored copy(45);
  const Plan plan = must(plan_of_base(state(), *base));
  auto recovered = copy.restore(plan);
  ASSERT_TRUE(recovered) << recovered.error().message;
  EXPECT_EQ(recovered->timeline, 2u);
  EXPECT_EQ(recovered->end, base->end);
  EXPECT_EQ(must(copy.restore(plan)).end, base->end) << "called again, it finds the recovery finished";
  auto client = copy.open();
  EXPECT_EQ(one(client, "SELECT count(*) || '/' || sum(id) FROM t"), "5000/12502500");
}

TEST(BackupStopped, NothingOutsideTheDataDirectoryIsRead) {
  NEED_POSTGRESQL();
  Instance db(47);
  const std::string pretended = db.layout().data + "/base/4711";
  ASSERT_EQ(symlink("/etc", pretended.c_str()), 0);
  auto base = copy_stopped(spec_of("link-1", db), false);
  ASSERT_FALSE(base);
  EXPECT_NE(base.error().message.find("base/4711"), std::string::npos) << base.error().message;
  must(os::remove_tree(pretended));
  std::filesystem::rename(db.layout().data + "/base", db.layout().data + ".aside");
  ASSERT_EQ(symlink((db.layout().data + ".aside").c_str(), (db.layout().data + "/base").c_str()), 0);
  EXPECT_FALSE(copy_stopped(spec_of("link-1", db), false));
  must(remove_base(state(), "link-1"));
}

TEST(BackupStopped, ADamagedPageIsReportedWithFileAndBlock) {
  NEED_POSTGRESQL();
  Instance db(46);
  ASSERT_TRUE(db.start());
  std::string file;
  {
    auto client = session(db);
    one(client, "CREATE TABLE t AS SELECT generate_series(1, 20000) AS id");
    file = one(client, "SELECT pg_relation_filepath('t')");
  }
  ASSERT_TRUE(must(pg::stop_server(db.layout(), db.owner(), StopMode::kFast, kPatience)));
  {
    std::fstream f(db.layout().data + "/" + file, std::ios::in | std::ios::out | std::ios::binary);
    f.seekp(7 * 8192 + 5000);
    f.put('!');
  }
  auto base = copy_stopped(spec_of("damaged-1", db), false);
  ASSERT_FALSE(base);
  EXPECT_NE(base.error().message.find("block 7 of " + file), std::string::npos) << base.error().message;
  EXPECT_FALSE(os::exists(base_dir(state(), "damaged-1")));
  EXPECT_FALSE(os::exists(base_dir(state(), "damaged-1") + ".tmp"));
  must(remove_base(state(), "damaged-1"));
  EXPECT_FALSE(os::exists(base_dir(state(), "damaged-1") + ".lock"));
}

}  // namespace
}  // namespace howdah::backup::testing
