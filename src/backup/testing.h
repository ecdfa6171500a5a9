#pragma once
#include <fcntl.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backup/base.h"
#include "backup/restore.h"
#include "backup/vault_files.h"
#include "backup/wal_tail.h"
#include "pg/testing.h"

/// What the tests of bases and restores share. Only for *_test.cpp.
namespace howdah::backup::testing {

using pg::testing::must;
using pg::testing::Shared;

inline Time now() { return std::chrono::floor<Millis>(std::chrono::system_clock::now()); }
inline const std::string& state() { return Shared::get().scratch.path(); }

/// One of PostgreSQL's client programs, of the engine's major version; may be missing.
inline std::string tool(const std::string& name) {
  return "/usr/lib/postgresql/" + std::to_string(Shared::get().engine.major) + "/bin/" + name;
}

inline BaseSpec spec_of(const std::string& id, const pg::testing::Instance& from) {
  return {.state = state(),
          .id = id,
          .resource_id = from.layout().root.substr(from.layout().root.rfind('/') + 1),
          .engine = Shared::get().engine,
          .layout = from.layout(),
          .owner = from.owner(),
          .port = from.port(),
          .progress = {},
          .now = now};
}

inline void flip(const std::string& path, std::streamoff at) {
  std::fstream f(path, std::ios::in | std::ios::out | std::ios::binary);
  f.seekg(at);
  const int old = f.get();
  f.seekp(at);
  f.put(static_cast<char>(old ^ 0x40));
}

/// Removes a base at the end of its test.
struct BaseGuard {
  std::string id;
  ~BaseGuard() { (void)remove_base(state(), id); }
};

inline std::string one(pg::Client& client, const std::string& sql) {
  auto rows = client.query(sql);
  if (!rows) throw std::runtime_error(rows.error().message);
  return rows->empty() ? "" : std::string(rows->get(0, 0));
}

/// A connection that works in the schema public.
inline pg::Client session(pg::testing::Instance& db) {
  auto client = db.connect();
  one(client, "SET search_path = public");
  return client;
}

/// An instance that a plan is restored into. An Instance whose template data is thrown away first.
class Restored : public pg::testing::Instance {
 public:
  explicit Restored(unsigned slot) : Instance(slot) { must(os::remove_tree(layout().data)); }

  Result<Recovered> restore(const Plan& plan) {
    if (auto made = make_volume(state(), plan, layout(), owner()); !made) return tl::unexpected(made.error());
    return recover(plan, Shared::get().engine, layout(), owner(), std::chrono::seconds(120));
  }
  pg::Client open() {
    auto started = start(std::chrono::seconds(60));
    if (!started) throw std::runtime_error(started.error().message);
    return session(*this);
  }
};

/// Fills a vault from pg_wal as a keeper would, in a thread of the test. Asks the server how far its WAL is flushed.
class FakeKeeper {
 public:
  explicit FakeKeeper(pg::testing::Instance& db)
      : db_(db), vault_(state(), db.layout().root.substr(db.layout().root.rfind('/') + 1)) {
    std::filesystem::create_directories(wal_dir(vault_.root()));
    auto client = db_.connect();
    timeline_ = static_cast<uint32_t>(std::stoul(one(client, "SELECT timeline_id FROM pg_control_checkpoint()")));
    copied_ = parse_lsn(one(client, "SELECT pg_current_wal_flush_lsn()")).value();
    copied_ -= copied_ % kSegmentSize;
    for (const auto& path : wal_files_in(db_.layout().data + "/pg_wal")) {
      if (path.ends_with(".history")) std::filesystem::copy(path, wal_dir(vault_.root()));
    }
    thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
  }
  ~FakeKeeper() {
    thread_ = {};
    (void)vault_.remove();
  }
  FakeKeeper(const FakeKeeper&) = delete;
  const Vault& vault() const { return vault_; }
  uint32_t timeline() const { return timeline_; }

  /// Until all that is written now is in the vault.
  Position catch_up() {
    auto client = db_.connect();
    one(client, "SELECT pg_switch_wal()");
    Position p{timeline_, parse_lsn(one(client, "SELECT pg_current_wal_flush_lsn()")).value()};
    if (!vault_.await(p, std::chrono::seconds(60))) throw std::runtime_error("the vault does not catch up");
    return p;
  }

 private:
  void run(const std::stop_token& stop) {
    auto client = db_.connect();
    while (!stop.stop_requested()) {
      const Time before = now();
      auto rows = client.query("SELECT pg_current_wal_flush_lsn()");
      if (!rows) {  // the server has ended
        std::this_thread::sleep_for(Millis(20));
        if (auto again = pg::Client::connect(db_.layout(), db_.port())) client = std::move(*again);
        continue;
      }
      const Lsn end = parse_lsn(rows->get(0, 0)).value();
      while (copied_ < end) copy_until(std::min(end, copied_ - copied_ % kSegmentSize + kSegmentSize));
      must(position_.write({{timeline_, end}, before}));
      must(clock_.append({before, now(), {timeline_, end}}));
      std::this_thread::sleep_for(Millis(10));
    }
  }
  void copy_until(Lsn end) {
    const Lsn segment = copied_ - copied_ % kSegmentSize, from = page_start(copied_);
    const Lsn to = std::min(page_start(end + kWalPage - 1), segment + kSegmentSize);
    std::string name = segment_name(timeline_, segment), bytes;
    bytes.resize(to > from ? to - from : 0);
    os::Fd in(open((db_.layout().data + "/pg_wal/" + name).c_str(), O_RDONLY | O_CLOEXEC));
    const std::string partial = partial_path(vault_.root(), timeline_, segment);
    os::Fd out(open(partial.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const auto at = static_cast<off_t>(from - segment);
    const auto size = static_cast<ssize_t>(bytes.size());
    if (pread(in.get(), bytes.data(), bytes.size(), at) != size) throw std::runtime_error("cannot read " + name);
    if (pwrite(out.get(), bytes.data(), bytes.size(), at) != size) throw std::runtime_error("cannot write " + partial);
    if (end == segment + kSegmentSize) {
      std::filesystem::rename(partial, segment_path(vault_.root(), timeline_, segment));
    }
    copied_ = end;
  }

  pg::testing::Instance& db_;
  Vault vault_;
  PositionFile position_{(std::filesystem::create_directories(vault_.root()), vault_.root())};
  ClockFile clock_{vault_.root()};
  uint32_t timeline_ = 1;
  Lsn copied_ = 0;
  std::jthread thread_;
};

/// Clients that insert numbered rows and write down between which positions each commit happened.
class Ledger {
 public:
  Ledger(pg::testing::Instance& db, int writers) {
    auto client = session(db);
    one(client, "CREATE TABLE IF NOT EXISTS ledger (id int PRIMARY KEY, pad text)");
    for (int w = 0; w < writers; w++) {
      writers_.emplace_back([this, &db, w, writers](std::stop_token stop) {
        auto mine = session(db);
        for (int id = w; !stop.stop_requested(); id += writers) {
          const std::string before = one(mine, "SELECT pg_current_wal_insert_lsn()");
          one(mine, "INSERT INTO ledger VALUES (" + std::to_string(id) + ", repeat('x', 200))");
          const std::string after = one(mine, "SELECT pg_current_wal_insert_lsn()");
          const std::lock_guard lock(mutex_);
          rows_[id] = {parse_lsn(before).value(), parse_lsn(after).value()};
        }
      });
    }
  }
  void await_rows(size_t more) {
    const size_t wanted = size() + more;
    while (size() < wanted) std::this_thread::sleep_for(Millis(2));
  }
  size_t size() {
    const std::lock_guard lock(mutex_);
    return rows_.size();
  }
  void stop() { writers_.clear(); }

  /// Compares a restored ledger with what must and what must not be in it. Call after stop().
  void check(pg::Client& restored, Lsn target) {
    auto rows = restored.query("SELECT id FROM ledger");
    ASSERT_TRUE(rows) << rows.error().message;
    std::set<int> there;
    for (int i = 0; i < rows->size(); i++) there.insert(std::stoi(std::string(rows->get(i, 0))));
    size_t present = 0, absent = 0;
    for (const auto& [id, span] : rows_) {
      const auto [before, after] = span;
      if (after <= target) {
        EXPECT_TRUE(there.contains(id)) << "row " << id << " was committed before " << lsn_text(after);
        present++;
      } else if (before >= target) {
        EXPECT_FALSE(there.contains(id)) << "row " << id << " was committed after " << lsn_text(before);
        absent++;
      }
    }
    EXPECT_GT(present, 0u);
    // Between the two bounds there is at most one row a writer.
    EXPECT_GE(present + absent + 8, rows_.size());
  }

 private:
  std::mutex mutex_;  // guards rows_
  std::map<int, std::pair<Lsn, Lsn>> rows_;
  std::vector<std::jthread> writers_;
};

/// A server with a vault.
struct Source {
  pg::testing::Instance db;
  std::unique_ptr<FakeKeeper> keeper;
  explicit Source(unsigned slot, const pg::Settings& more = {}) : db(slot) {
    pg::Settings settings = {{"max_wal_size", "2GB"}, {"checkpoint_timeout", "1h"}};
    settings.insert(more.begin(), more.end());
    db.configure(settings);
    if (!db.start()) throw std::runtime_error("the server does not start");
    keeper = std::make_unique<FakeKeeper>(db);
  }
  const Vault& vault() const { return keeper->vault(); }
};

inline Position restore_point(Source& source, const std::string& name) {
  auto client = source.db.connect();
  Position p{source.keeper->timeline(),
             parse_lsn(one(client, "SELECT pg_create_restore_point('" + name + "')")).value()};
  if (!source.vault().await(p, std::chrono::seconds(60))) throw std::runtime_error("the vault does not catch up");
  return p;
}

}  // namespace howdah::backup::testing
