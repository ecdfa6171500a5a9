#pragma once
#include <functional>
#include <optional>
#include <string>

#include "backup/wal_page.h"

namespace howdah::backup {

/// Fills `into` with WAL from `lsn` on, at most `size` bytes and never over the end of a segment; returns how many.
/// 0 = there is nothing (yet).
using WalSource = std::function<size_t(Lsn lsn, char* into, size_t size)>;
/// The timeline that the page at that address must name.
using TimelineOf = std::function<uint32_t(Lsn page)>;

struct Record {
  Lsn start = 0, end = 0;  ///< `end`: where the next one may begin (a page's end, or a segment's after a switch)
  Lsn data_end = 0;        ///< where its own bytes end
  uint8_t manager = 0, info = 0;
  std::string_view bytes;  ///< header and all, valid until the next call

  bool is_switch() const { return manager == 0 && (info & 0xF0) == 0x40; }
  /// Microseconds since 2000-01-01 at which a transaction ended, of a commit or abort, prepared ones included.
  std::optional<int64_t> transaction_end() const;
  /// A restore point's time, in the same unit, and name.
  struct RestorePoint {
    int64_t time;
    std::string_view name;
  };
  std::optional<RestorePoint> restore_point() const;
  std::string_view main_data() const;  ///< "" when the record has none, is not well formed, or refers to pages
};

/// Reads records one after the other, each verified: page headers, length, link to the record before it, checksum.
/// Not thread-safe.
class WalReader {
 public:
  WalReader(WalSource source, TimelineOf timeline) : source_(std::move(source)), timeline_(std::move(timeline)) {}

  /// Sets out from `lsn`, where a record begins or ended. The link of the first one is taken on trust.
  void seek(Lsn lsn);
  /// Sets out from the first record that begins in the segment at `lsn`; false when that segment cannot be read so
  /// far, or a record that began before it fills it up to where nothing more can be read.
  bool seek_first(Lsn segment);

  /// The next record; nothing at the end of what is there and valid. Then `position()` stays, and the same call may
  /// succeed once there is more.
  std::optional<Record> next();

  Lsn position() const { return position_; }  ///< the end of the last record
  void forget();                              ///< what was read ahead, since the bytes may have changed

 private:
  const char* page(Lsn page);  ///< a whole page with a fitting header, or null
  bool begin_of_record(Lsn& at, const char*& bytes);
  std::optional<Record> whole(Lsn start, const char* bytes);
  bool gather(Lsn start, uint32_t length, Lsn& end);
  bool verify(Lsn start, std::string_view record) const;

  WalSource source_;
  TimelineOf timeline_;
  Lsn position_ = 0, previous_ = 0;  ///< previous_: where the last record began; 0 = not known
  Lsn given_up_ = 0;                 ///< the page where a crash ended the record that was being read
  std::string ahead_;                ///< bytes from ahead_at_ on
  Lsn ahead_at_ = 0;
  std::string record_;  ///< a record that crosses pages
};

}  // namespace howdah::backup
