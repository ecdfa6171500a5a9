#include "rds/engine_versions.h"

#include "rds/catalog_testing.h"

namespace howdah::rds {
namespace {

using aws::rds::DescribeDBEngineVersionsMessage;
using aws::rds::Filter;
using Versions = std::vector<std::string>;

class EngineVersions : public testing::Catalogued {
 protected:
  Versions versions(const DescribeDBEngineVersionsMessage& in) {
    Versions out;
    for (const auto& v : call(describe_db_engine_versions, in).db_engine_versions) out.push_back(*v.engine_version);
    return out;
  }
};

TEST_F(EngineVersions, ByVersionMajorAndFamily) {
  EXPECT_EQ(versions({.engine = "postgres", .engine_version = "94.3"}), Versions{"94.3"});
  EXPECT_EQ(versions({.engine = "postgres", .engine_version = "94"}), (Versions{"94.1", "94.3", "94.12"}));
  EXPECT_EQ(versions({.db_parameter_group_family = "postgres95"}), Versions{"95.0"});
  EXPECT_EQ(versions({.engine = "postgres", .engine_version = "97"}), Versions{});
  EXPECT_EQ(versions({.engine = "aurora-postgresql"}), Versions{});
  EXPECT_EQ(fault(describe_db_engine_versions, {.engine = "nosql"}), "InvalidParameterValue");
}

TEST_F(EngineVersions, Default) {
  EXPECT_EQ(versions({.engine = "postgres", .default_only = true}), Versions{"96.2"});
  EXPECT_EQ(versions({.engine = "postgres", .engine_version = "94", .default_only = true}), Versions{"94.12"});
  EXPECT_EQ(versions({.db_parameter_group_family = "postgres95", .default_only = true}), Versions{"95.0"});
  EXPECT_EQ(versions({.engine = "mysql", .default_only = true}), Versions{});
}

TEST_F(EngineVersions, Filters) {
  const auto by = [](std::string name, std::vector<std::string> values) {
    DescribeDBEngineVersionsMessage in;
    in.filters.add({.name = name, .values = values});
    return in;
  };
  EXPECT_EQ(versions(by("engine-version", {"94.1", "95"})), (Versions{"94.1", "95.0"}));
  EXPECT_EQ(versions(by("db-parameter-group-family", {"postgres96"})), Versions{"96.2"});
  EXPECT_EQ(versions(by("status", {"deprecated"})), Versions{});
  EXPECT_EQ(versions(by("engine-mode", {"serverless"})), Versions{});
  EXPECT_EQ(fault(describe_db_engine_versions, by("colour", {"red"})), "InvalidParameterValue");
  EXPECT_EQ(message_, "Unrecognized filter name: colour");
}

TEST_F(EngineVersions, SaysWhatThisVersionCanDo) {
  const auto out = call(describe_db_engine_versions, {.engine_version = "94.1"});
  const auto& v = out.db_engine_versions.front();
  EXPECT_EQ(*v.engine, "postgres");
  EXPECT_EQ(*v.major_engine_version, "94");
  EXPECT_EQ(*v.db_parameter_group_family, "postgres94");
  EXPECT_EQ(*v.db_engine_description, "PostgreSQL");
  EXPECT_EQ(*v.status, "available");
  EXPECT_TRUE(v.valid_upgrade_target.present && v.valid_upgrade_target.empty());
  EXPECT_FALSE(*v.supports_read_replica);
  EXPECT_EQ(v.supported_ca_certificate_identifiers.to_vector(), Versions{"rds-ca-rsa2048-g1"});
}

TEST_F(EngineVersions, Pages) {
  EXPECT_EQ(fault(describe_db_engine_versions, {.max_records = 19}), "InvalidParameterValue");
  testing::FakeEngines many{"94.0",  "94.2",  "94.4",  "94.5",  "94.6",  "94.7",  "94.8",
                            "94.9",  "94.10", "94.11", "94.13", "94.14", "94.15", "94.16",
                            "94.17", "94.18", "94.19", "94.20", "94.21", "94.22", "94.23"};
  engines_ = pg::Catalog::discover(many.path(), many.path());
  DescribeDBEngineVersionsMessage in{.engine_version = "94", .max_records = 20};
  const auto first = call(describe_db_engine_versions, in);
  EXPECT_EQ(first.db_engine_versions.size(), 20u);
  ASSERT_TRUE(first.marker);
  in.marker = first.marker;
  EXPECT_EQ(versions(in), Versions{"94.23"});
  EXPECT_FALSE(call(describe_db_engine_versions, in).marker);
}

TEST_F(EngineVersions, MajorVersionsTellTheProjectsDates) {
  testing::FakeEngines real{"16.4", "94.1"};
  engines_ = pg::Catalog::discover(real.path(), real.path());
  auto out = call(describe_db_major_engine_versions, {.engine = "postgres", .major_engine_version = "16"});
  ASSERT_EQ(out.db_major_engine_versions.size(), 1u);
  const auto& lifecycles = out.db_major_engine_versions.front().supported_engine_lifecycles;
  ASSERT_EQ(lifecycles.size(), 1u);
  EXPECT_EQ(*lifecycles.front().lifecycle_support_name, "open-source-rds-standard-support");
  EXPECT_EQ(lifecycles.front().lifecycle_support_start_date->ms, 1694649600000);  // 2023-09-14
  EXPECT_EQ(lifecycles.front().lifecycle_support_end_date->ms, 1857427199999);    // end of 2028-11-09
  out = call(describe_db_major_engine_versions, {.major_engine_version = "94"});
  EXPECT_TRUE(out.db_major_engine_versions.front().supported_engine_lifecycles.empty());
  EXPECT_TRUE(call(describe_db_major_engine_versions, {.engine = "mysql"}).db_major_engine_versions.empty());
}

}  // namespace
}  // namespace howdah::rds
