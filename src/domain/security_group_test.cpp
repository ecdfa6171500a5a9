#include "domain/security_group.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "domain/cidr.h"
#include "domain/network.h"

namespace howdah {
namespace {

std::string code_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Fault& fault) {
    return fault.code();
  }
  return "";
}

Rule tcp(std::string id, std::string cidr, int port) {
  return {.id = std::move(id), .protocol = "tcp", .from_port = port, .to_port = port, .cidr4 = std::move(cidr)};
}

TEST(Cidr, IsCanonical) {
  EXPECT_EQ(parse_cidr("100.68.0.18/18")->text(), "100.68.0.0/18");
  EXPECT_EQ(parse_cidr("1.2.3.4/32")->text(), "1.2.3.4/32");
  EXPECT_EQ(parse_cidr("1.2.3.4/0")->text(), "0.0.0.0/0");
  EXPECT_EQ(parse_cidr("2001:DB8:0:0::1/64")->text(), "2001:db8::/64");
  EXPECT_EQ(parse_cidr("::1/128")->text(), "::1/128");
}

TEST(Cidr, RefusesWhatIsNotOne) {
  for (const auto text : {"", "/", "1.2.3.4", "1.2.3/8", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/ 8", "1.2.3.4/8x",
                          "::/129", "1.2.3.256/8", "fe80::1%lo/64", "1.2.3.4/", "1.2.3.4/00008"}) {
    EXPECT_FALSE(parse_cidr(text)) << text;
  }
}

TEST(Cidr, ContainsAndOverlaps) {
  const auto vpc = *parse_cidr("172.31.0.0/16");
  EXPECT_TRUE(vpc.contains(*parse_cidr("172.31.16.0/20")));
  EXPECT_FALSE(vpc.contains(*parse_cidr("172.30.0.0/15")));
  EXPECT_TRUE(vpc.overlaps(*parse_cidr("172.30.0.0/15")));
  EXPECT_FALSE(vpc.overlaps(*parse_cidr("::/0")));
}

TEST(Rules, ProtocolsAndPortsTakeOneForm) {
  EXPECT_EQ(normalized(tcp("", "10.0.0.9/8", 22)).cidr4, "10.0.0.0/8");
  Rule rule = tcp("", "0.0.0.0/0", 22);
  rule.protocol = "6";
  EXPECT_EQ(normalized(rule).protocol, "tcp");
  rule.protocol = "TCP";
  EXPECT_EQ(normalized(rule).protocol, "tcp");
  rule.protocol = "50";
  EXPECT_EQ(normalized(rule).from_port, -1);
  // Terraform sends FromPort=0, ToPort=0 with all protocols.
  Rule all{.protocol = "-1", .from_port = 0, .to_port = 0, .cidr4 = "0.0.0.0/0"};
  EXPECT_EQ(normalized(all).from_port, -1);
  EXPECT_EQ(normalized(all).to_port, -1);
  Rule ping{.protocol = "icmp", .from_port = 8, .to_port = -1, .cidr4 = "0.0.0.0/0"};
  EXPECT_EQ(normalized(ping).from_port, 8);
}

TEST(Rules, RefusedInAwsWords) {
  const auto code = [](Rule rule) { return code_of([&] { normalized(rule); }); };
  Rule rule = tcp("", "0.0.0.0/0", 22);
  rule.protocol = "carrier-pigeon";
  EXPECT_EQ(code(rule), "InvalidParameterValue");
  rule.protocol = "256";
  EXPECT_EQ(code(rule), "InvalidParameterValue");
  rule.protocol = "";
  EXPECT_EQ(code(rule), "MissingParameter");
  EXPECT_EQ(code(tcp("", "1.2.3.4", 22)), "InvalidParameterValue");
  EXPECT_EQ(code(tcp("", "::1/128", 22)), "InvalidParameterValue");
  EXPECT_EQ(code(tcp("", "1.2.3.4/32", 65536)), "InvalidParameterValue");
  EXPECT_EQ(code(tcp("", "1.2.3.4/32", -1)), "InvalidParameterValue");
  EXPECT_EQ(code(tcp("", "", 22)), "InvalidPermission.Malformed");
  rule = tcp("", "1.2.3.4/32", 22);
  rule.to_port = 21;
  EXPECT_EQ(code(rule), "InvalidParameterValue");
  rule = tcp("", "1.2.3.4/32", 22);
  rule.group_id = "sg-1";
  EXPECT_EQ(code(rule), "InvalidPermission.Malformed");
  rule = tcp("", "1.2.3.4/32", 22);
  rule.description = "caf\xc3\xa9";
  EXPECT_EQ(code(rule), "InvalidParameterValue");
}

TEST(Rules, ReadAsAwsWritesThem) {
  EXPECT_EQ(tcp("", "1.2.3.4/32", 22).text(), "peer: 1.2.3.4/32, TCP, from port: 22, to port: 22, ALLOW");
  EXPECT_EQ((Rule{.protocol = "-1", .group_id = "sg-1"}.text()), "peer: sg-1, ALL, ALLOW");
}

TEST(Rules, AddingIsAllOrNothing) {
  SecurityGroup group;
  add_rules(group, {tcp("sgr-1", "1.2.3.4/32", 22)});
  try {
    add_rules(group, {tcp("sgr-2", "5.6.7.8/32", 22), tcp("sgr-3", "1.2.3.4/32", 22)});
    FAIL();
  } catch (const Fault& fault) {
    EXPECT_EQ(fault.code(), "InvalidPermission.Duplicate");
    EXPECT_STREQ(fault.what(),
                 "the specified rule \"peer: 1.2.3.4/32, TCP, from port: 22, to port: 22, ALLOW\" already exists");
  }
  EXPECT_EQ(group.rules.size(), 1u);
  Rule out = tcp("sgr-4", "1.2.3.4/32", 22);
  out.egress = true;  // the other direction is another rule
  add_rules(group, {out});
  EXPECT_EQ(group.rules.size(), 2u);
}

TEST(Rules, AtMostSixtyADirectionAndFamily) {
  SecurityGroup group;
  std::vector<Rule> rules;
  for (int i = 0; i < 60; ++i) rules.push_back(tcp(fmt::format("sgr-{}", i), fmt::format("10.0.0.{}/32", i), 22));
  add_rules(group, rules);
  Rule v6{.id = "sgr-v6", .protocol = "tcp", .from_port = 22, .to_port = 22, .cidr6 = "::/0"};
  add_rules(group, {v6});
  EXPECT_EQ(code_of([&] { add_rules(group, {tcp("sgr-x", "10.0.1.0/32", 22)}); }),
            "RulesPerSecurityGroupLimitExceeded");
  EXPECT_EQ(group.rules.size(), 61u);
}

TEST(Rules, RemovingByPermissionAndById) {
  SecurityGroup group;
  add_rules(group, {tcp("sgr-1", "1.2.3.4/32", 22), tcp("sgr-2", "1.2.3.4/32", 5432)});
  EXPECT_EQ(code_of([&] {
              remove_rules(group, {tcp("", "1.2.3.4/32", 22), tcp("", "9.9.9.9/32", 1)});
            }),
            "InvalidPermission.NotFound");
  EXPECT_EQ(group.rules.size(), 2u);
  EXPECT_EQ(remove_rules(group, {tcp("", "1.2.3.4/32", 22)}).at(0).id, "sgr-1");
  EXPECT_EQ(code_of([&] { remove_rules(group, true, {"sgr-2"}); }), "InvalidSecurityGroupRuleId.NotFound");
  EXPECT_EQ(remove_rules(group, false, {"sgr-2"}).size(), 1u);
  EXPECT_TRUE(group.rules.empty());
}

TEST(Rules, ReplacingKeepsIdAndPlace) {
  SecurityGroup group;
  add_rules(group, {tcp("sgr-1", "1.1.1.1/32", 5432), tcp("sgr-2", "2.2.2.2/32", 5432)});
  replace_rules(group, {tcp("sgr-1", "3.3.3.3/32", 5432)});
  replace_rules(group, {tcp("sgr-1", "3.3.3.3/32", 5432)});  // the same again is no error
  EXPECT_EQ(group.rules[0].id, "sgr-1");
  EXPECT_EQ(group.rules[0].cidr4, "3.3.3.3/32");
  EXPECT_EQ(code_of([&] { replace_rules(group, {tcp("sgr-1", "2.2.2.2/32", 5432)}); }), "InvalidPermission.Duplicate");
  EXPECT_EQ(code_of([&] { replace_rules(group, {tcp("sgr-9", "4.4.4.4/32", 5432)}); }),
            "InvalidSecurityGroupRuleId.NotFound");
  replace_rules(group, {tcp("sgr-1", "2.2.2.2/32", 5432), tcp("sgr-2", "3.3.3.3/32", 5432)});  // trade places
  EXPECT_EQ(group.rules[0].cidr4, "2.2.2.2/32");
}

TEST(Group, SurvivesEncoding) {
  SecurityGroup group{.scope = {"123456789012", "eu-west-2"}, .id = "sg-1", .vpc_id = "vpc-1", .name = "db"};
  Rule rule = tcp("sgr-1", "1.2.3.4/32", 5432);
  rule.description = "GITPOD";
  group.rules = {rule, {.id = "sgr-2", .egress = true, .protocol = "-1", .group_id = "sg-2", .group_owner = "1"}};
  const auto back = SecurityGroup::decode(group.encode());
  EXPECT_EQ(back.encode(), group.encode());
  EXPECT_TRUE(back.rules[0].same_permission(rule));
  EXPECT_EQ(back.rules[0].description, "GITPOD");
  EXPECT_EQ(back.rules[1].group_owner, "1");
}

TEST(Group, NamesAndIds) {
  const auto name = [](std::string_view n) { return code_of([&] { check_group_name(n); }); };
  EXPECT_EQ(name("alice-db-bastion"), "");
  EXPECT_EQ(name(std::string(255, 'a')), "");
  EXPECT_EQ(name(std::string(256, 'a')), "InvalidParameterValue");
  EXPECT_EQ(name(""), "MissingParameter");
  EXPECT_EQ(name("default"), "InvalidParameterValue");
  EXPECT_EQ(name("sg-web"), "InvalidParameterValue");
  EXPECT_EQ(name("a<b"), "InvalidParameterValue");
  const auto id = [](std::string_view n) { return code_of([&] { check_group_id(n); }); };
  EXPECT_EQ(id("sg-0123456789abcdef0"), "");
  EXPECT_EQ(id("sg-01234567"), "");
  EXPECT_EQ(id("sg-0123"), "InvalidGroupId.Malformed");
  EXPECT_EQ(id("web"), "InvalidGroupId.Malformed");
}

/// A store with the default network of one scope.
class Admission : public testing::Test {
 protected:
  Admission() {
    use_network_records(store_);
    vpc_ = ensure_default_network(store_, scope_, {});
    default_id_ = default_group_id(vpc_->id);
  }
  void put(const std::string& id, std::vector<Rule> rules) {
    store_.write([&](store::Tx& tx) {
      tx.put(SecurityGroup{.scope = scope_, .id = id, .vpc_id = vpc_->id, .name = id, .rules = rules});
    });
  }
  std::vector<std::string> admitted(const std::vector<std::string>& groups, int port = 5432,
                                    const Members& members = {}) const {
    std::vector<std::string> out;
    for (const auto& a : admitted_sources(store_, scope_, groups, port, members)) out.push_back(a.cidr);
    return out;
  }
  using Cidrs = std::vector<std::string>;

  store::Store store_{store::open_memory()};
  Scope scope_{"123456789012", "eu-west-2"};
  std::shared_ptr<const Vpc> vpc_;
  std::string default_id_;
};

TEST_F(Admission, DefaultGroupAdmitsThisMachineAndItsMembers) {
  EXPECT_EQ(admitted({default_id_}), (Cidrs{"127.0.0.1/32", "::1/128"}));
  const Members members = [&](const std::string& g) { return g == default_id_ ? Cidrs{"127.3.0.1"} : Cidrs{}; };
  EXPECT_EQ(admitted({default_id_}, 5432, members), (Cidrs{"127.0.0.1/32", "127.3.0.1/32", "::1/128"}));
}

TEST_F(Admission, ThisMachineIsNoMemberOfOtherGroups) {
  put("sg-db", {tcp("sgr-1", "10.1.0.0/16", 5432)});
  EXPECT_EQ(admitted({"sg-db"}), (Cidrs{"10.1.0.0/16"}));
  EXPECT_EQ(admitted({}), Cidrs{});
  EXPECT_EQ(admitted({"sg-gone"}), Cidrs{});
}

TEST_F(Admission, PortProtocolAndDirectionDecide) {
  Rule range = tcp("sgr-2", "10.2.0.0/16", 5000);
  range.to_port = 6000;
  Rule out = tcp("sgr-3", "10.3.0.0/16", 5432);
  out.egress = true;
  Rule udp = tcp("sgr-4", "10.4.0.0/16", 5432);
  udp.protocol = "udp";
  Rule all{.id = "sgr-5", .protocol = "-1", .cidr6 = "2001:db8::/32"};
  put("sg-db", {tcp("sgr-1", "10.1.0.0/16", 22), range, out, udp, all});
  EXPECT_EQ(admitted({"sg-db"}), (Cidrs{"10.2.0.0/16", "2001:db8::/32"}));
  EXPECT_EQ(admitted({"sg-db"}, 22), (Cidrs{"10.1.0.0/16", "2001:db8::/32"}));
  EXPECT_EQ(admitted({"sg-db"}, 6001), (Cidrs{"2001:db8::/32"}));
}

TEST_F(Admission, GroupsReferToGroups) {
  put("sg-app", {});
  put("sg-db", {{.id = "sgr-1", .protocol = "tcp", .from_port = 5432, .to_port = 5432, .group_id = "sg-app"},
                {.id = "sgr-2", .protocol = "tcp", .from_port = 5432, .to_port = 5432, .group_id = "sg-gone"}});
  const Members members = [](const std::string& g) {
    return g == "sg-app" ? Cidrs{"127.9.0.2", "127.9.0.1"} : Cidrs{"6.6.6.6"};
  };
  EXPECT_EQ(admitted({"sg-db"}, 5432, members), (Cidrs{"127.9.0.1/32", "127.9.0.2/32"}));
  EXPECT_EQ(admitted({"sg-db"}), Cidrs{});
}

TEST_F(Admission, OnceEachInStableOrder) {
  put("sg-a", {tcp("sgr-1", "10.2.0.0/16", 5432), tcp("sgr-2", "10.1.0.0/16", 5432)});
  put("sg-b", {tcp("sgr-3", "10.1.0.0/16", 5432), tcp("sgr-4", "9.0.0.0/8", 5432)});
  EXPECT_EQ(admitted({"sg-a", "sg-b"}), (Cidrs{"9.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"}));
  EXPECT_EQ(admitted({"sg-b", "sg-a"}), admitted({"sg-a", "sg-b"}));
}

TEST_F(Admission, GroupsAreFoundByNameAndByRule) {
  put("sg-db", {tcp("sgr-1", "10.1.0.0/16", 5432)});
  EXPECT_EQ(store_.find<SecurityGroup>(group_name_alias(scope_, vpc_->id, "sg-db"))->id, "sg-db");
  EXPECT_EQ(store_.find<SecurityGroup>(group_rule_alias(scope_, "sgr-1"))->id, "sg-db");
}

}  // namespace
}  // namespace howdah
