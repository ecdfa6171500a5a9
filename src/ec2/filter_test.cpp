#include "ec2/filter.h"

#include <gtest/gtest.h>

namespace howdah::ec2 {
namespace {

TEST(Wildcards, MatchAsAwsSays) {
  EXPECT_TRUE(wildcard_match("", ""));
  EXPECT_TRUE(wildcard_match("*", ""));
  EXPECT_TRUE(wildcard_match("*-db-bastion", "alice-db-bastion"));
  EXPECT_TRUE(wildcard_match("a?c*", "abcdef"));
  EXPECT_TRUE(wildcard_match("*a*b*c", "xxaxbxbxc"));
  EXPECT_TRUE(wildcard_match("a\\*c", "a*c"));
  EXPECT_TRUE(wildcard_match("a\\?", "a?"));
  EXPECT_FALSE(wildcard_match("a\\*c", "abc"));
  EXPECT_FALSE(wildcard_match("a?c", "ac"));
  EXPECT_FALSE(wildcard_match("", "a"));
  EXPECT_FALSE(wildcard_match("abc", "ABC"));
  EXPECT_FALSE(wildcard_match("*b", "abc"));
  EXPECT_FALSE(wildcard_match("abc", "ab"));
}

TEST(Wildcards, StayFastOnHostilePatterns) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(wildcard_match(pattern + "b", std::string(5000, 'a')));
}

struct Thing {
  std::string name, color;
};

wire::Seq<aws::ec2::Filter> filters(std::initializer_list<std::pair<std::string, std::vector<std::string>>> list) {
  wire::Seq<aws::ec2::Filter> out;
  for (const auto& [name, values] : list) {
    auto& f = out.add();
    f.name = name;
    f.values = values;
  }
  return out;
}

Filters<Thing> of(const wire::Seq<aws::ec2::Filter>& list) {
  using Values = std::vector<std::string>;
  return {list, {{"name", [](const Thing& t) { return Values{t.name}; }}, {"color", [](const Thing& t) {
                                                                             return Values{t.color};
                                                                           }}}};
}

TEST(Filters, EveryFilterAndOneValueOfEach) {
  const Thing thing{"a", "red"};
  EXPECT_TRUE(of({}).accept(thing, {}));
  EXPECT_TRUE(of(filters({{"name", {"b", "a"}}})).accept(thing, {}));
  EXPECT_FALSE(of(filters({{"name", {"a"}}, {"color", {"blue"}}})).accept(thing, {}));
  EXPECT_TRUE(of(filters({{"name", {"a"}}, {"color", {"r*"}}})).accept(thing, {}));
}

TEST(Filters, KnowTags) {
  const Tags tags{{"Name", "alice-db-bastion"}, {"stage", "dev"}};
  EXPECT_TRUE(of(filters({{"tag:Name", {"*-db-bastion"}}})).accept({}, tags));
  EXPECT_FALSE(of(filters({{"tag:Name", {"x"}}})).accept({}, tags));
  EXPECT_FALSE(of(filters({{"tag:Other", {"*"}}})).accept({}, tags));
  EXPECT_TRUE(of(filters({{"tag-key", {"stage"}}})).accept({}, tags));
  EXPECT_TRUE(of(filters({{"tag-value", {"d?v"}}})).accept({}, tags));
}

TEST(Filters, RefuseWhatTheyDontKnow) {
  EXPECT_THROW(of(filters({{"shape", {"round"}}})), Fault);
  EXPECT_THROW(of(filters({{"name", {}}})), Fault);
}

}  // namespace
}  // namespace howdah::ec2
