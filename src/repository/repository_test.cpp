#include <gtest/gtest.h>

#include "repository/testing.h"

namespace howdah::repository {
namespace {

using testing::kGrace;
using testing::kStart;
using testing::kTree;
using testing::noise;
using testing::read_tree;
using testing::RepositoryTest;
using testing::scattered;
using testing::Tree;
using testing::write_tree;

TEST_F(RepositoryTest, GivesBackWhatWasStored) {
  const auto r = open();
  const auto stats = put(r, "one", kTree);
  ASSERT_TRUE(stats) << stats.error().message;
  EXPECT_EQ(stats->bytes, 1'200'003u);
  EXPECT_LT(stats->added, 510'000u);
  EXPECT_EQ(get(r, "one").value(), kTree);
  const auto list = r.list("db-A").value();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].id, "one");
  EXPECT_EQ(list[0].about.at("made"), "by a test");
  EXPECT_TRUE(put(r, "one", kTree)->existed);
}

TEST_F(RepositoryTest, KeepsModesAndTimes) {
  const auto r = open();
  write_tree(scratch_ / "tree", {{"d/f", "text"}});
  ASSERT_EQ(chmod((scratch_ / "tree/d/f").c_str(), 0640), 0);
  ASSERT_EQ(chmod((scratch_ / "tree/d").c_str(), 0750), 0);
  ASSERT_TRUE(r.put({"db-A", "one", scratch_ / "tree", {}, "", kStart}));
  ASSERT_TRUE(r.restore("db-A", "one", scratch_ / "back"));
  for (const char* name : {"d/f", "d"}) {
    struct stat before {
    }, after{};
    ASSERT_EQ(stat((scratch_ / "tree/" + name).c_str(), &before), 0);
    ASSERT_EQ(stat((scratch_ / "back/" + name).c_str(), &after), 0);
    EXPECT_EQ(before.st_mode, after.st_mode) << name;
    if (S_ISREG(before.st_mode)) {
      EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    }
  }
}

TEST_F(RepositoryTest, StoresOnlyWhatIsNew) {
  const auto r = open();
  Tree tree = kTree;
  tree["data/large"] = noise(3'000'000, 2);
  ASSERT_TRUE(put(r, "one", tree));
  tree["data/large"][1'000'000] ^= 1;
  const auto second = put(r, "two", tree);
  ASSERT_TRUE(second);
  EXPECT_LT(second->added, 2 * kChunk);
  EXPECT_EQ(get(r, "two").value(), tree);
  ASSERT_TRUE(r.drop("db-A", "one"));
  EXPECT_EQ(get(r, "two").value(), tree);
  EXPECT_FALSE(get(r, "one"));
}

/// A pack becomes full in the middle of what is read at once.
TEST_F(RepositoryTest, FillsPacksWithMixedContent) {
  const auto r = Repository::open({open_directory(scratch_ / "repository").value(), scratch_ / "key", 1}).value();
  const Tree tree = {{"a", std::string(3 * kChunk, 'a') + noise(PackWriter::kSize + 10 * kChunk, 1)}};
  const auto done = put(r, "one", tree);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(packs("one").size(), 2u);
  EXPECT_EQ(get(r, "one").value(), tree);
}

TEST_F(RepositoryTest, InstancesShareNothing) {
  const auto r = open();
  ASSERT_TRUE(put(r, "one", kTree, "db-A"));
  const auto other = put(r, "one", kTree, "db-B");
  ASSERT_TRUE(other);
  EXPECT_GT(other->added, 500'000u);
  ASSERT_TRUE(os::remove_tree(scratch_ / "repository/instances/db-A"));
  EXPECT_EQ(get(r, "one", "db-B").value(), kTree);
  EXPECT_EQ(r.resources().value(), std::vector<std::string>{"db-B"});
}

TEST_F(RepositoryTest, NamesDamageAndWhatItAffects) {
  const auto r = open();
  ASSERT_TRUE(put(r, "one", {{"a", noise(400'000, 1)}}));
  ASSERT_TRUE(put(r, "two", {{"b", noise(400'000, 2)}}));
  ASSERT_TRUE(put(r, "three", {{"b", noise(400'000, 2)}, {"c", "c"}}));
  EXPECT_TRUE(r.verify("")->damages.empty());
  for (const auto& pack : packs("two")) flip(pack, 1000);
  const auto seen = r.verify("").value();
  ASSERT_FALSE(seen.damages.empty());
  EXPECT_EQ(seen.unusable, (std::vector<std::string>{"db-A/three", "db-A/two"}));
  EXPECT_NE(seen.damages[0].object.find("packs/two/"), std::string::npos);
  EXPECT_EQ(seen.damages[0].affects, (std::vector<std::string>{"db-A/three: b", "db-A/two: b"}));
  EXPECT_FALSE(get(r, "two"));
  EXPECT_FALSE(os::exists(scratch_ / "restored"));
  EXPECT_TRUE(get(r, "one"));
}

TEST_F(RepositoryTest, FindsSwappedMissingAndTruncatedPacks) {
  const auto r = open();
  ASSERT_TRUE(put(r, "one", {{"a", noise(100'000, 1)}}));
  ASSERT_TRUE(put(r, "two", {{"b", noise(100'000, 2)}}));
  ASSERT_TRUE(put(r, "good", {{"c", noise(100'000, 3)}}));
  const std::string one = packs("one")[0], two = packs("two")[0];
  const auto unusable = [&] { return r.verify("db-A")->unusable; };

  std::filesystem::rename(one, scratch_ / "aside");  // swapped: both are whole, neither is what was stored there
  std::filesystem::rename(two, one);
  std::filesystem::rename(scratch_ / "aside", two);
  EXPECT_EQ(unusable(), (std::vector<std::string>{"db-A/one", "db-A/two"}));
  std::filesystem::rename(two, scratch_ / "aside");
  std::filesystem::rename(one, two);
  std::filesystem::rename(scratch_ / "aside", one);
  EXPECT_TRUE(unusable().empty());

  std::filesystem::resize_file(one, 50'000);
  std::filesystem::remove(two);
  EXPECT_EQ(unusable(), (std::vector<std::string>{"db-A/one", "db-A/two"}));
  const auto missing = get(r, "two");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("packs/two/"), std::string::npos) << missing.error().message;
  EXPECT_EQ(get(r, "good").value().at("c"), noise(100'000, 3));
}

TEST_F(RepositoryTest, OfATruncatedPackTheBeginningIsGood) {
  const auto r = open();
  ASSERT_TRUE(put(r, "one", {{"a", noise(kChunk * 4, 1)}}));
  for (const auto& pack : packs("one")) std::filesystem::resize_file(pack, std::filesystem::file_size(pack) - 60'000);
  const auto seen = r.verify("").value();
  EXPECT_EQ(seen.chunks, 4u);
  EXPECT_GE(seen.bytes, kChunk * 2);
  EXPECT_EQ(seen.unusable.size(), 1u);
}

TEST_F(RepositoryTest, StoresDamagedPacksContentAgain) {
  const auto r = open();
  ASSERT_TRUE(put(r, "one", kTree));
  for (const auto& pack : packs("one")) std::filesystem::remove(pack);
  ASSERT_TRUE(put(r, "two", kTree));
  EXPECT_EQ(get(r, "two").value(), kTree);
}

TEST_F(RepositoryTest, RefusesSwappedManifests) {
  const auto r = open();
  ASSERT_TRUE(put(r, "one", {{"a", "1"}}));
  ASSERT_TRUE(put(r, "two", {{"a", "2"}}));
  const std::string manifests = scratch_ / "repository/instances/db-A/manifests/";
  std::filesystem::copy_file(manifests + "one", manifests + "two", std::filesystem::copy_options::overwrite_existing);
  EXPECT_FALSE(get(r, "two"));
  EXPECT_EQ(r.verify("")->unusable, std::vector<std::string>{"db-A/two"});
  EXPECT_FALSE(r.gc("db-A", reading(), kGrace));  // what a damaged manifest needs isn't known
  EXPECT_TRUE(get(r, "one"));
}

TEST_F(RepositoryTest, TakesNoDirectoryOfOthers) {
  write_tree(scratch_ / "repository", {{"somebody.txt", "else's"}});
  EXPECT_FALSE(Repository::open({open_directory(scratch_ / "repository").value(), scratch_ / "key", 2}));
  EXPECT_EQ(read_tree(scratch_ / "repository").size(), 1u);
}

TEST_F(RepositoryTest, RefusesNamesThatLeaveItsPlace) {
  const auto r = open();
  for (const char* name : {"", ".", "..", "../x", "a/b", ".hidden"}) {
    EXPECT_FALSE(put(r, name, {{"a", "1"}})) << name;
    EXPECT_FALSE(put(r, "ok", {{"a", "1"}}, name)) << name;
    EXPECT_FALSE(r.restore("db-A", name, scratch_ / "x"));
    EXPECT_FALSE(r.drop("db-A", name));
  }
}

TEST_F(RepositoryTest, KeepsWalOnceAndForever) {
  const auto r = open();
  const std::string name = "000000010000000000000007";
  write_tree(scratch_ / "wal", {{name, noise(100'000, 1)}, {"00000002.history", "1\t0/7000000\tx\n"}});
  EXPECT_TRUE(r.put_wal("db-A", scratch_ / "wal/" + name).value());
  EXPECT_FALSE(r.put_wal("db-A", scratch_ / "wal/" + name).value());
  EXPECT_TRUE(r.put_wal("db-A", scratch_ / "wal/00000002.history").value());
  EXPECT_EQ(r.get_wal("db-A", name).value(), noise(100'000, 1));
  EXPECT_EQ(r.get_wal("db-B", name).value(), std::nullopt);
  write_tree(scratch_ / "wal", {{name, noise(100'000, 2)}});
  EXPECT_FALSE(r.put_wal("db-A", scratch_ / "wal/" + name));
  EXPECT_EQ(r.get_wal("db-A", name).value(), noise(100'000, 1));
  flip(scratch_ / ("repository/instances/db-A/wal/" + name), 5000);
  EXPECT_FALSE(r.get_wal("db-A", name));
  const auto seen = r.verify("").value();
  EXPECT_EQ(seen.segments, 2u);
  ASSERT_EQ(seen.damages.size(), 1u);
  EXPECT_NE(seen.damages[0].object.find(name), std::string::npos);
}

TEST_F(RepositoryTest, CollectsAfterTheGraceTime) {
  const auto r = open();
  ASSERT_TRUE(put(r, "one", {{"a", noise(300'000, 1)}}, "db-A", "000000010000000000000005"));
  ASSERT_TRUE(put(r, "two", {{"a", noise(300'000, 2)}}, "db-A", "000000010000000000000008"));
  for (const char* name : {"000000010000000000000005", "000000010000000000000007", "000000010000000000000008"}) {
    write_tree(scratch_ / "wal", {{name, name}});
    ASSERT_TRUE(r.put_wal("db-A", scratch_ / "wal/" + name));
  }
  EXPECT_EQ(r.gc("db-A", reading(), kGrace)->doomed, 0u);
  ASSERT_TRUE(r.drop("db-A", "one"));
  const auto noted = r.gc("db-A", reading(), kGrace).value();
  EXPECT_GE(noted.doomed, 3u);
  EXPECT_EQ(noted.removed, 0u);
  EXPECT_EQ(r.gc("db-A", passed(kGrace - Millis(1)), kGrace)->removed, 0u);
  EXPECT_EQ(r.gc("db-A", passed(Millis(1)), kGrace)->removed, noted.doomed);
  EXPECT_EQ(r.list_wal("db-A").value(), std::vector<std::string>{"000000010000000000000008"});
  EXPECT_TRUE(get(r, "two"));
  EXPECT_TRUE(r.verify("")->damages.empty());
}

TEST_F(RepositoryTest, GraceBeginsAnewForWhatIsUsedAgain) {
  const auto r = open();
  const Tree tree = {{"a", noise(300'000, 1)}};
  ASSERT_TRUE(put(r, "one", tree));
  ASSERT_TRUE(r.drop("db-A", "one"));
  ASSERT_TRUE(r.gc("db-A", reading(), kGrace));
  ASSERT_TRUE(put(r, "one", tree));  // finds the packs of its name
  EXPECT_EQ(r.gc("db-A", passed(kGrace), kGrace)->removed, 0u);
  EXPECT_EQ(get(r, "one").value(), tree);
  ASSERT_TRUE(r.drop("db-A", "one"));
  EXPECT_EQ(r.gc("db-A", passed(kGrace), kGrace)->removed, 0u);
  EXPECT_GT(r.gc("db-A", passed(kGrace), kGrace)->removed, 0u);
}

TEST_F(RepositoryTest, GraceIsTimeThatHasPassed) {
  const auto r = open();
  const std::chrono::hours grace(48), week(7 * 24);
  const auto removed = [&](bool doubted = false) { return r.gc("db-A", reading(), grace, doubted)->removed; };
  const auto doom = [&](const std::string& id) {
    ASSERT_TRUE(put(r, id, {{"a", noise(1'000, 1)}}));
    ASSERT_TRUE(r.drop("db-A", id));
    EXPECT_EQ(removed(), 0u);
  };
  doom("one");
  clock_.leap(3 * week);
  EXPECT_EQ(removed(), 0u) << "nothing but the clock has moved";
  clock_.advance(grace - Millis(1));
  EXPECT_EQ(removed(), 0u);
  clock_.leap(-3 * week);
  clock_.advance(Millis(1));
  EXPECT_EQ(removed(true), 1u) << "so much has passed, whatever the clock says";

  doom("two");
  clock_.leap(3 * week);
  boot_ += "+";
  EXPECT_EQ(removed(true), 0u) << "who was not there is told that the clock may have leapt";
  clock_.advance(std::chrono::hours(25));
  EXPECT_EQ(removed(), 0u) << "a doubt may be shorter than the grace";
  clock_.advance(std::chrono::hours(23));
  EXPECT_EQ(removed(), 1u);

  doom("three");
  clock_.advance(grace);
  boot_ += "+";
  EXPECT_EQ(removed(), 1u) << "a machine that is off at night collects, too";

  clock_.leap(100 * week);  // the note is made by a clock that is far ahead
  doom("four");
  boot_ += "+";
  clock_.leap(-100 * week);
  EXPECT_EQ(removed(), 0u);
  clock_.advance(grace);
  EXPECT_EQ(removed(), 1u) << "and does not wait until then";
}

TEST_F(RepositoryTest, OneWriterAnInstance) {
  const auto r = open();
  ASSERT_TRUE(put(r, "one", kTree));
  const auto held = os::LockFile::acquire(scratch_ / "repository/.locks/db-A", "a test");
  ASSERT_TRUE(held);
  const auto second = put(r, "two", kTree);
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().retry);
  EXPECT_FALSE(r.gc("db-A", reading(), kGrace));
  EXPECT_TRUE(put(r, "two", kTree, "db-B"));
  EXPECT_TRUE(get(r, "one"));
}

/// Random operations, about every second with a fault in one of its calls of the storage, against a plain map.
TEST_F(RepositoryTest, KeepsItsPromisesUnderFaults) {
  for (unsigned seed = 1; seed <= 2; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    (void)os::remove_tree(scratch_ / "repository");
    (void)os::remove_tree(scratch_ / "key");
    std::mt19937 random(seed);
    testing::FaultyStorage::Fault fault;
    auto storage = std::make_unique<testing::FaultyStorage>(open_directory(scratch_ / "repository").value(), fault);
    const auto r = Repository::open({std::move(storage), scratch_ / "key", 2}).value();
    std::map<std::string, Tree> stored;  // what must be there
    Tree tree;
    std::string last = "none";
    int faults = 0;
    for (int step = 0; step < 40; step++) {
      std::string& file = tree["file" + std::to_string(random() % 6)];
      file = random() % 2 == 0 ? scattered(file, random() % 8192) : noise(random() % 300'000, random());
      fault = {static_cast<int>(random() % 6) - 2, random() % 2 == 0};
      const std::string id = random() % 3 == 0 ? last : "backup" + std::to_string(step);
      switch (random() % 4) {
        case 0:
        case 1: {
          const bool there = stored.contains(id);
          const auto done = put(r, id, tree);
          faults += done ? 0 : 1;
          fault.in = -1;
          // A put that failed after its manifest was there has stored the backup all the same.
          if (!there && r.has("db-A", id).value()) stored[id] = tree;
          if (done) {
            EXPECT_TRUE(stored.contains(id));
          }
          last = id;
          break;
        }
        case 2: {
          if (stored.empty()) break;
          const std::string victim = std::next(stored.begin(), random() % stored.size())->first;
          faults += r.drop("db-A", victim) ? 0 : 1;
          fault.in = -1;
          if (!r.has("db-A", victim).value()) stored.erase(victim);
          break;
        }
        default:
          faults += r.gc("db-A", passed(kGrace / 2), kGrace) ? 0 : 1;
      }
      fault.in = -1;
      ASSERT_EQ(r.list("db-A")->size(), stored.size());
      for (const auto& [name, content] : stored) {
        if (step % 20 == 19 || name == last) {
          ASSERT_EQ(get(r, name).value(), content) << name << " at step " << step;
        }
      }
    }
    EXPECT_GT(faults, 3);
    EXPECT_TRUE(r.verify("")->damages.empty());
    for (const auto& [name, content] : stored) ASSERT_TRUE(r.drop("db-A", name));
    for (int i = 0; i < 3; i++) ASSERT_TRUE(r.gc("db-A", passed(2 * kGrace), kGrace));
    EXPECT_FALSE(os::exists(scratch_ / "repository/instances/db-A/packs"));
  }
}

}  // namespace
}  // namespace howdah::repository
