#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "os/identity.h"

namespace howdah::pg {

/// Keeps one volume ready for each template variant that somebody made an instance of since the start, so that the
/// next one gets its data directory by a rename instead of a copy and a sync. Made by a thread of its own, a moment
/// after the last one was taken: a burst of creations is not slowed down by it and copies for itself.
///
/// A ready volume is `<variant>.ready` beside the variant: complete, synced, with an identity of its own that no other
/// volume has, taken once. Half-made ones are `<variant>.making` and are removed by whoever makes the next. Costs one
/// fresh data directory (about 45 MB, next to nothing where files are cloned) a variant. Thread-safe.
class VolumeStock {
 public:
  /// `calm`: how long nobody took one before the next is made. Zero or less: keeps nothing, take() finds nothing.
  /// `next_owner` foretells whom the next one is for, called by the thread that makes it (default: ourselves).
  explicit VolumeStock(std::chrono::milliseconds calm, std::function<os::Owner()> next_owner = {});
  ~VolumeStock();
  VolumeStock(const VolumeStock&) = delete;

  /// Moves the ready volume of the template directory `variant` to `to`, which must not exist. All its files
  /// belong to the owner of its top directory, who was foretold and need not be the right one.
  /// False when there is none. Asks for the next one either way.
  bool take(const std::string& variant, const std::string& to);

 private:
  void refill();

  const std::chrono::milliseconds calm_;
  const std::function<os::Owner()> next_owner_;
  std::mutex mu_;  // guards wanted_, last_ and stopping_
  std::condition_variable changed_;
  std::set<std::string> wanted_;
  std::chrono::steady_clock::time_point last_;  // when one was taken
  bool stopping_ = false;
  std::thread maker_;
};

}  // namespace howdah::pg
