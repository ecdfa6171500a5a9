#pragma once
#include <chrono>
#include <cstdint>
#include <future>
#include <thread>
#include <utility>

/// Work that nobody waits for, on a machine whose servers have clients.
namespace howdah::os {

/// This thread, and every process and thread it starts from now on, gets the CPU and the disk behind everybody else.
/// Not to be undone without privileges: only for threads that end with their work.
void step_back();

/// When to rest, so that clients notice little of much work: priorities alone don't give back the disk, whose queues
/// fill all the same. While somebody else uses the machine, most of the time is rest; who that is shows in the rests,
/// when this work is not there. Not thread-safe.
class Pace {
 public:
  using Steady = std::chrono::steady_clock;
  using Millis = std::chrono::milliseconds;

  /// `longest`: no rest is longer, after what took long only because the disk was busy.
  explicit Pace(uint64_t free = 256 << 20, Millis longest = Millis(10'000)) : free_(free), longest_(longest) {}
  void did(uint64_t bytes);
  /// Whether it is time to rest, `now` being in the midst of the work. Never in the first `free` bytes; never again two
  /// hours after the beginning, because the work must come to its end on a machine that is always busy, too.
  bool due(Steady::time_point now) const;
  /// Begins a rest after the work since the last one; when it ends.
  Steady::time_point begin_rest(Steady::time_point now);
  void end_rest(Steady::time_point now);
  Steady::duration rested() const { return rested_; }

 private:
  const uint64_t free_;
  const Millis longest_;
  uint64_t bytes_ = 0;
  Steady::time_point begun_ = Steady::now(), working_since_ = begun_;
  Steady::duration rested_{};
  uint64_t total_ = 0, idle_ = 0;  ///< of all processors, when the rest began
  bool alone_ = false;
};

/// This thread's pace; null when it need not rest.
Pace* pace();
void set_pace(Pace* pace);  ///< for the rest of this thread's life
/// Called every megabyte or so of work, after so many bytes: rests when that is due.
void breathe(uint64_t bytes);
/// How many of `most` threads may share this thread's work: one where it has a pace, which its helpers would not have.
unsigned threads(unsigned most);

enum class Haste { soon, whenever };

/// Runs `work` in a thread that steps back, and waits for it; `whenever`: with a pace. Exceptions come through.
template <class F>
auto in_background(F work, Haste haste = Haste::soon) {
  Pace resting;
  std::packaged_task<decltype(work())()> task([&] {
    step_back();
    if (haste == Haste::whenever) set_pace(&resting);
    return work();
  });
  auto result = task.get_future();
  std::jthread(std::move(task)).join();
  return result.get();
}

}  // namespace howdah::os
