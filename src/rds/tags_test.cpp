#include "rds/tags.h"

#include "rds/catalog_testing.h"

namespace howdah::rds {
namespace {

using Pairs = std::map<std::string, std::string>;

class TagsTest : public testing::Catalogued {
 protected:
  std::string arn(const std::string& rest) { return scope_.arn("rds", rest); }
  Pairs tags(const std::string& name) {
    Pairs out;
    for (const auto& t : call(list_tags_for_resource, {.resource_name = name}).tag_list) out[*t.key] = *t.value;
    return out;
  }
  aws::rds::AddTagsToResourceMessage adding(const std::string& name, const Pairs& pairs) {
    aws::rds::AddTagsToResourceMessage in{.resource_name = name};
    for (const auto& [key, value] : pairs) in.tags.add({.key = key, .value = value});
    return in;
  }
  void put_groups() {
    store_.write([&](store::Tx& tx) {
      tx.put(SubnetGroup{.scope = scope_, .name = "sg"});
      tx.put(ParameterGroup{.scope = scope_, .name = "pg", .family = "postgres94"});
    });
  }
};

TEST_F(TagsTest, OnEveryKindOfResource) {
  put_instance("a");
  put_groups();
  for (const char* rest : {"db:a", "subgrp:sg", "pg:pg"}) {
    EXPECT_EQ(tags(arn(rest)), Pairs{});
    call(add_tags_to_resource, adding(arn(rest), {{"team", "db"}, {"env", "test"}}));
    call(add_tags_to_resource, adding(arn(rest), {{"env", ""}}));
    EXPECT_EQ(tags(arn(rest)), (Pairs{{"team", "db"}, {"env", ""}}));
    aws::rds::RemoveTagsFromResourceMessage in{.resource_name = arn(rest)};
    in.tag_keys = {"team", "nothing"};
    call(remove_tags_from_resource, in);
    EXPECT_EQ(tags(arn(rest)), (Pairs{{"env", ""}}));
  }
  EXPECT_EQ(store_.get<Instance>(scope_.key("a"))->tags, (Tags{{"env", ""}}));
}

TEST_F(TagsTest, MissingResourcesHaveTheirOwnCodes) {
  const std::pair<const char*, const char*> all[] = {
      {"db:x", "DBInstanceNotFound"},          {"subgrp:x", "DBSubnetGroupNotFoundFault"},
      {"pg:x", "DBParameterGroupNotFound"},    {"snapshot:rds:x-2026-01-01-00-00", "DBSnapshotNotFound"},
      {"cluster:x", "DBClusterNotFoundFault"}, {"elephant:x", "InvalidParameterValue"}};
  for (const auto& [rest, code] : all) {
    EXPECT_EQ(fault(list_tags_for_resource, {.resource_name = arn(rest)}), code);
    EXPECT_EQ(fault(add_tags_to_resource, adding(arn(rest), {{"a", "b"}})), code);
    EXPECT_EQ(fault(remove_tags_from_resource, {.resource_name = arn(rest)}), code);
  }
}

TEST_F(TagsTest, OnlyFullArnsOfThisPlace) {
  put_instance("a");
  for (const char* name : {"a", "db:a", "arn:aws:rds:eu-west-1:123456789012:db:a", "arn:aws:rds:eu-west-2:1:db:a"}) {
    EXPECT_EQ(fault(list_tags_for_resource, {.resource_name = name}), "InvalidParameterValue") << name;
  }
}

TEST_F(TagsTest, AtMostFifty) {
  put_instance("a");
  Pairs many;
  for (int n = 0; n < 50; ++n) many["k" + std::to_string(n)] = "v";
  call(add_tags_to_resource, adding(arn("db:a"), many));
  EXPECT_EQ(fault(add_tags_to_resource, adding(arn("db:a"), {{"one more", ""}})), "InvalidParameterValue");
  EXPECT_EQ(fault(add_tags_to_resource, adding(arn("db:a"), {{"aws:x", ""}})), "InvalidParameterValue");
  EXPECT_EQ(fault(add_tags_to_resource, adding(arn("db:a"), {{"k0", "changed"}})), "") << "not one more";
  EXPECT_EQ(tags(arn("db:a")).size(), 50u);
  EXPECT_EQ(tags(arn("db:a"))["k0"], "changed");
}

TEST_F(TagsTest, DefaultGroupsHaveNone) {
  EXPECT_EQ(tags(arn("pg:default.postgres94")), Pairs{});
  EXPECT_EQ(tags(arn("og:default:postgres-94")), Pairs{});
  EXPECT_EQ(fault(list_tags_for_resource, {.resource_name = arn("pg:default.postgres93")}), "DBParameterGroupNotFound");
  EXPECT_EQ(fault(add_tags_to_resource, adding(arn("pg:default.postgres94"), {{"a", "b"}})), "InvalidParameterValue");
}

}  // namespace
}  // namespace howdah::rds
