#include "domain/network.h"

#include <gtest/gtest.h>

#include "domain/security_group.h"
#include "domain/subnet_group.h"

namespace howdah {
namespace {

TEST(Zones, CarryAwsShortNames) {
  EXPECT_EQ(zones("eu-west-2", {})[0].name, "eu-west-2a");
  EXPECT_EQ(zones("eu-west-2", {})[0].id, "euw2-az1");
  EXPECT_EQ(zones("us-east-1", {})[2].id, "use1-az3");
  EXPECT_EQ(zones("ap-southeast-1", {})[0].id, "apse1-az1");
  EXPECT_EQ(zones("us-gov-west-1", {})[0].id, "usgw1-az1");
  EXPECT_EQ(zones("local-1", {.zones = {"x"}})[0].id, "local1-az1");
}

class DefaultNetwork : public testing::Test {
 protected:
  DefaultNetwork() { use_network_records(store_); }
  store::Store store_{store::open_memory()};
  Scope scope_{"123456789012", "eu-west-2"};
};

TEST_F(DefaultNetwork, HasASubnetInEachZone) {
  const auto vpc = ensure_default_network(store_, scope_, {});
  ASSERT_TRUE(vpc);
  EXPECT_EQ(vpc->cidr, "172.31.0.0/16");
  std::map<std::string, std::string> by_zone;
  for (const auto& s : store_.all<Subnet>(scope_.prefix())) by_zone[s->zone] = s->cidr;
  EXPECT_EQ(by_zone,
            (std::map<std::string, std::string>{
                {"eu-west-2a", "172.31.0.0/20"}, {"eu-west-2b", "172.31.16.0/20"}, {"eu-west-2c", "172.31.32.0/20"}}));
}

TEST_F(DefaultNetwork, GroupAdmitsItselfAndLetsEverythingOut) {
  const auto vpc = ensure_default_network(store_, scope_, {});
  const auto group = store_.get<SecurityGroup>(scope_.key(default_group_id(vpc->id)));
  ASSERT_TRUE(group);
  EXPECT_EQ(group->description, "default VPC security group");
  ASSERT_EQ(group->rules.size(), 2u);
  EXPECT_EQ(group->rules[0].group_id, group->id);
  EXPECT_TRUE(group->rules[1].egress);
  EXPECT_EQ(group->rules[1].cidr4, "0.0.0.0/0");
}

TEST_F(DefaultNetwork, IsTheSameEverywhereAndOwnToEachScope) {
  store::Store other(store::open_memory());
  use_network_records(other);
  EXPECT_EQ(ensure_default_network(store_, scope_, {})->id, ensure_default_network(other, scope_, {})->id);
  const Scope elsewhere{"123456789012", "us-east-1"};
  EXPECT_NE(ensure_default_network(store_, elsewhere, {})->id, default_vpc_id(scope_));
}

TEST_F(DefaultNetwork, DoesNotComeBackByItself) {
  const auto id = ensure_default_network(store_, scope_, {})->id;
  store_.write([&](store::Tx& tx) { tx.erase<Vpc>(scope_.key(id)); });
  EXPECT_FALSE(ensure_default_network(store_, scope_, {}));
}

TEST_F(DefaultNetwork, IsThereAgainAfterEverythingWasForgotten) {
  const auto id = ensure_default_network(store_, scope_, {})->id;
  store_.write([&](store::Tx& tx) { erase_network_records(tx); });
  EXPECT_TRUE(store_.all<SecurityGroup>().empty());
  ASSERT_TRUE(ensure_default_network(store_, scope_, {}));
  EXPECT_EQ(store_.get<SecurityGroup>(scope_.key(default_group_id(id)))->rules.size(), 2u);
}

TEST_F(DefaultNetwork, GivesTheSubnetGroupDefault) {
  const auto group = resolve_subnet_group(store_, scope_, {}, {});
  EXPECT_EQ(group.name, "default");
  EXPECT_EQ(group.vpc_id, default_vpc_id(scope_));
  EXPECT_EQ(group.zones(), (std::vector<std::string>{"eu-west-2a", "eu-west-2b", "eu-west-2c"}));
  EXPECT_EQ(resolve_subnet_group(store_, scope_, {}, "Default").subnets.size(), 3u);
  EXPECT_THROW(resolve_subnet_group(store_, scope_, {}, "mine"), Fault);
  store_.write([&](store::Tx& tx) { tx.put(SubnetGroup{.scope = scope_, .name = "mine", .vpc_id = "vpc-1"}); });
  EXPECT_EQ(resolve_subnet_group(store_, scope_, {}, "MINE").vpc_id, "vpc-1");
}

TEST_F(DefaultNetwork, WithoutItThereIsNoDefaultSubnetGroup) {
  ensure_default_network(store_, scope_, {});
  store_.write([&](store::Tx& tx) { tx.erase<Vpc>(scope_.key(default_vpc_id(scope_))); });
  try {
    resolve_subnet_group(store_, scope_, {}, {});
    FAIL();
  } catch (const Fault& fault) {
    EXPECT_EQ(fault.code(), "InvalidSubnet");
  }
}

TEST_F(DefaultNetwork, TagsComeAndGo) {
  store_.write([&](store::Tx& tx) { put_resource_tags(tx, scope_, "vpc-1", {{"Name", "lab"}}); });
  EXPECT_EQ(resource_tags(store_, scope_, "vpc-1").at("Name"), "lab");
  store_.write([&](store::Tx& tx) { put_resource_tags(tx, scope_, "vpc-1", {}); });
  EXPECT_TRUE(resource_tags(store_, scope_, "vpc-1").empty());
  EXPECT_TRUE(store_.all<ResourceTags>().empty());
}

}  // namespace
}  // namespace howdah
