#include "cli/instant.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <string>

namespace howdah::cli {
namespace {

struct InZone : testing::Test {
  InZone() {
    setenv("TZ", "Europe/London", 1);
    tzset();
  }
  ~InZone() override {
    unsetenv("TZ");
    tzset();
  }
  static int64_t at(std::string_view text) {
    const auto t = parse_instant(text);
    return t ? t->time_since_epoch().count() : -1;
  }
};

}  // namespace

TEST_F(InZone, ReadsOffsetsAndTheLocalZone) {
  EXPECT_EQ(at("2026-11-20T10:05:00Z"), 1795169100000);
  EXPECT_EQ(at("2026-11-20 10:05"), 1795169100000);  // winter: the same
  EXPECT_EQ(at("2026-11-20 11:05:00+01:00"), 1795169100000);
  EXPECT_EQ(at("2026-11-20 08:35 -0130"), 1795169100000);
  EXPECT_EQ(at("2026-11-20 10:05:00.25Z"), 1795169100250);
  EXPECT_EQ(at("2026-07-01 10:00"), at("2026-07-01 09:00Z"));  // summer
}

TEST_F(InZone, RefusesWhatClocksDidNotShowOnce) {
  if (at("2026-07-01 10:00") == at("2026-07-01 10:00Z")) GTEST_SKIP() << "no time zone data on this machine";
  EXPECT_EQ(at("2026-03-29 01:30"), -1);  // skipped
  EXPECT_EQ(at("2026-10-25 01:30"), -1);  // twice
  EXPECT_NE(at("2026-10-25 01:30Z"), -1);
}

TEST_F(InZone, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "yesterday", "2026-02-31 10:00", "2026-11-20", "2026-11-20 25:00", "2026-11-20 10:05 CET"}) {
    EXPECT_EQ(at(text), -1) << text;
  }
  EXPECT_EQ(at("2026-11-20 10:05" + std::string(100'000, ' ') + "Z"), -1) << "must not take the stack for it";
}

}  // namespace howdah::cli
