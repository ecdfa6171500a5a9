#include "rds/parameter_groups.h"

#include "domain/event.h"
#include "pg/testing.h"
#include "rds/catalog_testing.h"
#include "rds/settings.h"

namespace howdah::rds {
namespace {

using aws::rds::ModifyDBParameterGroupMessage;
using aws::rds::Parameter;
using Names = std::vector<std::string>;
using Shared = pg::testing::Shared;
using Values = ParameterGroup::Values;

class ParameterGroups : public testing::Catalogued {
 protected:
  void create(const std::string& name, const std::string& family = "postgres94") {
    call(create_db_parameter_group,
         {.db_parameter_group_name = name, .db_parameter_group_family = family, .description = "d"});
  }
  Names names(const aws::rds::DescribeDBParameterGroupsMessage& in) {
    Names out;
    for (const auto& g : call(describe_db_parameter_groups, in).db_parameter_groups)
      out.push_back(*g.db_parameter_group_name);
    return out;
  }
  std::string creating(const std::string& name, const std::string& family = "postgres94",
                       const std::string& about = "d") {
    return fault(create_db_parameter_group,
                 {.db_parameter_group_name = name, .db_parameter_group_family = family, .description = about});
  }
};

TEST_F(ParameterGroups, DefaultsExistForEveryFamily) {
  const Names all = names({});
  for (const char* name : {"default.postgres94", "default.postgres95", "default.postgres96"}) {
    EXPECT_NE(std::find(all.begin(), all.end(), name), all.end()) << name;
  }
  const auto one = call(describe_db_parameter_groups, {.db_parameter_group_name = "default.postgres94"});
  const auto& g = one.db_parameter_groups.front();
  EXPECT_EQ(*g.db_parameter_group_family, "postgres94");
  EXPECT_EQ(*g.description, "Default parameter group for postgres94");
  EXPECT_EQ(*g.db_parameter_group_arn, "arn:aws:rds:eu-west-2:123456789012:pg:default.postgres94");
  EXPECT_EQ(fault(describe_db_parameter_groups, {.db_parameter_group_name = "default.postgres93"}),
            "DBParameterGroupNotFound");
}

TEST_F(ParameterGroups, CreateStoresLowerCase) {
  create("Mine");
  EXPECT_EQ(names({.db_parameter_group_name = "MINE"}), Names{"mine"});
  EXPECT_EQ(creating("mine"), "DBParameterGroupAlreadyExists");
}

TEST_F(ParameterGroups, CreateRefuses) {
  for (const char* bad : {"", "1a", "a-", "a--b", "a_b", "default.mine", "ä"}) {
    EXPECT_EQ(creating(bad), "InvalidParameterValue") << bad;
  }
  EXPECT_EQ(creating("a", "mysql8.0"), "InvalidParameterValue");
  EXPECT_EQ(creating("a", "postgres93"), "InvalidParameterValue");
  EXPECT_EQ(creating("a", "postgres94", " "), "InvalidParameterValue");
  config_.quotas["DBParameterGroups"] = 1;
  create("a");
  EXPECT_EQ(creating("b"), "DBParameterGroupQuotaExceeded");
}

TEST_F(ParameterGroups, DeleteWhenNobodyUsesIt) {
  create("mine");
  auto i = put_instance("a");
  i.parameter_group = "mine";
  store_.write([&](store::Tx& tx) { tx.put(i); });
  EXPECT_EQ(fault(delete_db_parameter_group, {.db_parameter_group_name = "mine"}), "InvalidDBParameterGroupState");
  store_.write([&](store::Tx& tx) { tx.erase<Instance>(i.key()); });
  EXPECT_EQ(fault(delete_db_parameter_group, {.db_parameter_group_name = "Mine"}), "");
  EXPECT_EQ(fault(delete_db_parameter_group, {.db_parameter_group_name = "mine"}), "DBParameterGroupNotFound");
  EXPECT_EQ(fault(delete_db_parameter_group, {.db_parameter_group_name = "default.postgres94"}),
            "InvalidDBParameterGroupState");
}

TEST_F(ParameterGroups, Page) {
  for (int n = 0; n < 25; ++n) create("g" + std::to_string(100 + n));
  auto first = call(describe_db_parameter_groups, {.max_records = 20});
  EXPECT_EQ(first.db_parameter_groups.size(), 20u);
  ASSERT_TRUE(first.marker);
  Names all = names({.max_records = 20, .marker = first.marker});
  for (const auto& g : first.db_parameter_groups) all.push_back(*g.db_parameter_group_name);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, names({}));
}

/// With the parameters of a real server.
class GroupParameters : public ParameterGroups {
 protected:
  void SetUp() override {
    if (!Shared::get().installed) GTEST_SKIP() << "no PostgreSQL on this machine";
    config_.state_dir = Shared::get().scratch.path();
    identity_ = Shared::get().identity;
    family_ = Shared::get().engine.family;
    create("mine", family_);
  }
  static Parameter parameter(const std::string& name, const std::string& value, const std::string& method) {
    Parameter p;
    p.parameter_name = name;
    p.parameter_value = value;
    p.apply_method = method;
    return p;
  }
  std::string modify(std::vector<std::array<std::string, 3>> changes, const std::string& group = "mine") {
    ModifyDBParameterGroupMessage in{.db_parameter_group_name = group};
    for (const auto& [name, value, method] : changes) in.parameters.add(parameter(name, value, method));
    return fault(modify_db_parameter_group, in);
  }
  std::map<std::string, Parameter> describe(const std::string& group, const std::string& source = "") {
    std::map<std::string, Parameter> out;
    aws::rds::DescribeDBParametersMessage in{.db_parameter_group_name = group};
    if (!source.empty()) in.source = source;
    do {
      auto page = call(describe_db_parameters, in);
      for (auto& p : page.parameters) out.emplace(*p.parameter_name, std::move(p));
      in.marker = page.marker;
    } while (in.marker);
    return out;
  }
  std::string family_;
};

TEST_F(GroupParameters, DefaultsCarryEveryField) {
  const auto all = describe("default." + family_);
  EXPECT_GT(all.size(), 300u);
  for (const auto& [name, p] : all) {
    EXPECT_TRUE(*p.source == "system" || *p.source == "engine-default") << name;
    EXPECT_TRUE(*p.apply_type == "static" || *p.apply_type == "dynamic") << name;
    EXPECT_TRUE(p.data_type && p.is_modifiable && p.apply_method) << name;
    EXPECT_EQ(*p.source == "system", p.parameter_value.has_value()) << name;
    EXPECT_TRUE(std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) << name;
  }
  EXPECT_EQ(*all.at("max_connections").parameter_value, "LEAST({DBInstanceClassMemory/9531392},5000)");
  EXPECT_EQ(*all.at("rds.force_ssl").parameter_value, Shared::get().engine.major >= 15 ? "1" : "0");
  EXPECT_FALSE(*all.at("data_directory").is_modifiable);
  EXPECT_EQ(call(describe_engine_default_parameters, {.db_parameter_group_family = family_})
                .engine_defaults->parameters.size(),
            100u);
  EXPECT_EQ(fault(describe_engine_default_parameters, {.db_parameter_group_family = "x"}), "InvalidParameterValue");
}

TEST_F(GroupParameters, ModifyShowsTheUsersValuesVerbatim) {
  EXPECT_EQ(modify({{"Work_Mem", "8192", "immediate"}, {"max_connections", "{DBInstanceVCPU*50}", "pending-reboot"}}),
            "");
  const auto user = describe("mine", "user");
  ASSERT_EQ(user.size(), 2u);
  EXPECT_EQ(*user.at("work_mem").parameter_value, "8192");
  EXPECT_EQ(*user.at("work_mem").source, "user");
  EXPECT_EQ(*user.at("work_mem").apply_method, "immediate");
  EXPECT_EQ(*user.at("max_connections").parameter_value, "{DBInstanceVCPU*50}");
  EXPECT_EQ(*user.at("max_connections").apply_method, "pending-reboot");
  EXPECT_EQ(describe("mine", "system").count("max_connections"), 0u);
  EXPECT_EQ(fault(describe_db_parameters, {.db_parameter_group_name = "mine", .source = "x"}), "InvalidParameterValue");
  const auto events = store_.read({.log = "event",
                                   .scope = "123456789012/eu-west-2",
                                   .subject = "db-parameter-group/mine",
                                   .to = clock_.now() + Millis(1)});
  EXPECT_EQ(events.size(), 2u);
}

TEST_F(GroupParameters, ModifyRefuses) {
  EXPECT_EQ(modify({{"max_connections", "100", "immediate"}}), "InvalidParameterCombination");
  EXPECT_TRUE(message_.starts_with("cannot use immediate apply method for static parameter")) << message_;
  EXPECT_EQ(modify({{"max_connections", "5", "pending-reboot"}}), "InvalidParameterValue");
  EXPECT_EQ(message_, "Invalid parameter value: 5 for: max_connections allowed values are: 6-262143");
  EXPECT_EQ(modify({{"no_such_thing", "1", "immediate"}}), "InvalidParameterValue");
  EXPECT_EQ(message_, "Could not find parameter with name: no_such_thing");
  EXPECT_EQ(modify({{"data_directory", "/tmp", "pending-reboot"}}), "InvalidParameterValue");
  EXPECT_EQ(message_, "The parameter data_directory cannot be modified.");
  EXPECT_EQ(modify({{"work_mem", "8MB", "immediate"}}), "InvalidParameterValue");
  EXPECT_EQ(modify({{"work_mem", "{Nonsense}", "immediate"}}), "InvalidParameterValue");
  EXPECT_EQ(modify({{"log_statement", "everything", "immediate"}}), "InvalidParameterValue");
  EXPECT_EQ(modify({{"work_mem", "8192", "later"}}), "InvalidParameterValue");
  EXPECT_EQ(modify({{"work_mem", "8192", "immediate"}, {"WORK_MEM", "8193", "immediate"}}),
            "InvalidParameterCombination");
  EXPECT_EQ(modify({{"shared_preload_libraries", "no_such_module", "pending-reboot"}}), "InvalidParameterValue");
  EXPECT_EQ(modify({{"shared_preload_libraries", "../x", "pending-reboot"}}), "InvalidParameterValue");
  EXPECT_EQ(modify({}), "InvalidParameterValue");
  EXPECT_EQ(modify({{"work_mem", "8192", "immediate"}}, "default." + family_), "InvalidParameterValue");
  EXPECT_EQ(modify({{"work_mem", "8192", "immediate"}}, "nobody"), "DBParameterGroupNotFound");
  EXPECT_EQ(modify({{"work_mem", "8192", "immediate"}, {"max_connections", "5", "pending-reboot"}}),
            "InvalidParameterValue");
  EXPECT_TRUE(describe("mine", "user").empty()) << "all or nothing";
  ModifyDBParameterGroupMessage many{.db_parameter_group_name = "mine"};
  for (int n = 0; n < 21; ++n) many.parameters.add(parameter("work_mem", "8192", "immediate"));
  EXPECT_EQ(fault(modify_db_parameter_group, many), "InvalidParameterValue");
}

TEST_F(GroupParameters, Reset) {
  EXPECT_EQ(modify({{"work_mem", "8192", "immediate"}, {"max_connections", "50", "pending-reboot"}}), "");
  aws::rds::ResetDBParameterGroupMessage one{.db_parameter_group_name = "mine", .reset_all_parameters = false};
  one.parameters.add().parameter_name = "work_mem";
  EXPECT_EQ(fault(reset_db_parameter_group, one), "");
  EXPECT_EQ(describe("mine", "user").size(), 1u);
  EXPECT_EQ(fault(reset_db_parameter_group, {.db_parameter_group_name = "mine", .reset_all_parameters = true}), "");
  EXPECT_TRUE(describe("mine", "user").empty());
  EXPECT_EQ(*describe("mine").at("max_connections").source, "system");
  EXPECT_EQ(fault(reset_db_parameter_group, {.db_parameter_group_name = "mine", .reset_all_parameters = false}),
            "InvalidParameterValue");
  EXPECT_EQ(fault(reset_db_parameter_group, {.db_parameter_group_name = "default." + family_}),
            "InvalidParameterValue");
}

TEST_F(GroupParameters, CopyTakesTheNewestValues) {
  EXPECT_EQ(modify({{"work_mem", "8192", "immediate"}}), "");
  EXPECT_EQ(modify({{"work_mem", "9000", "pending-reboot"}}), "");
  const auto copy = [&](const std::string& from, const std::string& to) {
    return fault(copy_db_parameter_group, {.source_db_parameter_group_identifier = from,
                                           .target_db_parameter_group_identifier = to,
                                           .target_db_parameter_group_description = "copy"});
  };
  EXPECT_EQ(copy("arn:aws:rds:eu-west-2:123456789012:pg:mine", "second"), "");
  EXPECT_EQ(*describe("second", "user").at("work_mem").parameter_value, "9000");
  EXPECT_EQ(copy("default." + family_, "third"), "");
  EXPECT_TRUE(describe("third", "user").empty());
  EXPECT_EQ(copy("mine", "second"), "DBParameterGroupAlreadyExists");
  EXPECT_EQ(copy("nobody", "fourth"), "DBParameterGroupNotFound");
}

TEST_F(GroupParameters, ReachServersWhenTheyShould) {
  auto i = put_instance("a");
  i.parameter_group = i.started_group = "mine";
  i.engine_version = Shared::get().engine.version;
  i.instance_class = "db.t3.micro";
  i.server_started = clock_.now();
  store_.write([&](store::Tx& tx) { tx.put(i); });
  EXPECT_EQ(parameter_status(rds_, i), "in-sync");

  clock_.advance(Millis(1000));
  EXPECT_EQ(modify({{"work_mem", "8192", "immediate"}, {"max_connections", "50", "pending-reboot"}}), "");
  EXPECT_EQ(parameter_status(rds_, i), "pending-reboot");
  const auto group = store_.get<ParameterGroup>(scope_.key("mine"));
  EXPECT_EQ(group->values_for(i.server_started), (Values{{"work_mem", "8192"}}));
  EXPECT_EQ(group->values(), (Values{{"work_mem", "8192"}, {"max_connections", "50"}}));

  i.server_started = clock_.now();
  EXPECT_EQ(parameter_status(rds_, i), "in-sync");
  const auto settings = settings_of(rds_, i, Shared::get().engine);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->at("max_connections"), "50");
  EXPECT_EQ(login_rules(*settings), (pg::LoginRules{.force_ssl = Shared::get().engine.major >= 15, .md5 = true}));
  EXPECT_EQ(login_rules({{"rds.force_ssl", "on"}, {"rds.accepted_password_auth_method", "scram"}}), pg::LoginRules{});
}

}  // namespace
}  // namespace howdah::rds
