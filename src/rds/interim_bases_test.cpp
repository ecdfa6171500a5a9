#include "rds/interim_bases.h"

#include "domain/automated_backup.h"
#include "domain/interim_base.h"
#include "rds/catalog_testing.h"
#include "rds/flows.h"

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
  const InterimBase b{
      .base_id = "base-a", .resource_id = "db-A", .timeline = 3, .lsn = 0xFFFFFFFFFF, .begun = Time(Millis(7))};
  const auto back = InterimBase::decode(b.encode());
  EXPECT_EQ(back.encode(), b.encode());
  EXPECT_EQ(back.lsn, b.lsn);
  EXPECT_EQ(back.timeline, 3u);
  EXPECT_EQ(back.workflow(), "base/base-a");
}

class InterimBasesTest : public testing::Catalogued {
 protected:
  InterimBasesTest() {
    store_.use<AutomatedBackup>();
    store_.use<InterimBase>();
    register_flows(flows_, rds_);
    Instance i = put_instance("a");
    i.backup_retention = 7;
    store(i);
    store(InterimBase{.base_id = "base-a", .resource_id = i.resource_id, .begun = clock_.now()});
  }
  template <class T>
  void store(T record) {
    store_.write([&](store::Tx& tx) { tx.put(record); });
  }
  Instance instance() { return *store_.all<Instance>().front(); }
  bool there() {
    bases_.expire();
    return store_.get<InterimBase>("base-a") != nullptr;
  }
  InterimBases bases_{rds_};
};

TEST_F(InterimBasesTest, GoAfterADay) {
  clock_.advance(std::chrono::hours(23));
  EXPECT_TRUE(there());
  clock_.advance(std::chrono::hours(1));
  EXPECT_FALSE(there());
}

TEST_F(InterimBasesTest, OfATimeThatHasNotComeGo) {
  clock_.leap(-std::chrono::days(21));
  EXPECT_FALSE(there());
}

TEST_F(InterimBasesTest, GoWithTheBackupsOfTheirInstance) {
  EXPECT_TRUE(there());
  Instance i = instance();
  const AutomatedBackup retained{.source = i, .deleted = clock_.now()};
  store(retained);
  store_.write([&](store::Tx& tx) { tx.erase<Instance>(i.key()); });
  EXPECT_TRUE(there()) << "they were retained";
  store_.write([&](store::Tx& tx) { tx.erase<AutomatedBackup>(retained.key()); });
  EXPECT_FALSE(there());
}

TEST_F(InterimBasesTest, GoWhenTheRetentionPeriodBecomesZero) {
  Instance i = instance();
  i.backup_retention = 0;
  store(i);
  EXPECT_FALSE(there());
}

class NewestBaseTest : public InterimBasesTest {
 protected:
  NewestBaseTest() {
    store_.write([&](store::Tx& tx) { tx.erase<InterimBase>("base-a"); });
    snapshot("old", 10, true);
  }
  Snapshot snapshot(const std::string& name, uint64_t lsn, bool materialised) {
    Snapshot s{.scope = instance().scope, .identifier = name, .id = name, .base_id = "base-" + name};
    s.source = instance();
    s.state = Snapshot::State::available;
    s.lsn = lsn;
    s.materialised = materialised;
    store(s);
    return s;
  }
  NewestBase newest() { return newest_bases(store_).at(instance().resource_id); }
};

TEST_F(NewestBaseTest, IsOfASnapshotOrBetweenTwo) {
  EXPECT_EQ(newest().lsn, 10);
  store(InterimBase{.base_id = "base-b", .resource_id = instance().resource_id, .lsn = 20});
  EXPECT_EQ(newest().lsn, 20);
  snapshot("new", 30, true);
  EXPECT_EQ(newest().lsn, 30);
  EXPECT_FALSE(newest().being_made);
}

TEST_F(NewestBaseTest, WaitsForASnapshotOnlyWhileWorkIsDoneForIt) {
  Snapshot s = snapshot("new", 30, false);
  EXPECT_FALSE(newest().being_made) << "it could not be made independent";
  EXPECT_EQ(newest().lsn, 10) << "it is a position, no base";
  store_.write([&](store::Tx& tx) { flows_.start(tx, kMaterialise, "base/" + s.base_id); });
  EXPECT_TRUE(newest().being_made);
  store_.write([&](store::Tx& tx) { tx.erase<flow::Workflow>("base/" + s.base_id); });
  s.state = Snapshot::State::creating;
  store(s);
  EXPECT_TRUE(newest().being_made);
}

}  // namespace
}  // namespace howdah::rds
