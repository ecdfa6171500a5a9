#include "backup/keeper_tail.h"
#include "backup/losses.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>

#include "pg/testing.h"

/// The copying alone, on WAL that the test writes itself: crashes at any byte, files that are not a server's.
namespace howdah::backup {
namespace {

using pg::testing::must;
namespace fs = std::filesystem;

/// Writes WAL as a server lays it out, into memory, from the start of segment 1 on.
class Writer {
 public:
  static constexpr Lsn kBegin = kSegmentSize;

  Lsn position() const { return at_; }
  Lsn last_end() const { return records_.empty() ? kBegin : records_.back().end; }

  void record(size_t data, uint8_t manager = 10, uint8_t info = 0) {
    std::string body;
    if (data > 0) {
      body += static_cast<char>(254);
      const auto length = static_cast<uint32_t>(data);
      body.append(reinterpret_cast<const char*>(&length), 4);
      for (size_t i = 0; i < data; i++) body += static_cast<char>(random_());
    }
    put(body, manager, info);
  }

  void switch_segment() {
    put("", 0, 0x40);
    at_ = segment_begin(at_ - 1) + kSegmentSize;
    bytes_.resize(at_ - kBegin);
    records_.back().end = at_;
  }

  /// The server was killed when everything before `crash` had been written, and comes back.
  void crash(Lsn crash) {
    while (!records_.empty() && records_.back().data_end > crash) records_.pop_back();
    const Lsn end = last_end();
    previous_ = records_.empty() ? 0 : records_.back().start;
    if (crash % kWalPage == 0 && crash > page_start(end) + kWalPage) {
      bytes_.resize(crash - kBegin);  // the record that breaks off there is given up, and the next page says so
      at_ = crash;
      page_header(kOverwritesContinuation, 0);
      put(std::string("\xff\x08", 2) + "given up", 0, 0xD0);
      return;
    }
    bytes_.resize(end - kBegin);
    bytes_.resize(page_start(end + kWalPage - 1) - kBegin);
    at_ = end;
  }

  /// Puts everything before `until` into pg_wal, in whole pages, as a running server does.
  void show(const std::string& wal, Lsn until) const {
    const std::string rest(page_start(until + kWalPage - 1) - until, '\0');
    for (Lsn at = kBegin; at < until; at += kSegmentSize) {
      const std::string path = wal + "/" + segment_name(1, at);
      os::Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
      const auto shown = bytes(at, std::min<uint64_t>(kSegmentSize, until - at));
      const auto size = static_cast<ssize_t>(shown.size());
      ASSERT_EQ(pwrite(fd.get(), shown.data(), shown.size(), 0), size);
      if (at + shown.size() == until) {
        ASSERT_EQ(pwrite(fd.get(), rest.data(), rest.size(), size), static_cast<ssize_t>(rest.size()));
      }
      struct stat st {};
      if (fstat(fd.get(), &st) == 0 && st.st_size < static_cast<off_t>(kSegmentSize)) {
        ASSERT_EQ(ftruncate(fd.get(), kSegmentSize), 0);
      }
    }
  }

  std::string_view bytes(Lsn from, size_t size) const { return std::string_view(bytes_).substr(from - kBegin, size); }

 private:
  void raw(std::string_view bytes) {
    if (bytes_.size() < at_ - kBegin + bytes.size())
      bytes_.resize(page_start(at_ + bytes.size() + kWalPage - 1) - kBegin);
    bytes_.replace(at_ - kBegin, bytes.size(), bytes);
    at_ += bytes.size();
  }

  void page_header(uint16_t flags, uint32_t remaining) {
    const bool first = at_ % kSegmentSize == 0;
    std::string h(first ? kLongHeader : kShortHeader, '\0');
    const auto set = [&](size_t where, auto value) { memcpy(h.data() + where, &value, sizeof value); };
    set(0, uint16_t{0xD110});
    set(2, static_cast<uint16_t>(flags | (first ? kLongHeaderFlag : 0)));
    set(4, uint32_t{1});
    set(8, uint64_t{at_});
    set(16, remaining);
    if (first) set(24, uint64_t{42}), set(32, static_cast<uint32_t>(kSegmentSize)), set(36, uint32_t{kWalPage});
    raw(h);
  }

  void put(const std::string& body, uint8_t manager, uint8_t info) {
    std::string record(kRecordHeader, '\0');
    const auto set = [&](size_t where, auto value) { memcpy(record.data() + where, &value, sizeof value); };
    set(0, static_cast<uint32_t>(kRecordHeader + body.size()));
    set(8, uint64_t{previous_});
    set(16, info);
    set(17, manager);
    set(20, wal_crc(wal_crc(0, body.data(), body.size()), record.data(), 20));
    record += body;
    if (at_ % kWalPage == 0) page_header(0, 0);
    previous_ = at_;
    const Lsn start = at_;
    for (std::string_view rest = record; !rest.empty();) {
      if (at_ % kWalPage == 0) page_header(kFirstIsContinuation, static_cast<uint32_t>(rest.size()));
      const size_t part = std::min<size_t>(rest.size(), kWalPage - at_ % kWalPage);
      raw(rest.substr(0, part));
      rest.remove_prefix(part);
    }
    const Lsn data_end = at_;
    at_ = (at_ + 7) & ~7ULL;
    records_.push_back({start, data_end, at_});
  }

  std::string bytes_;
  Lsn at_ = kBegin, previous_ = 0;
  struct Written {
    Lsn start, data_end, end;
  };
  std::vector<Written> records_;
  std::mt19937 random_{1};
};

class TailTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(wal());
    fs::create_directories(wal_dir(root()));
  }
  std::string data() { return scratch.path() + "/data"; }
  std::string wal() { return data() + "/pg_wal"; }
  std::string root() { return scratch.path() + "/vault"; }
  Tail tail() { return Tail(root(), data(), os::Owner{geteuid(), getegid()}); }

  void expect_held(const Writer& writer, Lsn end) {
    VaultSource source(root(), History(1));
    std::string got(1 << 20, '\0');
    for (Lsn at = Writer::kBegin; at < end;) {
      const size_t n = source.read(at, got.data(), std::min<uint64_t>(got.size(), end - at));
      ASSERT_GT(n, 0U) << lsn_text(at);
      ASSERT_TRUE(writer.bytes(at, n) == std::string_view(got).substr(0, n)) << lsn_text(at) << " " << lsn_text(end);
      at += n;
    }
  }

  pg::testing::Scratch scratch{pg::testing::in_memory()};
};

TEST_F(TailTest, ACrashAtAnyByteLeavesTheLastWholeRecord) {
  std::mt19937 random(11);
  for (int round = 0; round < 60; round++) {
    fs::remove_all(root());
    fs::remove_all(wal());
    SetUp();
    SCOPED_TRACE(round);
    Writer writer;
    writer.record(100);
    Tail one = tail();
    const auto write = [&] {
      for (int i = static_cast<int>(random() % 12) + 1; i > 0; i--) {
        writer.record(random() % 5 == 0 ? random() % 40000 : random() % 3000);
        if (random() % 60 == 0) writer.switch_segment();
      }
    };
    for (int life = 0; life < 4; life++) {
      const Lsn before = writer.last_end();
      write();
      const auto any = [&] { return before + 1 + random() % (writer.position() - before); };
      Lsn seen = before, crash = any();
      if (random() % 2 == 0) {  // on the way, at any byte
        seen = any();
        writer.show(wal(), seen);
        must(one.copy());
      }
      if (random() % 3 == 0 && page_start(crash) > before) crash = page_start(crash);
      // A power cut takes what was seen and not synced, and the keeper as well. A crash leaves both.
      if (crash < seen && random() % 2 == 0) {
        fs::remove_all(wal());
        fs::create_directories(wal());
        one = tail();
      } else {
        crash = std::max(crash, seen);
      }
      writer.show(wal(), crash);
      must(one.copy());
      writer.crash(crash);
      writer.record(80);  // the checkpoint at the end of recovery
      if (random() % 2 == 0) one = tail();
      writer.show(wal(), writer.position());
      must(one.copy());
      ASSERT_EQ(lsn_text(one.end().lsn), lsn_text(writer.last_end())) << "life " << life;
      expect_held(writer, one.end().lsn);
    }
    write();
    writer.show(wal(), writer.position());
    must(one.copy());
    ASSERT_EQ(lsn_text(one.end().lsn), lsn_text(writer.last_end()));
    expect_held(writer, one.end().lsn);
  }
}

TEST_F(TailTest, ARecordOverManySegmentsIsKept) {
  Writer writer;
  writer.record(100);
  writer.record(70 << 20);
  writer.record(100);
  Tail one = tail();
  for (const Lsn until :
       std::vector<Lsn>{Writer::kBegin + (Lsn{40} << 20), Writer::kBegin + (Lsn{69} << 20), writer.position()}) {
    writer.show(wal(), until);
    do {
      must(one.copy());
    } while (one.more());
  }
  EXPECT_EQ(lsn_text(one.end().lsn), lsn_text(writer.last_end()));
  expect_held(writer, writer.last_end());
  EXPECT_EQ(list_segments(root()).size(), 5U);
}

TEST_F(TailTest, OnlyFilesThatTheServerMadeAreRead) {
  Writer writer;
  writer.record(100);
  writer.show(scratch.path(), writer.position());
  const std::string real = scratch.path() + "/" + segment_name(1, Writer::kBegin),
                    name = wal() + "/" + segment_name(1, Writer::kBegin);
  const auto refused = [&](const char* what) {
    Tail one = tail();
    EXPECT_FALSE(one.copy()) << what;
    fs::remove(name);
  };
  fs::create_symlink(real, name);
  refused("symbolic link");
  fs::create_hard_link(real, name);
  refused("second name");
  ASSERT_EQ(mkfifo(name.c_str(), 0600), 0);
  refused("pipe");
  fs::create_directory(name);
  refused("directory");
  if (geteuid() == 0) {
    fs::copy_file(real, name);
    ASSERT_EQ(chown(name.c_str(), 4711, 4711), 0);
    refused("another's");
  }
  fs::copy_file(real, name);
  Tail one = tail();
  EXPECT_TRUE(one.copy());
  EXPECT_EQ(one.end().lsn, writer.last_end());
}

TEST_F(TailTest, ADifferentSegmentOfTheSameNameIsNeverOverwritten) {
  Writer writer;
  writer.record(100);
  writer.show(wal(), writer.position());
  Tail one = tail();
  must(one.copy());
  const std::string whole = segment_path(root(), 1, Writer::kBegin);
  std::ofstream(whole) << "something";
  writer.switch_segment();
  writer.record(100);
  writer.show(wal(), writer.position());
  must(one.copy());
  std::string kept;
  std::ifstream(whole) >> kept;
  EXPECT_EQ(kept, "something");
  EXPECT_EQ(fs::file_size(whole + ".conflict-1"), kSegmentSize);
  const auto losses = must(read_losses(root()));
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_TRUE(losses[0].same_place(
      {Loss::Kind::conflict, {1, Writer::kBegin}, Writer::kBegin + kSegmentSize, losses[0].noticed}));
  EXPECT_EQ(one.end().lsn, writer.last_end());
}

TEST_F(TailTest, TheEndIsToldBeforeACompleteSegmentGetsItsName) {
  Writer writer;
  writer.record(100);
  Tail one = tail();
  const std::string whole = segment_path(root(), 1, Writer::kBegin);
  int told = 0;
  one.on_durable([&](Position end) {
    told++;
    EXPECT_EQ(end.lsn, writer.last_end());
    EXPECT_TRUE(fs::exists(whole + ".partial"));
  });
  writer.show(wal(), writer.position());
  must(one.copy());
  EXPECT_EQ(told, 0) << "there is nothing to complete";
  writer.switch_segment();
  writer.record(100);
  writer.show(wal(), writer.position());
  must(one.copy());
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(fs::exists(whole));
}

TEST_F(TailTest, WalThatWasRemovedTooEarlyIsAGapAndLaterWalIsStillKept) {
  Writer writer;
  writer.record(100);
  Tail one = tail();
  writer.show(wal(), writer.position());
  must(one.copy());
  const Lsn before = one.end().lsn;
  for (int i = 0; i < 3; i++) writer.switch_segment(), writer.record(100);
  writer.show(wal(), writer.position());
  for (Lsn at : {Writer::kBegin, Writer::kBegin + kSegmentSize}) fs::remove(wal() + "/" + segment_name(1, at));
  Tail other = tail();
  for (int i = 0; i < 5; i++) {
    must(other.copy());
    (void)other.look_around();
  }
  must(other.copy());
  EXPECT_EQ(lsn_text(other.end().lsn), lsn_text(writer.last_end()));
  EXPECT_FALSE(os::exists(segment_path(root(), 1, Writer::kBegin + kSegmentSize)));
  EXPECT_TRUE(os::exists(segment_path(root(), 1, Writer::kBegin + 2 * kSegmentSize)));

  // Recorded once, however often it is met; no chain leads over it, and the chains on either side are whole.
  const auto losses = must(read_losses(root()));
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_TRUE(losses[0].same_place({Loss::Kind::gap, {1, before}, Writer::kBegin + 2 * kSegmentSize, {}}));
  must(record_loss(root(), losses[0]));
  EXPECT_EQ(must(read_losses(root())).size(), 1U);
  const History history(1);
  EXPECT_FALSE(check_no_loss(root(), history, Writer::kBegin, other.end().lsn));
  EXPECT_FALSE(check_no_loss(root(), history, before + 8, before + 16));
  EXPECT_TRUE(check_no_loss(root(), history, Writer::kBegin, before));
  EXPECT_TRUE(check_no_loss(root(), history, losses[0].to, other.end().lsn));
  EXPECT_TRUE(check_no_loss(root(), History(7), Writer::kBegin, other.end().lsn)) << "another timeline's";
  { std::ofstream(root() + "/losses") << "{"; }
  EXPECT_FALSE(check_no_loss(root(), history, Writer::kBegin, before)) << "what is not understood is refused";
}

TEST_F(TailTest, AFullDiskIsAnErrorUntilThereIsRoomAgain) {
  Writer writer;
  writer.record(3 << 20);
  Tail one = tail();
  writer.show(wal(), writer.position());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit little{1 << 20, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &little), 0);
  const bool first = one.copy().has_value(), second = one.copy().has_value();
  const Lsn end = one.end().lsn;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  EXPECT_FALSE(first);
  EXPECT_FALSE(second);
  EXPECT_EQ(end, Writer::kBegin);
  must(one.copy());
  EXPECT_EQ(one.end().lsn, writer.last_end());
  expect_held(writer, one.end().lsn);
}

TEST_F(TailTest, DrainsFilesWhoseNamesAreGone) {
  Writer writer;
  writer.record(100);
  Tail one = tail();
  writer.show(wal(), writer.position());
  must(one.copy());
  writer.record(5000);
  writer.show(wal(), writer.position());
  fs::remove_all(data());
  must(one.copy());
  EXPECT_EQ(one.end().lsn, writer.last_end());
  (void)one.look_around();
  EXPECT_TRUE(one.missing());
  expect_held(writer, one.end().lsn);
}

}  // namespace
}  // namespace howdah::backup
