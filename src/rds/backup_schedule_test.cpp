#include "rds/backup_schedule.h"

#include <gtest/gtest.h>

namespace howdah::rds {
namespace {

Time at(int day, int hour, int minute) {
  return Time(std::chrono::days(20'000 + day) + std::chrono::hours(hour) + std::chrono::minutes(minute));
}

TEST(BackupSchedule, LastWindowIsTodaysOnceItHasBegun) {
  EXPECT_EQ(last_window("03:00-03:30", at(0, 3, 0)), at(0, 3, 0));
  EXPECT_EQ(last_window("03:00-03:30", at(0, 23, 59)), at(0, 3, 0));
  EXPECT_EQ(last_window("03:00-03:30", at(0, 2, 59)), at(-1, 3, 0));
}

TEST(BackupSchedule, WindowsOverMidnightBeginOnTheDayBefore) {
  EXPECT_EQ(last_window("23:45-00:15", at(0, 0, 5)), at(-1, 23, 45));
  EXPECT_EQ(last_window("23:45-00:15", at(0, 23, 50)), at(0, 23, 45));
}

}  // namespace
}  // namespace howdah::rds
