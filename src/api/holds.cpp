#include "api/holds.h"

#include "store/store.h"

namespace howdah::api {

void Holds::watch(std::string_view kind) {
  store_.on_commit(kind, [this] {
    {
      std::lock_guard lock(mu_);
      ++commits_;
    }
    wake_.notify_all();
  });
}

void Holds::wait(std::chrono::milliseconds limit, const std::function<bool()>& changed) {
  const auto until = std::chrono::steady_clock::now() + limit;
  std::unique_lock lock(mu_);
  if (stopping_ || waiting_ >= max_) return;
  ++waiting_;
  for (bool in_time = true; in_time && !stopping_;) {
    const uint64_t seen = commits_;
    lock.unlock();
    const bool enough = changed();
    lock.lock();
    if (enough) break;
    in_time = wake_.wait_until(lock, until, [&] { return stopping_ || commits_ != seen; });
  }
  --waiting_;
}

void Holds::stop() {
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
}

}  // namespace howdah::api
