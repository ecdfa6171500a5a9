#pragma once
#include <future>
#include <thread>
#include <utility>

namespace howdah::os {

/// This thread, and every process and thread it starts from now on, gets the CPU and the disk behind everybody else.
/// Not to be undone without privileges: only for threads that end with their work.
void step_back();

/// Runs `work` in a thread that steps back, and waits for it. Exceptions come through.
template <class F>
auto in_background(F work) {
  std::packaged_task<decltype(work())()> task([&] {
    step_back();
    return work();
  });
  auto result = task.get_future();
  std::jthread(std::move(task)).join();
  return result.get();
}

}  // namespace howdah::os
