#include "rds/account.h"

#include "rds/catalog_testing.h"
#include "rds/resource_name.h"

namespace howdah::rds {
namespace {

class Account : public testing::Catalogued {};

TEST_F(Account, QuotasAndWhatIsUsed) {
  put_instance("a", 1);
  put_instance("b", 2);
  const auto out = call(describe_account_attributes, {});
  std::map<std::string, std::pair<int64_t, int64_t>> quotas;
  for (const auto& q : out.account_quotas) quotas[*q.account_quota_name] = {*q.used, *q.max};
  EXPECT_EQ(quotas["DBInstances"], (std::pair<int64_t, int64_t>{2, 40}));
  EXPECT_EQ(quotas["AllocatedStorage"], (std::pair<int64_t, int64_t>{40, 100000}));
  EXPECT_EQ(quotas["DBParameterGroups"], (std::pair<int64_t, int64_t>{0, 50}));
}

TEST_F(Account, NoMaintenanceIsPending) {
  const auto i = put_instance("a");
  EXPECT_TRUE(call(describe_pending_maintenance_actions, {}).pending_maintenance_actions.present);
  EXPECT_TRUE(
      call(describe_pending_maintenance_actions, {.resource_identifier = i.arn()}).pending_maintenance_actions.empty());
  EXPECT_EQ(fault(describe_pending_maintenance_actions, {.resource_identifier = i.arn() + "x"}),
            "ResourceNotFoundFault");
  EXPECT_EQ(fault(describe_pending_maintenance_actions, {.resource_identifier = "a"}), "InvalidParameterValue");
  EXPECT_EQ(fault(apply_pending_maintenance_action,
                  {.resource_identifier = i.arn(), .apply_action = "db-upgrade", .opt_in_type = "immediate"}),
            "InvalidParameterValue");
}

TEST_F(Account, OptionGroupsAreTheDefaults) {
  const auto out = call(describe_option_groups, {.engine_name = "postgres", .major_engine_version = "94"});
  ASSERT_EQ(out.option_groups_list.size(), 1u);
  EXPECT_EQ(*out.option_groups_list.front().option_group_name, "default:postgres-94");
  EXPECT_EQ(*out.option_groups_list.front().option_group_arn,
            "arn:aws:rds:eu-west-2:123456789012:og:default:postgres-94");
  EXPECT_EQ(call(describe_option_groups, {.option_group_name = "default:postgres-95"}).option_groups_list.size(), 1u);
  EXPECT_TRUE(call(describe_option_groups, {.engine_name = "mysql"}).option_groups_list.empty());
  EXPECT_EQ(fault(describe_option_groups, {.option_group_name = "default:postgres-1"}), "OptionGroupNotFoundFault");
  EXPECT_EQ(fault(describe_option_groups, {.major_engine_version = "94"}), "InvalidParameterCombination");
  EXPECT_TRUE(call(describe_option_group_options, {.engine_name = "postgres"}).option_group_options.present);
}

TEST(ResourceName, Parses) {
  const Scope scope{"123456789012", "eu-west-2"};
  const auto name = parse_resource_name(scope, "arn:aws:rds:eu-west-2:123456789012:og:default:postgres-15");
  EXPECT_EQ(name.type, "og");
  EXPECT_EQ(name.name, "default:postgres-15");
  for (const char* bad : {"", "mydb", "arn:aws:rds:eu-west-2:123456789012:db:", "arn:aws:rds:eu-west-2:123456789012:db",
                          "arn:aws:ec2:eu-west-2:123456789012:db:x", "arn:aws:rds:eu-west-1:123456789012:db:x",
                          "arn:aws:rds:eu-west-2:999999999999:db:x", "arn:aws:rds:eu-west-2:123456789012::x"}) {
    try {
      parse_resource_name(scope, bad);
      ADD_FAILURE() << bad;
    } catch (const Fault& f) {
      EXPECT_EQ(f.code(), "InvalidParameterValue");
    }
  }
}

}  // namespace
}  // namespace howdah::rds
