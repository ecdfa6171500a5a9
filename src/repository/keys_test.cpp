#include <gtest/gtest.h>

#include <fmt/format.h>

#include "repository/keys.h"
#include "repository/testing.h"

namespace howdah::repository {
namespace {

using testing::kGrace;
using testing::kTree;
using testing::read_tree;
using testing::Tree;

class RepositoryKeys : public testing::RepositoryTest {};

TEST_F(RepositoryKeys, NeedsItsKey) {
  ASSERT_TRUE(put(open(), "one", kTree));
  const std::string elsewhere = scratch_ / "aside";
  std::filesystem::rename(scratch_ / "key", elsewhere);
  const auto without = Repository::open({open_directory(scratch_ / "repository").value(), scratch_ / "key", 2});
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().message.find("bring back the key file"), std::string::npos);
  EXPECT_FALSE(os::exists(scratch_ / "key"));
  std::ofstream(scratch_ / "key") << std::string(64, 'a');
  ASSERT_EQ(chmod((scratch_ / "key").c_str(), 0600), 0);
  EXPECT_FALSE(Repository::open({open_directory(scratch_ / "repository").value(), scratch_ / "key", 2}));
  ASSERT_EQ(chmod(elsewhere.c_str(), 0644), 0);
  EXPECT_FALSE(Repository::open({open_directory(scratch_ / "repository").value(), elsewhere, 2}));
  ASSERT_EQ(chmod(elsewhere.c_str(), 0600), 0);
  EXPECT_EQ(get(open("aside"), "one").value(), kTree);
}

TEST_F(RepositoryKeys, ChangesItsKey) {
  ASSERT_TRUE(put(open(), "one", kTree));
  std::filesystem::copy_file(scratch_ / "key", scratch_ / "safe");
  const Tree before = read_tree(scratch_ / "repository");
  const auto storage = open_directory(scratch_ / "repository").value();
  const auto rotated = rotate_key(*storage, scratch_ / "key");
  ASSERT_TRUE(rotated) << rotated.error().message;
  Tree after = read_tree(scratch_ / "repository");
  EXPECT_EQ(after.erase("keys/" + rotated->name + ".json"), 1u);
  after.erase(".locks/.keys");
  for (const auto& [name, content] : before) EXPECT_EQ(after[name], content) << name;

  ASSERT_TRUE(put(open(), "two", kTree));
  EXPECT_EQ(get(open(), "one").value(), kTree);
  EXPECT_EQ(get(open("safe"), "two").value(), kTree);  // nobody is locked out before the new key has been copied
  EXPECT_FALSE(retire_key(*storage, scratch_ / "key", rotated->name));
  EXPECT_FALSE(retire_key(*storage, scratch_ / "key", "0123456789abcdef"));
  EXPECT_EQ(retire_key(*storage, scratch_ / "key", rotated->old_name).value(), true);
  EXPECT_FALSE(os::exists(rotated->old_file));
  EXPECT_EQ(get(open(), "one").value(), kTree);
  const auto refused = Repository::open({open_directory(scratch_ / "repository").value(), scratch_ / "safe", 2});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("was retired on 2"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find(rotated->name), std::string::npos) << refused.error().message;
}

TEST_F(RepositoryKeys, ARetiredKeyOpensNothingEvenWhereItsObjectStays) {
  ASSERT_TRUE(put(open(), "one", kTree));
  std::filesystem::copy_file(scratch_ / "key", scratch_ / "safe");
  testing::LockedStorage storage(open_directory(scratch_ / "repository").value());
  const auto rotated = rotate_key(storage, scratch_ / "key").value();
  for (int again = 0; again < 2; again++) {
    EXPECT_EQ(retire_key(storage, scratch_ / "key", rotated.old_name).value(), false);
  }
  EXPECT_TRUE(os::exists(scratch_ / ("repository/keys/" + rotated.old_name + ".json")));
  EXPECT_FALSE(Repository::open({open_directory(scratch_ / "repository").value(), scratch_ / "safe", 2}));
  EXPECT_EQ(get(open(), "one").value(), kTree);
}

TEST_F(RepositoryKeys, AKeyOfOnesOwnCanBeGiven) {
  ASSERT_TRUE(put(open(), "one", kTree));
  std::ofstream(scratch_ / "key.next") << std::string(64, 'a') << "\n";
  ASSERT_EQ(chmod((scratch_ / "key.next").c_str(), 0600), 0);
  ASSERT_TRUE(rotate_key(*open_directory(scratch_ / "repository").value(), scratch_ / "key"));
  EXPECT_EQ(os::read_file(scratch_ / "key").value(), std::string(64, 'a') + "\n");
  EXPECT_FALSE(os::exists(scratch_ / "key.next"));
  EXPECT_EQ(get(open(), "one").value(), kTree);
}

TEST_F(RepositoryKeys, RefusesWhatANewerVersionWrote) {
  const auto r = open();
  ASSERT_TRUE(put(r, "one", kTree));
  const auto storage = open_directory(scratch_ / "repository").value();
  const Key data_key = open_keys(*storage, scratch_ / "key").value();
  const std::string name = manifest_prefix("db-A") + "later";
  std::string text =
      open_text(data_key, manifest_prefix("db-A") + "one", storage->get(manifest_prefix("db-A") + "one").value())
          .value();
  const std::string now = fmt::format("\"format\":{}", kFormat);
  text.replace(text.find(now), now.size(), "\"format\":99");
  ASSERT_TRUE(storage->put(name, seal_text(data_key, name, text)).value());
  const auto later = get(r, "later");
  ASSERT_FALSE(later);
  EXPECT_NE(later.error().message.find("format 99: a newer version"), std::string::npos) << later.error().message;
  EXPECT_EQ(get(r, "one").value(), kTree);
  const auto swept = r.gc("db-A", reading(), kGrace);  // what it needs isn't known
  ASSERT_FALSE(swept);
  EXPECT_NE(swept.error().message.find("nothing was removed"), std::string::npos) << swept.error().message;
}

}  // namespace
}  // namespace howdah::repository
