#include "backup/wal_tail.h"

#include <fstream>
#include <future>
#include <map>
#include <tuple>

#include "backup/staging.h"
#include "backup/testing.h"
#include "backup/wal_reader.h"
#include "os/spawn.h"

namespace howdah::backup::testing {
namespace {

/// Every record boundary of `files` from `from` on, as the vault's own reader sees it.
std::vector<Lsn> boundaries(const std::string& vault, Lsn from, Lsn to) {
  VaultSource source(vault, History(1));
  WalReader reader = source.reader();
  std::vector<Lsn> out;
  reader.seek(from);
  while (reader.position() < to) {
    auto record = reader.next();
    if (!record) break;
    out.push_back(record->end);
  }
  return out;
}

/// Writes messages until a record ends `left` bytes before the end of a segment.
Position end_before_segment(Source& source, size_t left) {
  constexpr Lsn kFixed = 24 + 5 + 24 + 2;  // headers of the record, of its data and of the message; the prefix "x"
  auto client = session(source.db);
  auto insert = [&] { return behind_header(parse_lsn(one(client, "SELECT pg_current_wal_insert_lsn()")).value()); };
  auto emit = [&](Lsn bytes) {
    const std::string size = std::to_string(bytes);
    return parse_lsn(one(client, "SELECT pg_logical_emit_message(false, 'x', repeat('y', " + size + "))")).value();
  };
  for (int tries = 0; tries < 20; tries++) {
    const Lsn at = insert(), end = at - at % kSegmentSize + kSegmentSize;
    if (end - at > 2 * kWalPage) emit((end - at) / kWalPage * (kWalPage - 24) - kWalPage - kWalPage / 2);
    for (Lsn now = insert(); now < end - kWalPage; now = insert()) emit(500);  // into the last page
    const Lsn start = insert();
    if (start < end - kWalPage || start + kFixed + 300 + left > end) {  // too close already: the next segment
      emit(2 * kWalPage);
      continue;
    }
    emit(end - left - start - kFixed);
    const Lsn reached = parse_lsn(one(client, "SELECT pg_current_wal_insert_lsn()")).value();
    if (reached == end - left || (left == 0 && reached == behind_header(end))) {
      one(client, "CREATE TABLE IF NOT EXISTS later (id int)");
      return {1, end - left};
    }
  }
  throw std::runtime_error("no record ends there");
}

TEST(WalTail, ASegmentIsFoundUnderItsFinalNameToo) {
  char directory[] = "/tmp/howdah-wal-XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string segment = std::string(directory) + "/" + segment_name(1, kSegmentSize),
                    partial = segment + ".partial";
  std::ofstream(partial) << std::string(kWalPage, 'w');
  const WalFiles files({partial}, 1);
  std::filesystem::rename(partial, segment);  // the keeper completed it after its path was looked up
  char byte = 0;
  EXPECT_TRUE(files.read(kSegmentSize, &byte, 1));
  EXPECT_EQ(byte, 'w');
  must(os::remove_tree(directory));
}

TEST(WalTail, IsCutAtEveryKindOfPlace) {
  NEED_POSTGRESQL();
  Source source(91);
  BaseGuard guard{"edges"};
  const Base base = must(copy_running(spec_of("edges", source.db)));
  {
    auto client = session(source.db);
    one(client, "CREATE TABLE t AS SELECT g AS id, repeat('x', g % 50) AS pad FROM generate_series(1, 60000) g");
  }
  std::vector<Position> edges;
  for (size_t left : {8U, 16U, 0U}) edges.push_back(end_before_segment(source, left));
  const Position end = source.keeper->catch_up();

  // One boundary for each number of bytes that may be left on its page, and the ones at the segments' ends.
  std::map<Lsn, Lsn> chosen;
  const auto all = boundaries(source.vault().root(), base.end.lsn, end.lsn);
  ASSERT_GT(all.size(), 10000u);
  for (Lsn at : all) {
    const Lsn left = kWalPage - at % kWalPage;
    if (left <= 40 || left == kWalPage) chosen.emplace(left, at);
  }
  ASSERT_TRUE(chosen.contains(8) && chosen.contains(16) && chosen.contains(24) && chosen.contains(kWalPage));
  std::vector<Lsn> targets;
  for (const auto& [left, at] : chosen) targets.push_back(at);
  for (const auto& edge : edges) targets.push_back(edge.lsn);
  const pg::testing::Scratch memory(pg::testing::in_memory());
  const std::string dir = memory.path() + "/edges";
  for (Lsn at : targets) {
    SCOPED_TRACE(lsn_text(at));
    must(os::remove_tree(dir));
    must(os::ensure_dir(dir, 0700));
    must(place_wal(must(source.vault().chain(base.end, {1, at}, base.system_identifier)), dir));
    const WalTail tail = must(find_tail(WalFiles(wal_files_in(dir), 1), base.end.lsn, at));
    EXPECT_EQ(behind_header(tail.end), behind_header(at));
    must(cut_wal(dir, 1, tail, true));
    const WalFiles cut(wal_files_in(dir), 1);
    const WalTail after = must(walk_wal(cut, tail.last, cut.end()));
    EXPECT_EQ(after.last, behind_header(at)) << "one record follows";
    auto dump = os::run({.program = tool("pg_waldump"), .args = {"-p", dir, "-t", "1", "-s", lsn_text(tail.last)}},
                        std::chrono::seconds(60));
    if (!dump || dump->status == 127) continue;
    EXPECT_NE(dump->text.find("desc: NOOP"), std::string::npos) << dump->text;
  }
  // PostgreSQL itself agrees, also where the record lies in a segment of its own. All at once: each waits for the disk.
  const auto agrees = [&](unsigned i) {
    SCOPED_TRACE(lsn_text(edges[i].lsn));
    Restored copy(92 + i);
    auto recovered = copy.restore(must(plan_to_position(source.vault(), {base}, edges[i])));
    ASSERT_TRUE(recovered) << recovered.error().message;
    EXPECT_EQ(behind_header(recovered->end.lsn), behind_header(edges[i].lsn));
    auto client = copy.open();
    EXPECT_EQ(one(client, "SELECT count(*) FROM t"), "60000");
    EXPECT_EQ(one(client, "SELECT count(*) FROM pg_class WHERE relname = 'later'"), i == 0 ? "0" : "1");
  };
  std::vector<std::future<void>> restores;
  for (unsigned i = 0; i < edges.size(); i++) restores.push_back(std::async(std::launch::async, agrees, i));
  for (auto& r : restores) r.get();  // an exception comes out here
}

TEST(WalTail, IsTheSameInPieces) {
  NEED_POSTGRESQL();
  Source source(95);
  auto client = session(source.db);
  const Lsn from = source.keeper->catch_up().lsn;
  // A record over a segment's end, one over a whole segment and into the next, and small ones; then segments that are
  // almost empty.
  constexpr int kMegabytes[] = {9, 9, 12, 20, 1, 1};
  Lsn filled = 0;
  for (int i = 0; i < 6; i++) {
    one(client, "CREATE TABLE t" + std::to_string(i) + " AS SELECT generate_series(1, 3000)");
    one(client, "SELECT pg_logical_emit_message(false, 'x', repeat('y', " + std::to_string(kMegabytes[i] << 20) + "))");
    if (i < 3) continue;
    if (i == 3) filled = parse_lsn(one(client, "SELECT pg_current_wal_insert_lsn()")).value();
    one(client, "SELECT pg_switch_wal()");
  }
  const Lsn end = source.keeper->catch_up().lsn;
  ASSERT_GT((end - from) / kSegmentSize, 5u);
  const pg::testing::Scratch memory(pg::testing::in_memory());
  const std::string dir = memory.path() + "/pieces";
  must(os::ensure_dir(dir, 0700));
  must(place_wal(wal_files_in(wal_dir(source.vault().root())), dir, Blocks::kShared));
  const auto files = wal_files_in(dir);
  const auto same = [&] {
    const auto whole = walk_wal(WalFiles(files, 1), from, end), pieces = walk_wal(files, 1, from, end, 3);
    ASSERT_EQ(whole.has_value(), pieces.has_value());
    if (!whole) return;
    EXPECT_EQ(std::tuple(whole->end, whole->last, whole->clean), std::tuple(pieces->end, pieces->last, pieces->clean));
  };
  same();
  EXPECT_EQ(behind_header(must(walk_wal(files, 1, from, end)).end), behind_header(end));
  const auto flip = [&](Lsn at) {
    std::fstream f(dir + "/" + segment_name(1, at), std::ios::in | std::ios::out | std::ios::binary);
    f.seekg(static_cast<std::streamoff>(at % kSegmentSize));
    const int old = f.get();
    f.seekp(static_cast<std::streamoff>(at % kSegmentSize));
    f.put(static_cast<char>(old ^ 0x40));
  };
  for (Lsn at = from + 30; at < end; at += at < filled ? (filled - from) / 24 : kSegmentSize) {
    SCOPED_TRACE(lsn_text(at));
    flip(at);
    same();
    flip(at);
  }
  // Page headers lie between the records: no checksum covers them.
  for (Lsn page : {segment_begin(from) + 3 * kSegmentSize, segment_begin(from) + 3 * kSegmentSize + 50 * kWalPage}) {
    const Lsn before = must(walk_wal(WalFiles(files, 1), from, page)).last, beyond = page + 2 * kSegmentSize;
    ASSERT_GT(must(walk_wal(files, 1, before, beyond)).end, page);
    for (Lsn at = page; at < page + header_size(page); at++) {
      const Lsn byte = at - page;
      if ((byte >= 20 && byte < 24) || (byte >= 24 && byte < 32)) continue;  // padding; the identifier is chain()'s
      flip(at);
      const auto tail = walk_wal(files, 1, before, beyond);
      EXPECT_TRUE(!tail || tail->end <= page) << "byte " << byte << " of the header at " << lsn_text(page);
      flip(at);
    }
  }
}

}  // namespace
}  // namespace howdah::backup::testing
