#include "rds/snapshots.h"

#include "domain/automated_backup.h"
#include "rds/automated_backups.h"
#include "rds/catalog_testing.h"
#include "rds/flows.h"
#include "rds/instances.h"

namespace howdah::rds {
namespace {

using Names = std::vector<std::string>;
using aws::rds::DescribeDBInstanceAutomatedBackupsMessage;
using aws::rds::DescribeDBSnapshotsMessage;

class SnapshotsTest : public testing::Catalogued {
 protected:
  SnapshotsTest() {
    store_.use<AutomatedBackup>();
    register_flows(flows_, rds_);
  }
  Instance rests(const std::string& name, Rest rest) {
    Instance i = put_instance(name);
    i.rest = rest;
    i.backup_retention = 7;
    store_.write([&](store::Tx& tx) { tx.put(i); });
    return i;
  }
  void put_snapshot(const std::string& name, const Instance& of, Snapshot::State state = Snapshot::State::available,
                    const std::string& account = kAccount, const std::string& region = "eu-west-2") {
    Snapshot s = new_snapshot(rds_, of, name, name.starts_with("rds:"));
    s.scope = {account, region};
    s.state = state;
    if (account != kAccount) s.shared_with = {kAccount};
    store_.write([&](store::Tx& tx) { tx.put(s); });
  }
  void erase_snapshot(const std::string& name) {
    store_.write([&](store::Tx& tx) { tx.erase<Snapshot>(scope_.key(name)); });
  }
  std::string take(const std::string& name, const std::string& of) {
    return fault(create_db_snapshot, {.db_snapshot_identifier = name, .db_instance_identifier = of});
  }
  /// The names of one page; `in` asks for the next one afterwards.
  Names page(DescribeDBSnapshotsMessage& in) {
    Names out;
    const auto got = call(describe_db_snapshots, in);
    for (const auto& s : got.db_snapshots) out.push_back(*s.db_snapshot_identifier);
    in.marker = got.marker;
    return out;
  }
  Names found(DescribeDBSnapshotsMessage in, const std::map<std::string, Names>& filters = {}) {
    for (const auto& [name, values] : filters) {
      auto& filter = in.filters.add();
      filter.name = name;
      for (const auto& value : values) filter.values.add(value);
    }
    return page(in);
  }
};

std::string numbered(const std::string& prefix, int n) { return prefix + (n < 10 ? "0" : "") + std::to_string(n); }

TEST_F(SnapshotsTest, AreTakenInAllStatesInWhichThereAreFiles) {
  const auto state = "InvalidDBInstanceState";
  for (const auto& [rest, code] : {std::pair(Rest::available, ""),
                                   {Rest::failed, ""},
                                   {Rest::incompatible_parameters, ""},
                                   {Rest::stopped, ""},
                                   {Rest::creating, state},
                                   {Rest::incompatible_restore, state}}) {
    const std::string name = "i" + std::to_string(static_cast<int>(rest));
    rests(name, rest);
    EXPECT_EQ(take("of-" + name, name), code) << status_word(rest);
    if (*code == '\0') {
      EXPECT_EQ(take("twice-" + name, name), state) << "one at a time";
    }
  }
  const Instance full = rests("full", Rest::available);
  store_.write([&](store::Tx& tx) { tx.put(Condition{.resource_id = full.resource_id, .storage_level = 2}); });
  EXPECT_EQ(take("of-full", "full"), "") << "storage-full";
}

TEST_F(SnapshotsTest, TheQuotaIsOfManualOnesWhateverBecameOfThem) {
  config_.quotas["ManualSnapshots"] = 4;
  const Instance a = rests("a", Rest::failed), b = rests("b", Rest::available);
  put_snapshot("good", a);
  put_snapshot("bad", a, Snapshot::State::failed);
  put_snapshot("coming", a, Snapshot::State::creating);
  for (int n = 0; n < 5; n++) put_snapshot(numbered("rds:a-", n), a);
  put_snapshot("foreign", a, Snapshot::State::available, "210987654321");
  put_snapshot("elsewhere", a, Snapshot::State::available, kAccount, "us-west-2");
  EXPECT_EQ(take("fourth", "a"), "");
  const auto before = store_.all<Snapshot>().size();
  const std::string full = "SnapshotQuotaExceeded";
  EXPECT_EQ(take("fifth", "b"), full);
  EXPECT_NE(message_.find("more than 4"), std::string::npos) << message_;
  EXPECT_EQ(
      fault(copy_db_snapshot, {.source_db_snapshot_identifier = "good", .target_db_snapshot_identifier = "fifth"}),
      full);
  EXPECT_EQ(
      fault(copy_db_snapshot, {.source_db_snapshot_identifier = "rds:a-01", .target_db_snapshot_identifier = "fifth"}),
      full);
  EXPECT_EQ(fault(stop_db_instance, {.db_instance_identifier = "b", .db_snapshot_identifier = "fifth"}), full);
  EXPECT_EQ(fault(delete_db_instance, {.db_instance_identifier = "b", .final_db_snapshot_identifier = "fifth"}), full);
  EXPECT_EQ(store_.all<Snapshot>().size(), before);
  EXPECT_FALSE(store_.get<flow::Workflow>(b.workflow())) << "nothing was begun";
  EXPECT_EQ(take("good", "b"), "DBSnapshotAlreadyExists") << "comes before the quota";
  EXPECT_EQ(fault(delete_db_snapshot, {.db_snapshot_identifier = "coming"}), "InvalidDBSnapshotState");
  EXPECT_EQ(fault(delete_db_snapshot, {.db_snapshot_identifier = "bad"}), "");
  EXPECT_EQ(take("fifth", "b"), "");
}

TEST_F(SnapshotsTest, WhatFailedIsNeitherCopiedNorRestoredNorShared) {
  put_snapshot("bad", rests("a", Rest::available), Snapshot::State::failed);
  const std::string state = "InvalidDBSnapshotState";
  EXPECT_EQ(fault(copy_db_snapshot, {.source_db_snapshot_identifier = "bad", .target_db_snapshot_identifier = "c"}),
            state);
  EXPECT_EQ(fault(modify_db_snapshot_attribute, {.db_snapshot_identifier = "bad", .attribute_name = "restore"}), state);
  EXPECT_EQ(*call(describe_db_snapshots, {.db_snapshot_identifier = "BAD"}).db_snapshots.begin()->status, "failed");
}

TEST_F(SnapshotsTest, PagesHoldEachOnceWhileOthersComeAndGo) {
  const Instance a = rests("a", Rest::available);
  for (int n = 49; n >= 0; n--) put_snapshot(numbered("m", n), a);
  for (int n = 0; n < 30; n++) {
    put_snapshot(numbered("m", n) + "x", a, Snapshot::State::available, "210987654321");
    put_snapshot(numbered("m", n) + "y", a, Snapshot::State::available, kAccount, "us-west-2");
  }
  DescribeDBSnapshotsMessage in{.max_records = 20};
  Names seen = page(in);
  EXPECT_EQ(seen.size(), 20U);
  put_snapshot("b", a);     // before the place
  put_snapshot("m19a", a);  // right behind it
  put_snapshot("z", a);
  for (const char* name : {"m05", "m19", "m20", "m49"}) erase_snapshot(name);  // also the one that the marker names
  while (in.marker) {
    const Names more = page(in);
    EXPECT_TRUE(more.size() == 20 || !in.marker) << more.size();
    seen.insert(seen.end(), more.begin(), more.end());
  }
  Names wanted;
  for (int n = 0; n < 50; n++) {
    if (n != 20 && n != 49) wanted.push_back(numbered("m", n));
    if (n == 19) wanted.push_back("m19a");
  }
  wanted.push_back("z");
  EXPECT_EQ(seen, wanted);

  DescribeDBSnapshotsMessage shared{.snapshot_type = "shared", .max_records = 20};
  EXPECT_EQ(page(shared).size(), 20U);
  ASSERT_TRUE(shared.marker);
  EXPECT_EQ(page(shared).size(), 10U);
  EXPECT_FALSE(shared.marker);
}

TEST_F(SnapshotsTest, FiltersMustAllMatch) {
  const Instance a = rests("a", Rest::available), b = rests("b", Rest::failed);
  put_snapshot("one", a);
  put_snapshot("two", b, Snapshot::State::failed);
  put_snapshot("rds:a-2026", a);
  const Names one{"one"}, two{"two"}, of_a{"one", "rds:a-2026"}, none;
  EXPECT_EQ(found({}), (Names{"one", "rds:a-2026", "two"}));
  EXPECT_EQ(found({.db_instance_identifier = "A"}), of_a);
  EXPECT_EQ(found({.db_instance_identifier = a.arn()}), of_a);
  EXPECT_EQ(found({.snapshot_type = "manual"}), (Names{"one", "two"}));
  EXPECT_EQ(found({.db_instance_identifier = "a", .snapshot_type = "manual"}), one);
  EXPECT_EQ(found({.dbi_resource_id = b.resource_id}), two);
  EXPECT_EQ(found({.db_snapshot_identifier = "two", .snapshot_type = "automated"}), none);
  EXPECT_EQ(found({}, {{"db-instance-id", {"B"}}}), two);
  EXPECT_EQ(found({}, {{"db-instance-id", {a.arn(), "b"}}}), (Names{"one", "rds:a-2026", "two"}));
  EXPECT_EQ(found({}, {{"db-instance-id", {"a"}}, {"snapshot-type", {"manual"}}}), one);
  EXPECT_EQ(found({}, {{"db-snapshot-id", {"ONE", "RDS:A-2026", "nobody"}}}), of_a);
  EXPECT_EQ(found({}, {{"dbi-resource-id", {b.resource_id, "db-NOBODY"}}}), two);
  EXPECT_EQ(found({}, {{"engine", {"mysql"}}}), none);
  EXPECT_EQ(found({}, {{"snapshot-type", {"shared"}}}), none);
  EXPECT_EQ(found({.db_instance_identifier = "a"}, {{"db-instance-id", {"b"}}}), none);
  DescribeDBSnapshotsMessage odd;
  odd.filters.add().name = "status";
  EXPECT_EQ(fault(describe_db_snapshots, odd), "InvalidParameterValue");
}

class AutomatedBackupsTest : public SnapshotsTest {
 protected:
  void retain(const std::string& name) {
    AutomatedBackup kept{.source = put_instance(name), .deleted = clock_.now()};
    kept.source.backup_retention = 7;
    store_.write([&](store::Tx& tx) {
      tx.put(kept);
      tx.erase<Instance>(kept.source.key());
    });
  }
  Names page(DescribeDBInstanceAutomatedBackupsMessage& in) {
    Names out;
    const auto got = call(describe_db_instance_automated_backups, in);
    for (const auto& b : got.db_instance_automated_backups) out.push_back(*b.db_instance_identifier);
    in.marker = got.marker;
    return out;
  }
};

TEST_F(AutomatedBackupsTest, PagesHoldEachOnceWhileOthersComeAndGo) {
  for (int n = 0; n < 50; n++) n % 3 == 0 ? retain(numbered("i", n)) : (void)rests(numbered("i", n), Rest::available);
  rests("i07a", Rest::creating);
  put_instance("i08a");  // has no backups
  DescribeDBInstanceAutomatedBackupsMessage in{.max_records = 20};
  Names seen = page(in);
  EXPECT_EQ(seen.size(), 20U);
  retain("i19");  // it is deleted, its backups stay
  retain("i25");
  rests("i19b", Rest::available);
  store_.write([&](store::Tx& tx) { tx.erase<Instance>(scope_.key("i40")); });
  while (in.marker) {
    const Names more = page(in);
    seen.insert(seen.end(), more.begin(), more.end());
  }
  Names wanted;
  for (int n = 0; n < 50; n++) {
    if (n != 40) wanted.push_back(numbered("i", n));
    if (n == 19) wanted.push_back("i19b");
  }
  EXPECT_EQ(seen, wanted);
  for (const auto& [status, many] : {std::pair("retained", 19), {"creating", 31}, {"active", 0}}) {
    DescribeDBInstanceAutomatedBackupsMessage of;
    auto& filter = of.filters.add();
    filter.name = "status";
    filter.values.add(status);
    EXPECT_EQ(page(of).size(), static_cast<size_t>(many)) << status;
  }
  for (const int wrong : {19, 101}) {
    EXPECT_EQ(fault(describe_db_instance_automated_backups, {.max_records = wrong}), "InvalidParameterValue");
  }
}

TEST_F(AutomatedBackupsTest, AtMostFortyAreRetained) {
  for (int n = 0; n < 40; n++) retain(numbered("i", n));
  rests("a", Rest::available);
  aws::rds::DeleteDBInstanceMessage in{.db_instance_identifier = "a", .skip_final_snapshot = true};
  in.delete_automated_backups = false;
  EXPECT_EQ(fault(delete_db_instance, in), "DBInstanceAutomatedBackupQuotaExceeded");
  in.delete_automated_backups = true;
  EXPECT_EQ(fault(delete_db_instance, in), "");
}

}  // namespace
}  // namespace howdah::rds
