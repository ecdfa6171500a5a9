#include "os/detached.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "os/files.h"
#include "os/lock.h"

namespace howdah::os {
namespace {

constexpr std::chrono::milliseconds kObserverHold(50);  // observers hold the lock for an instant, runners for long

/// The runner. $1 result file, $2 its directory, the rest is the command.
constexpr const char* kRunner =
    "rc=$1 dir=$2; shift 2; \"$@\"; s=$?; "
    "echo \"$s\" >\"$rc.tmp\" && sync \"$rc.tmp\" && mv -f \"$rc.tmp\" \"$rc\" && sync \"$dir\"";

/// True when somebody holds the lock; also creates the lock file, and reaps the runner whose pid it holds.
Result<bool> is_locked(const std::string& name) {
  std::string path = name + ".lock";
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(fmt::format("cannot open {}: {}", path, strerror(errno)));
  if (flock(fd.get(), LOCK_SH | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return true;
    return fail(fmt::format("cannot lock {}: {}", path, strerror(errno)));
  }
  char text[32] = {};
  pid_t pid = 0;
  ssize_t n = pread(fd.get(), text, sizeof text - 1, 0);
  if (n > 0) std::from_chars(text, text + n, pid);
  if (pid > 0 && pid != getpid()) waitpid(pid, nullptr, WNOHANG);  // no effect on a process that is not our child
  return false;
}

std::string directory_of(const std::string& name) { return name.substr(0, name.find_last_of('/')); }

Command runner_of(const std::string& name, const Command& command, int lock_fd) {
  Command runner{.program = "/bin/sh", .env = command.env, .directory = command.directory};
  runner.args = {"-c", kRunner, "howdah-runner", name + ".rc", directory_of(name)};
  bool drop = command.run_as && geteuid() == 0 && command.run_as->uid != 0;
  if (drop) {  // the runner itself stays what we are: it writes the result where only we can
    auto uid = fmt::format("--reuid={}", command.run_as->uid), gid = fmt::format("--regid={}", command.run_as->gid);
    runner.args.insert(runner.args.end(), {"/usr/bin/setpriv", uid, gid, "--clear-groups", "--"});
  }
  runner.args.push_back(command.program);
  runner.args.insert(runner.args.end(), command.args.begin(), command.args.end());
  runner.input = command.input;
  runner.keep_fd = lock_fd;
  return runner;
}

Result<void> remove_results(const std::string& name) {
  for (const char* end : {".rc", ".rc.tmp", ".out"}) {
    if (auto gone = remove_tree(name + end); !gone) return gone;
  }
  return {};
}

}  // namespace

Result<Detached> observe_detached(const std::string& name) {
  Detached d;
  auto locked = is_locked(name);
  if (!locked) return tl::unexpected(locked.error());
  if (*locked) {
    d.state = DetachedState::kInProgress;
    return d;
  }
  if (!exists(name + ".rc")) return d;
  auto text = read_file(name + ".rc", 64);
  if (!text) return tl::unexpected(text.error());
  auto parsed = std::from_chars(text->data(), text->data() + text->size(), d.status);
  if (parsed.ec != std::errc()) return fail(fmt::format("{}.rc holds no status", name));
  d.state = DetachedState::kDone;
  d.output_tail = read_tail(name + ".out", 0, 8192);
  return d;
}

Result<void> start_detached(const std::string& name, const Command& command) {
  auto lock = LockFile::acquire(name + ".lock", name, kObserverHold);
  if (!lock && lock.error().retry) return {};  // in progress
  if (!lock) return tl::unexpected(lock.error());
  if (auto gone = remove_results(name); !gone) return gone;
  auto child = spawn(runner_of(name, command, lock->fd().get()), name + ".out");
  if (!child) return tl::unexpected(child.error());
  std::string pid = std::to_string(child->pid) + "\n";
  if (ftruncate(lock->fd().get(), 0) != 0 || pwrite(lock->fd().get(), pid.data(), pid.size(), 0) < 0) errno = 0;
  return {};  // our descriptor closes, the runner's keeps the lock
}

Result<void> forget_detached(const std::string& name) {
  auto lock = LockFile::acquire(name + ".lock", name, kObserverHold);
  if (!lock) return tl::unexpected(lock.error());
  return remove_results(name);
}

}  // namespace howdah::os
