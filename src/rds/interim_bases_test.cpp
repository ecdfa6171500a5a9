#include "rds/interim_bases.h"

#include <gtest/gtest.h>

#include "domain/interim_base.h"

namespace howdah::rds {
namespace {

constexpr uint64_t kGb = 1 << 30;

TEST(InterimBases, AClonePaysAsSoonAsThereIsEnoughWal) {
  EXPECT_FALSE(interim_base_pays(2 * kGb - 1, 2 * kGb, 500 * kGb, true));
  EXPECT_TRUE(interim_base_pays(2 * kGb, 2 * kGb, 500 * kGb, true));
}

TEST(InterimBases, ACopyTakesNoMoreThanAQuarterOfTheWalBehindIt) {
  EXPECT_FALSE(interim_base_pays(7 * kGb, 2 * kGb, 2 * kGb, false));
  EXPECT_TRUE(interim_base_pays(8 * kGb, 2 * kGb, 2 * kGb, false));
  EXPECT_FALSE(interim_base_pays(1 * kGb, 2 * kGb, kGb / 64, false)) << "too little to be worth a base at all";
}

TEST(InterimBases, SurviveTheStore) {
  InterimBase b{
      .base_id = "base-a", .resource_id = "db-A", .timeline = 3, .lsn = 0xFFFFFFFFFF, .begun = Time(Millis(7))};
  b.made = true;
  const auto back = InterimBase::decode(b.encode());
  EXPECT_EQ(back.encode(), b.encode());
  EXPECT_EQ(back.lsn, b.lsn);
  EXPECT_EQ(back.timeline, 3u);
  EXPECT_EQ(back.workflow(), "base/base-a");
  EXPECT_TRUE(back.made);
}

}  // namespace
}  // namespace howdah::rds
