#include "backup/wal_tail.h"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <thread>

#include <fmt/format.h>

#include "backup/checksum.h"
#include "backup/wal_page.h"
#include "os/background.h"

namespace howdah::backup {
namespace {

// XLogPageHeaderData and XLogRecord as they stand in the file.
constexpr std::string_view kPartial = ".partial";
constexpr uint8_t kXlogManager = 0, kOnlineCheckpoint = 0x10, kNoop = 0x20, kSwitch = 0x40, kInfoMask = 0xF0;

struct RawPage {
  uint16_t magic = 0, info = 0;
  uint32_t timeline = 0;
  uint64_t address = 0;
  uint32_t rest = 0;  // of a record that began on an earlier page
  uint32_t padding = 0;
};
static_assert(sizeof(RawPage) == kShortHeader);

struct RawLongPart {
  uint64_t system_identifier = 0;
  uint32_t segment_size = 0, page_size = 0;
};
static_assert(sizeof(RawLongPart) + kShortHeader == kLongHeader);

struct RawRecord {
  uint32_t length = 0, xid = 0;
  uint64_t previous = 0;
  uint8_t info = 0, manager = 0;
  uint16_t padding = 0;
  uint32_t crc = 0;
};
static_assert(sizeof(RawRecord) == kRecordHeader);

Lsn aligned(Lsn lsn) { return (lsn + 7) & ~Lsn{7}; }

enum class Found { kWhole, kBeyond, kOverwritten, kNothing, kDamaged };

struct Step {
  Found found = Found::kDamaged;
  RawRecord header;
  Lsn end = 0;  // where the next record may start; for kOverwritten the page that it was given up on
};

/// Only what the server would accept, too: the records' checksums say nothing of the headers between them.
bool read_page_header(const WalFiles& files, Lsn page, RawPage& out) {
  constexpr uint16_t kAllFlags = 0xF;
  if (!files.read(page, &out, sizeof out) || out.magic != files.magic() || out.address != page) return false;
  const bool first = page % kSegmentSize == 0;
  if ((out.info & ~kAllFlags) != 0 || ((out.info & kLongHeaderFlag) != 0) != first) return false;
  if (out.timeline == 0 || out.timeline > files.timeline_at(page)) return false;
  RawLongPart part;
  return !first || (files.read(page + sizeof out, &part, sizeof part) && part.segment_size == kSegmentSize &&
                    part.page_size == kWalPage);
}

/// A record's header, and the checksum of what follows it.
struct Read {
  RawRecord header;
  Crc32c crc;
  size_t size = 0;

  void add(const char* bytes, size_t n) {
    const size_t of_header = std::min(n, kRecordHeader - std::min(size, kRecordHeader));
    if (of_header > 0) std::memcpy(reinterpret_cast<char*>(&header) + size, bytes, of_header);
    crc.add(bytes + of_header, n - of_header);
    size += n;
  }
};

/// Reads `size` bytes from `at` on across pages. kWhole: `at` has moved behind them.
Found collect(const WalFiles& files, Lsn& at, Lsn limit, size_t size, Read& out) {
  while (out.size < size) {
    if (at % kWalPage == 0) {
      RawPage page;
      if (at >= limit) return Found::kBeyond;
      if (!read_page_header(files, at, page)) return Found::kDamaged;
      if ((page.info & kOverwritesContinuation) != 0) return Found::kOverwritten;
      if ((page.info & kFirstIsContinuation) == 0 || page.rest != size - out.size) return Found::kDamaged;
      at += header_size(at);
    }
    const size_t part = std::min<size_t>(size - out.size, page_start(at) + kWalPage - at);
    if (at + part > limit) return Found::kBeyond;
    const char* bytes = files.look(at, part);
    if (bytes == nullptr) return Found::kDamaged;
    out.add(bytes, part);
    at += part;
  }
  return Found::kWhole;
}

bool only_zeroes(const WalFiles& files, Lsn at, Lsn limit) {
  const Lsn end = std::min(limit, page_start(at) + kWalPage);
  std::string bytes(end - at, '\0');
  return limit <= page_start(at) + kWalPage && (bytes.empty() || !files.read(at, bytes.data(), bytes.size()) ||
                                                bytes.find_first_not_of('\0') == std::string::npos);
}

Step record_at(const WalFiles& files, Lsn start, Lsn limit, Lsn previous) {
  constexpr uint32_t kLongest = 1020U << 20;  // PostgreSQL's own limit is about 1 GiB
  Step r;
  uint32_t length = 0;
  if (start + sizeof length > limit) return {Found::kBeyond, {}, 0};
  if (!files.read(start, &length, sizeof length) || length == 0) {
    r.found = only_zeroes(files, start, limit) ? Found::kNothing : Found::kDamaged;
    return r;
  }
  if (length < kRecordHeader || length > kLongest) return r;
  Read read;
  Lsn at = start;
  r.found = collect(files, at, limit, length, read);
  if (r.found == Found::kOverwritten) r.end = at;
  if (r.found != Found::kWhole) return r;
  r.header = read.header;
  read.crc.add(&read.header, offsetof(RawRecord, crc));
  if (read.crc.value() != r.header.crc || (previous != 0 && r.header.previous != previous)) {
    r.found = Found::kDamaged;
    return r;
  }
  r.end = aligned(at);
  if (r.header.manager == kXlogManager && (r.header.info & kInfoMask) == kSwitch && r.end % kSegmentSize != 0) {
    r.end += kSegmentSize - r.end % kSegmentSize;  // the rest of the segment is not used
  }
  return r;
}

/// Where the first record that starts in the segment at `segment` starts; 0 when none does or it can't be read.
Lsn first_record(const WalFiles& files, Lsn segment) {
  for (Lsn page = segment; page < segment + kSegmentSize; page += kWalPage) {
    RawPage header;
    if (!read_page_header(files, page, header)) return 0;
    const size_t rest = (header.info & kFirstIsContinuation) != 0 ? header.rest : 0;
    const Lsn body = page + header_size(page);
    if (rest > page + kWalPage - body) continue;
    const Lsn start = aligned(body + rest);
    return start == page + kWalPage ? (start % kSegmentSize == 0 ? 0 : behind_header(start)) : start;
  }
  return 0;
}

Error errno_at(const char* what, const std::string& path) {
  int e = errno;
  return Error{fmt::format("cannot {} {}: {}", what, path, strerror(e)), e == ENOSPC || e == EDQUOT};
}

Result<void> write_at(const std::string& path, const void* data, size_t size, off_t at) {
  os::Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd || pwrite(fd.get(), data, size, at) != static_cast<ssize_t>(size)) {
    return tl::unexpected(errno_at("write", path));
  }
  return {};
}

/// Writes the record without effect at `tail.end`, over as many pages as its header needs.
Result<void> write_stopper(const std::string& directory, uint32_t timeline, const WalTail& tail, const RawPage& model,
                           const RawLongPart& identity, const std::map<uint64_t, std::string>& names) {
  RawRecord record{.length = kRecordHeader, .previous = tail.last, .info = kNoop, .manager = kXlogManager};
  Crc32c crc;
  crc.add(&record, offsetof(RawRecord, crc));
  record.crc = crc.value();
  size_t done = 0;
  for (Lsn at = tail.end; done < sizeof record;) {
    auto known = names.find(at / kSegmentSize);
    const std::string path = known != names.end() ? known->second : directory + "/" + segment_name(timeline, at);
    if (at % kWalPage == 0) {
      RawPage page{.magic = model.magic, .timeline = timeline, .address = at};
      if (done > 0) page.info |= kFirstIsContinuation;
      if (done > 0) page.rest = static_cast<uint32_t>(sizeof record - done);
      if (at % kSegmentSize == 0) page.info |= kLongHeaderFlag;
      if (auto w = write_at(path, &page, sizeof page, static_cast<off_t>(at % kSegmentSize)); !w) return w;
      if (at % kSegmentSize == 0) {
        if (auto w = write_at(path, &identity, sizeof identity, sizeof page); !w) return w;
        if (auto w = fill_segment(path); !w) return w;
      }
      at += header_size(at);
    }
    const size_t part = std::min<size_t>(sizeof record - done, page_start(at) + kWalPage - at);
    const char* bytes = reinterpret_cast<const char*>(&record) + done;
    if (auto w = write_at(path, bytes, part, static_cast<off_t>(at % kSegmentSize)); !w) return w;
    done += part;
    at += part;
  }
  return {};
}

/// Nothing for a file that is no segment.
std::optional<Position> segment_of(const std::string& path) { return segment_start(wal_name(path)); }

}  // namespace

std::string wal_name(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.ends_with(kPartial) ? name.substr(0, name.size() - kPartial.size()) : name;
}

Lsn behind_header(Lsn lsn) { return lsn % kWalPage == 0 ? lsn + header_size(lsn) : lsn; }

os::Fd open_segment(const std::string& path) {
  os::Fd in(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (in || errno != ENOENT || !path.ends_with(kPartial)) return in;
  return os::Fd(open(path.substr(0, path.size() - kPartial.size()).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
}

WalFiles::WalFiles(const std::vector<std::string>& files, uint32_t timeline) {
  for (const auto& path : files) {
    auto start = segment_of(path);
    if (!start || start->timeline > timeline) continue;
    auto& slot = segments_[start->lsn / kSegmentSize];
    if (slot.second.empty() || slot.first <= start->timeline) slot = {start->timeline, path};
  }
}

bool WalFiles::read(Lsn at, void* out, size_t size) const {
  const char* bytes = look(at, size);
  if (bytes != nullptr) std::memcpy(out, bytes, size);
  return bytes != nullptr;
}

const char* WalFiles::look(Lsn at, size_t size) const {
  constexpr size_t kWindow = 1 << 18;  // records are small: a system call for each would cost more than reading them
  if (at < window_at_ || at + size > window_at_ + window_.size()) {
    const uint64_t segment = at / kSegmentSize;
    if (segment != open_segment_) {
      auto found = segments_.find(segment);
      if (found == segments_.end()) return nullptr;
      fd_ = open_segment(found->second.second);
      open_segment_ = segment;
    }
    window_at_ = page_start(at);
    window_.resize(std::min<Lsn>(kWindow, (segment + 1) * kSegmentSize - window_at_));
    const auto offset = static_cast<off_t>(window_at_ % kSegmentSize);
    const ssize_t n = fd_ ? pread(fd_.get(), window_.data(), window_.size(), offset) : -1;
    window_.resize(n > 0 ? static_cast<size_t>(n) : 0);
    os::breathe(window_.size());
    if (at + size > window_at_ + window_.size()) return nullptr;
  }
  return window_.data() + (at - window_at_);
}

uint32_t WalFiles::timeline_at(Lsn at) const {
  auto found = segments_.find(at / kSegmentSize);
  return found == segments_.end() ? 0 : found->second.first;
}

uint16_t WalFiles::magic() const {
  if (magic_ == 0 && !segments_.empty()) (void)read(segments_.begin()->first * kSegmentSize, &magic_, sizeof magic_);
  return magic_;
}

Lsn WalFiles::end() const { return segments_.empty() ? 0 : (segments_.rbegin()->first + 1) * kSegmentSize; }

Result<WalTail> walk_wal(const WalFiles& files, Lsn from, Lsn limit) {
  WalTail tail;
  Lsn at = behind_header(from);
  for (;;) {
    if (at % kWalPage == 0) {
      RawPage page;
      const bool there = at < limit && read_page_header(files, at, page);
      if (!there || (page.info & kFirstIsContinuation) != 0) {
        // Not even the header of the next page: the WAL ends at the page's end, unless something was promised there.
        tail.clean = !there && at + header_size(at) >= limit;
        break;
      }
      at += header_size(at);
    }
    Step r = record_at(files, at, limit, tail.last);
    if (r.found == Found::kOverwritten) {
      at = r.end;
      continue;
    }
    tail.clean = r.found == Found::kBeyond || r.found == Found::kNothing;
    if (r.found != Found::kWhole || r.end > limit) {
      tail.clean = tail.clean || r.found == Found::kWhole;
      break;
    }
    if (tail.last == 0) tail.before = r.header.previous;
    tail.checkpoint |= r.header.manager == kXlogManager && (r.header.info & kInfoMask) <= kOnlineCheckpoint;
    tail.last = at;
    tail.end = at = r.end;
  }
  if (tail.last == 0) {
    return fail(fmt::format("no whole WAL record between {} and {}: the WAL there is missing or damaged",
                            lsn_text(from), lsn_text(limit)));
  }
  return tail;
}

namespace {

/// The last piece's tail when every piece reaches exactly to the next one's first record, which is linked to it.
std::optional<WalTail> joined(const std::vector<std::optional<WalTail>>& pieces, const std::vector<Lsn>& begins) {
  for (size_t i = 0; i < pieces.size(); i++) {
    if (!pieces[i]) return {};
    if (i == 0) continue;
    const WalTail& before = *pieces[i - 1];
    if (behind_header(before.end) != begins[i] || pieces[i]->before != before.last) return {};
  }
  return pieces.back();
}

}  // namespace

Result<WalTail> walk_wal(const std::vector<std::string>& files, uint32_t timeline, Lsn from, Lsn limit,
                         unsigned threads) {
  constexpr Lsn kPiece = kSegmentSize;
  const WalFiles wal(files, timeline);
  std::vector<Lsn> begins{behind_header(from)};
  for (Lsn segment = segment_begin(from) + kPiece; segment < limit; segment += kPiece) {
    const Lsn first = first_record(wal, segment);
    if (first > begins.back() && first < limit) begins.push_back(first);
  }
  std::vector<std::optional<WalTail>> pieces(begins.size());
  std::atomic<size_t> next{0};
  auto worker = [&] {
    const WalFiles own(files, timeline);
    for (size_t i; (i = next++) < pieces.size();) {
      auto tail = walk_wal(own, begins[i], i + 1 < begins.size() ? begins[i + 1] : limit);
      if (tail) pieces[i] = *tail;
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (size_t i = 1; i < std::min<size_t>(threads, begins.size()); i++) helpers.emplace_back(worker);
    worker();
  }
  if (auto tail = joined(pieces, begins)) return *tail;
  return walk_wal(wal, from, limit);  // says where it breaks
}

Result<WalTail> find_tail(const WalFiles& files, Lsn from, Lsn limit) {
  if (limit <= from) return fail(fmt::format("{} is not behind {}", lsn_text(limit), lsn_text(from)));
  for (Lsn segment = (limit - 1) - (limit - 1) % kSegmentSize; segment > from; segment -= kSegmentSize) {
    const Lsn first = first_record(files, segment);
    if (first == 0 || first >= limit) continue;
    if (auto tail = walk_wal(files, first, limit)) return tail;
  }
  return walk_wal(files, from, limit);
}

Result<void> cut_wal(const std::string& directory, uint32_t timeline, const WalTail& tail, bool stopper) {
  const uint64_t last_kept = (tail.end - 1) / kSegmentSize;
  RawPage model;
  RawLongPart identity;
  std::map<uint64_t, std::string> names;
  uint32_t best = 0;
  for (const auto& path : wal_files_in(directory)) {
    auto start = segment_of(path);
    if (!start) continue;
    if (start->timeline > timeline || start->lsn / kSegmentSize > last_kept) {
      if (unlink(path.c_str()) != 0) return tl::unexpected(errno_at("remove", path));
      continue;
    }
    names[start->lsn / kSegmentSize] = path;  // sorted by timeline first: the highest comes last
    best = start->timeline;
  }
  auto found = names.find(last_kept);
  if (found == names.end()) return fail(fmt::format("no WAL segment in {} holds {}", directory, lsn_text(tail.end)));
  os::Fd fd(open(found->second.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!fd || pread(fd.get(), &model, sizeof model, 0) != sizeof model ||
      pread(fd.get(), &identity, sizeof identity, sizeof model) != sizeof identity) {
    return tl::unexpected(errno_at("read", found->second));
  }
  const auto used = static_cast<off_t>(tail.end - last_kept * kSegmentSize);
  if (ftruncate(fd.get(), used) != 0) return tl::unexpected(errno_at("cut", found->second));
  if (auto filled = fill_segment(found->second); !filled) return filled;
  if (!stopper) return {};
  return write_stopper(directory, std::max(timeline, best), tail, model, identity, names);
}

Result<void> fill_segment(const std::string& path) {
  os::Fd fd(open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return tl::unexpected(errno_at("open", path));
  if (fallocate(fd.get(), 0, 0, kSegmentSize) == 0) return {};
  if (errno != EOPNOTSUPP) return tl::unexpected(errno_at("allocate", path));
  const std::string zeroes(1 << 16, '\0');
  for (off_t at = lseek(fd.get(), 0, SEEK_END); at < static_cast<off_t>(kSegmentSize);) {
    ssize_t n =
        pwrite(fd.get(), zeroes.data(), std::min<size_t>(zeroes.size(), kSegmentSize - static_cast<size_t>(at)), at);
    if (n < 0) return tl::unexpected(errno_at("fill", path));
    at += n;
  }
  return {};
}

std::vector<std::string> wal_files_in(const std::string& directory) {
  std::vector<std::string> out;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory, none)) {
    const std::string name = entry.path().filename().string();
    if (segment_start(name) || (name.size() == 16 && name.ends_with(".history"))) out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

Lsn switch_point(const std::string& history, uint32_t parent) {
  std::istringstream lines(history);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string timeline, lsn;
    if (!(words >> timeline >> lsn) || timeline != std::to_string(parent)) continue;
    return parse_lsn(lsn).value_or(0);
  }
  return 0;
}

}  // namespace howdah::backup
