#include "wire/value.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "aws/ec2.h"
#include "aws/rds.h"
#include "wire/shape.h"

namespace howdah::wire {
namespace {

namespace rds = aws::rds;

rds::DBInstance one_instance(std::string id) {
  const std::set<std::string> logs{"postgresql", "upgrade"};
  return {.db_instance_identifier = std::move(id),
          .endpoint = rds::Endpoint{.address = "127.0.0.1", .port = 5432},
          .enabled_cloudwatch_logs_exports = logs};
}

TEST(Value, HandlersReturnDesignatedInitializers) {
  auto create = []() -> rds::CreateDBInstanceResult { return {.db_instance = one_instance("a")}; };
  const rds::CreateDBInstanceResult result = create();
  ASSERT_TRUE(result.db_instance);
  EXPECT_EQ(result.db_instance->db_instance_identifier, "a");
  EXPECT_EQ(result.db_instance->endpoint->port, 5432);
  EXPECT_FALSE(result.db_instance->db_subnet_group);
  EXPECT_FALSE(result.db_instance->multi_az);
}

TEST(Value, SeqDistinguishesEmptyFromAbsent) {
  rds::DBInstanceMessage message;
  EXPECT_FALSE(message.db_instances);
  message.db_instances = std::vector<rds::DBInstance>{};
  EXPECT_TRUE(message.db_instances);
  EXPECT_TRUE(message.db_instances.empty());
}

TEST(Value, SeqIsMadeFromInitializersRangesAndMoves) {
  Seq<std::string> names = {"a", "b"};
  names.add("c");
  for (std::string& n : names) n += "!";
  EXPECT_EQ(names.to_vector(), (std::vector<std::string>{"a!", "b!", "c!"}));
  EXPECT_EQ(names[1], "b!");
  names = {"z"};
  EXPECT_EQ(names.size(), 1u);

  std::vector<rds::Tag> tags;
  tags.push_back({.key = "k", .value = "v"});
  rds::CreateDBInstanceMessage in{.tags = std::move(tags)};
  in.tags.add().key = "second";
  in.tags.add({.key = "third"});
  const auto& view = in.tags;
  std::string keys;
  for (const rds::Tag& t : view) keys += *t.key;
  EXPECT_EQ(keys, "ksecondthird");

  auto of = Seq<rds::Tag>::of(rds::Tag{.key = "x"}, rds::Tag{.key = "y"});
  EXPECT_EQ(of.size(), 2u);
}

TEST(Value, WhatSeqMakesInPlaceIsAddedOrNotAtAll) {
  Seq<rds::Tag> tags;
  EXPECT_EQ(*tags.add_made([] { return rds::Tag{.key = "a"}; }).key, "a");
  EXPECT_TRUE(tags);
  EXPECT_THROW(tags.add_made([]() -> rds::Tag { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(tags.size(), 1u);
}

TEST(Value, DictFindsAndIterates) {
  Dict<std::string> d;
  EXPECT_FALSE(d);
  d["b"] = "2";
  d["a"] = "1";
  EXPECT_EQ(*d.find("b"), "2");
  EXPECT_EQ(d.find("c"), nullptr);
  std::string all;
  for (auto [key, value] : d) all += key + value;
  EXPECT_EQ(all, "a1b2");
}

TEST(Shape, FindsOperationsAndErrorStatuses) {
  const Operation* op = rds::kService.find("DescribeDBInstances");
  ASSERT_NE(op, nullptr);
  EXPECT_STREQ(op->wrapper, "DescribeDBInstancesResult");
  EXPECT_EQ(op->in->box, &kBoxOps<rds::DescribeDBInstancesMessage>);
  EXPECT_EQ(op->error("DBInstanceNotFound")->status, 404);
  EXPECT_STREQ(op->error("DBInstanceNotFound")->shape, "DBInstanceNotFoundFault");
  EXPECT_EQ(op->error("DBInstanceAlreadyExists"), nullptr);
  EXPECT_EQ(rds::kService.error("DBInstanceAlreadyExists")->status, 400);
  EXPECT_STREQ(op->page->limit_key, "MaxRecords");
  EXPECT_EQ(rds::kService.find("DescribeDBInstance"), nullptr);
  EXPECT_EQ(rds::kService.operations.size(), 164u);
  EXPECT_TRUE(aws::ec2::kService.speaks(Protocol::Ec2));
}

}  // namespace
}  // namespace howdah::wire
