#include "rds/events.h"

#include "api/paginate.h"
#include "domain/event.h"
#include "rds/catalog_testing.h"
#include "wire/timestamp.h"

namespace howdah::rds {
namespace {

using aws::rds::DescribeEventsMessage;
using Texts = std::vector<std::string>;
using namespace std::chrono_literals;

class Events : public testing::Catalogued {
 protected:
  void happen(const std::string& id, const std::string& message, const std::string& category = "availability",
              const std::string& type = "db-instance") {
    store_.write([&](store::Tx& tx) {
      howdah::append_event(tx, scope_, {type, id, "arn:" + id, "RDS-EVENT-0000", {category}, message, clock_.now()});
    });
  }
  Texts texts(const DescribeEventsMessage& in) {
    Texts out;
    for (const auto& e : call(describe_events, in).events) out.push_back(*e.message);
    return out;
  }
  wire::Timestamp ago(Millis by) { return wire::to_timestamp(clock_.now() - by); }
};

TEST_F(Events, LastHourByDefault) {
  happen("a", "old");
  clock_.advance(2h);
  happen("a", "new");
  EXPECT_EQ(texts({}), Texts{"new"});
  EXPECT_EQ(texts({.duration = 121}), (Texts{"old", "new"}));
  EXPECT_EQ(texts({.start_time = ago(3h)}), (Texts{"old", "new"}));
  EXPECT_EQ(texts({.start_time = ago(3h), .duration = 90}), Texts{"old"});
  EXPECT_EQ(texts({.end_time = ago(90min)}), Texts{"old"});
  EXPECT_EQ(texts({.start_time = ago(3h), .end_time = ago(2h)}), Texts{"old"}) << "both ends are included";
}

TEST_F(Events, OfOneSource) {
  happen("a", "of a");
  happen("b", "of b");
  happen("g", "of g", "configuration change", "db-parameter-group");
  EXPECT_EQ(texts({.source_identifier = "A", .source_type = "db-instance"}), Texts{"of a"});
  EXPECT_EQ(texts({.source_type = "db-parameter-group"}), Texts{"of g"});
  EXPECT_EQ(texts({.source_identifier = "nobody", .source_type = "db-instance"}), Texts{});
  EXPECT_EQ(fault(describe_events, {.source_identifier = "a"}), "InvalidParameterCombination");
  EXPECT_EQ(fault(describe_events, {.source_type = "db"}), "InvalidParameterValue");
}

TEST_F(Events, OfCategories) {
  happen("a", "one", "backup");
  happen("a", "two", "failure");
  happen("a", "three", "recovery");
  DescribeEventsMessage in;
  in.event_categories = {"failure", "recovery"};
  EXPECT_EQ(texts(in), (Texts{"two", "three"}));
}

TEST_F(Events, WhatIsTold) {
  happen("a", "m", "backup");
  const auto out = call(describe_events, {});
  const auto& e = out.events.front();
  EXPECT_EQ(*e.source_identifier, "a");
  EXPECT_EQ(*e.source_type, "db-instance");
  EXPECT_EQ(*e.source_arn, "arn:a");
  EXPECT_EQ(e.event_categories.to_vector(), Texts{"backup"});
  EXPECT_EQ(e.date->ms, clock_.now().time_since_epoch().count());
}

TEST_F(Events, RefusesImpossibleWindows) {
  EXPECT_EQ(fault(describe_events, {.duration = 0}), "InvalidParameterValue");
  EXPECT_EQ(fault(describe_events, {.duration = 14 * 24 * 60 + 1}), "InvalidParameterValue");
  EXPECT_EQ(fault(describe_events, {.start_time = ago(1h), .end_time = ago(2h)}), "InvalidParameterCombination");
  EXPECT_EQ(fault(describe_events, {.marker = api::make_marker("x")}), "InvalidParameterValue");
  DescribeEventsMessage in;
  in.filters.add({.name = "x"});
  EXPECT_EQ(fault(describe_events, in), "InvalidParameterValue");
}

TEST_F(Events, PagesKeepTheirWindowWhileTimePasses) {
  for (int n = 0; n < 50; ++n) {
    happen("a", std::to_string(n), n % 2 ? "odd" : "even");
    clock_.advance(1min);
  }
  for (const Texts& categories : {Texts{}, Texts{"odd", "even"}}) {
    Texts seen;
    DescribeEventsMessage in{.start_time = ago(1h), .end_time = ago(0ms), .max_records = 20};
    if (!categories.empty()) in.event_categories = categories;
    do {
      auto page = call(describe_events, in);
      for (const auto& e : page.events) seen.push_back(*e.message);
      in = {.event_categories = std::move(in.event_categories), .max_records = 20, .marker = page.marker};
      clock_.advance(20min);
      happen("a", "later");
    } while (in.marker);
    ASSERT_EQ(seen.size(), 50u);
    EXPECT_EQ(seen.front(), "0");
    EXPECT_EQ(seen.back(), "49");
    clock_.advance(-60min);
  }
}

TEST_F(Events, OlderThanFourteenDaysAreNotShown) {
  happen("a", "first");
  clock_.advance(24h);
  happen("a", "second");
  clock_.advance(13 * 24h + 1s);
  EXPECT_EQ(texts({.duration = 14 * 24 * 60}), Texts{"second"}) << "even before the first is pruned";
  EXPECT_EQ(texts({.start_time = ago(30 * 24h)}), Texts{"second"});
}

TEST_F(Events, OtherRegionsAreElsewhere) {
  store_.write([&](store::Tx& tx) {
    howdah::append_event(tx, {kAccount, "us-west-2"}, {"db-instance", "a", "", "", {"backup"}, "far", clock_.now()});
  });
  EXPECT_EQ(texts({}), Texts{});
}

TEST_F(Events, Categories) {
  const auto all = call(describe_event_categories, {});
  EXPECT_EQ(all.event_categories_map_list.size(), event_source_types().size());
  const auto one = call(describe_event_categories, {.source_type = "db-parameter-group"});
  ASSERT_EQ(one.event_categories_map_list.size(), 1u);
  EXPECT_EQ(one.event_categories_map_list.front().event_categories.to_vector(), Texts{"configuration change"});
  EXPECT_EQ(fault(describe_event_categories, {.source_type = "x"}), "InvalidParameterValue");
}

}  // namespace
}  // namespace howdah::rds
