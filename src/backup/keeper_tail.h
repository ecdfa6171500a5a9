#pragma once
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "backup/vault_files.h"
#include "os/identity.h"

namespace howdah::backup {

/// Copies one server's pg_wal into its vault. Reads files only: it needs no running server, and once it holds a
/// segment's descriptor it goes on when the file's name is gone. pg_wal belongs to a user who is not trusted.
///
/// What it calls the end is the end of the last record that is whole and valid, so what lies behind may still change:
/// that is read again each time. What lies before it changes only when the server came back from a crash of the machine
/// with less than we had read; therefore the open segments are compared again after each start, ours or the server's.
///
/// One thread.
class Tail {
 public:
  Tail(std::string root, std::string data, os::Owner owner);

  /// Finds where to go on: behind what the vault holds, else at the oldest WAL of pg_wal. Fails (retry) while pg_wal
  /// or any WAL in it is missing.
  Result<void> begin();

  /// Copies what is new. When it returns, all that the server had written when it was called is durable up to end().
  /// True = end() has moved. After an error the same call goes on. A long way is gone in steps: while more(), the end
  /// is durable but not all that the server had written.
  Result<bool> copy();

  /// `fn` is told an end that is durable before segments get their final names, which takes syncs of its own.
  void on_durable(std::function<void(Position)> fn) { durable_ = std::move(fn); }

  Position end() const { return {history_.at(end_), end_}; }

  /// Up to here the vault has been compared with what it copies from, since it was told that that may differ.
  Lsn compared() const { return std::min(compare_, end_); }
  /// The start of the oldest segment that it wants to read (again).
  Lsn wanted() const { return segment_begin(compared()); }
  bool more() const { return more_; }
  bool begun() const { return begun_; }

  /// For slow things, about once a second: has pg_wal been replaced, the server restarted, WAL removed too early?
  /// True when the server is another one than at the last call.
  bool look_around();
  void new_names() { look_for_history_ = true; }  ///< files appeared in pg_wal
  bool missing() const { return missing_; }       ///< pg_wal's name is gone (its open files are still read)
  int directory() const { return wal_.get(); }

 private:
  struct Names {
    std::vector<Position> segments;
    std::vector<uint32_t> histories;
  };
  struct Input {
    os::Fd fd;
    ino_t inode = 0;
  };
  struct Output {
    os::Fd fd;
    uint32_t timeline = 0;
    bool dirty = false;
  };

  Result<void> open_directory();
  os::Fd open_input(const std::string& name) const;
  const Input* input(Lsn segment);
  Result<Output*> output(Lsn segment);
  Result<void> fresh_start();
  Result<void> reset(Lsn segment);
  Result<void> read_records();
  Result<void> copy_run();
  Result<void> store(Lsn at, const char* bytes, size_t size, bool& rewound);
  Result<void> truncate(Lsn end);
  Result<void> rewind();
  Result<void> fill_after_switch(Lsn data_end);
  Result<void> sync();
  Result<void> finish_segments();
  Result<void> finish(Lsn segment);
  Result<void> take_histories();
  Result<void> follow(uint32_t timeline);
  bool valid_segment(uint32_t timeline, Lsn segment, const History& history) const;
  Names names() const;
  void drop_inputs();

  std::string root_, data_;
  os::Owner owner_;
  std::function<void(Position)> durable_;
  os::Fd data_fd_, wal_;
  History history_{1};
  std::unique_ptr<VaultSource> source_;
  std::unique_ptr<WalReader> reader_;
  bool begun_ = false, anchored_ = false, look_for_history_ = true, missing_ = false, directory_dirty_ = false,
       more_ = false;
  Lsn end_ = 0;      ///< of the last valid record in the vault
  Lsn copied_ = 0;   ///< of the pages in the vault
  Lsn compare_ = 0;  ///< pages from here on may differ from the server's; a segment's start, or end_
  Lsn run_end_ = 0;  ///< of the pages that the server had at the last copy
  std::map<Lsn, Input> inputs_;
  std::map<Lsn, Output> outputs_;
  std::map<Lsn, Lsn> switched_;  ///< open segments that ended early: where their zeros begin
  std::set<uint32_t> known_histories_;
  std::string buffer_, stored_;
  ino_t server_ = 0;
  int64_t server_started_ = 0;
  int absent_ = 0;  ///< looks in a row at which the segment that goes on was missing
  std::chrono::steady_clock::time_point reread_{};
};

}  // namespace howdah::backup
