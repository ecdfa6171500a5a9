#include "backup/sync_guard.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "backup/keeper_spec.h"
#include "backup/vault_files.h"
#include "os/files.h"
#include "os/lock.h"
#include "os/spawn.h"
#include "pg/server.h"
#include "util/json.h"
#include "util/log.h"

namespace howdah::backup {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr auto kLook = 250ms;
constexpr auto kAlone = 2s;  ///< without a keeper, before another is begun: the daemon may be about to
constexpr char kWaits = '0', kLetGo = '1';

std::string root_of(const std::string& state, const std::string& resource_id) {
  return Vault(state, resource_id).root();
}
std::string task_path(const std::string& root) { return root + "/sync"; }
std::string guard_lock(const std::string& root) { return root + "/sync.lock"; }

/// What the guard is told, in the file `sync`: one character that it changes itself, then what the daemon wrote.
struct Task {
  char state = kWaits;
  std::string text;  ///< JSON
  KeeperSpec keeper;
  Millis patience{};
  std::string version;
};

std::string text_of(const KeeperSpec& keeper, Millis patience) {
  return json_text(nlohmann::json{{"keeper", spec_text(keeper)},
                                  {"program", keeper.program},
                                  {"patience_ms", patience.count()},
                                  {"version", version_of(keeper.program)}});
}

std::optional<Task> read_task(const std::string& root) {
  const auto content = os::exists(task_path(root)) ? os::read_file(task_path(root)) : fail("there is none");
  if (!content || content->empty()) return {};
  try {
    Task task{.state = content->front(), .text = content->substr(1), .keeper = {}, .patience = {}, .version = {}};
    const auto j = parse_json(task.text);
    auto keeper = parse_spec(j.at("keeper").get<std::string>());
    if (!keeper) return {};
    task.keeper = std::move(*keeper);
    task.keeper.program = j.at("program");
    task.patience = Millis(j.at("patience_ms").get<int64_t>());
    task.version = j.at("version");
    return task;
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

/// Also reaps a guard that was our child.
bool runs(const std::string& root) {
  const os::Fd fd(open(guard_lock(root).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return false;
  if (flock(fd.get(), LOCK_SH | LOCK_NB) != 0) return errno == EWOULDBLOCK;
  if (const auto pid = os::read_file(guard_lock(root), 64); pid && atoi(pid->c_str()) > 1) {
    waitpid(atoi(pid->c_str()), nullptr, WNOHANG);  // no effect on a process that is not our child
  }
  return false;
}

template <class Condition>
bool wait_until(Millis timeout, Condition condition) {
  const auto deadline = Steady::now() + timeout;
  while (!condition()) {
    if (Steady::now() >= deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

/// One byte of a file, in place. A file that takes its place between its opening and the change is not touched.
class ByteInPlace {
 public:
  explicit ByteInPlace(std::string path)
      : path_(std::move(path)), fd_(open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)) {}

  /// The first MiB.
  Result<std::string> read() const {
    std::string text(1 << 20, '\0');
    const ssize_t n = fd_ ? pread(fd_.get(), text.data(), text.size(), 0) : -1;
    if (n < 0) return fail(fmt::format("cannot read {}: {}", path_, strerror(errno)));
    text.resize(static_cast<size_t>(n));
    return text;
  }

  Result<void> put(uint64_t at, char byte) const {
    if (fd_ && pwrite(fd_.get(), &byte, 1, static_cast<off_t>(at)) == 1 && fdatasync(fd_.get()) == 0) return {};
    return fail(fmt::format("cannot change {}: {}", path_, strerror(errno)));
  }

 private:
  std::string path_;
  os::Fd fd_;
};

class Guard {
 public:
  explicit Guard(std::string root) : root_(std::move(root)) {}

  int run() {
    const std::string own = version_of(std::filesystem::read_symlink("/proc/self/exe").string());
    for (;;) {
      const auto task = read_task(root_);
      if (!task || task->version != own) return 0;
      look(*task);
      std::this_thread::sleep_for(kLook);
    }
  }

 private:
  void look(const Task& task) {
    const auto now = Steady::now();
    const auto clock = PositionFile(root_).read();
    const bool ready = pg::observe(task.keeper.layout, task.keeper.owner).state == pg::ServerState::kReady;
    if (!ready || (clock && clock->clock != clock_)) moved_ = now;  // where no server runs nobody waits
    if (clock) clock_ = clock->clock;
    if (task.state == kLetGo || now - moved_ >= task.patience) let_go(task);
    const bool kept = !ready || keeper_runs(task.keeper.state, task.keeper.resource_id);
    if (kept) alone_ = now;
    if (now - alone_ < kAlone) return;
    alone_ = now;
    log::warn("nobody fills the vault: a keeper is begun", {{"vault", root_}});
    say(begin_keeper(task.keeper));
  }

  /// First the note, so that the daemon finishes what may be interrupted here.
  void let_go(const Task& task) {
    const ByteInPlace conf(task.keeper.layout.config_file());
    const auto text = conf.read();
    if (!text) return say(tl::unexpected(text.error()));
    const auto at = text->find("\nsynchronous_standby_names");
    if (at == std::string::npos) return;  // nobody waits, or no longer
    Result<void> done;
    if (task.state != kLetGo) done = ByteInPlace(task_path(root_)).put(0, kLetGo);
    if (done) done = conf.put(at + 1, '#');
    if (done) done = pg::reload_server(task.keeper.layout, task.keeper.owner);
    if (done) log::warn("the vault does not answer: commits no longer wait for it", {{"vault", root_}});
    say(done);
  }

  /// What fails is said once, however often it is tried.
  void say(const Result<void>& result) {
    if (!result && result.error().message != said_) log::warn(result.error().message);
    said_ = result ? "" : result.error().message;
  }

  const std::string root_;
  Time clock_{};
  Steady::time_point moved_ = Steady::now(), alone_ = Steady::now();
  std::string said_;
};

}  // namespace

Result<void> ensure_guard(const KeeperSpec& keeper, Millis patience) {
  const std::string root = root_of(keeper.state, keeper.resource_id), text = text_of(keeper, patience);
  const auto task = read_task(root);
  if (task && task->state == kWaits && task->text == text && runs(root)) return {};
  if (!task || task->text != text || task->state != kWaits) {
    if (auto told = os::write_file_atomic(task_path(root), kWaits + text, 0600); !told) return told;
  }
  if (!task || task->version == version_of(keeper.program)) {
    if (runs(root)) return {};
  } else if (!wait_until(10s, [&] { return !runs(root); })) {
    return fail_for_now("an older guard in " + root + " does not end");
  }
  auto child = os::spawn({.program = keeper.program, .args = {"sync-guard", root}}, root + "/keeper.log");
  if (!child) return tl::unexpected(child.error());
  if (wait_until(10s, [&] { return runs(root); })) return {};
  return fail_for_now("the guard in " + root + " does not start");
}

bool guard_let_go(const std::string& state, const std::string& resource_id) {
  const auto task = read_task(root_of(state, resource_id));
  return task && task->state == kLetGo;
}

Result<bool> stop_guard(const std::string& state, const std::string& resource_id, Millis timeout) {
  const std::string root = root_of(state, resource_id);
  if (os::exists(task_path(root))) {
    if (auto gone = os::remove_tree(task_path(root)); !gone) return tl::unexpected(gone.error());
  }
  return wait_until(timeout, [&] { return !runs(root); });
}

bool commits_wait(const std::string& root) { return os::exists(task_path(root)); }

int run_guard(const std::string& root) {
  auto lock = os::LockFile::acquire(guard_lock(root), "the guard of " + root);
  if (!lock) return 0;  // one watches already
  return Guard(root).run();
}

}  // namespace howdah::backup
