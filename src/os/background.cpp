#include "os/background.h"

#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "util/fault_point.h"

namespace howdah::os {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 2h;                      // after which it no longer rests
constexpr Pace::Millis kSlice(20);                  // of work between two rests beside others
constexpr Pace::Millis kAlone(1000), kGlance(100);  // between two rests, and a rest, on an idle machine
constexpr int kShare = 16;                          // one part of so many is work
constexpr uint64_t kOthers = 15;                    // per cent of the processors' time that nobody misses

thread_local Pace* pace_of_thread = nullptr;

/// Clock ticks of all processors since the start: all, and those in which nothing ran and nobody waited for a disk.
struct Ticks {
  uint64_t total = 0, idle = 0;
};

Ticks ticks() {
  Ticks t;
  const std::unique_ptr<FILE, int (*)(FILE*)> stat(fopen("/proc/stat", "re"), fclose);
  unsigned long long n[8] = {};  // user, nice, system, idle, iowait, irq, softirq, steal
  if (!stat || fscanf(stat.get(), "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &n[0], &n[1], &n[2], &n[3], &n[4],
                      &n[5], &n[6], &n[7]) != 8) {
    return t;
  }
  for (const auto one : n) t.total += one;
  t.idle = n[3];
  return t;
}

}  // namespace

// Not the lowest priority of all: on a machine that is always busy the work must still come to its end.
void step_back() {
  constexpr int kNice = 10, kLastOfOrdinary = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7);
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
  (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, kLastOfOrdinary);
}

void Pace::did(uint64_t bytes) {
  bytes_ += bytes;
  if (bytes_ <= free_) working_since_ = Steady::now();
}

bool Pace::due(Steady::time_point now) const {
  const auto since = now - working_since_;
  return bytes_ > free_ && now - begun_ < kPatience && since >= (alone_ ? kAlone : kSlice);
}

Pace::Steady::time_point Pace::begin_rest(Steady::time_point now) {
  const auto work = now - working_since_;
  working_since_ = now;
  const Ticks t = ticks();
  total_ = t.total;
  idle_ = t.idle;
  return now +
         (alone_ ? Steady::duration(kGlance) : std::clamp<Steady::duration>(work * (kShare - 1), kGlance, longest_));
}

void Pace::end_rest(Steady::time_point now) {
  const Ticks t = ticks();
  const uint64_t all = t.total - total_, used = all - (t.idle - idle_);
  alone_ = all > 0 && used * 100 <= all * kOthers;
  rested_ += now - working_since_;
  working_since_ = now;
}

Pace* pace() { return pace_of_thread; }

void set_pace(Pace* pace) { pace_of_thread = pace; }

unsigned threads(unsigned most) { return pace() == nullptr ? most : 1; }

void breathe(uint64_t bytes) {
  Pace* const p = pace();
  if (p == nullptr) return;
  p->did(bytes);
  if (!p->due(Pace::Steady::now())) return;
  std::this_thread::sleep_until(p->begin_rest(Pace::Steady::now()));
  fault::point("os.pace:rested");
  p->end_rest(Pace::Steady::now());
}

}  // namespace howdah::os
