#include "domain/snapshot.h"

#include <gtest/gtest.h>

#include "domain/automated_backup.h"

namespace howdah {
namespace {

Instance instance() {
  Instance i;
  i.scope = {"123456789012", "eu-west-2"};
  i.identifier = "app";
  i.resource_id = "db-AAAA";
  i.engine_version = "15.18";
  i.tags = {{"k", "v"}};
  i.restorable_from = Time(Millis(1'700'000'000'123));
  return i;
}

TEST(Snapshot, SurvivesTheStore) {
  Snapshot s;
  s.scope = {"123456789012", "eu-west-2"};
  s.identifier = "rds:app-2026-11-21-03-00";
  s.id = "abc";
  s.base_id = "base-abc";
  s.automated = s.materialised = true;
  s.state = Snapshot::State::failed;
  s.reason = "a \"reason\"";
  s.timeline = 2;
  s.lsn = 0xFFFFFFFFFF;
  s.created = Time(Millis(1'700'000'000'001));
  s.tags = {{"a", "b"}};
  s.shared_with = {"all"};
  s.source = instance();
  const Snapshot back = Snapshot::decode(s.encode());
  EXPECT_EQ(back.encode(), s.encode());
  EXPECT_EQ(back.state, Snapshot::State::failed);
  EXPECT_EQ(back.lsn, 0xFFFFFFFFFFu);
  EXPECT_EQ(back.resource_id(), "db-AAAA");
  EXPECT_EQ(back.source.restorable_from, instance().restorable_from);
  EXPECT_EQ(back.arn(), "arn:aws:rds:eu-west-2:123456789012:snapshot:rds:app-2026-11-21-03-00");
}

TEST(Snapshot, AutomatedNamesAreAws) {
  EXPECT_EQ(automated_snapshot_name("app", Time(Millis(1'700'000'000'000))), "rds:app-2023-11-14-22-13");
}

TEST(AutomatedBackup, SurvivesTheStore) {
  const AutomatedBackup b{instance(), Time(Millis(5)), Time(Millis(7))};
  const AutomatedBackup back = AutomatedBackup::decode(b.encode());
  EXPECT_EQ(back.encode(), b.encode());
  EXPECT_EQ(back.latest, Time(Millis(7)));
  EXPECT_EQ(back.key(), "123456789012/eu-west-2/db-AAAA");
  EXPECT_EQ(automated_backup_resource("db-AAAA"), automated_backup_resource("db-AAAA"));
  EXPECT_NE(automated_backup_resource("db-AAAA"), automated_backup_resource("db-BBBB"));
}

}  // namespace
}  // namespace howdah
