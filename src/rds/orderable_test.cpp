#include "rds/orderable.h"

#include <set>

#include "domain/instance_class.h"
#include "rds/catalog_testing.h"
#include "rds/validate.h"

namespace howdah::rds {
namespace {

using aws::rds::DescribeOrderableDBInstanceOptionsMessage;
using Names = std::set<std::string>;

class Orderable : public testing::Catalogued {
 protected:
  void SetUp() override { config_.state_dir = fake_.path(); }

  template <class Field>
  Names names(DescribeOrderableDBInstanceOptionsMessage in, Field field) {
    Names out;
    do {
      const auto page = call(describe_orderable_db_instance_options, in);
      for (const auto& o : page.orderable_db_instance_options) out.insert(*(o.*field));
      in.marker = page.marker;
    } while (in.marker);
    return out;
  }
  Names classes(DescribeOrderableDBInstanceOptionsMessage in) {
    return names(std::move(in), &aws::rds::OrderableDBInstanceOption::db_instance_class);
  }
};

TEST_F(Orderable, EveryClassThatCreateAccepts) {
  const Names offered = classes({.engine = "postgres", .engine_version = "94.1"});
  for (const auto& c : instance_classes())
    EXPECT_EQ(offered.contains(c.name), c.memory_mib <= machine_memory_mib()) << c.name;
}

TEST_F(Orderable, OfOneVersion) {
  EXPECT_EQ(names({.engine = "postgres", .engine_version = "94"}, &aws::rds::OrderableDBInstanceOption::engine_version),
            (Names{"94.1", "94.3", "94.12"}));
  EXPECT_TRUE(classes({.engine = "postgres", .engine_version = "93"}).empty());
  EXPECT_TRUE(classes({.engine = "mysql"}).empty());
  EXPECT_EQ(fault(describe_orderable_db_instance_options, {.engine = "nosql"}), "InvalidParameterValue");
}

TEST_F(Orderable, StorageTypesAndTheirLimits) {
  const auto out = call(describe_orderable_db_instance_options,
                        {.engine = "postgres", .engine_version = "94.1", .db_instance_class = "db.t3.micro"});
  Names types;
  for (const auto& o : out.orderable_db_instance_options) {
    types.insert(*o.storage_type);
    EXPECT_NO_THROW(check_storage(*o.storage_type, *o.min_storage_size, {}));
    EXPECT_NO_THROW(check_storage(*o.storage_type, *o.max_storage_size, {}));
    EXPECT_THROW(check_storage(*o.storage_type, *o.min_storage_size - 1, {}), Fault);
    EXPECT_THROW(check_storage(*o.storage_type, *o.max_storage_size + 1, {}), Fault);
    EXPECT_FALSE(*o.multi_az_capable || *o.read_replica_capable || *o.supports_iam_database_authentication);
    EXPECT_EQ(o.availability_zones.size(), 3u);
    EXPECT_EQ(*o.availability_zones.front().name, "eu-west-2a");
  }
  EXPECT_EQ(types, (Names{"gp2", "gp3", "io1", "io2", "standard"}));
}

TEST_F(Orderable, OtherConditions) {
  DescribeOrderableDBInstanceOptionsMessage in{.engine = "postgres", .engine_version = "94.1"};
  in.license_model = "postgresql-license";
  in.vpc = true;
  in.availability_zone_group = "eu-west-2";
  EXPECT_FALSE(classes(std::move(in)).empty());
  EXPECT_TRUE(classes({.engine = "postgres", .license_model = "bring-your-own-license"}).empty());
  EXPECT_TRUE(classes({.engine = "postgres", .vpc = false}).empty());
  EXPECT_TRUE(classes({.engine = "postgres", .availability_zone_group = "us-east-1"}).empty());
}

TEST_F(Orderable, PagesHoldEveryOfferOnce) {
  DescribeOrderableDBInstanceOptionsMessage in{.engine = "postgres", .engine_version = "94", .max_records = 20};
  Names seen;
  size_t count = 0;
  do {
    const auto page = call(describe_orderable_db_instance_options, in);
    for (const auto& o : page.orderable_db_instance_options) {
      seen.insert(*o.engine_version + *o.db_instance_class + *o.storage_type);
      ++count;
    }
    in.marker = page.marker;
  } while (in.marker);
  EXPECT_EQ(seen.size(), count);
  EXPECT_EQ(count, classes({.engine = "postgres", .engine_version = "94.1"}).size() * 3 * 5);
}

TEST_F(Orderable, ValidModifications) {
  auto i = put_instance("a");
  i.rest = Rest::available;
  i.storage_type = "gp3";
  store_.write([&](store::Tx& tx) { tx.put(i); });
  const auto out = call(describe_valid_db_instance_modifications, {.db_instance_identifier = "a"});
  const auto& storage = out.valid_db_instance_modifications_message->storage;
  ASSERT_EQ(storage.size(), 1u);
  EXPECT_EQ(*storage.front().storage_type, "gp3");
  EXPECT_EQ(*storage.front().storage_size.front().from, i.allocated_storage);
  EXPECT_EQ(*storage.front().storage_size.front().to, 65536);
  EXPECT_EQ(fault(describe_valid_db_instance_modifications, {.db_instance_identifier = "b"}), "DBInstanceNotFound");
  i.rest = Rest::stopped;
  store_.write([&](store::Tx& tx) { tx.put(i); });
  EXPECT_EQ(fault(describe_valid_db_instance_modifications, {.db_instance_identifier = "a"}), "InvalidDBInstanceState");
}

}  // namespace
}  // namespace howdah::rds
