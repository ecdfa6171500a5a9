#include "backup/vault.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <filesystem>
#include <fstream>
#include <thread>

#include "backup/keeper_journal.h"
#include "backup/vault_files.h"
#include "pg/control_file.h"
#include "pg/testing.h"

/// The reading side, on WAL that a real server wrote and the test itself put into a vault.
namespace howdah::backup {
namespace {

using pg::testing::must;
namespace fs = std::filesystem;

Time now() { return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now()); }

struct Source {
  pg::testing::Instance instance{600};
  uint64_t system = 0;

  Source() {
    if (!instance.start()) throw std::runtime_error("the server does not start");
    system = must(pg::system_identifier_of(instance.layout().data));
    sql("create table public.t (n int, filler text)");
  }
  std::string sql(const std::string& text) {
    auto client = instance.connect();
    auto rows = client.query(text);
    if (!rows) throw std::runtime_error(rows.error().message);
    return rows->empty() ? "" : std::string(rows->get(0, 0));
  }
  Lsn lsn(const std::string& function) { return parse_lsn(sql("select " + function + "()")).value(); }
  std::string wal() { return instance.layout().data + "/pg_wal"; }
};

TEST(JournalTest, NotesWhereASilenceBeginsAndEnds) {
  const pg::testing::Scratch scratch;
  Journal journal(scratch.path());
  const Time start = now();
  const auto look = [&](Millis at, Lsn end) { must(journal.publish({1, end}, start + at, start + at + Millis(5))); };
  using std::chrono::seconds;
  look(Millis(0), 100);
  look(Millis(500), 200);  // within a second of the first
  for (int n = 1; n <= 10; n++) look(Millis(500) + seconds(n), 200);
  look(Millis(10'800), 300);
  const ClockFile clock(scratch.path());
  const auto begins = clock.last_until(start + seconds(3));
  ASSERT_TRUE(begins);
  EXPECT_EQ(begins->position.lsn, 200u) << "what was written last counts as later";
  const auto ends = clock.first_from(start + seconds(9));
  ASSERT_TRUE(ends);
  EXPECT_EQ(ends->position.lsn, 200u);
  EXPECT_EQ(clock.last()->position.lsn, 300u);
}

/// What a keeper would have left when everything up to `end` was copied.
void fill(const Vault& vault, Source& source, Lsn end) {
  fs::create_directories(wal_dir(vault.root()));
  for (const auto& entry : fs::directory_iterator(source.wal())) {
    const auto start = segment_start(entry.path().filename().string());
    if (!start || start->lsn >= end) continue;
    const std::string name = segment_name(1, start->lsn);
    const bool partial = end < start->lsn + kSegmentSize;
    const std::string to = wal_dir(vault.root()) + "/" + name + (partial ? ".partial" : "");
    fs::copy_file(entry.path(), to, fs::copy_options::overwrite_existing);
    if (partial) fs::resize_file(to, page_start(end + kWalPage - 1) - start->lsn);
  }
  must(PositionFile(vault.root()).write({{1, end}, now()}));
}

Lsn first_segment(Source& source) {
  Lsn first = ~0ULL;
  for (const auto& entry : fs::directory_iterator(source.wal())) {
    if (const auto start = segment_start(entry.path().filename().string())) first = std::min(first, start->lsn);
  }
  return first;
}

class VaultTest : public ::testing::Test {
 protected:
  void SetUp() override {
    NEED_POSTGRESQL();
    source = std::make_unique<Source>();
  }
  /// Four whole segments and the begin of a fifth; returns their end.
  Lsn fill_five_segments() {
    for (int i = 0; i < 4; i++) {
      source->sql("insert into public.t values (1, 'a')");
      source->sql("select pg_switch_wal()");
    }
    source->sql("insert into public.t values (1, 'b')");
    const Lsn end = source->lsn("pg_current_wal_flush_lsn");
    fill(vault, *source, end);
    return end;
  }
  pg::testing::Scratch scratch;
  std::unique_ptr<Source> source;
  Vault vault{scratch.path(), "db-X"};
};

TEST_F(VaultTest, ReadsExactlyTheRecordsOfTheServer) {
  source->sql("insert into public.t select g, repeat('x', g % 3000) from generate_series(1, 20000) g");
  source->sql("select pg_switch_wal()");
  source->sql("select pg_logical_emit_message(false, 'm', repeat('0123456789', 2000000))");  // longer than a segment
  source->sql("insert into public.t select g, 'y' from generate_series(1, 5000) g");
  const Lsn end = source->lsn("pg_current_wal_flush_lsn");
  fill(vault, *source, end);
  VaultSource files(vault.root(), History(1));
  WalReader reader = files.reader();
  ASSERT_TRUE(reader.seek_first(first_segment(*source)));
  int records = 0, switches = 0, commits = 0;
  while (const auto record = reader.next()) {
    records++;
    switches += record->is_switch();
    commits += record->transaction_end().has_value();
    if (record->end >= end) break;
  }
  EXPECT_EQ(lsn_text(reader.position()), lsn_text(end));
  EXPECT_GT(records, 25000);
  EXPECT_EQ(switches, 1);
  EXPECT_GE(commits, 3);
  // Every segment on its own: the first record that begins in it is found and begins a valid chain.
  for (Lsn at = segment_begin(end); at > first_segment(*source); at -= kSegmentSize) {
    WalReader from_here = files.reader();
    ASSERT_TRUE(from_here.seek_first(at)) << lsn_text(at);
    if (from_here.position() < end) {
      EXPECT_TRUE(from_here.next()) << lsn_text(at);
    }
  }
}

TEST_F(VaultTest, LocatesTheExactRecordBetweenTwoCommits) {
  std::vector<Time> between;
  std::vector<Lsn> before;
  const Lsn base = source->lsn("pg_current_wal_flush_lsn");
  for (int i = 0; i < 5; i++) {
    std::this_thread::sleep_for(Millis(3));
    between.push_back(now());
    std::this_thread::sleep_for(Millis(3));
    source->sql("insert into public.t values (" + std::to_string(i) + ", 'z')");
    before.push_back(source->lsn("pg_current_wal_flush_lsn"));
  }
  const Lsn end = source->lsn("pg_current_wal_flush_lsn");
  fill(vault, *source, end);
  for (size_t i = 0; i < between.size(); i++) {
    const auto at = vault.locate(between[i], {1, base});
    ASSERT_TRUE(at) << at.error().message;
    EXPECT_EQ(at->timeline, 1U);
    // The target is the start of the i-th insert's commit record: behind the commits before it, in front of its end.
    EXPECT_GE(at->lsn, i == 0 ? base : before[i - 1]);
    EXPECT_LT(at->lsn, before[i]);
    VaultSource files(vault.root(), History(1));
    WalReader reader = files.reader();
    reader.seek(at->lsn);
    const auto record = reader.next();
    ASSERT_TRUE(record);
    EXPECT_EQ(record->start, at->lsn);
    EXPECT_TRUE(record->transaction_end());
    EXPECT_LE(record->end, before[i]);
  }
  const auto last = vault.locate(vault.latest_restorable().value(), {1, base});
  ASSERT_TRUE(last) << last.error().message;
  EXPECT_EQ(last->lsn, end);
  EXPECT_FALSE(vault.locate(now() + std::chrono::seconds(1), {1, base}));
  EXPECT_FALSE(vault.locate(between[0], {2, base}));
}

TEST_F(VaultTest, FindsTheFirstRestorePointOfAName) {
  const auto point = [&](const std::string& name) {
    return parse_lsn(source->sql("select pg_create_restore_point('" + name + "')")).value();
  };
  const Time begun = now();
  const Lsn other = point("onetwo"), one = point("one");
  source->sql("insert into public.t values (1, 'a')");
  const Lsn again = point("one");
  source->sql("insert into public.t values (2, 'b')");
  fill(vault, *source, source->lsn("pg_current_wal_flush_lsn"));
  const auto first = [&](std::string_view name, Lsn until) {
    return must(vault.first_restore_point(name, begun, {1, until}));
  };
  EXPECT_EQ(first("one", again)->end.lsn, one);
  EXPECT_EQ(first("one", one)->end.lsn, one);
  EXPECT_EQ(first("onetwo", again)->end.lsn, other);
  EXPECT_LT(std::chrono::abs(first("one", one)->time - begun), std::chrono::seconds(10));
  EXPECT_FALSE(first("one", other)) << "it came later";
  EXPECT_FALSE(first("on", again));
  EXPECT_FALSE(vault.first_restore_point("none", begun, {1, again + kSegmentSize}))
      << "the vault does not reach as far";
  // A clock that was an hour ahead when it was asked for, and was set right since.
  const Time ahead = begun + std::chrono::hours(1);
  ClockFile clock(vault.root());
  must(clock.append({ahead, ahead, {1, other}}));
  must(clock.append({begun, begun, {1, one + 1}}, true));
  EXPECT_EQ(must(vault.first_restore_point("one", ahead, {1, again}))->end.lsn, one);
}

TEST_F(VaultTest, WhatNoKeeperWatchedIsTakenFromTheServersClockUnlessThatWasSet) {
  using std::chrono::hours;
  const auto insert = [&] {
    std::this_thread::sleep_for(Millis(3));
    source->sql("insert into public.t values (1, 'a')");
    return source->lsn("pg_current_wal_flush_lsn");
  };
  const Lsn base = insert(), one = insert();
  std::this_thread::sleep_for(Millis(3));
  const Time between = now();
  const Lsn two = insert();
  fill(vault, *source, two);
  const Time after = now() + Millis(1);
  must(PositionFile(vault.root()).write({{1, two}, after + hours(9)}));
  const auto index = [&](std::initializer_list<std::pair<ClockRecord, bool>> records) {
    fs::remove(vault.root() + "/clock");
    fs::remove(vault.root() + "/clock.runs");
    ClockFile clock(vault.root());
    for (const auto& [record, stepped] : records) must(clock.append(record, stepped));
  };
  const auto at = [](Time t, Lsn lsn) { return ClockRecord{t, t, {1, lsn}}; };
  const auto refused = [&](Time instant) {
    const auto found = vault.locate(instant, {1, base});
    return !found && found.error().message.find("somebody set the clock between ") == 0;
  };
  // No keeper for two hours, and a clock that went on, or has leapt ahead by so much.
  index({{at(between - hours(1), base), false}, {at(between + hours(1), two), false}});
  const auto exact = vault.locate(between, {1, base});
  ASSERT_TRUE(exact) << exact.error().message;
  EXPECT_GE(exact->lsn, one);
  EXPECT_LT(exact->lsn, two);
  // It was ahead, or behind, when the server committed, and was set right before anybody came.
  index({{at(between - hours(2), base), false}, {at(between - hours(1), two), false}});
  EXPECT_TRUE(refused(between - Millis(5'400'000)));
  index({{at(between + hours(1), base), false}, {at(between + hours(2), two), false}});
  EXPECT_TRUE(refused(between + Millis(5'400'000)));
  // Somebody watched while it was far ahead; it was set back when nobody did, and showed the instant once more.
  const auto watched = {std::pair(at(after - Millis(900), base), false),
                        std::pair(at(after + Millis(2'500), one), false), std::pair(at(after + hours(3), one), false),
                        std::pair(at(after + hours(1), two), true)};
  index(watched);
  EXPECT_TRUE(refused(after));
  EXPECT_FALSE(refused(after - hours(1))) << "it did not show that one again";
  EXPECT_FALSE(refused(after + hours(1))) << "that one is the later run's";
}

TEST_F(VaultTest, AServersWrongClockIsBoundedByOurs) {
  ClockFile clock(vault.root());
  source->sql("insert into public.t values (1, 'a')");
  const Lsn one = source->lsn("pg_current_wal_flush_lsn");
  source->sql("insert into public.t values (2, 'b')");
  const Lsn two = source->lsn("pg_current_wal_flush_lsn");
  fill(vault, *source, two);
  // As if the server's clock were an hour behind ours.
  const Time later = now() + std::chrono::hours(1);
  must(clock.append({later, later, {1, one}}));
  must(clock.append({later + std::chrono::seconds(10), later + std::chrono::seconds(10), {1, two}}));
  must(PositionFile(vault.root()).write({{1, two}, later + std::chrono::seconds(20)}));
  const auto at = vault.locate(later - std::chrono::seconds(5), {1, segment_begin(one)});
  ASSERT_TRUE(at) << at.error().message;
  EXPECT_GE(at->lsn, one);
  EXPECT_LT(at->lsn, two);
}

/// Our own clock is wrong for an hour, while the server, whose clock is right, commits. Then it is set right, and an
/// instant after that is asked for: what is there must be neither what was there before the hour nor all.
void restores_behind_a_wrong_hour(Vault& vault, Source& source, std::chrono::hours wrong) {
  const auto insert = [&] {
    source.sql("insert into public.t values (1, 'a')");
    return source.lsn("pg_current_wal_flush_lsn");
  };
  fs::create_directories(vault.root());
  Journal journal(vault.root());
  const auto look = [&](Lsn end, Time at) { must(journal.publish({1, end}, at, at)); };
  const Lsn one = insert();
  look(one, now());
  const Lsn two = insert();
  look(two, now() + wrong);
  look(insert(), now() + wrong + Millis(1'500));
  const Lsn right = insert();
  look(right, now());
  std::this_thread::sleep_for(Millis(5));
  const Time instant = now();
  std::this_thread::sleep_for(Millis(1'200));
  const Lsn later = insert();
  look(later, now());
  std::this_thread::sleep_for(Millis(1'200));
  const Lsn last = insert();
  fill(vault, source, last);
  const auto at = vault.locate(instant, {1, segment_begin(one)});
  ASSERT_TRUE(at) << at.error().message;
  EXPECT_GE(at->lsn, right) << "what had been committed at the instant is missing";
  EXPECT_LT(at->lsn, later) << "what was committed after the instant is there";
}

TEST_F(VaultTest, OurOwnClockThatLeaptAheadAndWasSetRight) {
  restores_behind_a_wrong_hour(vault, *source, std::chrono::hours(21 * 24));
}

TEST_F(VaultTest, OurOwnClockThatWasSetBackAndRightAgain) {
  restores_behind_a_wrong_hour(vault, *source, -std::chrono::hours(1));
}

TEST(VaultFiles, WhatAClockShowedTwiceIsTheSecondTime) {
  pg::testing::Scratch scratch;
  ClockFile clock(scratch.path());
  const auto at = [](int64_t s) { return Time(std::chrono::seconds(s)); };
  Lsn lsn = 0;
  const auto run = [&](int64_t from, int64_t to) {
    for (int64_t s = from; s <= to; s++) must(clock.append({at(s), at(s), {1, lsn += 10}}, s == from && lsn > 0));
  };
  run(1000, 1009);  // 10 to 100
  run(9000, 9009);  // 110 to 200: it leaps ahead
  run(1010, 1019);  // 210 to 300: set right
  run(1, 10);       // 310 to 400: set back
  run(1020, 1029);  // 410 to 500: set right
  run(1015, 1100);  // 510 on: set back by some seconds
  const auto around = [&](int64_t s) {
    return std::pair(clock.last_until(at(s)).value_or(ClockRecord{}).position.lsn,
                     clock.first_from(at(s), Millis(1'000)).value_or(ClockRecord{}).position.lsn);
  };
  EXPECT_EQ(around(1005), std::pair(60UL, 70UL));
  EXPECT_EQ(around(1012), std::pair(230UL, 240UL));
  EXPECT_EQ(around(1016), std::pair(520UL, 530UL));
  EXPECT_EQ(around(1029), std::pair(650UL, 660UL));
  EXPECT_EQ(around(9005), std::pair(clock.last()->position.lsn, 0UL)) << "the last run goes on";
  EXPECT_EQ(clock.first_at(205)->position.lsn, 210U);
  EXPECT_EQ(around(0), std::pair(0UL, 10UL));
}

TEST_F(VaultTest, APartialSegmentMayBePaddedAndACompleteOneWins) {
  source->sql("insert into public.t values (1, 'a')");
  source->sql("select pg_switch_wal()");
  source->sql("insert into public.t values (2, 'b')");
  const Lsn end = source->lsn("pg_current_wal_flush_lsn"), begin = segment_begin(end) - kSegmentSize;
  fill(vault, *source, end);
  const std::string partial = partial_path(vault.root(), 1, end), complete = segment_path(vault.root(), 1, begin);
  fs::resize_file(partial, kSegmentSize);  // zeroes behind what the server wrote
  fs::copy_file(partial, partial_path(vault.root(), 1, begin));
  const auto chain = vault.chain({1, begin + 100}, {1, end}, source->system);
  ASSERT_TRUE(chain) << chain.error().message;
  EXPECT_EQ(*chain, (std::vector<std::string>{complete, partial}));
  VaultSource files(vault.root(), History(1));
  WalReader reader = files.reader();
  ASSERT_TRUE(reader.seek_first(begin));
  while (reader.position() < end) ASSERT_TRUE(reader.next()) << lsn_text(reader.position());
}

TEST_F(VaultTest, ChainNamesTheSegmentThatIsMissingOrDamaged) {
  const Lsn end = fill_five_segments(), begin = segment_begin(end) - 4 * kSegmentSize;
  const auto whole = vault.chain({1, begin + 100}, {1, end}, source->system);
  ASSERT_TRUE(whole) << whole.error().message;
  ASSERT_EQ(whole->size(), 5U);
  EXPECT_FALSE(vault.chain({1, begin}, {1, end}, source->system + 1));
  EXPECT_FALSE(vault.chain({1, begin}, {1, end + 8}, source->system)) << "not durable";
  EXPECT_FALSE(vault.chain({2, begin}, {2, end}, source->system)) << "no such timeline";
  for (const std::string& path : *whole) {
    const std::string name = fs::path(path).stem().string(), aside = scratch.path() + "/aside";
    const auto broken = [&](const char* how) {
      const auto result = vault.chain({1, begin + 100}, {1, end}, source->system);
      ASSERT_FALSE(result) << name << " " << how;
      EXPECT_NE(result.error().message.find(name), std::string::npos) << result.error().message;
    };
    fs::copy_file(path, aside, fs::copy_options::overwrite_existing);
    fs::remove(path);
    broken("deleted");
    fs::copy_file(aside, path);
    fs::resize_file(path, fs::file_size(path) - kWalPage);
    broken("truncated");
    for (int at : {1, 2, 4, 8, 12, 24, 32, 36}) {
      fs::copy_file(aside, path, fs::copy_options::overwrite_existing);
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(at);
      const char byte = static_cast<char>(file.get() ^ 2);
      file.seekp(at);
      file.put(byte);
      file.close();
      broken("flipped");
    }
    fs::copy_file(aside, path, fs::copy_options::overwrite_existing);
  }
  EXPECT_TRUE(vault.chain({1, begin + 100}, {1, end}, source->system));
  must(vault.expire({1, begin + kSegmentSize + 5}));
  EXPECT_FALSE(vault.chain({1, begin + 100}, {1, end}, source->system));
  EXPECT_TRUE(vault.chain({1, begin + kSegmentSize}, {1, end}, source->system));
}

TEST_F(VaultTest, CheckOpensOnlyWhatItHasNotSeen) {
  const Lsn end = fill_five_segments(), begin = segment_begin(end) - 4 * kSegmentSize;
  const Position from{1, begin + 100}, to{1, end};
  const auto check = [&](Position seen) { return vault.check(from, seen, to, source->system); };
  EXPECT_TRUE(check(from));
  EXPECT_FALSE(vault.check(from, from, {1, end + 8}, source->system)) << "not durable";
  const std::string second = segment_path(vault.root(), 1, begin + kSegmentSize);
  fs::permissions(second, fs::perms::owner_write, fs::perm_options::add);
  fs::resize_file(second, kSegmentSize - kWalPage);
  EXPECT_FALSE(check(from));
  EXPECT_FALSE(check({1, begin + 2 * kSegmentSize - 1})) << "it was still being written then";
  EXPECT_TRUE(check({1, begin + 2 * kSegmentSize}));
  EXPECT_TRUE(check(to));
  EXPECT_FALSE(check({2, end})) << "seen on another way: nothing is known";
  EXPECT_FALSE(check({1, end + 8}));
  fs::remove(second);
  const auto gone = check(to);
  ASSERT_FALSE(gone);
  EXPECT_NE(gone.error().message.find(segment_name(1, begin + kSegmentSize)), std::string::npos);
}

TEST(VaultFiles, PositionSurvivesATornWrite) {
  pg::testing::Scratch scratch;
  Vault vault(scratch.path(), "db-X");
  EXPECT_FALSE(vault.durable());
  fs::create_directories(vault.root());
  PositionFile file(vault.root());
  for (Lsn lsn : {100, 200, 300}) must(file.write({{1, lsn}, now()}));
  EXPECT_EQ(vault.durable()->position, (Position{1, 300}));
  for (off_t slot : {512, 0}) {  // the third write went into the second half
    os::Fd fd(open(file.path().c_str(), O_WRONLY));
    ASSERT_EQ(pwrite(fd.get(), "torn", 4, slot + 8), 4);
    if (slot == 512) {
      EXPECT_EQ(vault.durable()->position, (Position{1, 200}));
    }
  }
  EXPECT_FALSE(vault.durable());
}

TEST(VaultFiles, AwaitWakesWhenThePositionIsReached) {
  pg::testing::Scratch scratch;
  Vault vault(scratch.path(), "db-X");
  EXPECT_FALSE(vault.await({1, 100}, Millis(20)));
  std::thread writer([&] {
    fs::create_directories(vault.root());
    PositionFile file(vault.root());
    for (Lsn lsn = 1; lsn <= 100; lsn++) must(file.write({{1, lsn}, now()}));
  });
  EXPECT_TRUE(vault.await({1, 100}, std::chrono::seconds(30)));
  writer.join();
  EXPECT_FALSE(vault.await({1, 101}, Millis(20)));
  // A position behind a page's header is the page's start: nothing lies in between.
  must(PositionFile(vault.root()).write({{1, kWalPage}, now()}));
  EXPECT_TRUE(vault.await({1, kWalPage + kShortHeader}, Millis(0)));
}

TEST(VaultFiles, ClockIsSearchedByTimeAndExpires) {
  pg::testing::Scratch scratch;
  ClockFile clock(scratch.path());
  EXPECT_FALSE(clock.last());
  const auto at = [](int64_t s) { return Time(std::chrono::seconds(s)); };
  for (int i = 1; i <= 1000; i++) must(clock.append({at(10 * i), at(10 * i + 1), {1, Lsn(i) * 1000}}));
  EXPECT_EQ(clock.last()->position.lsn, 1'000'000U);
  EXPECT_FALSE(clock.last_until(at(10)));
  EXPECT_EQ(clock.last_until(at(11))->position.lsn, 1000U);
  EXPECT_EQ(clock.last_until(at(5005))->position.lsn, 500'000U);
  EXPECT_EQ(clock.first_from(at(5005))->position.lsn, 501'000U);
  EXPECT_FALSE(clock.first_from(at(10001)));
  must(clock.append({at(1), at(1), {1, 2'000'000}}));  // the clock was set back
  EXPECT_EQ(clock.last()->before, at(10000));
  must(clock.expire(700'000));
  EXPECT_FALSE(clock.last_until(at(1000)));
  EXPECT_EQ(clock.last_until(at(8005))->position.lsn, 800'000U);
  EXPECT_EQ(clock.first_from(at(7995))->position.lsn, 800'000U);
}

TEST(WalHistory, SaysWhoOwnsAByte) {
  auto parsed = History::parse(4, "1\t0/3000158\tno recovery target specified\n\n# x\n3\t0/5000000\tbefore 2026\n");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->at(0x3000157), 1U);
  EXPECT_EQ(parsed->at(0x3000158), 3U);
  EXPECT_EQ(parsed->at(0x5000000), 4U);
  EXPECT_EQ(parsed->of_segment(0x3000000), 3U);
  EXPECT_EQ(parsed->of_segment(0x4000000), 3U);
  EXPECT_EQ(parsed->of_segment(0x2000000), 1U);
  EXPECT_TRUE(parsed->contains({1, 0x3000158}));
  EXPECT_FALSE(parsed->contains({1, 0x3000160}));
  EXPECT_FALSE(parsed->contains({2, 0x3000158}));
  for (const char* bad :
       {"x\t0/1\n", "1\n", "1\t5\n", "4\t0/1\n", "0\t0/1\n", "2\t0/5\n1\t0/6\n", "1\t0/5\n2\t0/4\n"}) {
    EXPECT_FALSE(History::parse(4, bad)) << bad;
  }
}

TEST(WalCrc, IsPostgresqls) {
  std::string bytes;
  for (int i = 0; i < 100; i++) bytes.push_back(static_cast<char>(i * 7));
  for (size_t n = 0; n <= bytes.size(); n++) {
    EXPECT_EQ(wal_crc(0, bytes.data(), n), pg::crc32c(bytes.data(), n));
    EXPECT_EQ(wal_crc(wal_crc(0, bytes.data(), n), bytes.data() + n, bytes.size() - n),
              pg::crc32c(bytes.data(), bytes.size()));
  }
}

}  // namespace
}  // namespace howdah::backup
