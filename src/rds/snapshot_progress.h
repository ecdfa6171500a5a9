#pragma once
#include <algorithm>
#include <map>
#include <mutex>
#include <string>

namespace howdah::rds {

/// How much of each snapshot that is being made has been copied, by its id. Only in memory: a copy that is interrupted
/// begins anew. Thread-safe.
class SnapshotProgress {
 public:
  void set(const std::string& id, int percent) {
    std::lock_guard lock(mu_);
    percents_[id] = std::clamp(percent, 0, 99);  // 100 is what is available
  }
  int of(const std::string& id) const {
    std::lock_guard lock(mu_);
    const auto known = percents_.find(id);
    return known == percents_.end() ? 0 : known->second;
  }
  void forget(const std::string& id) {
    std::lock_guard lock(mu_);
    percents_.erase(id);
  }

 private:
  mutable std::mutex mu_;  // guards percents_
  std::map<std::string, int> percents_;
};

}  // namespace howdah::rds
