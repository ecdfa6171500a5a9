#include "rds/restorable_times.h"

#include "backup/vault.h"
#include "domain/instance.h"

namespace howdah::rds {
namespace {

constexpr std::chrono::seconds kAsked{1}, kIdle{5};

}  // namespace

void RestorableTimes::start() {
  refresh();
  thread_ = std::thread([this] { run(); });
}

void RestorableTimes::stop() {
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::optional<Time> RestorableTimes::latest(const std::string& resource_id) {
  {
    std::lock_guard lock(mu_);
    asked_ = true;
    const auto known = times_.find(resource_id);
    if (known != times_.end()) return known->second;
  }
  const auto read = backup::Vault(state_, resource_id).latest_restorable();
  std::lock_guard lock(mu_);
  return times_.try_emplace(resource_id, read).first->second;
}

/// Files are read without the lock. What can't be read keeps the time that it had.
void RestorableTimes::refresh() {
  std::map<std::string, std::optional<Time>, std::less<>> fresh;
  for (const auto& i : store_.all<Instance>()) {
    if (i->backup_retention == 0 || i->restorable_from == Time{}) continue;
    fresh.emplace(i->resource_id, backup::Vault(state_, i->resource_id).latest_restorable());
  }
  std::lock_guard lock(mu_);
  for (auto& [id, time] : fresh) {
    const auto known = times_.find(id);
    if (!time && known != times_.end()) time = known->second;
  }
  times_ = std::move(fresh);
}

void RestorableTimes::run() {
  std::unique_lock lock(mu_);
  auto last = std::chrono::steady_clock::now();
  while (!stopping_) {
    changed_.wait_for(lock, kAsked);
    const auto now = std::chrono::steady_clock::now();
    if (stopping_ || now - last < (asked_ ? kAsked : kIdle)) continue;
    asked_ = false;
    last = now;
    lock.unlock();
    refresh();
    lock.lock();
  }
}

}  // namespace howdah::rds
