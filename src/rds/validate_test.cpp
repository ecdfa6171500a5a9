#include "rds/validate.h"

#include <gtest/gtest.h>

#include "domain/instance.h"
#include "util/fault.h"

namespace howdah::rds {
namespace {

template <class F>
std::string code_of(F&& f) {
  try {
    f();
    return "";
  } catch (const Fault& e) {
    return e.code();
  }
}

TEST(Validate, Identifiers) {
  EXPECT_EQ(checked_identifier("My-DB1"), "my-db1");
  for (const char* bad : {"", "1a", "a--b", "a-", "a_b", "ä", "-a"}) {
    EXPECT_EQ(code_of([&] { checked_identifier(bad); }), "InvalidParameterValue") << bad;
  }
  EXPECT_EQ(code_of([&] { checked_identifier(std::string(64, 'a')); }), "InvalidParameterValue");
  EXPECT_EQ(checked_identifier(std::string(63, 'a')).size(), 63u);
}

TEST(Validate, Monitoring) {
  check_monitoring({}, false);
  check_monitoring(0, false);
  check_monitoring(60, true);
  EXPECT_EQ(code_of([] { check_monitoring(7, true); }), "InvalidParameterValue");
  EXPECT_EQ(code_of([] { check_monitoring(60, false); }), "InvalidParameterCombination");
}

TEST(Validate, PasswordSource) {
  check_password_source(true, false);
  check_password_source(false, true);
  EXPECT_EQ(code_of([] { check_password_source(true, true); }), "InvalidParameterCombination");
}

TEST(Validate, MasterUsernames) {
  check_master_username("cruddurroot");
  for (const char* bad :
       {"", "admin", "rdsadmin", "rds_x", "pg_x", "user", "Select", "1a", "a-b", "seventeencharacter"}) {
    EXPECT_EQ(code_of([&] { check_master_username(bad); }), "InvalidParameterValue") << bad;
  }
}

TEST(Validate, Passwords) {
  check_password("goodDatabasePassword1");
  for (const char* bad :
       {"short", "has space in it", "has/slash1", "has@sign12", "has\"quote1", "caf\xc3\xa9 password"}) {
    EXPECT_EQ(code_of([&] { check_password(bad); }), "InvalidParameterValue") << bad;
  }
  EXPECT_EQ(code_of([&] { check_password(std::string(129, 'a')); }), "InvalidParameterValue");
}

TEST(Validate, DatabaseNames) {
  check_db_name("cruddur");
  for (const char* bad : {"1a", "a-b", "table", "rdsadmin", "template1"}) {
    EXPECT_EQ(code_of([&] { check_db_name(bad); }), "InvalidParameterValue") << bad;
  }
}

TEST(Validate, Numbers) {
  check_port(1150);
  check_port(3306);
  check_port(65535);
  EXPECT_EQ(code_of([] { check_port(80); }), "InvalidParameterValue");
  check_storage("gp2", 20, {});
  check_storage("standard", 5, {});
  EXPECT_EQ(code_of([] { check_storage("gp2", 5, {}); }), "InvalidParameterValue");
  EXPECT_EQ(code_of([] { check_storage("io1", 20, {}); }), "InvalidParameterValue");
  EXPECT_EQ(code_of([] { check_storage("tape", 20, {}); }), "InvalidParameterValue");
  EXPECT_EQ(code_of([] { check_storage("gp2", 30, 20); }), "InvalidParameterCombination");
  check_retention(0);
  check_retention(35);
  EXPECT_EQ(code_of([] { check_retention(36); }), "InvalidParameterValue");
  for (const int ok : {7, 31, 62, 713, 731}) check_insights_retention(ok);
  for (const int bad : {0, 8, 94, 744}) {
    EXPECT_EQ(code_of([&] { check_insights_retention(bad); }), "InvalidParameterValue") << bad;
  }
}

TEST(Validate, SpeedOfStorage) {
  using Number = std::optional<int32_t>;
  const auto said = [](const char* type, int32_t gib, Number iops, Number throughput = {}, Number most = {}) {
    Instance i;
    i.storage_type = type;
    i.allocated_storage = gib;
    i.iops = iops;
    i.storage_throughput = throughput;
    i.max_allocated_storage = most;
    return code_of([&] { check_storage_speed(i); });
  };
  constexpr const char *kValue = "InvalidParameterValue", *kCombination = "InvalidParameterCombination";
  for (const char* type : {"gp2", "gp3", "standard"}) EXPECT_EQ(said(type, 20, {}), "") << type;
  EXPECT_EQ(said("gp2", 500, 3000), kCombination);
  EXPECT_EQ(said("standard", 500, {}, 125), kCombination);
  EXPECT_EQ(said("gp3", 399, 12000), kCombination);
  EXPECT_EQ(said("gp3", 400, 12000), "");
  EXPECT_EQ(said("gp3", 400, 64000, 4000), "");
  EXPECT_EQ(said("gp3", 400, {}, 3001), kValue) << "more than a quarter of 12000";
  EXPECT_EQ(said("gp3", 400, 11999), kValue);
  EXPECT_EQ(said("gp3", 400, 12000, 499), kValue);
  EXPECT_EQ(said("io1", 100, {}), kCombination);
  EXPECT_EQ(said("io2", 100, {}), kCombination);
  EXPECT_EQ(said("io1", 100, 5000), "");
  EXPECT_EQ(said("io1", 100, 5001), kCombination);
  EXPECT_EQ(said("io2", 100, 5001), "");
  EXPECT_EQ(said("io2", 100, 5001, 500), kCombination);
  EXPECT_EQ(said("io1", 3000, 1000), kCombination) << "fewer than half of the GiB";
  EXPECT_EQ(said("io1", 1000, 1000, {}, 2001), kCombination);
  EXPECT_EQ(said("io1", 100, 999), kValue);
}

TEST(Validate, Classes) {
  check_instance_class("db.t3.micro");
  EXPECT_EQ(code_of([] { check_instance_class("db.x"); }), "InvalidParameterValue");
  EXPECT_EQ(code_of([] { check_instance_class("db.r5.24xlarge"); }), "InsufficientDBInstanceCapacity");
}

}  // namespace
}  // namespace howdah::rds
