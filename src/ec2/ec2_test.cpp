// The handlers through the Api's table, on a store in memory: what the transcripts of the real CLI (test/aws/ec2_*.t)
// don't reach or would be slow to reach.
#include "ec2/ec2.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "api/api.h"
#include "api/context.h"
#include "api/holds.h"
#include "domain/config.h"
#include "domain/instance.h"
#include "domain/security_group.h"

namespace howdah::ec2 {
namespace {

namespace a = aws::ec2;

class Handlers : public testing::Test {
 protected:
  Handlers() {
    use_network_records(store_);
    store_.use<Instance>();
    register_ec2(api_, ec2_);
  }

  template <class Out, class In>
  Out call(const char* operation, const In& in) {
    const auto* op = a::kService.find(operation);
    api::Context ctx{.caller = {.account = "123456789012"},
                     .region = "eu-west-2",
                     .clock = clock_,
                     .store = store_,
                     .holds = holds_,
                     .service = a::kService,
                     .operation = *op};
    auto out = api_.find(a::kService, *op)->handler(ctx, &in);
    return std::move(*static_cast<Out*>(out.raw()));
  }
  template <class Out, class In>
  std::string fault(const char* operation, const In& in) {
    try {
      call<Out>(operation, in);
    } catch (const Fault& f) {
      return f.code();
    }
    return "";
  }

  std::string new_group(const std::string& name, const std::string& vpc = "") {
    a::CreateSecurityGroupRequest in;
    in.group_name = name;
    in.description = "test";
    if (!vpc.empty()) in.vpc_id = vpc;
    return *call<a::CreateSecurityGroupResult>("CreateSecurityGroup", in).group_id;
  }
  static a::AuthorizeSecurityGroupIngressRequest open_port(const std::string& group, int port,
                                                           const std::string& cidr) {
    a::AuthorizeSecurityGroupIngressRequest in;
    in.group_id = group;
    in.ip_protocol = "tcp";
    in.from_port = in.to_port = port;
    in.cidr_ip = cidr;
    return in;
  }
  a::AuthorizeSecurityGroupIngressResult authorize(const a::AuthorizeSecurityGroupIngressRequest& in) {
    return call<a::AuthorizeSecurityGroupIngressResult>("AuthorizeSecurityGroupIngress", in);
  }
  std::string delete_fault(const std::string& group) {
    a::DeleteSecurityGroupRequest in;
    in.group_id = group;
    return fault<a::DeleteSecurityGroupResult>("DeleteSecurityGroup", in);
  }

  Scope scope_{"123456789012", "eu-west-2"};
  store::Store store_{store::open_memory()};
  FakeClock clock_;
  Config config_;
  api::Holds holds_{store_, 1};
  api::Api api_;
  Ec2 ec2_{store_, clock_, config_};
};

TEST_F(Handlers, AuthorizeGivesRulesWithIdsAndTags) {
  auto in = open_port(new_group("db"), 5432, "1.2.3.4/32");
  auto& spec = in.tag_specifications.add();
  spec.resource_type = "security-group-rule";
  auto& tag = spec.tags.add();
  tag.key = "Name";
  tag.value = "gitpod";
  const auto out = authorize(in);
  EXPECT_TRUE(*out.return_);
  ASSERT_EQ(out.security_group_rules.size(), 1u);
  const auto& rule = out.security_group_rules[0];
  EXPECT_EQ(rule.security_group_rule_id->size(), 21u);
  EXPECT_EQ(rule.tags[0].value, "gitpod");
  EXPECT_EQ(resource_tags(store_, scope_, *rule.security_group_rule_id).at("Name"), "gitpod");
}

TEST_F(Handlers, WhatContradictsItselfIsRefused) {
  const auto group = new_group("db");
  new_group("other");
  const auto refused = [&](const a::AuthorizeSecurityGroupIngressRequest& in) {
    return fault<a::AuthorizeSecurityGroupIngressResult>("AuthorizeSecurityGroupIngress", in);
  };
  auto named = open_port(group, 5432, "1.2.3.4/32");
  named.group_name = "other";
  EXPECT_EQ(refused(named), "InvalidParameterCombination");
  auto two_sources = open_port(group, 5432, "1.2.3.4/32");
  two_sources.source_security_group_name = "other";
  EXPECT_EQ(refused(two_sources), "InvalidParameterCombination");
  a::AuthorizeSecurityGroupIngressRequest both_ways;
  both_ways.group_id = group;
  both_ways.to_port = 22;
  auto& permission = both_ways.ip_permissions.add();
  permission.ip_protocol = "tcp";
  permission.from_port = permission.to_port = 5432;
  permission.ip_ranges.add().cidr_ip = "1.2.3.4/32";
  EXPECT_EQ(refused(both_ways), "InvalidParameterCombination");
  EXPECT_EQ(store_.get<SecurityGroup>(scope_.key(group))->rules.size(), 1u);
}

TEST_F(Handlers, DryRunChangesNothing) {
  const auto group = new_group("db");
  auto in = open_port(group, 5432, "1.2.3.4/32");
  in.dry_run = true;
  EXPECT_EQ(fault<a::AuthorizeSecurityGroupIngressResult>("AuthorizeSecurityGroupIngress", in), "DryRunOperation");
  EXPECT_EQ(store_.get<SecurityGroup>(scope_.key(group))->rules.size(), 1u);
}

TEST_F(Handlers, ModifyIsAllOrNothing) {
  const auto group = new_group("db");
  const auto first = *authorize(open_port(group, 5432, "1.1.1.1/32")).security_group_rules[0].security_group_rule_id;
  authorize(open_port(group, 5432, "2.2.2.2/32"));
  a::ModifySecurityGroupRulesRequest in;
  in.group_id = group;
  const auto change = [&](const std::string& id, const std::string& cidr) {
    auto& update = in.security_group_rules.add();
    update.security_group_rule_id = id;
    auto& rule = update.security_group_rule.emplace();
    rule.ip_protocol = "tcp";
    rule.from_port = rule.to_port = 5432;
    rule.cidr_ipv4 = cidr;
  };
  change(first, "3.3.3.3/32");
  EXPECT_TRUE(*call<a::ModifySecurityGroupRulesResult>("ModifySecurityGroupRules", in).return_);
  change("sgr-00000000000000000", "4.4.4.4/32");
  EXPECT_EQ(fault<a::ModifySecurityGroupRulesResult>("ModifySecurityGroupRules", in),
            "InvalidSecurityGroupRuleId.NotFound");
  in.security_group_rules = {};
  change(first, "2.2.2.2/32");
  EXPECT_EQ(fault<a::ModifySecurityGroupRulesResult>("ModifySecurityGroupRules", in), "InvalidPermission.Duplicate");
  in.security_group_rules = {};
  change("5432", "2.2.2.2/32");
  EXPECT_EQ(fault<a::ModifySecurityGroupRulesResult>("ModifySecurityGroupRules", in),
            "InvalidSecurityGroupRuleId.Malformed");
  EXPECT_EQ(store_.get<SecurityGroup>(scope_.key(group))->rule(first)->cidr4, "3.3.3.3/32");
}

TEST_F(Handlers, GroupsInUseAreKept) {
  const auto app = new_group("app");
  const auto db = new_group("db");
  a::AuthorizeSecurityGroupIngressRequest in;
  in.group_id = db;
  auto& p = in.ip_permissions.add();
  p.ip_protocol = "tcp";
  p.from_port = p.to_port = 5432;
  p.user_id_group_pairs.add().group_id = app;
  authorize(in);
  EXPECT_EQ(delete_fault(app), "DependencyViolation");
  Instance instance;
  instance.scope = scope_;
  instance.identifier = "a";
  instance.security_groups = {db};
  store_.write([&](store::Tx& tx) { tx.put(instance); });
  EXPECT_EQ(delete_fault(db), "DependencyViolation");
  store_.write([&](store::Tx& tx) { tx.erase<Instance>(instance.key()); });
  EXPECT_EQ(delete_fault(db), "");
  EXPECT_EQ(delete_fault(app), "");
  EXPECT_EQ(delete_fault(app), "InvalidGroup.NotFound");
  EXPECT_EQ(delete_fault(default_group_id(default_vpc_id(scope_))), "CannotDelete");
  EXPECT_EQ(delete_fault("db"), "InvalidGroupId.Malformed");
}

TEST_F(Handlers, GroupsOfAnotherVpcCannotBeSources) {
  a::CreateVpcRequest vpc;
  vpc.cidr_block = "10.0.0.0/16";
  const auto other = *call<a::CreateVpcResult>("CreateVpc", vpc).vpc->vpc_id;
  const auto elsewhere = new_group("app", other);
  a::AuthorizeSecurityGroupIngressRequest in;
  in.group_id = new_group("db");
  auto& p = in.ip_permissions.add();
  p.ip_protocol = "-1";
  auto& pair = p.user_id_group_pairs.add();
  pair.group_id = elsewhere;
  EXPECT_EQ(fault<a::AuthorizeSecurityGroupIngressResult>("AuthorizeSecurityGroupIngress", in),
            "InvalidGroup.NotFound");
  pair.group_id.reset();
  EXPECT_EQ(fault<a::AuthorizeSecurityGroupIngressResult>("AuthorizeSecurityGroupIngress", in), "MissingParameter");
}

TEST_F(Handlers, PermissionsOfOnePortAreShownTogether) {
  const auto group = new_group("db");
  authorize(open_port(group, 5432, "1.1.1.1/32"));
  authorize(open_port(group, 22, "1.1.1.1/32"));
  authorize(open_port(group, 5432, "2.2.2.2/32"));
  a::DescribeSecurityGroupsRequest in;
  in.group_ids.add(group);
  const auto out = call<a::DescribeSecurityGroupsResult>("DescribeSecurityGroups", in);
  const auto& shown = out.security_groups[0];
  ASSERT_EQ(shown.ip_permissions.size(), 2u);
  EXPECT_EQ(shown.ip_permissions[0].ip_ranges.size(), 2u);
  ASSERT_EQ(shown.ip_permissions_egress.size(), 1u);
  EXPECT_EQ(shown.ip_permissions_egress[0].ip_protocol, "-1");
  EXPECT_FALSE(shown.ip_permissions_egress[0].from_port);
}

TEST_F(Handlers, PagesOfGroupsAndRules) {
  std::string group;
  for (int i = 0; i < 12; ++i) group = new_group(fmt::format("g{}", i));
  for (int i = 0; i < 12; ++i) authorize(open_port(group, 22, fmt::format("10.0.0.{}/32", i)));
  std::set<std::string> groups, rules;
  a::DescribeSecurityGroupsRequest in;
  in.max_results = 5;
  do {
    const auto out = call<a::DescribeSecurityGroupsResult>("DescribeSecurityGroups", in);
    for (const auto& g : out.security_groups) EXPECT_TRUE(groups.insert(*g.group_id).second);
    in.next_token = out.next_token;
  } while (in.next_token);
  EXPECT_EQ(groups.size(), 13u);  // with the default group
  a::DescribeSecurityGroupRulesRequest all;
  all.max_results = 5;
  do {
    const auto out = call<a::DescribeSecurityGroupRulesResult>("DescribeSecurityGroupRules", all);
    for (const auto& r : out.security_group_rules) EXPECT_TRUE(rules.insert(*r.security_group_rule_id).second);
    all.next_token = out.next_token;
  } while (all.next_token);
  EXPECT_EQ(rules.size(), 12u + 12u + 2u);
}

TEST_F(Handlers, SubnetsStayInsideTheirVpcAndApart) {
  a::CreateVpcRequest vpc;
  vpc.cidr_block = "10.0.0.7/16";
  const auto made = call<a::CreateVpcResult>("CreateVpc", vpc);
  EXPECT_EQ(made.vpc->cidr_block, "10.0.0.0/16");
  a::CreateSubnetRequest in;
  in.vpc_id = made.vpc->vpc_id;
  const auto code = [&](const std::string& cidr) {
    in.cidr_block = cidr;
    return fault<a::CreateSubnetResult>("CreateSubnet", in);
  };
  EXPECT_EQ(code("10.0.0.0/24"), "");
  EXPECT_EQ(code("10.0.0.128/25"), "InvalidSubnet.Conflict");
  EXPECT_EQ(code("10.1.0.0/24"), "InvalidSubnet.Range");
  EXPECT_EQ(code("10.0.1.0/29"), "InvalidSubnet.Range");
  EXPECT_EQ(code("10.0.1"), "InvalidParameterValue");
  in.availability_zone = "eu-west-2z";
  EXPECT_EQ(code("10.0.1.0/24"), "InvalidParameterValue");
  in.availability_zone = "eu-west-2c";
  EXPECT_EQ(code("10.0.1.0/24"), "");
  in.vpc_id = "vpc-1";
  EXPECT_EQ(code("10.0.2.0/24"), "InvalidVpcID.NotFound");
  a::DeleteVpcRequest doomed;
  doomed.vpc_id = made.vpc->vpc_id;
  EXPECT_EQ(fault<wire::Empty>("DeleteVpc", doomed), "DependencyViolation");
}

TEST_F(Handlers, DeletedThingsLeaveNoTags) {
  auto in = open_port(new_group("db"), 5432, "1.2.3.4/32");
  const auto rule = *authorize(in).security_group_rules[0].security_group_rule_id;
  a::CreateTagsRequest tag;
  tag.resources = {rule, *in.group_id};
  auto& t = tag.tags.add();
  t.key = "Name";
  t.value = "x";
  call<wire::Empty>("CreateTags", tag);
  EXPECT_EQ(store_.all<ResourceTags>().size(), 2u);
  EXPECT_EQ(delete_fault(*in.group_id), "");
  EXPECT_TRUE(store_.all<ResourceTags>().empty());
  EXPECT_EQ(fault<wire::Empty>("CreateTags", tag), "InvalidSecurityGroupRuleId.NotFound");
  tag.resources = std::vector<std::string>{"banana"};
  EXPECT_EQ(fault<wire::Empty>("CreateTags", tag), "InvalidID");
}

TEST_F(Handlers, TheDefaultVpcGoesAndComes) {
  const auto again = [&] { return fault<a::CreateDefaultVpcResult>("CreateDefaultVpc", a::CreateDefaultVpcRequest{}); };
  EXPECT_EQ(again(), "DefaultVpcAlreadyExists");
  a::DeleteVpcRequest vpc;
  vpc.vpc_id = default_vpc_id(scope_);
  EXPECT_EQ(fault<wire::Empty>("DeleteVpc", vpc), "DependencyViolation");
  for (const auto& s : store_.all<Subnet>()) {
    a::DeleteSubnetRequest subnet;
    subnet.subnet_id = s->id;
    call<wire::Empty>("DeleteSubnet", subnet);
  }
  EXPECT_EQ(fault<wire::Empty>("DeleteVpc", vpc), "");
  a::CreateSecurityGroupRequest group;
  group.group_name = group.description = "db";
  EXPECT_EQ(fault<a::CreateSecurityGroupResult>("CreateSecurityGroup", group), "VPCIdNotSpecified");
  EXPECT_EQ(again(), "");
  EXPECT_EQ(store_.all<Subnet>().size(), 3u);
  EXPECT_EQ(fault<a::CreateSecurityGroupResult>("CreateSecurityGroup", group), "");
}

TEST_F(Handlers, InstancesHaveAnInterface) {
  Instance instance;
  instance.scope = scope_;
  instance.identifier = "a";
  instance.resource_id = "db-A";
  instance.address = "127.20.0.1";
  instance.vpc_id = default_vpc_id(scope_);
  instance.subnet_group = "default";
  instance.availability_zone = "eu-west-2b";
  instance.security_groups = {default_group_id(instance.vpc_id)};
  store_.write([&](store::Tx& tx) { tx.put(instance); });
  a::DescribeNetworkInterfacesRequest in;
  auto& f = in.filters.add();
  f.name = "group-id";
  f.values = instance.security_groups;
  const auto out = call<a::DescribeNetworkInterfacesResult>("DescribeNetworkInterfaces", in);
  ASSERT_EQ(out.network_interfaces.size(), 1u);
  EXPECT_EQ(out.network_interfaces[0].private_ip_address, "127.20.0.1");
  EXPECT_EQ(out.network_interfaces[0].groups[0].group_name, "default");
  a::DeleteSubnetRequest doomed;
  doomed.subnet_id = out.network_interfaces[0].subnet_id;
  EXPECT_EQ(fault<wire::Empty>("DeleteSubnet", doomed), "DependencyViolation");
}

}  // namespace
}  // namespace howdah::ec2
