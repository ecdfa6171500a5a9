#pragma once
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "store/store.h"
#include "util/clock.h"

namespace howdah::rds {

/// LatestRestorableTime of every instance that has a restore window, in memory, so that a page of a Describe reads no
/// file whatever it shows. A thread reads the keepers' position files once a second while somebody asks, every five
/// seconds otherwise; an older time is true as well. Thread-safe.
class RestorableTimes {
 public:
  /// `state`: the state directory.
  RestorableTimes(const store::Store& store, std::string state) : store_(store), state_(std::move(state)) {}
  ~RestorableTimes() { stop(); }

  void start();  ///< returns when every file has been read once
  void stop();

  /// Nothing while the vault is empty. An instance that is not known yet is looked up in its vault, once.
  std::optional<Time> latest(const std::string& resource_id);

 private:
  void refresh();
  void run();

  const store::Store& store_;
  const std::string state_;
  std::mutex mu_;  // guards all below
  std::map<std::string, std::optional<Time>, std::less<>> times_;
  bool asked_ = false, stopping_ = false;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace howdah::rds
