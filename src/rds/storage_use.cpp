#include "rds/storage_use.h"

#include <algorithm>
#include <filesystem>

#include "domain/instance.h"
#include "pg/layout.h"
#include "rds/storage_ladder.h"
#include "util/fault_point.h"

namespace howdah::rds {
namespace {

constexpr double kBytesPerSecond = 1e9;  // nobody writes faster
constexpr Millis kOften{100}, kSeldom{5'000}, kCountAtLeast{60'000};

/// Of all files below `directory`, which somebody changes meanwhile. Holes count.
uint64_t size_of_files(const std::string& directory) {
  uint64_t bytes = 0;
  std::error_code gone;
  for (std::filesystem::directory_iterator it(directory, gone), end; it != end; it.increment(gone)) {
    const auto status = it->symlink_status(gone);
    if (std::filesystem::is_directory(status)) bytes += size_of_files(it->path().string());
    if (!std::filesystem::is_regular_file(status)) continue;
    if (const auto size = it->file_size(gone); !gone) bytes += size;
  }
  return bytes;
}

}  // namespace

Room room(uint64_t free, uint64_t of) { return {static_cast<double>(free) / static_cast<double>(of), of, free}; }

Room room_within(const Instance& i, uint64_t used) {
  const uint64_t allocated = static_cast<uint64_t>(i.allocated_storage) << 30;
  return room(allocated - std::min(allocated, used), allocated);
}

Millis until_filled(const Room& room, Millis at_most) {
  if (room.of == 0) return at_most;
  const double seconds =
      static_cast<double>(room.bytes) * (1 - kStorageFull / std::max(room.free, kStorageFull)) / kBytesPerSecond;
  return std::clamp(Millis(static_cast<int64_t>(std::min(seconds, 60.0) * 1000)), kOften, at_most);
}

Millis StorageUse::look() {
  Millis next = kSeldom;  // somebody may come
  std::map<std::string, Count> counts;
  {
    std::lock_guard lock(mu_);
    counts = counts_;
  }
  std::erase_if(counts, [&](const auto& c) { return !rds_.store.find<Instance>(Instance::by_id(c.first)); });
  for (const auto& i : rds_.store.all<Instance>()) {
    if (i->rest != Rest::available) continue;
    Count& count = counts[i->resource_id];
    auto now = std::chrono::steady_clock::now();
    if (now >= count.due) {
      fault::point("rds.storage-use");
      count.bytes = size_of_files(layout_of(rds_, *i).data);
      now = std::chrono::steady_clock::now();
      count.due = now + until_filled(room_within(*i, count.bytes), kCountAtLeast);
      std::lock_guard lock(mu_);
      counts_[i->resource_id] = count;
    }
    next = std::min(next, std::chrono::ceil<Millis>(count.due - now));
  }
  std::lock_guard lock(mu_);
  counts_ = std::move(counts);
  return std::max(next, kOften);
}

std::optional<uint64_t> StorageUse::of(const std::string& resource_id) const {
  std::lock_guard lock(mu_);
  const auto found = counts_.find(resource_id);
  return found == counts_.end() ? std::nullopt : std::optional(found->second.bytes);
}

}  // namespace howdah::rds
