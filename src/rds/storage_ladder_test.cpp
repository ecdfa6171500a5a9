#include "rds/storage_ladder.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace howdah::rds
