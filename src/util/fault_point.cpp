#include "util/fault_point.h"

#include <unistd.h>
#include <csignal>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>

namespace howdah::fault {
namespace {

constexpr std::chrono::seconds kLongestHold{120};

struct Armed {
  std::string action;
  int left;
};

std::atomic<bool> enabled{false};
std::mutex mu;
std::map<std::string, Armed, std::less<>> armed;  // guarded by mu
std::set<std::string, std::less<>> held;          // guarded by mu: points that threads are waiting at
std::condition_variable released;

std::string due(const std::string& name) {
  std::lock_guard lock(mu);
  const auto it = armed.find(name);
  if (it == armed.end() || --it->second.left > 0) return {};
  std::string action = it->second.action;
  armed.erase(it);
  if (action == "hold") held.insert(name);
  return action;
}

void wait_for_release(const std::string& name) {
  std::unique_lock lock(mu);
  released.wait_for(lock, kLongestHold, [&] { return !held.contains(name); });
  held.erase(name);
}

void act(const std::string& action, const std::string& name) {
  if (action == "kill") kill(getpid(), SIGKILL);
  if (action == "error") throw std::runtime_error("fault point " + name);
  if (action == "hold") wait_for_release(name);
}

}  // namespace

void enable() { enabled = true; }

bool arm(std::string_view point, std::string_view action, int nth) {
  if (action != "kill" && action != "error" && action != "hold" && action != "release") return false;
  std::lock_guard lock(mu);
  if (action == "release") {
    armed.erase(std::string(point));
    held.erase(std::string(point));
    released.notify_all();
    return true;
  }
  armed.insert_or_assign(std::string(point), Armed{std::string(action), nth});
  return true;
}

void disarm_all() {
  std::lock_guard lock(mu);
  armed.clear();
  held.clear();
  released.notify_all();
}

void point(std::string_view name, std::string_view detail) {
  if (!enabled.load(std::memory_order_relaxed)) return;
  const std::string wide(name);
  act(due(wide), wide);
  if (!detail.empty()) {
    const std::string narrow = wide + ":" + std::string(detail);
    act(due(narrow), narrow);
  }
}

}  // namespace howdah::fault
