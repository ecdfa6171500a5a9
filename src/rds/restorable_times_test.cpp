#include "rds/restorable_times.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "backup/vault_files.h"
#include "domain/instance.h"
#include "os/files.h"
#include "rds/to_wire.h"

namespace howdah::rds {
namespace {

using namespace std::chrono_literals;

class RestorableTimesTest : public ::testing::Test {
 protected:
  RestorableTimesTest() {
    char name[] = "/var/tmp/howdah-test-times-XXXXXX";
    state_ = mkdtemp(name);
    store_.use<Instance>();
  }
  ~RestorableTimesTest() override { (void)os::remove_tree(state_); }

  void instance(const std::string& id) {
    Instance i;
    i.scope = {"1", "r"};
    i.identifier = i.resource_id = id;
    i.restorable_from = Time(1s);
    store_.write([&](store::Tx& tx) { tx.put(i); });
  }
  void position(const std::string& id, Time clock) {
    const std::string root = state_ + "/vault/" + id;
    mkdir((state_ + "/vault").c_str(), 0700);
    mkdir(root.c_str(), 0700);
    ASSERT_TRUE(backup::PositionFile(root).write({{1, 100}, clock}));
  }

  std::string state_;
  store::Store store_{store::open_memory()};
};

TEST_F(RestorableTimesTest, AreReadAtTheStartAndNoFileIsOpenedForAnAnswer) {
  for (int n = 0; n < 20; n++) {
    instance("db-" + std::to_string(n));
    position("db-" + std::to_string(n), Time(1h));
  }
  RestorableTimes times(store_, state_);
  times.start();
  ASSERT_TRUE(os::remove_tree(state_ + "/vault"));
  for (int n = 0; n < 20; n++) EXPECT_EQ(times.latest("db-" + std::to_string(n)), Time(1h));
}

TEST_F(RestorableTimesTest, MoveOnWithTheKeeper) {
  instance("db-a");
  position("db-a", Time(1h));
  RestorableTimes times(store_, state_);
  times.start();
  EXPECT_EQ(times.latest("db-a"), Time(1h));
  position("db-a", Time(2h));
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (times.latest("db-a") != Time(2h) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(times.latest("db-a"), Time(2h));
}

TEST_F(RestorableTimesTest, AnInstanceThatIsNewIsLookedUp) {
  RestorableTimes times(store_, state_);
  times.start();
  EXPECT_EQ(times.latest("db-b"), std::nullopt);
  position("db-c", Time(3h));
  EXPECT_EQ(times.latest("db-c"), Time(3h));
}

TEST(RestoreWindow, EndsInAWholeSecondThatLiesInIt) {
  Instance i;
  EXPECT_EQ(last_whole_second(i, Time(9s)), std::nullopt) << "it has not begun";
  i.restorable_from = Time(1500ms);
  EXPECT_EQ(last_whole_second(i, std::nullopt), std::nullopt);
  EXPECT_EQ(last_whole_second(i, Time(1999ms)), std::nullopt) << "a restore to 1 s would be refused";
  EXPECT_EQ(last_whole_second(i, Time(2s)), Time(2s));
  EXPECT_EQ(last_whole_second(i, Time(3700ms)), Time(3s));
}

}  // namespace
}  // namespace howdah::rds
