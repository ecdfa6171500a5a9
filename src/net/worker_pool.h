#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace howdah::net {

/// A fixed number of threads that run blocking jobs. Thread-safe. Jobs must not throw.
class WorkerPool {
 public:
  WorkerPool(size_t threads, size_t max_queued);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False when `max_queued` jobs already wait or the pool is stopping; the job was not taken then.
  bool submit(std::function<void()> job);

  /// Runs what was taken, then joins the threads. Idempotent; must not be called from a job.
  void stop();

 private:
  void run();

  const size_t max_queued_;
  std::mutex mu_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;  // guarded by mu_
  bool stopping_ = false;                   // guarded by mu_
  std::vector<std::thread> threads_;
};

}  // namespace howdah::net
