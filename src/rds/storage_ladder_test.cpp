#include "rds/storage_ladder.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "os/copy.h"

namespace howdah::rds {
namespace {

TEST(StorageLadder, GoesUpAtATenthAndATwentiethAndDownALittleLater) {
  EXPECT_EQ(storage_level(0, 0.11), 0);
  EXPECT_EQ(storage_level(0, 0.10), 1);
  EXPECT_EQ(storage_level(0, 0.05), 2);
  EXPECT_EQ(storage_level(1, 0.11), 1);
  EXPECT_EQ(storage_level(1, 0.13), 0);
  EXPECT_EQ(storage_level(1, 0.049), 2);
  EXPECT_EQ(storage_level(2, 0.06), 2);
  EXPECT_EQ(storage_level(2, 0.08), 1);
  EXPECT_EQ(storage_level(2, 0.11), 1);
  EXPECT_EQ(storage_level(2, 0.50), 0);
  EXPECT_EQ(storage_level(0, 0), 2);
}

TEST(StorageLadder, LittleIsLeftOfADiskThatWouldBeFull) {
  EXPECT_TRUE(little_is_left("/", 1ULL << 62));
  EXPECT_FALSE(little_is_left("/proc", 1ULL << 62)) << "of no size";
  EXPECT_FALSE(little_is_left("/var/tmp/not-there", 1ULL << 62));
}

TEST(StorageLadder, CopiesStopBeforeItsLastStep) {
  for (const uint64_t size : {2ULL << 30, 20ULL << 30, 5ULL << 40}) {
    const auto judged = static_cast<double>(std::min<uint64_t>(size, os::kMostOfDisk));
    EXPECT_EQ(storage_level(0, static_cast<double>(os::left_to_databases(size)) / judged), 1) << size;
  }
}

}  // namespace
}  // namespace howdah::rds
