#include "api/paginate.h"

#include <gtest/gtest.h>

namespace howdah::api {
namespace {

struct Row {
  static constexpr std::string_view kKind = "row";
  std::string name;
  std::string key() const { return name; }
  std::string encode() const { return name; }
  static Row decode(std::string_view s) { return {std::string(s)}; }
};

std::string number(int i) { return "a/" + std::to_string(1000 + i); }

class Paginate : public testing::Test {
 protected:
  void SetUp() override {
    store_.use<Row>();
    store_.write([](store::Tx& tx) {
      for (int i = 0; i < 250; ++i) tx.put(Row{number(i)});
      tx.put(Row{"b/1"});
    });
  }
  store::Store store_{store::open_memory()};
};

std::string code_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Fault& fault) {
    return fault.code() + ": " + fault.what();
  }
  return "ok";
}

TEST_F(Paginate, WalksEveryRecordOnce) {
  std::vector<std::string> seen;
  std::optional<std::string> marker;
  int pages = 0;
  do {
    const auto page = page_of<Row>(store_, "a/", rds_page(marker, 100));
    for (const auto& row : page.items) seen.push_back(row->name);
    marker = page.marker;
    ++pages;
  } while (marker);
  EXPECT_EQ(pages, 3);
  ASSERT_EQ(seen.size(), 250u);
  EXPECT_EQ(seen.front(), number(0));
  EXPECT_EQ(seen.back(), number(249));
}

TEST_F(Paginate, AFullLastPageHasNoMarker) {
  const auto page = page_of<Row>(store_, "a/12", rds_page({}, 50));
  EXPECT_EQ(page.items.size(), 50u);
  EXPECT_FALSE(page.marker);
}

TEST_F(Paginate, FilteredPagesAreFull) {
  const auto even = [](const Row& r) { return (r.name.back() - '0') % 2 == 0; };
  const auto first = page_of<Row>(store_, "a/", rds_page({}, 100), even);
  EXPECT_EQ(first.items.size(), 100u);
  ASSERT_TRUE(first.marker);
  const auto second = page_of<Row>(store_, "a/", rds_page(first.marker, 100), even);
  EXPECT_EQ(second.items.size(), 25u);
  EXPECT_FALSE(second.marker);
}

TEST_F(Paginate, AMarkerCannotLeaveItsPrefix) {
  const auto page = page_of<Row>(store_, "a/", rds_page(make_marker("a/2"), 100));
  EXPECT_TRUE(page.items.empty());
}

TEST_F(Paginate, ListsInMemory) {
  std::vector<std::string> all;
  for (int i = 0; i < 30; ++i) all.push_back(number(i));
  const auto key = [](const std::string& s) { return s; };
  const auto first = page_of(all, rds_page({}, 20), key);
  ASSERT_TRUE(first.marker);
  const auto second = page_of(all, rds_page(first.marker, 20), key);
  EXPECT_EQ(second.items.size(), 10u);
  EXPECT_EQ(second.items.front(), number(20));
  EXPECT_FALSE(second.marker);
}

TEST(PageRequest, RefusesInAwsWords) {
  EXPECT_EQ(rds_page({}, {}).limit, 100u);
  EXPECT_EQ(code_of([] { rds_page({}, 19); }),
            "InvalidParameterValue: Invalid value 19 for MaxRecords. Must be between 20 and 100");
  EXPECT_EQ(code_of([] { rds_page({}, 101); }),
            "InvalidParameterValue: Invalid value 101 for MaxRecords. Must be between 20 and 100");
  EXPECT_EQ(code_of([] { rds_page("?!", {}); }), "InvalidParameterValue: Invalid marker: ?!");
  EXPECT_EQ(ec2_page({}, {}).limit, 1000u);
  EXPECT_TRUE(
      code_of([] { ec2_page({}, 4); }).starts_with("InvalidParameterValue: Value ( 4 ) for parameter maxResults"));
}

}  // namespace
}  // namespace howdah::api
