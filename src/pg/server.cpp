#include "pg/server.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "os/files.h"
#include "os/lock.h"
#include "os/pidfd.h"
#include "os/spawn.h"
#include "pg/postmaster.h"
#include "pg/shared_memory.h"
#include "util/fault_point.h"
#include "util/log.h"

namespace howdah::pg {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
constexpr milliseconds kPoll(2);

tl::unexpected<StartError> start_failed(StartFailure kind, std::string message, bool retry = false) {
  StartError e;
  e.kind = kind;
  e.message = std::move(message);
  e.retry = retry;
  return tl::unexpected(e);
}

milliseconds left(Clock::time_point deadline) {
  return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(deadline - Clock::now()));
}

/// The postmaster that `file` names, if it is really ours: looked at, opened, and looked at again, so that a pid that
/// was recycled in between is not taken for it.
bool adopt(const PidFile& file, const Layout& layout, os::Owner owner, Observed& out) {
  if (!is_postmaster(file.pid, layout.data, owner)) return false;
  auto pidfd = os::open_pidfd(file.pid);
  if (!pidfd || !is_postmaster(file.pid, layout.data, owner)) return false;
  out.pid = file.pid;
  out.pidfd = std::move(*pidfd);
  out.state = file.status == "ready" || file.status == "standby" ? ServerState::kReady
              : file.status == "stopping"                        ? ServerState::kStopping
                                                                 : ServerState::kStarting;
  return true;
}

/// Ends backends whose postmaster is gone: they hold the shared memory, and no new server may start beside them. Only
/// recovery comes after them, so SIGQUIT and SIGKILL lose nothing that was acknowledged.
bool end_orphans(const Layout& layout, os::Owner owner, Clock::time_point deadline) {
  auto quit_at = Clock::now() + std::chrono::seconds(1), kill_at = Clock::now() + std::chrono::seconds(6);
  for (;;) {
    auto pids = server_processes(layout.data, owner);
    std::erase_if(pids, [&](pid_t pid) { return is_postmaster(pid, layout.data, owner); });
    if (pids.empty()) return true;
    if (Clock::now() >= deadline) return false;
    int signal = Clock::now() >= kill_at ? SIGKILL : Clock::now() >= quit_at ? SIGQUIT : 0;
    for (pid_t pid : pids) {
      auto fd = signal != 0 ? os::open_pidfd(pid) : fail("");
      if (fd && is_server_process(pid, layout.data, owner)) os::send_signal(*fd, signal);
    }
    std::this_thread::sleep_for(milliseconds(signal == 0 ? 5 : 50));
  }
}

Result<void> repair_data(const Layout& layout, os::Owner owner) {
  struct stat top {
  }, control{};
  if (lstat(layout.data.c_str(), &top) != 0 || !S_ISDIR(top.st_mode)) return fail(layout.data + " is not a directory");
  if (lstat((layout.data + "/global/pg_control").c_str(), &control) != 0) {
    return fail(layout.data + " holds no cluster: global/pg_control is missing");
  }
  auto wrong = [&](const struct stat& st) {
    return geteuid() == 0 && (st.st_uid != owner.uid || st.st_gid != owner.gid);
  };
  if (!wrong(top) && !wrong(control) && (top.st_mode & 07777) == 0700) return {};
  auto changed = os::repair_tree(layout.data, owner);
  if (!changed) return tl::unexpected(changed.error());
  log::warn("repaired owner and mode of a data directory", {{"path", layout.data}, {"entries", *changed}});
  return {};
}

/// The newest file of the log collector, whose name we do not know (log_filename is a user's parameter).
std::string newest_log(const Layout& layout) {
  std::string best;
  timespec best_time{};
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(layout.error_log_dir(), none)) {
    struct stat st {};
    if (lstat(entry.path().c_str(), &st) != 0 || !S_ISREG(st.st_mode)) continue;
    auto later = std::pair(st.st_mtim.tv_sec, st.st_mtim.tv_nsec) > std::pair(best_time.tv_sec, best_time.tv_nsec);
    if (!best.empty() && !later) continue;
    best = entry.path().string();
    best_time = st.st_mtim;
  }
  return best;
}

off_t size_of(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 ? st.st_size : 0;
}

/// Where the logs ended before the start, so that only its own lines are read afterwards.
struct LogMark {
  std::string collector;
  off_t collector_size = 0, stderr_size = 0;

  explicit LogMark(const Layout& l) : collector(newest_log(l)), stderr_size(size_of(l.server_log())) {
    if (!collector.empty()) collector_size = size_of(collector);
  }
  std::string since(const Layout& l) const {
    std::string newest = newest_log(l);
    std::string out = os::read_tail(l.server_log(), stderr_size, 1 << 16);
    if (!newest.empty()) out += os::read_tail(newest, newest == collector ? collector_size : 0, 1 << 16);
    return out;
  }
};

/// The last lines that say why, for the event and the operator.
std::string last_error(const std::string& log) {
  std::string out;
  for (size_t from = 0; from < log.size();) {
    size_t end = std::min(log.find('\n', from), log.size());
    std::string_view line(log.data() + from, end - from);
    bool says = line.find("FATAL:") != line.npos || line.find("PANIC:") != line.npos ||
                line.find("ERROR:") != line.npos || line.find("could not") != line.npos ||
                line.find("LOG:  invalid") != line.npos || line.find("unrecognized") != line.npos ||
                line.find("outside the valid range") != line.npos;
    if (says) out = (out.empty() ? "" : out + "; ") + std::string(line);
    if (out.size() > 1000) out.erase(0, out.size() - 1000);
    from = end + 1;
  }
  return out.empty() ? log.substr(log.size() > 500 ? log.size() - 500 : 0) : out;
}

os::Command command_of(const StartSpec& spec) {
  os::Command c{.program = spec.engine.program("postgres"), .run_as = spec.owner};
  // On the command line, since a database superuser could write the same names into postgresql.auto.conf.
  c.args = {"-D", spec.layout.data,
            "-c", "config_file=" + spec.layout.config_file(),
            "-c", "hba_file=" + spec.layout.hba_file(),
            "-c", "ident_file=" + spec.layout.ident_file()};
  c.args.insert(c.args.end(), spec.extra_args.begin(), spec.extra_args.end());
  return c;
}

/// The log collector outlives the postmaster by a moment, and only then the reason of its end is in the file. Does not
/// wait for a postmaster that came first: that one stays, and the pid file names it. (A collector that was just forked
/// still has its parent's title, so titles don't tell the two apart.)
void await_log(const StartSpec& spec) {
  auto patience = Clock::now() + std::chrono::seconds(5);
  for (;;) {
    auto file = read_pid_file(spec.layout.data);
    if (file && is_server_process(file->pid, spec.layout.data, spec.owner)) return;
    if (server_processes(spec.layout.data, spec.owner).empty() || Clock::now() >= patience) return;
    std::this_thread::sleep_for(kPoll);
  }
}

/// Waits for `ready`, or for the end of the child that we spawned (null when the server was found running).
tl::expected<Observed, StartError> await_ready(const StartSpec& spec, const os::Child* child, const LogMark& mark,
                                               Clock::time_point deadline) {
  for (;;) {
    auto file = read_pid_file(spec.layout.data);
    bool ready = file && (file->status == "ready" || file->status == "standby");
    if (ready || child == nullptr) {
      Observed seen = observe(spec.layout, spec.owner);
      if (seen.state == ServerState::kReady) return seen;
      if (child == nullptr && !seen.running()) {
        return start_failed(StartFailure::kOther,
                            "the server ended while it started: " + last_error(mark.since(spec.layout)), true);
      }
    }
    if (child != nullptr && os::wait_exit(child->pidfd, milliseconds(0))) {
      os::reap(child->pidfd);
      await_log(spec);
      std::string log = mark.since(spec.layout);
      StartFailure kind = classify_start_log(log);
      return start_failed(kind, last_error(log),
                          kind == StartFailure::kAlreadyRunning || kind == StartFailure::kDiskFull);
    }
    if (Clock::now() >= deadline) {
      return start_failed(StartFailure::kTimeout,
                          fmt::format("not ready after {} ms, still starting", spec.timeout.count()), true);
    }
    if (spec.go_on && !spec.go_on()) {
      return start_failed(StartFailure::kTimeout, "not waited for any longer, still starting", true);
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace

std::string_view name_of(ServerState state) {
  constexpr std::string_view kNames[] = {"absent", "starting", "ready", "stopping", "orphans", "foreign"};
  return kNames[static_cast<size_t>(state)];
}

std::string_view name_of(StartFailure failure) {
  constexpr std::string_view kNames[] = {"parameters", "port-in-use", "data-directory", "already-running",
                                         "disk-full",  "timeout",     "other"};
  return kNames[static_cast<size_t>(failure)];
}

StartFailure classify_start_log(std::string_view log) {
  struct Mark {
    std::string_view text;
    StartFailure kind;
  };
  static constexpr Mark kMarks[] = {
      // the first that occurs decides
      {"lock file \"postmaster.pid\" already exists", StartFailure::kAlreadyRunning},
      {"is still in use", StartFailure::kAlreadyRunning},
      {"No space left on device", StartFailure::kDiskFull},
      {"Disk quota exceeded", StartFailure::kDiskFull},
      {"could not map anonymous shared memory", StartFailure::kParameters},
      {"could not resize shared memory segment", StartFailure::kParameters},
      {"Address already in use", StartFailure::kPortInUse},
      {"could not create any TCP/IP sockets", StartFailure::kPortInUse},
      {"data directory", StartFailure::kDataDirectory},
      {"database files are incompatible", StartFailure::kDataDirectory},
      {"unrecognized configuration parameter", StartFailure::kParameters},
      {"invalid value for parameter", StartFailure::kParameters},
      {"requires a numeric value", StartFailure::kParameters},
      {"requires a Boolean value", StartFailure::kParameters},
      {"outside the valid range", StartFailure::kParameters},
      {"contains errors", StartFailure::kParameters},
      {"syntax error in file", StartFailure::kParameters},
      {"could not access file", StartFailure::kParameters},
      {"could not load library", StartFailure::kParameters},
      {"must be less than \"max_connections\"", StartFailure::kParameters},
      {"must be less than max_connections", StartFailure::kParameters},
      {"must be at least twice", StartFailure::kParameters},
      {"cannot be enabled when", StartFailure::kParameters},
      {"max_wal_senders", StartFailure::kParameters},
      {"requires wal_level", StartFailure::kParameters},
      // What was made under other parameters is still there.
      {"exists, but wal_level <", StartFailure::kParameters},
      {"exists, but \"wal_level\" <", StartFailure::kParameters},
      {"too many replication slots active", StartFailure::kParameters},
      {"could not find free replication state", StartFailure::kParameters},
      {"maximum number of prepared transactions reached", StartFailure::kParameters},
      {"insufficient parameter settings", StartFailure::kParameters},
      {"could not create semaphores", StartFailure::kParameters},
      {"out of memory", StartFailure::kParameters},
      {"Cannot allocate memory", StartFailure::kParameters},
  };
  for (const Mark& mark : kMarks) {
    if (log.find(mark.text) != log.npos) return mark.kind;
  }
  return StartFailure::kOther;
}

Observed observe(const Layout& layout, os::Owner owner) {
  Observed out;
  auto file = read_pid_file(layout.data);
  if (file && file->pid > 0) {
    if (adopt(*file, layout, owner, out)) return out;
    if (is_alive(file->pid) && !is_server_process(file->pid, layout.data, owner)) {
      // Between fork and exec it may be our own child on its way: it is not a postmaster yet, but it has no pid file.
      out.state = ServerState::kForeign;
      out.pid = file->pid;
      return out;
    }
    waitpid(file->pid, nullptr, WNOHANG);  // an ended child of ours; for any other process an error without effect
  }
  for (pid_t pid : server_processes(layout.data, owner)) {
    // One that has not written its pid file yet: another daemon started it and died.
    if (adopt({.pid = pid, .status = "starting"}, layout, owner, out)) return out;
    out.state = ServerState::kOrphans;
  }
  return out;
}

tl::expected<Observed, StartError> start_server(const StartSpec& spec) {
  auto deadline = Clock::now() + spec.timeout;
  auto lock = os::LockFile::acquire(spec.layout.start_lock(), "the start of " + spec.layout.root, spec.timeout);
  if (!lock) return start_failed(StartFailure::kTimeout, lock.error().message, true);
  LogMark mark(spec.layout);
  Observed seen = observe(spec.layout, spec.owner);
  while (seen.state == ServerState::kStarting) {
    auto found = await_ready(spec, nullptr, mark, deadline);
    if (found || found.error().kind != StartFailure::kOther || Clock::now() >= deadline) return found;
    seen = observe(spec.layout, spec.owner);  // what another daemon began has ended: this start is ours
  }
  if (seen.state == ServerState::kReady) return seen;
  if (seen.state == ServerState::kStopping && !os::wait_exit(seen.pidfd, left(deadline))) {
    return start_failed(StartFailure::kTimeout, "the previous server is still stopping", true);
  }
  if (seen.state == ServerState::kStopping) os::reap(seen.pidfd);
  if (auto repaired = repair_data(spec.layout, spec.owner); !repaired) {
    return start_failed(StartFailure::kDataDirectory, repaired.error().message);
  }
  if (seen.state == ServerState::kForeign) {
    log::warn("postmaster.pid names a process of somebody else", {{"path", spec.layout.data}, {"pid", seen.pid}});
    if (!neutralise_pid_file(spec.layout.data, spec.owner)) {
      return start_failed(StartFailure::kDataDirectory, "cannot rewrite " + spec.layout.data + "/postmaster.pid");
    }
  }
  // Absent: nobody of the previous server is left, and nobody can come while we hold the lock.
  if (seen.state != ServerState::kAbsent && !end_orphans(spec.layout, spec.owner, deadline)) {
    return start_failed(StartFailure::kTimeout, "backends of the previous server do not end", true);
  }
  if (!forget_zombie(spec.layout.data, spec.layout.run, spec.owner)) {
    return start_failed(StartFailure::kDataDirectory, "cannot rewrite " + spec.layout.data + "/postmaster.pid");
  }
  // The child holds the lock too until it is visibly a postmaster (program and directory): if we die now, the next
  // start or stop does not look at it half-way.
  os::Command command = command_of(spec);
  command.directory = spec.layout.data;
  command.keep_fd = lock->fd().get();
  command.keep_until_exec = true;
  auto child = os::spawn(command, spec.layout.server_log());
  if (!child) return start_failed(StartFailure::kOther, child.error().message, child.error().retry);
  fault::point("pg.start:spawned");
  auto ready = await_ready(spec, &*child, mark, deadline);
  if (ready || ready.error().kind != StartFailure::kAlreadyRunning) return ready;
  // A postmaster that a dead daemon had just started was not to be seen yet, and came first.
  if (!observe(spec.layout, spec.owner).running()) return ready;
  return await_ready(spec, nullptr, mark, deadline);
}

Result<bool> stop_server(const Layout& layout, os::Owner owner, StopMode mode, std::chrono::milliseconds timeout) {
  auto deadline = Clock::now() + timeout;
  // Waits for a child of a dead daemon between fork and exec, not for a start that goes on for long.
  auto bridge = os::LockFile::acquire(layout.start_lock(), "the start of " + layout.root, milliseconds(200));
  Observed seen = observe(layout, owner);
  if (seen.running()) {
    int signal = mode == StopMode::kSmart ? SIGTERM : mode == StopMode::kFast ? SIGINT : SIGQUIT;
    if (auto sent = os::send_signal(seen.pidfd, signal); !sent) return tl::unexpected(sent.error());
    if (!os::wait_exit(seen.pidfd, left(deadline))) return false;
    os::reap(seen.pidfd);
  }
  if (!end_orphans(layout, owner, deadline)) return false;
  if (bridge) remove_shared_memory(layout.data, owner);  // else somebody starts it, and PostgreSQL does the same
  return true;
}

Result<void> reload_server(const Layout& layout, os::Owner owner) {
  Observed seen = observe(layout, owner);
  if (!seen.running()) return fail_for_now("no server runs in " + layout.data);
  auto sent = os::send_signal(seen.pidfd, SIGHUP);
  if (!sent) return tl::unexpected(sent.error());
  if (!*sent) return fail_for_now("the server in " + layout.data + " has just ended");
  return {};
}

}  // namespace howdah::pg
