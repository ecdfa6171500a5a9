#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backup/vault.h"
#include "backup/wal_history.h"
#include "backup/wal_reader.h"
#include "os/fd.h"

/// The files of a vault: who reads or writes them goes through here. Blocking, no locks.
namespace howdah::backup {

std::string wal_dir(const std::string& root);
std::string segment_path(const std::string& root, uint32_t timeline, Lsn lsn);  ///< of the complete one
std::string partial_path(const std::string& root, uint32_t timeline, Lsn lsn);

struct SegmentFile {
  Position start;
  bool partial = false;
};
/// Every segment of the vault, ascending; where a complete one and a partial one exist, both.
std::vector<SegmentFile> list_segments(const std::string& root);

/// pread(2) until `size` bytes are there or the file ends; how many.
size_t read_at(int fd, char* into, size_t size, Lsn offset);

/// The history of `timeline`, as the vault holds it; a timeline whose file is missing has no known ancestors.
Result<History> read_history(const std::string& root, uint32_t timeline);

/// Reads the vault's WAL along one history; a complete segment wins over a partial one. Keeps one file open.
class VaultSource {
 public:
  VaultSource(std::string root, History history) : root_(std::move(root)), history_(std::move(history)) {}
  size_t read(Lsn lsn, char* into, size_t size);
  WalReader reader();  ///< refers to this object

 private:
  std::string root_;
  History history_;
  os::Fd file_;
  Lsn segment_ = ~0ULL;
  bool partial_ = false;
};

/// `position`: two copies written in turn, each with a number and a checksum, so that a torn write leaves the other.
/// The writer calls it after the data was synced; the file itself is not synced, since an older one is true as well.
class PositionFile {
 public:
  explicit PositionFile(const std::string& root);
  std::optional<Durable> read() const;
  Result<void> write(const Durable& durable);  ///< by the keeper only
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  os::Fd fd_;
  uint64_t number_ = 0;
};

/// One observation in `clock`. All that had been written before `before` is below `position`, and nothing below
/// `position` was written after `after`.
struct ClockRecord {
  Time before{}, after{};
  Position position;
};

/// `clock`: fixed-size records with a checksum, ascending in their positions. Records at the start may have been
/// expired: their bytes are a hole. Between two steps of the machine's clock, which `clock.runs` names, they ascend in
/// `before` and `after`, too. Where a clock that was set back showed an instant twice, the second time is meant; one
/// that it showed in no run lies behind the run that ended last before it.
class ClockFile {
 public:
  explicit ClockFile(const std::string& root);
  /// By the keeper only; not synced. `stepped`: somebody has set the clock since the last one.
  Result<void> append(const ClockRecord& record, bool stepped = false);
  std::optional<ClockRecord> last() const;
  /// The last record with `after` <= instant.
  std::optional<ClockRecord> last_until(Time instant) const;
  /// The first record with `before` >= instant + later, in the run of the instant or at the begin of the next one.
  std::optional<ClockRecord> first_from(Time instant, Millis later = {}) const;
  /// The last record before the first one of all runs that was made after `instant`.
  std::optional<ClockRecord> last_before_any_after(Time instant) const;
  /// Where a later run than the instant's begins, if that is later than the instant: the last record before it and its
  /// first one. Between the two the clock was set, perhaps to before the instant, which it then showed once more.
  std::vector<std::pair<ClockRecord, ClockRecord>> steps_after(Time instant) const;
  /// The first record at or behind the position.
  std::optional<ClockRecord> first_at(Lsn position) const;
  Result<void> expire(Lsn before);  ///< frees the blocks of records below it, all but one

 private:
  std::optional<ClockRecord> at(int64_t index) const;
  int64_t count() const;
  struct Run {
    int64_t begin, end;  // records
  };
  std::vector<Run> runs() const;  // at least one
  /// Index into `all`, which is runs().
  size_t run_of(Time instant, const std::vector<Run>& all) const;
  std::optional<ClockRecord> last_in(const Run& run) const;
  template <class Predicate>
  int64_t first_index(const Run& run, Predicate holds) const;
  std::string path_;
  os::Fd fd_;
};

}  // namespace howdah::backup
