#include "backup/wal_feed.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "backup/staging.h"
#include "backup/wal_tail.h"
#include "os/files.h"
#include "util/fault_point.h"

namespace howdah::backup {
namespace {

// Segments of 16 MB. Ahead: what hides a slow disk. Behind: the one that the server may have open.
constexpr size_t kAhead = 8, kBehind = 1;
constexpr std::chrono::milliseconds kLook{5};

}  // namespace

std::vector<std::string> WalFeed::files_of(const Plan& plan) {
  const uint64_t last = (plan.target.lsn - 1) / kSegmentSize;
  std::vector<std::string> out;
  for (const auto& path : plan.wal) {
    const auto start = segment_start(wal_name(path));
    if (start && start->lsn / kSegmentSize + 1 < last) out.push_back(path);
  }
  return out;
}

Result<void> WalFeed::prepare(const Plan& plan, const std::string& directory, const std::string& pg_wal,
                              os::Owner owner) {
  const auto files = files_of(plan);
  for (const auto& path : files) {
    auto said = os::write_file_atomic(directory + "/" + wal_name(path), "", 0600, {}, os::Durable::later);
    if (!said) return said;
    if (auto gone = os::remove_tree(pg_wal + "/" + wal_name(path)); !gone) return gone;
  }
  const std::string first = files.empty() ? "" : wal_name(files.front());
  return os::write_file_atomic(directory + "/asked", first + "\n", 0600, owner, os::Durable::later);
}

WalFeed::WalFeed(const Plan& plan, std::string directory, std::string pg_wal, os::Owner owner)
    : directory_(std::move(directory)), pg_wal_(std::move(pg_wal)), owner_(owner) {
  for (const auto& path : files_of(plan)) {
    files_.push_back({path, wal_name(path)});
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
  auto text = os::read_file(directory_ + "/asked");
  if (!text || !text->ends_with('\n')) return {};
  text->pop_back();
  const auto found = std::ranges::lower_bound(files_, *text, {}, &File::name);  // a plan's files are sorted
  const bool known = found != files_.end() && found->name == *text;
  return known ? static_cast<size_t>(found - files_.begin()) : files_.size();
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
  return os::remove_tree(coming(i));
}

/// Should the server come back to it, it waits for it again. It says what it wants, and then looks whether that is to
/// come; here it is the other way round: so one of the two sees the other.
Result<void> WalFeed::take_away(size_t i) {
  auto said = os::write_file_atomic(coming(i), "", 0600, {}, os::Durable::later);
  if (!said) return said;
  if (const auto now = asked(); !now || *now == i) return os::remove_tree(coming(i));
  there_.erase(i);
  return os::remove_tree(pg_wal_ + "/" + files_[i].name);
}

}  // namespace howdah::backup
