#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "backup/keeper_tail.h"
#include "backup/losses.h"
#include "os/files.h"
#include "util/log.h"

/// The tail's view of pg_wal as a directory: where to begin, new timelines, what was removed or replaced.
namespace howdah::backup {

bool Tail::valid_segment(uint32_t timeline, Lsn segment, const History& history) const {
  const os::Fd fd = open_input(segment_name(timeline, segment));
  char head[kLongHeader];
  if (!fd || read_at(fd.get(), head, sizeof head, 0) != sizeof head) return false;
  const auto header = parse_page_header(head, segment);
  return header && header->timeline == history.at(segment);
}

Tail::Names Tail::names() const {
  Names out;
  const int fd = openat(wal_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, int (*)(DIR*)> dir(fd < 0 ? nullptr : fdopendir(fd), closedir);
  if (!dir) return out;
  while (const dirent* entry = readdir(dir.get())) {
    const std::string name = entry->d_name;
    if (const auto start = segment_start(name)) out.segments.push_back(*start);
    if (name.size() != 16 || !name.ends_with(".history")) continue;
    const auto start = segment_start(std::string(24, '0').replace(0, 8, name, 0, 8));
    if (start) out.histories.push_back(start->timeline);
  }
  std::sort(out.segments.begin(), out.segments.end());
  std::sort(out.histories.begin(), out.histories.end());
  return out;
}

/// The first keeper of this vault: from the oldest segment on, from which nothing is missing.
Result<void> Tail::fresh_start() {
  const auto all = names().segments;
  for (auto last = all.rbegin(); last != all.rend(); ++last) {
    auto history = read_history(root_, last->timeline);
    if (!history) return tl::unexpected(history.error());
    if (!valid_segment(last->timeline, last->lsn, *history)) continue;
    Lsn first = last->lsn;
    while (first >= kSegmentSize && valid_segment(last->timeline, first - kSegmentSize, *history)) {
      first -= kSegmentSize;
    }
    history_ = std::move(*history);
    if (auto done = reset(first); !done) return done;
    begun_ = true;
    return {};
  }
  return fail_for_now(fmt::format("{}/pg_wal holds no WAL yet", data_));
}

/// Copies new history files, and goes over to a timeline as soon as the server writes on it.
Result<void> Tail::take_histories() {
  for (const uint32_t timeline : names().histories) {
    if (!known_histories_.contains(timeline)) {
      const os::Fd fd = open_input(history_name(timeline));
      std::string text(64 << 10, '\0');
      if (!fd) continue;
      text.resize(read_at(fd.get(), text.data(), text.size(), 0));
      if (!History::parse(timeline, text)) continue;
      const std::string path = wal_dir(root_) + "/" + history_name(timeline);
      if (!os::exists(path)) {
        if (auto written = os::write_file_atomic(path, text, 0400); !written) return written;
      }
      known_histories_.insert(timeline);
    }
    if (begun_ && timeline > history_.timeline()) {
      if (auto followed = follow(timeline); !followed) return followed;
    }
  }
  return {};
}

Result<void> Tail::follow(uint32_t timeline) {
  auto next = read_history(root_, timeline);
  if (!next) return tl::unexpected(next.error());
  const Lsn begun = next->begin();
  if (!next->contains({history_.timeline(), std::min(end_, begun)})) return {};
  look_for_history_ = true;  // until it has come to pass
  if (!valid_segment(timeline, segment_begin(begun), *next)) return {};
  if (end_ < begun) {  // the rest of the old timeline; it will not be looked at again
    if (auto rest = copy_run(); !rest) return rest;
  }
  log::info("the server has begun a timeline", {{"timeline", timeline}, {"at", lsn_text(begun)}});
  history_ = std::move(*next);
  look_for_history_ = false;
  // Not wholly from what we hold of the old timeline: it may go on differently in the segment where they part.
  return reset(segment_begin(std::min(end_, begun)));
}

bool Tail::look_around() {
  struct stat now {
  }, held{};
  const std::string path = data_ + "/pg_wal";
  missing_ = lstat(path.c_str(), &now) != 0;
  if (!begun_) return false;
  if (!missing_ && fstat(wal_.get(), &held) == 0 && (now.st_ino != held.st_ino || now.st_dev != held.st_dev)) {
    log::info("pg_wal has been replaced", {{"path", path}});
    if (open_directory()) (void)reset(segment_begin(std::min(compare_, end_)));
    look_for_history_ = true;
  }
  for (auto it = inputs_.begin(); it != inputs_.end();) {
    const std::string name = segment_name(history_.of_segment(it->first), it->first);
    const bool other =
        fstatat(wal_.get(), name.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_ino != it->second.inode;
    if (other) compare_ = std::min(compare_, it->first);
    it = other ? inputs_.erase(it) : std::next(it);
  }
  // Removed before we could copy it: there is no slot, or it was given up. Only later WAL can still be kept.
  const Lsn wanted = segment_begin(end_);
  absent_ = missing_ || input(wanted) != nullptr ? 0 : absent_ + 1;
  if (absent_ >= 3) {
    for (const Position& name : names().segments) {
      if (name.timeline != history_.timeline() || name.lsn <= wanted) continue;
      if (!valid_segment(name.timeline, name.lsn, history_)) continue;
      const Loss gap{Loss::Kind::gap, end(), name.lsn, std::chrono::floor<Millis>(std::chrono::system_clock::now())};
      if (auto recorded = record_loss(root_, gap); !recorded) {  // before anything is kept behind it
        log::warn("a gap in the vault cannot be recorded; trying again", {{"why", recorded.error().message}});
        break;
      }
      log::error("the vault has a gap, a new base is needed", {{"why", text_of(gap)}});
      (void)reset(name.lsn);
      break;
    }
    absent_ = 0;
  }
  const bool up = fstatat(data_fd_.get(), "postmaster.pid", &now, AT_SYMLINK_NOFOLLOW) == 0;
  const int64_t started = up ? now.st_mtim.tv_sec * 1'000'000'000 + now.st_mtim.tv_nsec : 0;
  const bool changed = up && (now.st_ino != server_ || started != server_started_);
  if (changed) compare_ = segment_begin(std::min(compare_, end_));
  if (changed) server_ = now.st_ino, server_started_ = started;
  return changed;
}

}  // namespace howdah::backup
