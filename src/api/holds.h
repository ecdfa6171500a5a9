#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string_view>

namespace howdah::store {
class Store;
}

namespace howdah::api {

/// Lets a Describe wait for a change, so that a waiter that polls every 30 s learns of it at once. Thread-safe.
/// A held request occupies a worker: only `max` may wait at a time, the others are answered without delay.
class Holds {
 public:
  Holds(store::Store& store, size_t max) : store_(store), max_(max) {}

  /// Wakes the waiting after each commit that touches records of `kind`. At start-up.
  void watch(std::string_view kind);

  /// Returns when `changed()` says so, `limit` has passed, too many wait already, or the daemon stops.
  void wait(std::chrono::milliseconds limit, const std::function<bool()>& changed);

  void stop();  ///< ends every wait, now and later

 private:
  store::Store& store_;
  const size_t max_;
  std::mutex mu_;
  std::condition_variable wake_;
  size_t waiting_ = 0;     // guarded by mu_
  uint64_t commits_ = 0;   // guarded by mu_
  bool stopping_ = false;  // guarded by mu_
};

}  // namespace howdah::api
