// What goes wrong between base backups and WAL in the field, each provoked on purpose.
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <atomic>
#include <cstring>
#include <set>

#include "backup/control.h"
#include "backup/staging.h"
#include "backup/testing.h"
#include "backup/volume_wal.h"
#include "pg/control_file.h"

namespace howdah::backup::testing {
namespace {

using pg::testing::Instance;

/// Whether a block of the file also belongs to another one.
bool shares_blocks(const std::string& path) {
  const os::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  alignas(fiemap) char room[sizeof(fiemap) + 512 * sizeof(fiemap_extent)] = {};
  auto* map = reinterpret_cast<fiemap*>(room);
  map->fm_length = ~0ULL;
  map->fm_extent_count = 512;
  if (ioctl(fd.get(), FS_IOC_FIEMAP, map) != 0) return false;  // such as tmpfs: it has no clones either
  for (unsigned i = 0; i < map->fm_mapped_extents; i++) {
    if ((map->fm_extents[i].fe_flags & FIEMAP_EXTENT_SHARED) != 0) return true;
  }
  return false;
}

std::set<std::string> sharers_in(const std::string& directory) {
  std::set<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file() && shares_blocks(entry.path().string())) out.insert(entry.path().string());
  }
  return out;
}

/// But those that did from the start, with the template that the server was made from.
void expect_own_blocks(const std::string& directory, const std::set<std::string>& from_the_start = {}) {
  for (const auto& path : sharers_in(directory)) EXPECT_TRUE(from_the_start.contains(path)) << path;
}

TEST(BackupTraps, ABaseWhoseFirstWalIsNotInTheVaultIsNotMade) {
  NEED_POSTGRESQL();
  Instance db(82);
  ASSERT_TRUE(db.start());
  BaseGuard guard{"late"};
  std::unique_ptr<FakeKeeper> late;
  std::atomic<bool> begun{false};
  auto spec = spec_of("late", db);
  spec.progress = [&](int) {  // between the begin and the end of the backup
    if (begun.exchange(true)) return;
    auto client = session(db);
    for (int i = 0; i < 2; i++) one(client, "SELECT pg_switch_wal() FROM pg_logical_emit_message(true, 'x', 'y')");
    late = std::make_unique<FakeKeeper>(db);
  };
  const auto refused = copy_running(spec);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("is missing from the vault"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(os::exists(base_dir(state(), "late")));
  spec.progress = {};
  EXPECT_TRUE(copy_running(spec)) << "with the keeper there from the start";
}

/// What of a build shows in the WAL: how full pages are compressed.
TEST(BackupTraps, PagesCompressedInEveryWayComeBack) {
  NEED_POSTGRESQL();
  Source source(83);
  BaseGuard guard{"compressed"};
  {
    auto client = session(source.db);
    one(client, "CREATE TABLE t AS SELECT g AS id, repeat('z', 400) AS pad FROM generate_series(1, 20000) g");
  }
  const Base base = must(copy_running(spec_of("compressed", source.db)));
  int ways = 0;
  for (const char* way : {"off", "on", "lz4", "zstd"}) {
    auto client = session(source.db);
    if (!client.query(std::string("SET wal_compression = ") + way)) continue;  // an older major, or another build
    ways++;
    one(client, "CHECKPOINT");
    one(client, "UPDATE t SET id = id + 1");
  }
  EXPECT_GE(ways, 2);
  const Position target = restore_point(source, "compressed");
  source.keeper->catch_up();
  Restored copy(84);
  ASSERT_EQ(must(copy.restore(must(plan_to_position(source.vault(), {base}, target)))).end, target);
  auto client = copy.open();
  EXPECT_EQ(one(client, "SELECT sum(id) - 200010000 FROM t"), std::to_string(ways * 20000));
}

/// What is replayed is read there, once; segments that have gone there were removed at the end of the recovery.
TEST(BackupTraps, WalIsCheckedWhereItIsReplayedFromWhileItIsThere) {
  NEED_POSTGRESQL();
  Source source(87);
  BaseGuard guard{"beside"};
  const Base base = must(copy_running(spec_of("beside", source.db)));
  for (int i = 0; i < 2; i++) {
    auto client = session(source.db);
    one(client, "SELECT pg_switch_wal() FROM pg_logical_emit_message(true, 'x', 'y')");
  }
  const Position target = restore_point(source, "beside");
  source.keeper->catch_up();
  const Plan plan = must(plan_to_position(source.vault(), {base}, target));
  Restored copy(88);
  must(make_volume(state(), plan, copy.layout(), copy.owner()));
  const std::string wal = copy.layout().data + "/pg_wal";
  must(place_wal(plan.wal, wal));  // all of it, as where it can be cloned
  Plan elsewhere = plan;           // its files can be read in pg_wal only
  for (auto& path : elsewhere.wal) path = "/nowhere" + path.substr(path.rfind('/'));
  EXPECT_TRUE(wal_damage(elsewhere));
  EXPECT_EQ(wal_damage_beside(elsewhere, wal), std::nullopt);
  EXPECT_EQ(wal_damage_beside(plan, "/nowhere"), std::nullopt);
  EXPECT_TRUE(wal_damage_beside(elsewhere, "/nowhere"));
}

TEST(BackupTraps, AnotherBuildsBlocksAndSegmentsAreRefused) {
  NEED_POSTGRESQL();
  const std::string content = must(os::read_file(Shared::get().from.plain + "/global/pg_control"));
  const size_t sum = must(pg::parse_control_file(content)).crc_offset;
  ASSERT_TRUE(parse_control(content));
  for (const auto& [at, value] : {std::pair<size_t, uint32_t>{216, 16384}, {224, 16384}, {228, 64U << 20}}) {
    std::string other = content;
    std::memcpy(other.data() + at, &value, sizeof value);
    const uint32_t crc = pg::crc32c(other.data(), sum);
    std::memcpy(other.data() + sum, &crc, sizeof crc);
    const auto refused = parse_control(other);
    ASSERT_FALSE(refused) << at;
    EXPECT_NE(refused.error().message.find("backups know 8192"), std::string::npos) << refused.error().message;
  }
}

/// Also the server's other files: each write into a shared block makes a copy of it, and the file a patchwork.
TEST(BackupTraps, NothingSharesBlocksWithAServerThatWrites) {
  NEED_POSTGRESQL();
  Source source(85);
  BaseGuard guard{"blocks"};
  const auto from_the_start = sharers_in(source.db.layout().data);
  const Base base = must(copy_running(spec_of("blocks", source.db)));
  for (int i = 0; i < 3; i++) {
    auto client = session(source.db);
    one(client, "CREATE TABLE t" + std::to_string(i) + " AS SELECT generate_series(1, 2000) AS id");
    source.keeper->catch_up();
  }
  const Position target = restore_point(source, "blocks");
  source.keeper->catch_up();
  expect_own_blocks(source.db.layout().data, from_the_start);
  Restored copy(86);
  ASSERT_EQ(must(copy.restore(must(plan_to_position(source.vault(), {base}, target)))).end, target);
  auto client = copy.open();
  for (int i = 0; i < 3; i++) one(client, "SELECT pg_switch_wal() FROM pg_logical_emit_message(true, 'x', 'y')");
  one(client, "CHECKPOINT");
  expect_own_blocks(copy.layout().data + "/pg_wal");
}

}  // namespace
}  // namespace howdah::backup::testing
