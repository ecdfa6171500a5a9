#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "backup/keeper_signals.h"
#include "backup/keeper_spec.h"
#include "backup/vault_files.h"
#include "os/files.h"
#include "os/lock.h"
#include "os/pidfd.h"
#include "os/spawn.h"
#include "util/log.h"

/// The daemon's side of the keeper: whether it runs, making it run, ending it.
namespace howdah::backup {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

/// Also reaps a keeper that was our child.
bool locked(const std::string& root) {
  const os::Fd fd(open(lock_path(root).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return false;
  if (flock(fd.get(), LOCK_SH | LOCK_NB) != 0) return errno == EWOULDBLOCK;
  if (const auto info = read_info(root); info && info->pid > 0 && info->pid != getpid()) {
    waitpid(info->pid, nullptr, WNOHANG);  // no effect on a process that is not our child
  }
  return false;
}

std::string root_of(const std::string& state, const std::string& resource_id) {
  return Vault(state, resource_id).root();
}

template <class Condition>
bool wait_until(std::chrono::milliseconds timeout, Condition condition) {
  const auto deadline = Steady::now() + timeout;
  while (!condition()) {
    if (Steady::now() >= deadline) return false;
    std::this_thread::sleep_for(3ms);
  }
  return true;
}

/// The keeper as a descriptor; nothing when its pid belongs to somebody else by now.
std::optional<os::Fd> keeper_process(const std::string& root) {
  const auto info = read_info(root);
  if (!info || info->pid <= 1) return {};
  auto pidfd = os::open_pidfd(info->pid);
  if (!pidfd || start_of(info->pid) != info->started) return {};
  return std::move(*pidfd);
}

Result<bool> end_keeper(const std::string& root, int signal, std::chrono::milliseconds timeout) {
  const auto deadline = Steady::now() + timeout;
  while (locked(root)) {
    const auto left = std::chrono::duration_cast<Millis>(deadline - Steady::now());
    if (left <= 0ms) return false;
    if (const auto process = keeper_process(root)) {  // none = it has just begun and not said yet who it is
      if (auto sent = os::send_signal(*process, signal); !sent) return sent;
      if (!os::wait_exit(*process, left)) return false;
      (void)os::reap(*process);
    } else {
      std::this_thread::sleep_for(3ms);
    }
  }
  return true;
}

Result<void> make_directories(const KeeperSpec& spec) {
  const std::string root = root_of(spec.state, spec.resource_id);
  for (const std::string& path : {spec.state + "/vault", root, wal_dir(root)}) {
    if (auto made = os::ensure_dir(path, 0700); !made) return made;
  }
  return {};
}

bool fits(const std::string& root, const KeeperSpec& spec) {
  const auto info = read_info(root);
  return info && info->version == version_of(spec.program) && info->spec == spec_text(spec) && keeper_process(root);
}

enum class Wait { yes, no };

Result<void> start(const std::string& root, const KeeperSpec& spec, Wait wait) {
  const std::string output = root + "/keeper.log";
  struct stat st {};
  if (stat(output.c_str(), &st) == 0 && st.st_size > (1 << 20)) (void)!truncate(output.c_str(), 0);
  const os::Command command{.program = spec.program, .args = {"keeper", spec_text(spec)}};
  auto child = os::spawn(command, output);
  if (!child) return tl::unexpected(child.error());
  if (wait == Wait::no) return {};
  const auto begun = [&] {
    const auto info = read_info(root);
    return (info && info->pid == child->pid && locked(root)) || os::wait_exit(child->pidfd, 0ms);
  };
  if (!wait_until(30s, begun)) return fail_for_now(fmt::format("the WAL keeper in {} does not start", root));
  if (!os::wait_exit(child->pidfd, 0ms)) return {};
  (void)os::reap(child->pidfd);
  if (locked(root)) return {};  // one that was begun a moment ago came first
  return fail_for_now(fmt::format("the WAL keeper ended at once: {}", os::read_tail(output, 0, 1000)));
}

Result<void> ensure(const KeeperSpec& spec, Wait wait) {
  const std::string root = root_of(spec.state, spec.resource_id);
  if (locked(root) && fits(root, spec)) return {};
  if (auto made = make_directories(spec); !made) return made;
  auto turn = os::LockFile::acquire(root + "/keeper.start", "the start of a WAL keeper", 30s);
  if (!turn) return tl::unexpected(turn.error());
  if (locked(root)) {
    // One that has just begun has not said yet who it is, which may take it a while where the disk is busy.
    (void)wait_until(10s, [&] { return keeper_process(root) || !locked(root); });
    if (locked(root) && fits(root, spec)) return {};
    auto ended = end_keeper(root, SIGTERM, 10s);
    if (ended && !*ended) ended = end_keeper(root, SIGKILL, 10s);
    if (!ended) return tl::unexpected(ended.error());
    if (!*ended) return fail_for_now(fmt::format("the WAL keeper in {} cannot be replaced", root));
  }
  return start(root, spec, wait);
}

}  // namespace

bool keeper_runs(const std::string& state, const std::string& resource_id) {
  return locked(root_of(state, resource_id));
}

bool keeper_fits(const KeeperSpec& spec) {
  const std::string root = root_of(spec.state, spec.resource_id);
  return locked(root) && fits(root, spec);
}

Result<void> ensure_keeper(const KeeperSpec& spec) { return ensure(spec, Wait::yes); }

Result<void> begin_keeper(const KeeperSpec& spec) { return ensure(spec, Wait::no); }

void hurry_keeper(const KeeperSpec& spec) {
  const std::string root = root_of(spec.state, spec.resource_id);
  if (!fits(root, spec)) return;  // the signal would end one of a version that does not know it
  if (const auto process = keeper_process(root)) (void)os::send_signal(*process, KeeperSignals::kHurry);
}

Result<bool> stop_keeper(const std::string& state, const std::string& resource_id, bool drain,
                         std::chrono::milliseconds timeout) {
  return end_keeper(root_of(state, resource_id), drain ? SIGTERM : SIGINT, timeout);
}

}  // namespace howdah::backup
