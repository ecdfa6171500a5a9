#include "rds/adaptive_autovacuum.h"

#include <gtest/gtest.h>

namespace howdah::rds {
namespace {

TEST(AdaptiveAutovacuum, Levels) {
  EXPECT_EQ(hurry_level(499'999'999, 200'000'000), 0);
  EXPECT_EQ(hurry_level(500'000'000, 200'000'000), 1);
  EXPECT_EQ(hurry_level(600'000'000, 700'000'000), 0) << "nothing is vacuumed for its age before that";
  EXPECT_EQ(hurry_level(1'000'000'000, 200'000'000), 2);
}

TEST(AdaptiveAutovacuum, ChangesOnlyWhatIsSlower) {
  const auto at = [](int level, pg::Settings settings) {
    hurry_autovacuum(settings, level);
    return settings;
  };
  const pg::Settings slow = {
      {"autovacuum_vacuum_cost_delay", "20"}, {"autovacuum_naptime", "60"}, {"work_mem", "4096"}};
  EXPECT_EQ(at(0, slow), slow);
  EXPECT_EQ(at(1, slow), (pg::Settings{{"autovacuum_vacuum_cost_delay", "2"},
                                       {"autovacuum_vacuum_cost_limit", "2000"},
                                       {"autovacuum_naptime", "15"},
                                       {"work_mem", "4096"}}));
  EXPECT_EQ(at(2, slow).at("autovacuum_vacuum_cost_delay"), "0");
  const pg::Settings fast = {
      {"autovacuum_vacuum_cost_delay", "0.5"}, {"autovacuum_vacuum_cost_limit", "5000"}, {"autovacuum_naptime", "1"}};
  EXPECT_EQ(at(1, fast), fast);
  EXPECT_EQ(at(1, {{"autovacuum_vacuum_cost_delay", "-1"}}).at("autovacuum_vacuum_cost_delay"), "2");
}

}  // namespace
}  // namespace howdah::rds
