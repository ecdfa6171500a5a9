#include "pg/volume_stock.h"

#include <sys/stat.h>

#include <set>
#include <thread>

#include "pg/control_file.h"
#include "pg/testing.h"

namespace howdah::pg::testing {

using namespace std::chrono_literals;

namespace {

bool appears(const std::string& path) {
  for (int i = 0; i < 2000 && !os::exists(path); i++) std::this_thread::sleep_for(10ms);
  return os::exists(path);
}

}  // namespace

TEST(VolumeStock, EachReadyVolumeIsTakenOnceAndHasAnIdentityOfItsOwn) {
  NEED_POSTGRESQL();
  Shared& s = Shared::get();
  const std::string ready = s.from.plain + ".ready";
  must(os::remove_tree(ready));
  const os::Owner owner = s.identity.instance(37);
  // Foretold rightly for the second, wrongly for the third.
  std::atomic<int> made = 0;
  const auto next_owner = [&] { return s.identity.instance(made++ == 0 ? 37 : 38); };
  const Layout layout = layout_of(s.scratch.path(), "db-STOCK");
  VolumeStock stock(1ms, next_owner);
  std::set<uint64_t> identities;
  for (int n = 0; n < 3; n++) {  // the first is a copy, the others are ready ones
    ASSERT_TRUE(n == 0 || appears(ready));
    if (struct stat top{}; n > 0 && stat(ready.c_str(), &top) == 0) {
      EXPECT_EQ(top.st_uid, s.identity.instance(n == 1 ? 37 : 38).uid);
    }
    must(make_layout(s.scratch.path(), layout, owner));
    const Volume volume = must(create_volume(s.from, false, layout, owner, &stock));
    EXPECT_TRUE(volume.created);
    EXPECT_EQ(must(system_identifier_of(layout.data)), volume.system_identifier);
    EXPECT_TRUE(identities.insert(volume.system_identifier).second);
    EXPECT_TRUE(n == 0 || !os::exists(layout.data + ".tmp"));
    struct stat st {};
    ASSERT_EQ(stat((layout.data + "/global/pg_control").c_str(), &st), 0);
    EXPECT_EQ(st.st_uid, owner.uid);
    EXPECT_EQ(st.st_mode & 07777, 0600u);
    EXPECT_EQ(*os::repair_tree(layout.data, owner), 0u);
    must(remove_volume(layout));
  }
  EXPECT_TRUE(appears(ready));
  must(os::remove_tree(ready));
}

TEST(VolumeStock, AHalfMadeOneIsMadeAnewAndABurstCopiesForItself) {
  NEED_POSTGRESQL();
  Shared& s = Shared::get();
  const std::string ready = s.from.plain + ".ready", to = s.scratch.path() + "/taken";
  must(os::remove_tree(ready));
  must(os::ensure_dir(s.from.plain + ".making", 0700));
  {
    VolumeStock stock(1ms);
    EXPECT_FALSE(stock.take(s.from.plain, to));
    ASSERT_TRUE(appears(ready));
    EXPECT_TRUE(os::exists(ready + "/PG_VERSION"));
  }
  VolumeStock patient(1h);
  EXPECT_TRUE(patient.take(s.from.plain, to));
  EXPECT_FALSE(patient.take(s.from.plain, to + "2"));  // and ends at once, though one is wanted
  EXPECT_FALSE(os::exists(to + "2"));
  must(os::remove_tree(to));
}

TEST(VolumeStock, KeepsNothingWhenItIsTurnedOff) {
  VolumeStock none(0ms);
  EXPECT_FALSE(none.take("/nowhere", "/nowhere-else"));
}

}  // namespace howdah::pg::testing
