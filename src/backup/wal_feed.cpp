#include "backup/wal_feed.h"

#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>

#include <fmt/format.h>

#include "backup/staging.h"
#include "os/files.h"
#include "util/fault_point.h"

namespace howdah::backup {
namespace {

// Segments of 16 MB. Ahead: what hides a slow disk. Behind: the one that the server may have open.
constexpr size_t kAhead = 8, kBehind = 1;
constexpr std::chrono::milliseconds kLook{5};

std::string name_of(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  if (name.ends_with(".partial")) name.resize(name.size() - 8);
  return name;
}

Result<void> unlink_if_there(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail(fmt::format("cannot remove {}: {}", path, strerror(errno)));
}

}  // namespace

std::vector<std::string> WalFeed::files_of(const Plan& plan) {
  const uint64_t last = (plan.target.lsn - 1) / kSegmentSize;
  std::vector<std::string> out;
  for (const auto& path : plan.wal) {
    const auto start = segment_start(name_of(path));
    if (start && start->lsn / kSegmentSize + 1 < last) out.push_back(path);
  }
  return out;
}

Result<void> WalFeed::prepare(const Plan& plan, const std::string& directory, os::Owner owner) {
  if (auto made = os::ensure_dir(directory, 0700, owner); !made) return made;
  const auto files = files_of(plan);
  for (const auto& path : files) {
    auto said = os::write_file_atomic(directory + "/" + name_of(path), "", 0600, {}, os::Durable::later);
    if (!said) return said;
  }
  const std::string first = files.empty() ? "" : name_of(files.front());
  return os::write_file_atomic(directory + "/asked", first + "\n", 0600, owner, os::Durable::later);
}

WalFeed::WalFeed(const Plan& plan, std::string directory, std::string pg_wal, os::Owner owner)
    : directory_(std::move(directory)), pg_wal_(std::move(pg_wal)), owner_(owner) {
  for (const auto& path : files_of(plan)) {
    files_.push_back({path, name_of(path)});
    if (!os::exists(coming(files_.size() - 1))) there_.insert(files_.size() - 1);
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { feed(stop); });
}

std::optional<Error> WalFeed::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void WalFeed::feed(const std::stop_token& stop) {
  const auto end = [this](Error why) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(why);
  };
  try {
    for (std::optional<size_t> at; !stop.stop_requested();) {
      if (const auto now = asked(); now && *now < files_.size()) at = now;
      const auto more = at ? come_nearer(*at) : Result<bool>(false);
      if (!more) return end(more.error());
      if (!*more) std::this_thread::sleep_for(kLook);
    }
  } catch (const std::exception& e) {
    end({e.what()});
  }
}

/// Which file the server wants; files_.size() when it is none of them, nothing while it says so.
std::optional<size_t> WalFeed::asked() const {
  const auto text = os::read_file(directory_ + "/asked");
  if (!text || !text->ends_with('\n')) return {};
  const auto found = std::find_if(files_.begin(), files_.end(), [&](const File& f) { return f.name + "\n" == *text; });
  return static_cast<size_t>(found - files_.begin());
}

/// One file towards what should be there when the server is at `at`; false when all is. What is over goes first: the
/// next one takes its room in memory.
Result<bool> WalFeed::come_nearer(size_t at) {
  const size_t from = at - std::min(at, kBehind), to = std::min(at + kAhead, files_.size());
  const auto over = std::find_if(there_.begin(), there_.end(), [&](size_t i) { return i < from || to <= i; });
  if (over != there_.end()) {
    if (auto done = take_away(*over); !done) return tl::unexpected(done.error());
    return true;
  }
  for (size_t i = at; i < to; i++) {
    if (there_.contains(i)) continue;
    if (auto done = bring(i); !done) return tl::unexpected(done.error());
    return true;
  }
  return false;
}

Result<void> WalFeed::bring(size_t i) {
  if (auto placed = place_wal({files_[i].path}, pg_wal_, Blocks::kPassing); !placed) return placed;
  if (auto given = os::repair_tree(pg_wal_ + "/" + files_[i].name, owner_); !given) {
    return tl::unexpected(given.error());
  }
  fault::point("backup.feed:brought");
  there_.insert(i);
  return unlink_if_there(coming(i));
}

/// Should the server come back to it, it waits for it again. It says what it wants, and then looks whether that is to
/// come; here it is the other way round: so one of the two sees the other.
Result<void> WalFeed::take_away(size_t i) {
  auto said = os::write_file_atomic(coming(i), "", 0600, {}, os::Durable::later);
  if (!said) return said;
  if (const auto now = asked(); !now || *now == i) return unlink_if_there(coming(i));
  there_.erase(i);
  return unlink_if_there(pg_wal_ + "/" + files_[i].name);
}

}  // namespace howdah::backup
