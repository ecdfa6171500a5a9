#include "domain/parameter_group.h"

#include <gtest/gtest.h>

#include "domain/instance.h"

namespace howdah {
namespace {

using Values = ParameterGroup::Values;

Time at(int64_t ms) { return Time(Millis(ms)); }

TEST(ParameterGroup, SurvivesItsEncoding) {
  ParameterGroup g{{"1", "r"}, "g", "postgres15", "mine", {}, {{"team", "db"}}};
  g.change("work_mem", {at(5), true, "4096"}, at(0));
  g.change("max_connections", {at(6), false, "200"}, at(0));
  g.change("max_connections", {at(7), false, std::nullopt}, at(0));
  const auto back = ParameterGroup::decode(g.encode());
  EXPECT_EQ(back.key(), "1/r/g");
  EXPECT_EQ(back.family, "postgres15");
  EXPECT_EQ(back.description, "mine");
  EXPECT_EQ(back.tags, g.tags);
  EXPECT_EQ(back.values(), (Values{{"work_mem", "4096"}}));
  EXPECT_EQ(back.values_for(at(6)), (Values{{"work_mem", "4096"}, {"max_connections", "200"}}));
  EXPECT_EQ(back.arn(), "arn:aws:rds:r:1:pg:g");
}

TEST(ParameterGroup, ImmediateChangesReachEveryServer) {
  ParameterGroup g;
  g.change("work_mem", {at(10), true, "1"}, at(0));
  EXPECT_EQ(g.values_for(at(0)), (Values{{"work_mem", "1"}}));
  EXPECT_FALSE(g.waits_for_reboot(at(0)));
  g.change("work_mem", {at(20), true, std::nullopt}, at(0));
  EXPECT_TRUE(g.values_for(at(0)).empty());
  EXPECT_TRUE(g.changes.empty()) << "nothing is left to remember";
}

TEST(ParameterGroup, OthersWaitForTheNextStart) {
  ParameterGroup g;
  g.change("max_connections", {at(10), false, "100"}, at(5));
  EXPECT_TRUE(g.values_for(at(5)).empty());
  EXPECT_TRUE(g.waits_for_reboot(at(5)));
  EXPECT_EQ(g.values_for(at(10)), (Values{{"max_connections", "100"}}));
  EXPECT_FALSE(g.waits_for_reboot(at(10)));

  g.change("max_connections", {at(20), false, "200"}, at(5));
  EXPECT_TRUE(g.values_for(at(5)).empty());
  EXPECT_EQ(g.values_for(at(15)), (Values{{"max_connections", "100"}}));
  EXPECT_EQ(g.values(), (Values{{"max_connections", "200"}}));

  // Back to what the running server has: nothing waits.
  g.change("max_connections", {at(30), false, "100"}, at(15));
  EXPECT_FALSE(g.waits_for_reboot(at(15)));
}

TEST(ParameterGroup, ResetWaitsToo) {
  ParameterGroup g;
  g.change("max_connections", {at(10), false, "100"}, at(5));
  g.change("max_connections", {at(20), false, std::nullopt}, at(15));
  EXPECT_TRUE(g.values().empty());
  EXPECT_EQ(g.values_for(at(15)), (Values{{"max_connections", "100"}}));
  EXPECT_TRUE(g.waits_for_reboot(at(15)));
  EXPECT_FALSE(g.waits_for_reboot(at(20)));
}

TEST(ParameterGroup, ForgetsWhatNoServerIsOn) {
  ParameterGroup g;
  for (int i = 1; i <= 1000; ++i) g.change("max_connections", {at(10 * i), false, std::to_string(i)}, at(10 * i - 5));
  EXPECT_LE(g.changes["max_connections"].size(), 2u);
  g.change("max_connections", {at(20000), true, "7"}, at(0));
  EXPECT_EQ(g.changes["max_connections"].size(), 1u);
}

TEST(ParameterGroup, DefaultNames) {
  EXPECT_EQ(default_parameter_group("postgres15"), "default.postgres15");
  EXPECT_EQ(default_group_family("default.postgres15"), "postgres15");
  EXPECT_EQ(default_group_family("mine"), std::nullopt);
}

TEST(ParameterGroup, KnowsItsInstances) {
  store::Store store(store::open_memory());
  store.use<Instance>();
  store.use<ParameterGroup>();
  const Scope scope{"1", "r"};
  const auto put = [&](const std::string& name, const Scope& where, const std::string& group) {
    store.write([&](store::Tx& tx) {
      Instance i;
      i.scope = where;
      i.identifier = name;
      i.resource_id = "db-" + name + where.region;
      i.parameter_group = group;
      tx.put(i);
    });
  };
  put("a", scope, "mine");
  put("b", scope, "other");
  put("c", {"1", "r2"}, "mine");
  EXPECT_EQ(instances_using(store, scope, "mine"), std::vector<std::string>{"db-ar"});
}

TEST(ParameterGroup, DeletedOnesServeOnUntilReboot) {
  store::Store store(store::open_memory());
  store.use<Instance>();
  store.use<ParameterGroup>();
  ParameterGroup g{{"1", "r"}, "mine", "postgres15", "d"};
  g.change("work_mem", {at(1), true, "4096"}, at(0));
  Instance i;
  i.scope = g.scope;
  i.identifier = "a";
  i.started_group = "mine";
  i.parameter_group = "default.postgres15";
  store.write([&](store::Tx& tx) {
    tx.put(g);
    tx.put(i);
  });
  store.write([&](store::Tx& tx) { delete_group(tx, g, at(9)); });
  EXPECT_EQ(store.get<ParameterGroup>("1/r/mine"), nullptr);
  EXPECT_TRUE(visible_groups(store, g.scope).empty());
  const std::string name = store.get<Instance>("1/r/a")->started_group;
  ASSERT_NE(store.get<ParameterGroup>("1/r/" + name), nullptr);
  EXPECT_EQ(store.get<ParameterGroup>("1/r/" + name)->values(), (Values{{"work_mem", "4096"}}));

  ParameterGroup other{{"1", "r"}, "other", "postgres15", "d"};
  store.write([&](store::Tx& tx) {
    i.started_group = "default.postgres15";
    tx.put(i);
    tx.put(other);
  });
  store.write([&](store::Tx& tx) { delete_group(tx, other, at(10)); });
  EXPECT_TRUE(store.all<ParameterGroup>().empty()) << "swept after the reboot";
}

}  // namespace
}  // namespace howdah
