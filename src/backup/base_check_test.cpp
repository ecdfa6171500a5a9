// Trap 28: what a disk has changed in a base since it was made.
#include "backup/base_check.h"

#include "backup/testing.h"
#include "os/copy.h"

namespace howdah::backup::testing {
namespace {

namespace fs = std::filesystem;

TEST(BackupCheck, AFlippedBitOfABaseIsNamedAndNeitherRestoredNorInherited) {
  NEED_POSTGRESQL();
  Source source(48);
  BaseGuard guards[] = {{"bits"}, {"bits-rolled"}};
  std::string file;
  {
    auto client = session(source.db);
    one(client, "CREATE TABLE t AS SELECT generate_series(1, 20000) AS id");
    file = one(client, "SELECT pg_relation_filepath('t')");
  }
  const Base base = must(copy_running(spec_of("bits", source.db)));
  const Position target = restore_point(source, "behind");
  source.keeper->catch_up();
  const Plan plan = must(plan_to_position(source.vault(), {base}, target));
  const std::string data = base_dir(state(), "bits") + "/data/";
  EXPECT_EQ(must(damage_of(state(), "bits")), std::nullopt);
  const bool shares = must(os::copy_tree(data + "global", state() + "/shares", {})).reflinked;
  must(os::remove_tree(state() + "/shares"));
  // Among clones only what was copied is read, and the sizes of all.
  flip(data + file, 100);
  EXPECT_EQ(must(damage_beside_clones(state(), "bits", {"PG_VERSION"})), std::nullopt);
  EXPECT_EQ(must(damage_beside_clones(state(), "bits", {"PG_VERSION", file})), must(damage_of(state(), "bits")));
  flip(data + file, 100);
  const std::string version = must(os::read_file(data + "PG_VERSION"));
  fs::resize_file(data + "PG_VERSION", 1);
  EXPECT_NE(must(damage_beside_clones(state(), "bits", {})).value_or("").find("PG_VERSION has 1 bytes"),
            std::string::npos);
  must(os::write_file_atomic(data + "PG_VERSION", version, 0600));
  const std::string spoilt = state() + "/spoilt";
  must(os::copy_tree(data, spoilt, {}));
  EXPECT_EQ(must(damage_seen_in(spoilt, state(), "bits")), std::nullopt);
  flip(spoilt + "/" + file, 100);
  const auto seen = damage_seen_in(spoilt, state(), "bits");
  ASSERT_FALSE(seen) << "the base itself is sound";
  EXPECT_TRUE(seen.error().retry);
  EXPECT_NE(seen.error().message.find("differs from the sound base bits"), std::string::npos) << seen.error().message;
  must(os::remove_tree(spoilt));

  Restored copy(49);
  const auto refused = [&](const std::string& name) {
    const auto damage = must(damage_of(state(), "bits"));
    ASSERT_TRUE(damage) << name;
    EXPECT_NE(damage->find("base bits is damaged: " + name), std::string::npos) << *damage;
    if (!shares) {
      auto made = make_volume(state(), plan, copy.layout(), copy.owner());
      ASSERT_FALSE(made) << name;
      EXPECT_EQ(made.error().message, *damage);
      EXPECT_FALSE(os::exists(copy.layout().data));
      EXPECT_FALSE(os::exists(copy.layout().data + ".tmp"));
    }
    auto rolled = roll_forward(spec_of("bits-rolled", source.db), base, target);
    ASSERT_FALSE(rolled) << name;
    EXPECT_EQ(rolled.error().message, *damage);
  };
  // With a page checksum of its own, and without.
  for (const std::string& name : {file, std::string("pg_xact/0000"), std::string("backup_manifest")}) {
    flip(data + name, 100);
    refused(name);
    flip(data + name, 100);
  }
  fs::resize_file(data + file, fs::file_size(data + file) - 8192);
  refused(file);
  fs::remove(data + file);
  refused(file);
  must(set_base_aside(state(), "bits"));
  EXPECT_FALSE(read_base(state(), "bits"));
  EXPECT_TRUE(os::exists(base_dir(state(), "bits") + ".damaged"));
  must(remove_base(state(), "bits"));
  EXPECT_FALSE(os::exists(base_dir(state(), "bits") + ".damaged"));
}

}  // namespace
}  // namespace howdah::backup::testing
