#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "util/fault_point.h"
#include "util/id.h"

namespace howdah {

TEST(Id, HasAwsForms) {
  EXPECT_EQ(id::db_resource().size(), 29u);
  EXPECT_EQ(id::ec2("sg").size(), 20u);
  EXPECT_EQ(id::uuid()[14], '4');
  EXPECT_EQ(id::stable_hex("a", 12), id::stable_hex("a", 12));
  EXPECT_NE(id::stable_hex("a", 12), id::stable_hex("b", 12));
}

TEST(Id, DoesNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; i++) EXPECT_TRUE(seen.insert(id::db_resource()).second);
}

TEST(FaultPoint, ActsAtTheArmedPassingOnly) {
  fault::enable();
  EXPECT_FALSE(fault::arm("p", "nonsense"));
  EXPECT_TRUE(fault::arm("p:x", "error", 2));
  fault::point("p", "y");
  fault::point("p", "x");
  EXPECT_THROW(fault::point("p", "x"), std::runtime_error);
  fault::point("p", "x");
  fault::disarm_all();
}

TEST(FaultPoint, HoldsUntilItIsReleased) {
  fault::enable();
  EXPECT_TRUE(fault::arm("h", "hold"));
  std::atomic<bool> passed{false};
  std::jthread held([&] {
    fault::point("h");
    passed = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(passed);
  EXPECT_TRUE(fault::arm("h", "release"));
  held.join();
  EXPECT_TRUE(passed);
  fault::point("h");  // a release outlives nothing: the point is free
}

}  // namespace howdah
