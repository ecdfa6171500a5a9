#include "store/store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace howdah::store {
namespace {

struct Pet {
  static constexpr std::string_view kKind = "pet";
  std::string name, owner;
  std::string key() const { return name; }
  std::string encode() const { return name + "|" + owner; }
  static Pet decode(std::string_view s) {
    const auto bar = s.find('|');
    if (bar == s.npos) throw std::runtime_error("no bar");
    return {std::string(s.substr(0, bar)), std::string(s.substr(bar + 1))};
  }
  std::vector<std::string> aliases() const { return {"of:" + owner}; }
};

class StoreFile : public testing::Test {
 protected:
  StoreFile() : dir_(std::filesystem::temp_directory_path() / ("howdah-store-" + std::to_string(getpid()))) {
    std::filesystem::create_directory(dir_);
  }
  ~StoreFile() override { std::filesystem::remove_all(dir_); }
  std::string path() const { return dir_ / "state.db"; }
  std::filesystem::path dir_;
};

std::unique_ptr<Store> open(const std::string& path) {
  auto s = std::make_unique<Store>(open_sqlite(path));
  s->use<Pet>();
  return s;
}

TEST_F(StoreFile, KeepsWhatWasCommittedAndForgetsWhatWasThrown) {
  {
    auto s = open(path());
    s->write([](Tx& tx) { tx.put(Pet{"rex", "ann"}); });
    EXPECT_THROW(s->write([](Tx& tx) {
      tx.put(Pet{"tom", "bob"});
      throw Fault("X", "no");
    }),
                 Fault);
    EXPECT_EQ(s->get<Pet>("tom"), nullptr);
  }
  auto s = open(path());
  ASSERT_NE(s->get<Pet>("rex"), nullptr);
  EXPECT_EQ(s->find<Pet>("of:ann")->name, "rex");
  EXPECT_EQ(s->get<Pet>("tom"), nullptr);
}

TEST_F(StoreFile, AliasesFollowChanges) {
  auto s = open(path());
  s->write([](Tx& tx) { tx.put(Pet{"rex", "ann"}); });
  s->write([](Tx& tx) {
    tx.put(Pet{"rex", "bob"});
    EXPECT_EQ(tx.find<Pet>("of:bob")->name, "rex");
    EXPECT_EQ(tx.find<Pet>("of:ann"), nullptr);
  });
  EXPECT_EQ(s->find<Pet>("of:ann"), nullptr);
  EXPECT_NE(s->find<Pet>("of:bob"), nullptr);
  s->write([](Tx& tx) { tx.erase<Pet>("rex"); });
  EXPECT_EQ(s->find<Pet>("of:bob"), nullptr);
}

TEST_F(StoreFile, PagesInKeyOrderWithinAPrefix) {
  auto s = open(path());
  s->write([](Tx& tx) {
    for (const char* n : {"a/3", "a/1", "b/1", "a/2"}) tx.put(Pet{n, n});
    EXPECT_EQ(tx.all<Pet>("a/").size(), 3u);
  });
  auto first = s->page<Pet>("a/", "", 2);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[1]->name, "a/2");
  auto rest = s->page<Pet>("a/", first[1]->name, 2);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0]->name, "a/3");
}

TEST_F(StoreFile, JournalIsReadByTimeAndSubjectAndPruned) {
  auto s = open(path());
  s->write([](Tx& tx) {
    for (int i = 0; i < 5; i++) tx.append({0, "event", "1/r", i % 2 ? "odd" : "even", Time(Millis(i * 1000)), "e"});
  });
  EXPECT_EQ(s->read({"event", "1/r", "", Time(Millis(1000)), Time(Millis(4000))}).size(), 3u);
  EXPECT_EQ(s->read({"event", "1/r", "odd", Time{}, Time(Millis(9000))}).size(), 2u);
  EXPECT_EQ(s->read({"event", "2/r", "", Time{}, Time(Millis(9000))}).size(), 0u);
  s->prune("event", Time(Millis(3000)));
  EXPECT_EQ(s->read({"event", "1/r", "", Time{}, Time(Millis(9000))}).size(), 2u);
}

TEST_F(StoreFile, ItsLogIsMovedIntoItBesideTheCommits) {
  auto s = open(path());
  const auto log = [&] { return std::filesystem::file_size(path() + "-wal"); };
  uintmax_t longest = 0;
  for (int i = 0; i < 40; i++) {
    s->write([&](Tx& tx) { tx.put(Pet{std::to_string(i), std::string(1'000'000, 'x')}); });
    longest = std::max(longest, log());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_LT(longest, 30'000'000u) << "40 MB went through it";
  s.reset();
  EXPECT_FALSE(std::filesystem::exists(path() + "-wal")) << "nothing else has the file open";
  EXPECT_EQ(open(path())->all<Pet>().size(), 40u);
}

TEST_F(StoreFile, CommitsDoNotMoveItsLogThemselves) {
  auto s = open(path());
  for (int i = 0; i < 8; i++)  // 2,000 pages
    s->write([&](Tx& tx) { tx.put(Pet{std::to_string(i), std::string(1'000'000, 'x')}); });
  for (int i = 0; i < 1000 && std::filesystem::file_size(path()) < 4'000'000; i++)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_GE(std::filesystem::file_size(path()), 4'000'000u) << "nobody moved the log, and no commit had to";
}

TEST_F(StoreFile, RefusesADamagedFileAndLeavesItAlone) {
  std::ofstream(path()) << "this is not a database, it only has the right name and some length to it............";
  const auto before = std::filesystem::file_size(path());
  try {
    open(path());
    FAIL();
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string(e.what()).find(path()), std::string::npos);
  }
  EXPECT_EQ(std::filesystem::file_size(path()), before);
}

TEST_F(StoreFile, CommitsWakeWatchersOfTheKindOnly) {
  auto s = open(path());
  int woken = 0;
  s->on_commit("pet", [&] { woken++; });
  s->on_commit("other", [&] { woken += 100; });
  s->write([](Tx& tx) { tx.put(Pet{"rex", "ann"}); });
  EXPECT_EQ(woken, 1);
}

}  // namespace
}  // namespace howdah::store
