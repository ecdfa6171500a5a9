#include "backup/vault_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "os/files.h"

namespace howdah::backup {
namespace {

/// As it stands in the file, in this machine's byte order.
struct PositionSlot {
  uint64_t magic = 0x31534F5044574848;  // "HHWDPOS1"
  uint64_t number = 0;
  uint64_t lsn = 0;
  int64_t clock_ms = 0;
  uint32_t timeline = 0;
  uint32_t crc = 0;
};
static_assert(sizeof(PositionSlot) == 40);
constexpr off_t kSlotDistance = 512;  // a sector of its own each

struct ClockSlot {
  int64_t before_ms = 0, after_ms = 0;
  uint64_t lsn = 0;
  uint32_t timeline = 0;
  uint32_t crc = 0;
};
static_assert(sizeof(ClockSlot) == 32);
constexpr int64_t kClockSize = sizeof(ClockSlot);
constexpr const char* kRuns = ".runs";  // `clock.runs`: the numbers of the records that a run begins with

template <class Slot>
uint32_t crc_of(const Slot& slot) {
  return wal_crc(0, &slot, offsetof(Slot, crc));
}

Time time_of(int64_t ms) { return Time(Millis(ms)); }
int64_t ms_of(Time time) { return time.time_since_epoch().count(); }

/// Readers must be able to come before the writer has ever run.
os::Fd open_either(const std::string& path) {
  os::Fd fd(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  return fd ? std::move(fd) : os::Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
}

Result<os::Fd> create(const std::string& path) {
  os::Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(fmt::format("cannot open {}: {}", path, strerror(errno)));
  return fd;
}

}  // namespace

std::string wal_dir(const std::string& root) { return root + "/wal"; }
std::string segment_path(const std::string& root, uint32_t timeline, Lsn lsn) {
  return wal_dir(root) + "/" + segment_name(timeline, lsn);
}
std::string partial_path(const std::string& root, uint32_t timeline, Lsn lsn) {
  return segment_path(root, timeline, lsn) + ".partial";
}

std::vector<SegmentFile> list_segments(const std::string& root) {
  std::vector<SegmentFile> out;
  std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(wal_dir(root).c_str()), closedir);
  if (!dir) return out;
  while (const dirent* entry = readdir(dir.get())) {
    std::string_view name = entry->d_name;
    const bool partial = name.ends_with(".partial");
    if (partial) name.remove_suffix(8);
    if (const auto start = segment_start(name)) out.push_back({*start, partial});
  }
  std::sort(out.begin(), out.end(), [](const SegmentFile& a, const SegmentFile& b) {
    return a.start != b.start ? a.start < b.start : a.partial < b.partial;
  });
  return out;
}

size_t read_at(int fd, char* into, size_t size, Lsn offset) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = pread(fd, into + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

Result<History> read_history(const std::string& root, uint32_t timeline) {
  const std::string path = wal_dir(root) + "/" + history_name(timeline);
  if (!os::exists(path)) return History(timeline);
  auto text = os::read_file(path);
  if (!text) return tl::unexpected(text.error());
  return History::parse(timeline, *text);
}

size_t VaultSource::read(Lsn lsn, char* into, size_t size) {
  const Lsn segment = segment_begin(lsn);
  // A partial file is opened again by name once it has nothing more: it may have been completed, or begun anew.
  for (int tries = 0; tries < 2; tries++) {
    if (!file_ || segment != segment_) {
      const uint32_t timeline = history_.of_segment(segment);
      partial_ = false;
      file_ = os::Fd(open(segment_path(root_, timeline, lsn).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      if (!file_) {
        partial_ = true;
        file_ = os::Fd(open(partial_path(root_, timeline, lsn).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      }
      if (!file_) {  // completed between the two looks
        partial_ = false;
        file_ = os::Fd(open(segment_path(root_, timeline, lsn).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      }
      segment_ = segment;
      if (!file_) return 0;
    }
    const ssize_t n = pread(file_.get(), into, size, static_cast<off_t>(lsn - segment));
    if (n > 0) return static_cast<size_t>(n);
    file_.reset();
    if (!partial_) return 0;
  }
  return 0;
}

WalReader VaultSource::reader() {
  return WalReader([this](Lsn lsn, char* into, size_t size) { return read(lsn, into, size); },
                   [this](Lsn page) { return history_.at(page); });
}

PositionFile::PositionFile(const std::string& root) : path_(root + "/position"), fd_(open_either(path_)) {}

std::optional<Durable> PositionFile::read() const {
  PositionSlot best;
  bool found = false;
  for (int i = 0; fd_ && i < 2; i++) {
    PositionSlot slot;
    if (pread(fd_.get(), &slot, sizeof slot, i * kSlotDistance) != sizeof slot) continue;
    if (slot.magic != PositionSlot{}.magic || slot.crc != crc_of(slot)) continue;
    if (!found || slot.number > best.number) best = slot;
    found = true;
  }
  if (!found) return {};
  return Durable{{best.timeline, best.lsn}, time_of(best.clock_ms)};
}

Result<void> PositionFile::write(const Durable& durable) {
  if (!fd_) {
    auto made = create(path_);
    if (!made) return tl::unexpected(made.error());
    fd_ = std::move(*made);
  }
  if (number_ == 0) {
    for (int i = 0; i < 2; i++) {
      PositionSlot slot;
      if (pread(fd_.get(), &slot, sizeof slot, i * kSlotDistance) == sizeof slot && slot.crc == crc_of(slot)) {
        number_ = std::max(number_, slot.number);
      }
    }
  }
  PositionSlot slot;
  slot.number = ++number_;
  slot.lsn = durable.position.lsn;
  slot.timeline = durable.position.timeline;
  slot.clock_ms = ms_of(durable.clock);
  slot.crc = crc_of(slot);
  if (pwrite(fd_.get(), &slot, sizeof slot, static_cast<off_t>(number_ % 2) * kSlotDistance) != sizeof slot) {
    return fail_for_now(fmt::format("cannot write {}: {}", path_, strerror(errno)));
  }
  return {};
}

ClockFile::ClockFile(const std::string& root) : path_(root + "/clock"), fd_(open_either(path_)) {}

int64_t ClockFile::count() const {
  struct stat st {};
  return fd_ && fstat(fd_.get(), &st) == 0 ? st.st_size / kClockSize : 0;
}

std::optional<ClockRecord> ClockFile::at(int64_t index) const {
  ClockSlot slot;
  if (pread(fd_.get(), &slot, sizeof slot, index * kClockSize) != sizeof slot) return {};
  if (slot.timeline == 0 || slot.crc != crc_of(slot)) return {};
  return ClockRecord{time_of(slot.before_ms), time_of(slot.after_ms), {slot.timeline, slot.lsn}};
}

Result<void> ClockFile::append(const ClockRecord& record, bool stepped) {
  if (!fd_) {
    auto made = create(path_);
    if (!made) return tl::unexpected(made.error());
    fd_ = std::move(*made);
  }
  ClockSlot slot{ms_of(record.before), ms_of(record.after), record.position.lsn, record.position.timeline, 0};
  if (const auto before = last(); before && stepped) {
    const int64_t begin = count();
    auto named = create(path_ + kRuns);
    if (!named) return tl::unexpected(named.error());
    if (lseek(named->get(), 0, SEEK_END) < 0 || write(named->get(), &begin, sizeof begin) != sizeof begin) {
      return fail_for_now(fmt::format("cannot write {}{}: {}", path_, kRuns, strerror(errno)));
    }
  } else if (before) {  // a small step back must not make the run unsearchable
    slot.before_ms = std::max(slot.before_ms, ms_of(before->before));
    slot.after_ms = std::max(slot.after_ms, ms_of(before->after));
  }
  slot.crc = crc_of(slot);
  if (pwrite(fd_.get(), &slot, sizeof slot, count() * kClockSize) != sizeof slot) {
    return fail_for_now(fmt::format("cannot write {}: {}", path_, strerror(errno)));
  }
  return {};
}

std::vector<ClockFile::Run> ClockFile::runs() const {
  std::vector<Run> out{{0, count()}};
  const auto named = os::exists(path_ + kRuns) ? os::read_file(path_ + kRuns) : std::string();
  for (size_t at = 0; named && at + sizeof(int64_t) <= named->size(); at += sizeof(int64_t)) {
    int64_t begin = 0;
    memcpy(&begin, named->data() + at, sizeof begin);
    if (begin <= out.back().begin || begin >= out.back().end) continue;  // its record was not written
    out.push_back({begin, out.back().end});
    out[out.size() - 2].end = begin;
  }
  return out;
}

std::optional<ClockRecord> ClockFile::last_in(const Run& run) const {
  for (int64_t i = run.end - 1; i >= run.begin; i--) {  // what a power cut left at the end is passed over
    if (auto record = at(i)) return record;
    if (lseek(fd_.get(), i * kClockSize, SEEK_DATA) != i * kClockSize) return {};  // expired
  }
  return {};
}

std::optional<ClockRecord> ClockFile::last() const { return last_in({0, count()}); }

/// The first index whose record is valid and for which it holds; the run's end when there is none. Unreadable records
/// count as too early, which is true of expired ones; one that a power cut damaged makes the answer later, never wrong
/// by more than the records around it.
template <class Predicate>
int64_t ClockFile::first_index(const Run& run, Predicate holds) const {
  int64_t low = run.begin, high = run.end;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const auto record = at(middle);
    if (record && holds(*record)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

size_t ClockFile::run_of(Time instant, const std::vector<Run>& all) const {
  size_t best = 0;
  Time best_end = Time::min();
  for (size_t n = all.size(); n-- > 0;) {
    const auto first = at(first_index(all[n], [](const ClockRecord&) { return true; }));
    const auto last = last_in(all[n]);
    if (!first || !last) continue;
    const bool open = n + 1 == all.size();  // it goes on
    if (first->before <= instant && (open || instant <= last->after)) return n;
    if (last->after <= instant && last->after > best_end) {
      best = n;
      best_end = last->after;
    }
  }
  return best;
}

std::optional<ClockRecord> ClockFile::last_until(Time instant) const {
  const auto all = runs();
  const Run& run = all[run_of(instant, all)];
  return last_in({run.begin, first_index(run, [&](const ClockRecord& r) { return r.after > instant; })});
}

std::optional<ClockRecord> ClockFile::first_from(Time instant, Millis later) const {
  const auto all = runs();
  const Run& run = all[run_of(instant, all)];
  const int64_t i = first_index(run, [&](const ClockRecord& r) { return r.before >= instant + later; });
  return i < all.back().end ? at(i) : std::nullopt;
}

std::optional<ClockRecord> ClockFile::last_before_any_after(Time instant) const {
  const auto later = [&](const ClockRecord& r) { return r.after > instant; };
  for (const Run& run : runs()) {
    const int64_t i = first_index(run, later);
    if (i < run.end) return last_in({0, i});
  }
  return last();
}

std::vector<std::pair<ClockRecord, ClockRecord>> ClockFile::steps_after(Time instant) const {
  std::vector<std::pair<ClockRecord, ClockRecord>> out;
  const auto all = runs();
  for (size_t n = run_of(instant, all) + 1; n < all.size(); n++) {
    const auto last = last_in({0, all[n].begin}), first = at(all[n].begin);
    if (last && first && first->before > instant) out.emplace_back(*last, *first);
  }
  return out;
}

std::optional<ClockRecord> ClockFile::first_at(Lsn position) const {
  const int64_t i = first_index({0, count()}, [&](const ClockRecord& r) { return r.position.lsn >= position; });
  return i < count() ? at(i) : std::nullopt;
}

Result<void> ClockFile::expire(Lsn before) {
  const int64_t keep = first_index({0, count()}, [&](const ClockRecord& r) { return r.position.lsn >= before; }) - 1;
  constexpr int64_t kBlock = 4096;
  const int64_t bytes = keep * kClockSize / kBlock * kBlock;
  // Only to save space: a file system that cannot make holes keeps the records.
  if (bytes > 0) (void)fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, bytes);
  return {};
}

}  // namespace howdah::backup
