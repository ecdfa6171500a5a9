#pragma once
#include <atomic>
#include <chrono>

namespace howdah {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using Millis = std::chrono::milliseconds;

/// Wall time, injectable: retention, windows and restarts after days are untestable otherwise. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

/// Whether the clock was set back after `t` was taken from it, or computed as what is due soon: nothing of ours is that
/// far ahead. Who waits for such a time waits for nothing.
inline bool set_back_since(Time t, Time now) { return t - now > std::chrono::hours(1); }

/// The system's clock plus an offset that tests advance (`serve --test-hooks`, POST /_test/clock) and take back only
/// when nothing is left that has a time (POST /_test/reset).
class SystemClock : public Clock {
 public:
  Time now() const override {
    return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now()) + Millis(offset_ms_.load());
  }
  void advance(Millis by) { offset_ms_ += by.count(); }
  void restore() { offset_ms_ = 0; }

 private:
  std::atomic<int64_t> offset_ms_{0};
};

/// Hand-set clock of unit tests.
class FakeClock : public Clock {
 public:
  Time now() const override { return Time(Millis(ms_.load())); }
  void set(Time t) { ms_ = t.time_since_epoch().count(); }
  void advance(Millis by) { ms_ += by.count(); }

 private:
  std::atomic<int64_t> ms_{1'800'000'000'000};
};

}  // namespace howdah
