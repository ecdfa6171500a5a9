#include "rds/hosts.h"

#include <gtest/gtest.h>

namespace howdah::rds {

TEST(Hosts, ReplacesOnlyItsOwnBlock) {
  const std::string base = "127.0.0.1 localhost\n";
  const std::string one = with_block(base, "/a", "127.20.0.1 x\n");
  EXPECT_EQ(one, base + "# BEGIN howdah /a\n127.20.0.1 x\n# END howdah /a\n");
  const std::string two = with_block(one, "/b", "127.30.0.1 y\n");
  EXPECT_EQ(with_block(with_block(two, "/a", ""), "/b", ""), base);
  EXPECT_EQ(with_block(one, "/a", "127.20.0.1 x\n"), one);
  EXPECT_EQ(with_block("no newline", "/a", "l\n"), "no newline\n# BEGIN howdah /a\nl\n# END howdah /a\n");
}

}  // namespace howdah::rds
