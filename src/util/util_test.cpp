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
  EXPECT_FALSE(fault::arm("pg.volume", "nonsense"));
  EXPECT_TRUE(fault::arm("pg.volume:made", "error", 2));
  fault::point("pg.volume:copied");
  fault::point("pg.volume:made");
  EXPECT_THROW(fault::point("pg.volume:made"), std::runtime_error);
  fault::point("pg.volume:made");
  EXPECT_TRUE(fault::arm("pg.volume", "error"));
  EXPECT_THROW(fault::point("pg.volume:copied"), std::runtime_error) << "any of its kind";
  fault::disarm_all();
}

TEST(FaultPoint, OnlyOneThatIsThereIsArmed) {
  fault::enable();
  EXPECT_FALSE(fault::arm("step:t/a", "error"));
  fault::add("step", "t/a");
  fault::add("step", "t/b");
  EXPECT_TRUE(fault::arm("step:t/a", "error"));
  EXPECT_THROW(fault::point("step", "t/a"), std::runtime_error);
  EXPECT_TRUE(fault::arm("step", "error"));
  EXPECT_THROW(fault::point("step", "t/b"), std::runtime_error);
  for (const char* name : {"", "st", "step:", "step:t", "step:t/", "step:t/c", "step:t/aa", "pg.volume:mad", ":"}) {
    EXPECT_FALSE(fault::arm(name, "error")) << name;
    EXPECT_FALSE(fault::arm(name, "release")) << name;
  }
  EXPECT_TRUE(fault::arm("step:t", "kill")
                  .error()
                  .message.starts_with("there is no fault point step:t; near it are step:t/a, step:t/b, "));
}

TEST(FaultPoint, HoldsUntilItIsReleased) {
  fault::enable();
  EXPECT_TRUE(fault::arm("pg.start:spawned", "hold"));
  std::atomic<bool> passed{false};
  std::jthread held([&] {
    fault::point("pg.start:spawned");
    passed = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(passed);
  EXPECT_TRUE(fault::arm("pg.start:spawned", "release"));
  held.join();
  EXPECT_TRUE(passed);
  fault::point("pg.start:spawned");  // a release outlives nothing: the point is free
}

}  // namespace howdah
