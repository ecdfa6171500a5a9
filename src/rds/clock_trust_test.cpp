#include "rds/clock_trust.h"

#include "domain/automated_backup.h"
#include "domain/interim_base.h"
#include "rds/backup_schedule.h"
#include "rds/catalog_testing.h"
#include "rds/events.h"
#include "rds/flows.h"

namespace howdah::rds {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

class ClockTrustTest : public testing::Catalogued {
 protected:
  ClockTrustTest() {
    Instance i = put_instance("a");
    i.backup_retention = 7;
    i.rest = Rest::stopped;
    store_.write([&](store::Tx& tx) { tx.put(i); });
  }
  std::vector<std::string> told() {
    std::vector<std::string> out;
    for (const auto& e : call(describe_events, {}).events) out.push_back(*e.message);
    return out;
  }
};

TEST_F(ClockTrustTest, BelievesTimeThatPasses) {
  ClockTrust trust(rds_);
  for (int n = 0; n < 40; n++) {
    EXPECT_TRUE(trust.look());
    clock_.advance(days(1));
  }
  clock_.leap(minutes(50));
  EXPECT_TRUE(trust.look()) << "a step that a time server makes";
  clock_.leap(-days(400));
  EXPECT_TRUE(trust.look()) << "nothing expires too early by it";
}

TEST_F(ClockTrustTest, DoubtsALeapForADay) {
  ClockTrust trust(rds_);
  EXPECT_TRUE(trust.look());
  clock_.leap(days(21) - Millis(40));  // it is slewed as well
  EXPECT_FALSE(trust.look());
  ASSERT_EQ(told().size(), 1U);
  EXPECT_NE(told()[0].find("21 days ahead"), std::string::npos) << told()[0];
  EXPECT_NE(told()[0].find("no automated backup expires before 2027-02-06"), std::string::npos) << told()[0];
  EXPECT_FALSE(trust.look());
  EXPECT_EQ(told().size(), 1U);
  clock_.advance(hours(23));
  EXPECT_FALSE(trust.look());
  clock_.leap(days(1));  // once more
  EXPECT_FALSE(trust.look());
  clock_.advance(hours(23));
  EXPECT_FALSE(trust.look());
  clock_.advance(hours(1));
  EXPECT_TRUE(trust.look());
  EXPECT_TRUE(trust.look());
}

TEST_F(ClockTrustTest, BelievesAClockThatIsSetRight) {
  ClockTrust trust(rds_);
  EXPECT_TRUE(trust.look());
  clock_.leap(days(21));
  EXPECT_FALSE(trust.look());
  clock_.leap(-days(21));
  EXPECT_TRUE(trust.look());
  ASSERT_EQ(told().size(), 1U);
  EXPECT_NE(told()[0].find("set right"), std::string::npos) << told()[0];
  clock_.advance(hours(30));
  EXPECT_TRUE(trust.look());
}

TEST_F(ClockTrustTest, ADaemonThatWasAwayForLongWhileTheMachineWasOffCannotTell) {
  EXPECT_TRUE(ClockTrust(rds_, "1").look());
  clock_.advance(hours(23));
  EXPECT_TRUE(ClockTrust(rds_, "2").look());
  clock_.advance(days(3));
  EXPECT_FALSE(ClockTrust(rds_, "3").look());
  clock_.advance(hours(2));
  EXPECT_FALSE(ClockTrust(rds_, "3").look()) << "the doubt outlives the daemon";
  clock_.leap(-days(2));
  EXPECT_TRUE(ClockTrust(rds_, "3").look());
  ClockTrust begun(rds_, "4");
  clock_.advance(days(3));  // between its start and its first look
  EXPECT_TRUE(begun.look());
  clock_.advance(days(2));
  EXPECT_FALSE(ClockTrust(rds_, "").look()) << "a machine that does not say when it was started";
}

TEST_F(ClockTrustTest, ADaemonThatWasAwayWhileTheMachineRanCanTell) {
  EXPECT_TRUE(ClockTrust(rds_).look());
  clock_.advance(days(3));
  EXPECT_TRUE(ClockTrust(rds_).look()) << "so much time has passed";
  clock_.advance(hours(1));
  clock_.leap(hours(20));
  EXPECT_FALSE(ClockTrust(rds_).look()) << "less than a day";
  clock_.advance(hours(1));
  EXPECT_FALSE(ClockTrust(rds_).look());
  EXPECT_EQ(told().size(), 1U);
  clock_.leap(-hours(20));
  EXPECT_TRUE(ClockTrust(rds_).look());
  for (int n = 0; n < 2; n++) {
    clock_.leap(minutes(40));
    EXPECT_EQ(ClockTrust(rds_).look(), n == 0) << "small ones add up as they do for one that stays";
  }
}

TEST_F(ClockTrustTest, NothingExpiresByAClockThatIsDoubted) {
  store_.use<AutomatedBackup>();
  store_.use<InterimBase>();
  register_flows(flows_, rds_);
  BackupSchedule schedule(rds_);
  AutomatedBackup kept{.source = put_instance("gone"), .deleted = clock_.now()};
  kept.source.backup_retention = 7;
  store_.write([&](store::Tx& tx) {
    tx.put(kept);
    tx.erase<Instance>(kept.source.key());
  });
  const auto there = [&] {
    schedule.tick();
    return store_.get<AutomatedBackup>(kept.key()) != nullptr;
  };
  EXPECT_TRUE(there());
  clock_.leap(days(30));
  EXPECT_TRUE(there());
  clock_.leap(-days(30));
  EXPECT_TRUE(there());
  clock_.advance(days(6));
  EXPECT_TRUE(there());
  clock_.advance(days(1));
  EXPECT_FALSE(there());
}

}  // namespace
}  // namespace howdah::rds
