#include <gtest/gtest.h>

#include "repository/keys.h"
#include "repository/testing.h"

namespace howdah::repository {
namespace {

using testing::kGrace;
using testing::noise;
using testing::scattered;
using testing::Tree;

class Differences : public testing::RepositoryTest {};

TEST_F(Differences, StoresSmallChangesAsDifferences) {
  const auto r = open();
  std::map<std::string, Tree> stored;
  Tree tree = {{"a", noise(3'000'000, 1)}, {"b", noise(200'000, 2)}};
  ASSERT_TRUE(put(r, "0", stored["0"] = tree));
  for (int n = 1; n <= 4; n++) {
    const std::string id = std::to_string(n);
    tree["a"] = scattered(tree["a"], n * 100);
    tree["b"].resize(n % 2 == 0 ? 300'000 : 150'000, 'x');  // it grows and shrinks
    const auto done = put(r, id, stored[id] = tree);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_LT(done->added, 260'000u) << id;
  }
  EXPECT_TRUE(r.verify("")->damages.empty());
  for (const auto& [id, content] : stored) EXPECT_EQ(get(r, id).value(), content) << id;
  for (const char* id : {"0", "1", "2", "3"}) ASSERT_TRUE(r.drop("db-A", id));
  for (int i = 0; i < 2; i++) ASSERT_TRUE(r.gc("db-A", passed(2 * kGrace), kGrace));
  EXPECT_FALSE(packs("0").empty());  // what the others are the difference to
  EXPECT_FALSE(os::exists(scratch_ / "repository/instances/db-A/packs/3"));
  EXPECT_EQ(get(r, "4").value(), tree);
  EXPECT_TRUE(r.verify("")->damages.empty());
}

TEST_F(Differences, ADifferenceIsToAChunkInFull) {
  const auto r = open();
  Tree tree = {{"a", noise(1'000'000, 1)}};
  for (const char* id : {"0", "1", "2"}) {
    ASSERT_TRUE(put(r, id, tree));
    tree["a"] = scattered(tree["a"], 100 + id[0]);
  }
  const auto storage = open_directory(scratch_ / "repository").value();
  const std::string name = manifest_prefix("db-A") + "2";
  const auto text = open_text(open_keys(*storage, scratch_ / "key").value(), name, storage->get(name).value());
  const auto m = parse_manifest(text.value()).value();
  EXPECT_EQ(m.bases.size(), 8u);
  for (const auto& ref : m.refs) {
    ASSERT_LT(ref.base, m.bases.size());
    EXPECT_TRUE(m.packs[ref.pack].name.starts_with(pack_prefix("db-A") + "2/"));
    EXPECT_TRUE(m.packs[m.bases[ref.base].pack].name.starts_with(pack_prefix("db-A") + "0/"));
  }
}

TEST_F(Differences, WhatChangesMuchIsStoredInFull) {
  const auto r = open();
  ASSERT_TRUE(put(r, "one", {{"a", noise(1'000'000, 1)}}));
  ASSERT_TRUE(put(r, "two", {{"a", noise(1'000'000, 2)}}));
  ASSERT_TRUE(r.drop("db-A", "one"));
  for (int i = 0; i < 2; i++) ASSERT_TRUE(r.gc("db-A", passed(2 * kGrace), kGrace));
  EXPECT_FALSE(os::exists(scratch_ / "repository/instances/db-A/packs/one"));
  EXPECT_EQ(get(r, "two").value().at("a"), noise(1'000'000, 2));
}

TEST_F(Differences, ADamagedBaseIsNamedWithAllThatNeedsIt) {
  const auto r = open();
  const std::string content = noise(kChunk * 2, 1);
  ASSERT_TRUE(put(r, "one", {{"a", content}, {"b", "b"}}));
  ASSERT_TRUE(put(r, "two", {{"a", scattered(content, 7)}, {"b", "b"}}));
  ASSERT_TRUE(put(r, "other", {{"c", noise(1000, 9)}}));
  const auto all = packs("one");
  flip(*std::max_element(
           all.begin(), all.end(),
           [](const auto& x, const auto& y) { return std::filesystem::file_size(x) < std::filesystem::file_size(y); }),
       1000);
  const auto seen = r.verify("").value();
  ASSERT_EQ(seen.damages.size(), 1u);
  EXPECT_NE(seen.damages[0].object.find("packs/one/"), std::string::npos);
  EXPECT_EQ(seen.damages[0].affects, (std::vector<std::string>{"db-A/one: a", "db-A/two: a"}));
  EXPECT_EQ(seen.unusable, (std::vector<std::string>{"db-A/one", "db-A/two"}));
  const auto two = get(r, "two");
  ASSERT_FALSE(two);
  EXPECT_NE(two.error().message.find("packs/one/"), std::string::npos) << two.error().message;
  ASSERT_TRUE(r.drop("db-A", "other"));
  const Tree again = {{"a", scattered(content, 9)}};
  ASSERT_TRUE(put(r, "again", again));  // without what can't be read
  EXPECT_EQ(get(r, "again").value(), again);
}

}  // namespace
}  // namespace howdah::repository
