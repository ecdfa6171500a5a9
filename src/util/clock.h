#pragma once
#include <time.h>

#include <atomic>
#include <chrono>

namespace howdah {

using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using Millis = std::chrono::milliseconds;

/// The time that has passed since the machine started, also asleep: nobody can set it.
inline Millis since_start() {
  timespec passed{};
  clock_gettime(CLOCK_BOOTTIME, &passed);
  return Millis(passed.tv_sec * 1000 + passed.tv_nsec / 1'000'000);
}

/// Wall time, injectable: retention, windows and restarts after days are untestable otherwise. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
  /// now() less since_start(): it changes when somebody sets the clock, not with time. Between two starts of the
  /// machine it says nothing.
  virtual Millis set_to() const = 0;
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
  Millis set_to() const override {
    return now().time_since_epoch() - Millis(offset_ms_.load() - leapt_ms_.load()) - since_start();
  }
  void advance(Millis by) { offset_ms_ += by.count(); }  ///< as if so much time had passed
  void leap(Millis by) {                                 ///< as if somebody had set it
    leapt_ms_ += by.count();
    offset_ms_ += by.count();
  }
  void restore() { leapt_ms_ = offset_ms_ = 0; }

 private:
  std::atomic<int64_t> offset_ms_{0}, leapt_ms_{0};
};

/// Hand-set clock of unit tests.
class FakeClock : public Clock {
 public:
  Time now() const override { return Time(Millis(ms_.load())); }
  Millis set_to() const override { return Millis(leapt_ms_.load()); }
  void set(Time t) { ms_ = t.time_since_epoch().count(); }
  void advance(Millis by) { ms_ += by.count(); }
  void leap(Millis by) {
    leapt_ms_ += by.count();
    ms_ += by.count();
  }

 private:
  std::atomic<int64_t> ms_{1'800'000'000'000}, leapt_ms_{0};
};

}  // namespace howdah
