#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "backup/position.h"
#include "os/fd.h"
#include "util/result.h"

/// The end of a piece of WAL: where its last whole record ends, and how to make it end exactly there.
///
/// PostgreSQL stops before a position only when it meets a record at or behind it, and takes whatever it can't read for
/// the end of the WAL. So a restore cuts the WAL at its target and puts one record without effect (XLOG_NOOP) behind
/// it, which is read and never replayed: recovery then ends at the target or fails, and never beyond or before it.
namespace howdah::backup {

/// A position on a page's or segment's first byte, moved behind that page's header: two names of the same place.
Lsn behind_header(Lsn lsn);

/// For reading. The keeper gives a segment of a vault its final name when it is complete, maybe after its path was
/// looked up: "<segment>.partial" that has gone is <segment>.
os::Fd open_segment(const std::string& path);

/// Reads bytes out of segment files. Not thread-safe; keeps one file open.
class WalFiles {
 public:
  /// Files that are no segments are ignored; "<segment>.partial" is one. Of several timelines' files for one segment,
  /// the highest timeline that is not above `timeline` counts.
  WalFiles(const std::vector<std::string>& files, uint32_t timeline);

  /// Exactly `size` bytes at `at`, all in one segment; false when they are not there.
  bool read(Lsn at, void* out, size_t size) const;
  /// The same without a copy, at most a page; null when they are not there. Valid until the next call.
  const char* look(Lsn at, size_t size) const;
  Lsn end() const;                     ///< behind the last segment
  uint32_t timeline_at(Lsn at) const;  ///< of the file that holds `at`; 0 = none does
  uint16_t magic() const;              ///< of the first page, which says the server's version; 0 = there is none

 private:
  std::map<uint64_t, std::pair<uint32_t, std::string>> segments_;  // number -> timeline, path
  mutable uint64_t open_segment_ = ~0ULL;
  mutable os::Fd fd_;
  mutable uint16_t magic_ = 0;
  mutable std::string window_;  // bytes from window_at_ on
  mutable Lsn window_at_ = 0;
};

struct WalTail {
  Lsn end = 0;              ///< where the last whole record before the limit ends
  Lsn last = 0;             ///< where that record starts
  Lsn before = 0;           ///< where the first record says that the one before it starts
  bool checkpoint = false;  ///< one of the records is a checkpoint's, from which recovery could begin
  bool clean = false;  ///< behind `end` comes nothing, or a record that reaches beyond the limit: nothing is damaged
};

/// Walks whole, undamaged records from `from` (where a record starts) up to `limit`.
Result<WalTail> walk_wal(const WalFiles& files, Lsn from, Lsn limit);

/// The same for much WAL, with more than one thread: pieces that are whole and linked to each other. `checkpoint` is of
/// the last piece only.
Result<WalTail> walk_wal(const std::vector<std::string>& files, uint32_t timeline, Lsn from, Lsn limit,
                         unsigned threads = 2);

/// The same without walking everything: starts in the last segment before `limit` that a record starts in, at `from`
/// at the earliest.
Result<WalTail> find_tail(const WalFiles& files, Lsn from, Lsn limit);

/// Makes the WAL in `directory` (named segments of full size) end at tail.end: zeroes what follows, removes later
/// segments. `stopper`: with the record without effect behind it.
Result<void> cut_wal(const std::string& directory, uint32_t timeline, const WalTail& tail, bool stopper);

/// The name that a WAL file of a vault or base has in pg_wal: without ".partial".
std::string wal_name(const std::string& path);

/// Makes a file as long as a segment, with allocated zeroes behind what it holds.
Result<void> fill_segment(const std::string& path);

/// The segment and history files of a directory, as paths, sorted by name.
std::vector<std::string> wal_files_in(const std::string& directory);

/// The end of timeline `parent` in the text of a history file; 0 when it isn't an ancestor.
Lsn switch_point(const std::string& history, uint32_t parent);

}  // namespace howdah::backup
