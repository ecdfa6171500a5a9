#include "util/fault_point.h"

#include <unistd.h>
#include <csignal>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace howdah::fault {
namespace {

struct Armed {
  std::string action;
  int left;
};

std::atomic<bool> enabled{false};
std::mutex mu;
std::map<std::string, Armed, std::less<>> armed;  // guarded by mu

std::string due(const std::string& name) {
  std::lock_guard lock(mu);
  const auto it = armed.find(name);
  if (it == armed.end() || --it->second.left > 0) return {};
  std::string action = it->second.action;
  armed.erase(it);
  return action;
}

void act(const std::string& action, const std::string& name) {
  if (action == "kill") kill(getpid(), SIGKILL);
  if (action == "error") throw std::runtime_error("fault point " + name);
  if (action == "sleep") std::this_thread::sleep_for(std::chrono::seconds(5));
}

}  // namespace

void enable() { enabled = true; }

bool arm(std::string_view point, std::string_view action, int nth) {
  if (action != "kill" && action != "error" && action != "sleep") return false;
  std::lock_guard lock(mu);
  armed.insert_or_assign(std::string(point), Armed{std::string(action), nth});
  return true;
}

void disarm_all() {
  std::lock_guard lock(mu);
  armed.clear();
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
