#include "util/fault_point.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <vector>

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
std::set<std::string, std::less<>> known(std::begin(kPoints), std::end(kPoints));  // guarded by mu
std::condition_variable released;

std::string due(std::string_view name) {
  std::lock_guard lock(mu);
  const auto it = armed.find(name);
  if (it == armed.end() || --it->second.left > 0) return {};
  std::string action = it->second.action;
  armed.erase(it);
  if (action == "hold") held.emplace(name);
  return action;
}

void wait_for_release(std::string_view name) {
  std::unique_lock lock(mu);
  released.wait_for(lock, kLongestHold, [&] { return !held.contains(name); });
  held.erase(std::string(name));
}

void act(const std::string& action, std::string_view name) {
  if (action == "kill") kill(getpid(), SIGKILL);
  if (action == "error") throw std::runtime_error(fmt::format("fault point {}", name));
  if (action == "hold") wait_for_release(name);
}

/// The kind of a point, which stands for all of them.
std::string_view kind_of(std::string_view point) { return point.substr(0, point.find(':')); }

bool is_known(std::string_view point) {
  if (known.contains(point)) return true;
  const std::string kind = fmt::format("{}:", point);
  const auto first = known.lower_bound(kind);
  return first != known.end() && first->starts_with(kind);
}

/// Those that begin most like it.
Error unknown(std::string_view point) {
  constexpr size_t kShown = 8;
  const auto alike = [&](std::string_view one) {
    return std::mismatch(one.begin(), one.end(), point.begin(), point.end()).first - one.begin();
  };
  std::vector<std::string_view> near(known.begin(), known.end());
  std::stable_sort(near.begin(), near.end(), [&](auto a, auto b) { return alike(a) > alike(b); });
  near.resize(std::min(near.size(), kShown));
  return {fmt::format("there is no fault point {}; near it are {}", point, fmt::join(near, ", "))};
}

void pass(std::string_view name) {
  act(due(kind_of(name)), kind_of(name));
  if (kind_of(name) != name) act(due(name), name);
}

}  // namespace

void enable() { enabled = true; }

void add(std::string_view kind, std::string_view detail) {
  std::lock_guard lock(mu);
  known.insert(fmt::format("{}:{}", kind, detail));
}

Result<void> arm(std::string_view point, std::string_view action, int nth) {
  if (action != "kill" && action != "error" && action != "hold" && action != "release") {
    return fail(fmt::format("a fault point's action is kill, error, hold or release, not {}", action));
  }
  std::lock_guard lock(mu);
  if (!is_known(point)) return tl::unexpected(unknown(point));
  if (action == "release") {
    armed.erase(std::string(point));
    held.erase(std::string(point));
    released.notify_all();
    return {};
  }
  armed.insert_or_assign(std::string(point), Armed{std::string(action), nth});
  return {};
}

void disarm_all() {
  std::lock_guard lock(mu);
  armed.clear();
  held.clear();
  released.notify_all();
}

void point(Point at) {
  if (enabled.load(std::memory_order_relaxed)) pass(at.name());
}

void point(std::string_view kind, std::string_view detail) {
  if (enabled.load(std::memory_order_relaxed)) pass(fmt::format("{}:{}", kind, detail));
}

}  // namespace howdah::fault
