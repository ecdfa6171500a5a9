#include "backup/keeper_inbox.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "backup/wal_page.h"
#include "os/files.h"

namespace howdah::backup {

Result<void> Inbox::clear() {
  file_.reset();
  open_ = {};
  segments_.clear();
  if (auto gone = os::remove_tree(data_); !gone) return gone;
  if (auto made = os::ensure_dir(data_, 0700); !made) return made;
  return os::ensure_dir(data_ + "/pg_wal", 0700);
}

Result<void> Inbox::add_history(uint32_t timeline, const std::string& text) {
  return os::write_file_atomic(path(history_name(timeline)), text, 0600);
}

Result<void> Inbox::add(uint32_t timeline, Lsn lsn, std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t part = std::min<size_t>(bytes.size(), segment_begin(lsn) + kSegmentSize - lsn);
    if (auto added = add_in_segment(timeline, lsn, bytes.substr(0, part)); !added) return added;
    bytes.remove_prefix(part);
    lsn += part;
  }
  return {};
}

Result<void> Inbox::add_in_segment(uint32_t timeline, Lsn lsn, std::string_view bytes) {
  const Position segment{timeline, segment_begin(lsn)};
  if (!file_ || open_ != segment) {
    const std::string name = path(segment_name(timeline, lsn));
    file_ = os::Fd(open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_) return fail_for_now(fmt::format("cannot open {}: {}", name, strerror(errno)));
    open_ = segment;
    segments_[segment] = name;
  }
  const Lsn offset = lsn - segment.lsn, end = page_start(offset + bytes.size() + kWalPage - 1);
  const ssize_t written = pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
  const bool whole = written == static_cast<ssize_t>(bytes.size());
  if (!whole && written >= 0) errno = ENOSPC;  // the part that there was room for
  if (!whole || ftruncate(file_.get(), static_cast<off_t>(end)) != 0) {
    return fail_for_now(fmt::format("cannot write {}: {}", segments_[segment], strerror(errno)));
  }
  return {};
}

void Inbox::forget(Lsn before) {
  std::erase_if(segments_, [&](const auto& segment) {
    if (segment.first.lsn + kSegmentSize > before) return false;
    unlink(segment.second.c_str());
    return true;
  });
}

}  // namespace howdah::backup
