#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "backup/keeper_journal.h"
#include "backup/keeper_signals.h"
#include "backup/keeper_slot.h"
#include "backup/keeper_spec.h"
#include "backup/keeper_stream.h"
#include "backup/keeper_tail.h"
#include "backup/keeper_way.h"
#include "os/files.h"
#include "os/lock.h"
#include "util/log.h"

namespace howdah::backup {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr auto kPace = 50ms;   ///< between two copies while the server writes; a write after silence is copied at once
constexpr auto kHurry = 15ms;  ///< without that pause, for somebody who waits: also for what was on its way
constexpr auto kPoll = 1000ms;
constexpr auto kLate = 60s;
constexpr auto kGone = 3000ms;  ///< pg_wal without a name for so long, and nothing new in it: deleted

Time now() { return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now()); }

class Keeper {
 public:
  explicit Keeper(const KeeperSpec& spec)
      : root_(Vault(spec.state, spec.resource_id).root()),
        tail_(root_, spec.layout.data, spec.owner),
        slot_(spec.layout, spec.port),
        journal_(root_) {
    tail_.on_durable([this](Position end) { (void)journal_.publish_step(end); });  // publish() says what fails
  }

  /// Until a signal or the end of pg_wal.
  int run() {
    for (;;) {
      pass();
      if (!os::exists(lock_path(root_))) return 0;  // the vault itself was removed
      if (gone()) {
        log::info("pg_wal is gone; all that it held is in the vault", {{"end", lsn_text(tail_.end().lsn)}});
        return 0;
      }
      const int signal = wait();
      if (signal == SIGINT) return 0;
      if (signal == KeeperSignals::kHurry) hurry_until_ = Steady::now() + kHurry;
      if (signal == SIGTERM) {
        tail_.new_names();
        pass();
        return failing_.empty() ? 0 : 1;
      }
    }
  }

 private:
  void pass() {
    const Time before = now();  // sampled first: whatever was acknowledged by now is found below
    const auto due = Steady::now();
    if (due - looked_ >= kPoll) {
      looked_ = due;
      if (tail_.look_around()) slot_.check(tail_.end().lsn);
    }
    watch();
    passed_ = Steady::now();
    auto moved = tail_.copy();
    Result<void> result;
    while (moved && tail_.more() && result) {  // the clock stands still until all has been seen
      result = journal_.publish_step(tail_.end());
      slot_.advance(tail_.end().lsn);
      moved = tail_.copy();
    }
    if (moved && result) {
      result = publish(before);
    } else if (!moved) {
      result = tl::unexpected(moved.error());
    }
    if (result) {
      if (!failing_.empty()) log::info("copying goes on");
      failing_.clear();
    } else if (result.error().message != failing_) {
      failing_ = result.error().message;
      log::warn("WAL cannot be copied; trying again", {{"why", failing_}});
    }
    watch();
  }

  Result<void> publish(Time before) {
    const Position end = tail_.end();
    if (auto told = journal_.publish(end, before, now()); !told) return told;
    if (segment_begin(end.lsn) != advanced_) {
      advanced_ = segment_begin(end.lsn);
      slot_.advance(end.lsn);
    }
    return {};
  }

  /// Watches the directory that the tail reads; both may be replaced.
  void watch() {
    if (tail_.directory() < 0 || tail_.directory() == watched_) return;
    watched_ = tail_.directory();
    inotify_ = os::Fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    const std::string path = fmt::format("/proc/self/fd/{}", watched_);
    constexpr uint32_t kEvents =
        IN_MODIFY | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    if (inotify_add_watch(inotify_.get(), path.c_str(), kEvents) < 0) {
      log::warn("pg_wal cannot be watched, it is looked at once a second", {{"why", std::string(strerror(errno))}});
    }
    tail_.new_names();
  }

  /// Until there is something to copy, a second has passed, or the signal that is returned has come.
  int wait() {
    const auto rest = Steady::now() < hurry_until_ ? 0ns : kPace - (Steady::now() - passed_);
    pollfd both[2] = {{signals_.descriptor(), POLLIN, 0}, {inotify_.get(), POLLIN, 0}};
    const int pause = static_cast<int>(std::chrono::ceil<Millis>(rest).count());
    if (pause > 0 && poll(both, 1, pause) > 0) return signals_.take();
    poll(both, inotify_ ? 2 : 1, static_cast<int>((kPoll - kPace).count()));
    if ((both[0].revents & POLLIN) != 0) return signals_.take();
    if ((both[1].revents & POLLIN) != 0) drain_events();
    return 0;
  }

  void drain_events() {
    alignas(inotify_event) char events[16384];
    for (ssize_t n; (n = read(inotify_.get(), events, sizeof events)) > 0;) {
      for (ssize_t at = 0; at < n;) {
        const auto* event = reinterpret_cast<const inotify_event*>(events + at);
        if ((event->mask & (IN_CREATE | IN_MOVED_TO | IN_Q_OVERFLOW)) != 0) tail_.new_names();
        if ((event->mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) looked_ = {};
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
  }

  bool gone() {
    const auto at = Steady::now();
    if (!tail_.missing() || tail_.end() != last_end_) missing_since_ = at;
    last_end_ = tail_.end();
    // A data directory that was never there may only be late.
    return tail_.missing() && at - missing_since_ >= (tail_.begun() && failing_.empty() ? kGone : kLate);
  }

  std::string root_;
  Tail tail_;
  Slot slot_;
  Journal journal_;
  KeeperSignals signals_;
  os::Fd inotify_;
  int watched_ = -1;
  Steady::time_point looked_{}, passed_{}, hurry_until_{}, missing_since_ = Steady::now();
  Position last_end_;
  Lsn advanced_ = ~0ULL;
  std::string failing_;
};

}  // namespace

int run_keeper(const KeeperSpec& spec) {
  const sigset_t signals = KeeperSignals::all();  // before any thread begins: all leave them to the descriptor
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const std::string root = Vault(spec.state, spec.resource_id).root();
  auto lock = os::LockFile::acquire(lock_path(root), "the vault " + root, 5s);
  if (!lock) {
    log::error(lock.error().message);
    return 1;
  }
  const KeeperInfo info{getpid(), start_of(getpid()), version_of(spec.program), spec_text(spec)};
  if (auto written = write_info(root, info); !written) {
    log::error(written.error().message);
    return 1;
  }
  return way_of(spec.state, spec.resource_id) == Way::tail ? Keeper(spec).run() : run_stream_keeper(spec);
}

}  // namespace howdah::backup
