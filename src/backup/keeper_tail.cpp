#include "backup/keeper_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "backup/losses.h"
#include "os/files.h"
#include "util/log.h"

namespace howdah::backup {
namespace {

constexpr size_t kChunk = 256 << 10;
constexpr size_t kFirstChunk = 64 << 10;
constexpr size_t kReread = 1 << 20;  // a record longer than this is not read again at every wake, but once a second
constexpr uint64_t kStep = 4 * kSegmentSize;  // after so much, say how far it is durable
constexpr int kSegmentsAhead = 2;             // held open before they are needed

tl::unexpected<Error> failed(const char* what, const std::string& path) {
  return fail_for_now(fmt::format("cannot {} {}: {}", what, path, strerror(errno)));
}

bool write_at(int fd, const char* from, size_t size, Lsn offset) {
  while (size > 0) {
    const ssize_t n = pwrite(fd, from, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    from += n;
    size -= static_cast<size_t>(n);
    offset += static_cast<size_t>(n);
  }
  return true;
}

bool same_content(int fd, const std::string& path) {
  const os::Fd other(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  std::string a(kChunk, '\0'), b(kChunk, '\0');
  for (Lsn at = 0; other; at += kChunk) {
    const size_t n = read_at(fd, a.data(), kChunk, at);
    if (read_at(other.get(), b.data(), kChunk, at) != n || memcmp(a.data(), b.data(), n) != 0) return false;
    if (n < kChunk) return true;
  }
  return false;
}

}  // namespace

Tail::Tail(std::string root, std::string data, os::Owner owner)
    : root_(std::move(root)), data_(std::move(data)), owner_(owner), buffer_(kChunk, '\0'), stored_(kChunk, '\0') {}

Result<void> Tail::open_directory() {
  os::Fd data(open(data_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!data) return failed("open", data_);
  os::Fd wal(openat(data.get(), "pg_wal", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!wal) return failed("open", data_ + "/pg_wal");
  data_fd_ = std::move(data);
  wal_ = std::move(wal);
  return {};
}

/// A file of pg_wal, when it is what a server would have put there: a regular file of its own with one name.
os::Fd Tail::open_input(const std::string& name) const {
  os::Fd fd(openat(wal_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat st {};
  if (!fd || fstat(fd.get(), &st) != 0) return {};
  if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != owner_.uid) return {};
  return fd;
}

const Tail::Input* Tail::input(Lsn segment) {
  auto found = inputs_.find(segment);
  if (found != inputs_.end()) return &found->second;
  Input opened{open_input(segment_name(history_.of_segment(segment), segment))};
  struct stat st {};
  if (!opened.fd || fstat(opened.fd.get(), &st) != 0) return nullptr;
  opened.inode = st.st_ino;
  return &inputs_.emplace(segment, std::move(opened)).first->second;
}

Result<Tail::Output*> Tail::output(Lsn segment) {
  auto found = outputs_.find(segment);
  if (found != outputs_.end()) return &found->second;
  Output out;
  out.timeline = history_.of_segment(segment);
  const std::string path = partial_path(root_, out.timeline, segment);
  const bool there = os::exists(path);
  out.fd = os::Fd(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!out.fd) return failed("open", path);
  if (!there) {
    (void)fallocate(out.fd.get(), FALLOC_FL_KEEP_SIZE, 0, kSegmentSize);  // contiguous where the file system can
    directory_dirty_ = true;
  }
  return &outputs_.emplace(segment, std::move(out)).first->second;
}

Result<void> Tail::begin() {
  if (auto opened = open_directory(); !opened) return opened;
  if (auto taken = take_histories(); !taken) return taken;
  const auto durable = PositionFile(root_).read();
  const auto held = list_segments(root_);
  if (!durable && held.empty()) return fresh_start();
  Position at = durable ? durable->position : Position{};
  if (!durable) {  // `position` was lost: the newest timeline's open segment, else behind its last complete one
    at = {held.back().start.timeline, held.back().start.lsn + (held.back().partial ? 0 : kSegmentSize)};
  }
  auto history = read_history(root_, at.timeline);
  if (!history) return tl::unexpected(history.error());
  history_ = std::move(*history);
  Lsn segment = segment_begin(at.lsn);
  // Those before it may be complete but for their names.
  while (segment > 0 && os::exists(partial_path(root_, history_.of_segment(segment - 1), segment - 1))) {
    segment -= kSegmentSize;
  }
  if (auto done = reset(segment); !done) return done;
  if (durable && end_ < at.lsn && (copied_ > segment || at.lsn != segment)) {
    log::warn("the vault's open segment ends before its recorded position",
              {{"position", lsn_text(at.lsn)}, {"end", lsn_text(end_)}});
  }
  begun_ = true;
  return take_histories();
}

/// Sets out from the start of a segment with what the vault holds from there on.
Result<void> Tail::reset(Lsn segment) {
  inputs_.clear();
  outputs_.clear();
  switched_.clear();
  source_ = std::make_unique<VaultSource>(root_, history_);
  reader_ = std::make_unique<WalReader>(source_->reader());
  anchored_ = false;
  end_ = copied_ = compare_ = run_end_ = segment;
  for (Lsn at = segment;; at += kSegmentSize) {
    struct stat st {};
    const uint32_t timeline = history_.of_segment(at);
    if (lstat(segment_path(root_, timeline, at).c_str(), &st) != 0 &&
        lstat(partial_path(root_, timeline, at).c_str(), &st) != 0) {
      break;
    }
    copied_ = page_start(at + static_cast<uint64_t>(st.st_size));
    if (os::exists(partial_path(root_, timeline, at))) {
      if (auto out = output(at); !out) return tl::unexpected(out.error());
    }
    if (copied_ != at + kSegmentSize) break;
  }
  return read_records();
}

/// Moves end_ over the valid records that the vault's bytes hold.
Result<void> Tail::read_records() {
  reader_->forget();
  if (!anchored_) {
    anchored_ = copied_ > compare_ && reader_->seek_first(compare_);
    if (!anchored_) return {};
  }
  end_ = std::max(end_, reader_->position());
  while (const auto record = reader_->next()) {
    end_ = record->end;
    if (!record->is_switch()) continue;
    if (auto filled = fill_after_switch(record->data_end); !filled) return filled;
  }
  return {};
}

Result<bool> Tail::copy() {
  if (!begun_) {
    if (auto begun = begin(); !begun) return tl::unexpected(begun.error());
  }
  if (look_for_history_) {
    look_for_history_ = false;
    if (auto taken = take_histories(); !taken) return tl::unexpected(taken.error());
  }
  const Position before = end();
  for (bool further = true; further;) {
    const Lsn end = end_;
    if (auto run = copy_run(); !run) return tl::unexpected(run.error());
    further = !more_ && end_ != end && end_ > run_end_;  // a switch: it goes on in the next segment
  }
  for (int i = 0; i <= kSegmentsAhead; i++) (void)input(segment_begin(end_) + static_cast<Lsn>(i) * kSegmentSize);
  drop_inputs();
  return end() != before;
}

/// Copies the pages that follow each other in pg_wal, from where the vault may differ.
Result<void> Tail::copy_run() {
  Lsn at = page_start(std::min(compare_, end_));
  const auto now = std::chrono::steady_clock::now();
  if (compare_ >= end_ && copied_ > at + kReread) {
    if (now - reread_ < std::chrono::seconds(1)) {
      at = copied_ - kWalPage;
    } else {
      reread_ = now;
    }
  }
  bool rewound = false;
  size_t chunk = kFirstChunk;
  more_ = false;
  for (const Lsn from = at;;) {
    more_ = at >= from + kStep;
    if (more_) break;
    const Lsn segment = segment_begin(at);
    const auto switched = switched_.find(segment);
    const Input* in = input(segment);
    // Nothing to compare with: behind a switch, or where the vault's segment is complete or the server's gone.
    const bool complete = at < end_ && !outputs_.contains(segment) &&
                          os::exists(segment_path(root_, history_.of_segment(segment), segment));
    const bool over = in == nullptr || complete || (switched != switched_.end() && at >= switched->second);
    if (over && segment + kSegmentSize <= end_) {
      at = segment + kSegmentSize;
      continue;
    }
    if (in == nullptr) break;
    const Lsn until = switched != switched_.end() ? std::max(switched->second, at) : segment + kSegmentSize;
    const size_t room = std::min<uint64_t>(chunk, until - at);
    chunk = std::min(chunk * 2, kChunk);  // mostly there is little, and an old page right behind it
    const size_t got = read_at(in->fd.get(), buffer_.data(), room, at - segment);
    size_t fits = 0;
    while (fits + kWalPage <= got) {
      const auto header = parse_page_header(buffer_.data() + fits, at + fits);
      if (!header || header->timeline != history_.at(at + fits)) break;
      fits += kWalPage;
    }
    if (fits > 0) {
      if (auto stored = store(at, buffer_.data(), fits, rewound); !stored) return stored;
    }
    at += fits;
    if (fits < room || room == 0) break;
  }
  run_end_ = at;
  const auto dirty = std::any_of(outputs_.begin(), outputs_.end(), [](auto& o) { return o.second.dirty; });
  if (rewound) {
    if (auto done = rewind(); !done) return done;
  } else if (dirty || !anchored_) {
    if (auto done = read_records(); !done) return done;
  }
  if (auto synced = sync(); !synced) return synced;
  // From here on only what lies behind the end can change, once the server has got as far as we had.
  compare_ = run_end_ >= end_ ? end_ : more_ && !rewound ? segment_begin(run_end_) : compare_;
  return finish_segments();
}

/// Writes the pages that the vault does not hold with just these bytes.
Result<void> Tail::store(Lsn at, const char* bytes, size_t size, bool& rewound) {
  auto out = output(segment_begin(at));
  if (!out) return tl::unexpected(out.error());
  const Lsn base = segment_begin(at);
  size_t same = 0;
  if (at < copied_) {
    const size_t known = read_at((*out)->fd.get(), stored_.data(), std::min<uint64_t>(size, copied_ - at), at - base);
    while (same + kWalPage <= known && memcmp(bytes + same, stored_.data() + same, kWalPage) == 0) same += kWalPage;
  }
  if (same == size) return {};
  const Lsn page = at + same;
  const size_t settled = page < end_ ? std::min<uint64_t>(kWalPage, end_ - page) : 0;  // bytes that must not change
  if (anchored_ && memcmp(bytes + same, stored_.data() + same, settled) != 0) rewound = true;
  (*out)->dirty = true;
  if (!write_at((*out)->fd.get(), bytes + same, size - same, at + same - base)) {
    return failed("write", partial_path(root_, (*out)->timeline, base));
  }
  copied_ = std::max(copied_, at + size);
  return {};
}

/// Forgets what the vault holds behind `end`: it was written by a server that crashed, and its successor went on
/// otherwise.
Result<void> Tail::truncate(Lsn end) {
  for (Lsn segment = segment_begin(end); segment < copied_; segment += kSegmentSize) {
    auto out = output(segment);
    if (!out) return tl::unexpected(out.error());
    const Lsn keep = end > segment ? end - segment : 0;
    if (ftruncate((*out)->fd.get(), static_cast<off_t>(keep)) != 0) {
      return failed("shorten", partial_path(root_, (*out)->timeline, segment));
    }
    (*out)->dirty = true;
  }
  copied_ = std::min(copied_, end);
  return {};
}

/// The server's WAL differs from what was the end: what is left of it is found again.
Result<void> Tail::rewind() {
  const Lsn had = end_, segment = segment_begin(compare_);
  if (auto cut = truncate(run_end_); !cut) return cut;
  if (auto again = reset(segment); !again) return again;
  for (auto& [_, out] : outputs_) out.dirty = true;
  log::warn("the server came back with other WAL than it had written before; the vault follows it",
            {{"was", lsn_text(had)}, {"is", lsn_text(end_)}});
  return {};
}

/// Behind the switch record the segment is zero, page headers included; the server may not have written that yet.
Result<void> Tail::fill_after_switch(Lsn data_end) {
  const Lsn segment = segment_begin(data_end - 1), zeros = page_start(data_end + kWalPage - 1);
  const bool ours = outputs_.contains(segment);
  if (!ours && os::exists(segment_path(root_, history_.of_segment(segment), segment))) return {};
  auto out = output(segment);
  if (!out) return tl::unexpected(out.error());
  if (ftruncate((*out)->fd.get(), static_cast<off_t>(zeros - segment)) != 0 ||
      ftruncate((*out)->fd.get(), kSegmentSize) != 0) {
    return failed("extend", partial_path(root_, (*out)->timeline, segment));
  }
  (*out)->dirty = true;
  copied_ = std::max(copied_, segment + kSegmentSize);
  switched_[segment] = zeros;
  return {};
}

Result<void> Tail::sync() {
  for (auto& [segment, out] : outputs_) {
    if (!out.dirty) continue;
    if (fdatasync(out.fd.get()) != 0) {
      // What the kernel could not write it may have forgotten, and compare as equal for ever: copy it all again.
      auto error = failed("sync", partial_path(root_, out.timeline, segment));
      const Lsn first = outputs_.begin()->first;
      for (auto& [_, each] : outputs_) (void)!ftruncate(each.fd.get(), 0);
      (void)reset(first);
      return error;
    }
    out.dirty = false;
  }
  if (directory_dirty_) {
    if (auto synced = os::sync_dir(wal_dir(root_)); !synced) return synced;
    directory_dirty_ = false;
  }
  return {};
}

Result<void> Tail::finish_segments() {
  bool told = false;
  while (!outputs_.empty() && anchored_ && compare_ == end_) {
    const Lsn segment = outputs_.begin()->first;
    if (segment + kSegmentSize > end_) break;
    if (!told && durable_) durable_(end());
    told = true;
    if (auto done = finish(segment); !done) return done;
  }
  return {};
}

/// Gives a segment its final name. Whoever reads sees either name with the same bytes.
Result<void> Tail::finish(Lsn segment) {
  Output& out = outputs_.at(segment);
  const std::string partial = partial_path(root_, out.timeline, segment),
                    whole = segment_path(root_, out.timeline, segment);
  // A server syncs a segment before it writes into the next one. Nothing is there yet: see to it ourselves, or it
  // could come back from a power cut without what we are about to call final.
  if (end_ == segment + kSegmentSize) {
    if (const Input* in = input(segment)) (void)fdatasync(in->fd.get());
  }
  struct stat st {};
  if ((out.dirty && fdatasync(out.fd.get()) != 0) || fstat(out.fd.get(), &st) != 0 || fchmod(out.fd.get(), 0400) != 0) {
    return failed("complete", partial);
  }
  if (static_cast<uint64_t>(st.st_size) != kSegmentSize) {
    return fail(fmt::format("{} has {} bytes and should be complete", partial, st.st_size));
  }
  if (os::exists(whole) && same_content(out.fd.get(), whole)) {
    if (unlink(partial.c_str()) != 0) return failed("remove", partial);
  } else if (os::exists(whole)) {
    std::string aside;
    for (int n = 1; aside.empty() || os::exists(aside); n++) aside = fmt::format("{}.conflict-{}", whole, n);
    const Loss conflict{Loss::Kind::conflict,
                        {out.timeline, segment},
                        segment + kSegmentSize,
                        std::chrono::floor<Millis>(std::chrono::system_clock::now())};
    if (auto recorded = record_loss(root_, conflict); !recorded) return recorded;
    log::error("a WAL segment is complete in the vault already; the second one is kept beside it",
               {{"segment", whole}, {"second", aside}});
    if (rename(partial.c_str(), aside.c_str()) != 0) return failed("rename", partial);
  } else if (rename(partial.c_str(), whole.c_str()) != 0) {
    return failed("rename", partial);
  }
  outputs_.erase(segment);
  switched_.erase(segment);
  return os::sync_dir(wal_dir(root_));
}

void Tail::drop_inputs() {
  inputs_.erase(inputs_.begin(), inputs_.lower_bound(segment_begin(std::min(compare_, end_))));
}

}  // namespace howdah::backup
