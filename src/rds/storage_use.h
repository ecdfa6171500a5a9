#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "rds/rds.h"
#include "util/clock.h"

namespace howdah::rds {

/// What the files of each available instance's data directory take, as of when they were last counted: as often as
/// somebody could have filled its AllocatedStorage, at least once a minute. Counting takes as long as there are many
/// files, therefore it has a thread of its own, which nobody waits for.
class StorageUse {
 public:
  explicit StorageUse(Rds& rds) : rds_(rds) {}
  Millis look();  ///< counts what is due; when to look again. One thread
  /// Nothing: not counted yet. Any thread.
  std::optional<uint64_t> of(const std::string& resource_id) const;

 private:
  struct Count {
    uint64_t bytes = 0;
    std::chrono::steady_clock::time_point due{};
  };
  Rds& rds_;
  mutable std::mutex mu_;
  std::map<std::string, Count> counts_;  ///< by resource id; guarded by mu_
};

/// Of some storage, what is left.
struct Room {
  double free = 1;  ///< part of `of`
  uint64_t of = 0, bytes = 0;
};
Room room(uint64_t free, uint64_t of);

/// What `used` bytes leave of the instance's AllocatedStorage.
Room room_within(const Instance& instance, uint64_t used);

/// When somebody could have filled it up to the ladder's last step.
Millis until_filled(const Room& room, Millis at_most);

}  // namespace howdah::rds
