#include "backup/private_server.h"

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>

#include <fmt/format.h>

#include "os/background.h"
#include "os/pidfd.h"
#include "pg/postmaster.h"
#include "pg/server.h"
#include "util/fault_point.h"

namespace howdah::backup {
namespace {

/// Asked before each segment of 16 MB. It always says "no such file in the archive" (128 and above would be fatal):
/// what there is lies in pg_wal. But not before it is the server's turn (Turns), and the segment has come (WalFeed).
/// Relative to the data directory: when that is removed under an orphan, there is nothing to wait for any more.
std::string restore_command(bool in_turns, bool fed) {
  std::string begin, wait, waiting, over;
  if (fed) wait = "echo %f > ../recovery/feed/asked; test -e ../recovery/feed/%f";
  if (in_turns) {
    begin = "s=0.02; ";
    wait += std::string(fed ? " || " : "") + "test -e ../hold";
    waiting = ": > ../run/held; sleep $s; s=0.2";
    over = "rm -f ../run/held; ";
  } else {
    begin = "s=0.01; n=0; ";
    waiting = "sleep $s; n=$((n+1)); test $n -lt 100 || s=0.5";  // nobody feeds: maybe for long
  }
  return wait.empty() ? "false" : fmt::format("{}while {}; do {}; done; {}false", begin, wait, waiting, over);
}

/// Lets a recovery that replays segment by segment rest between two of them, at this thread's pace. Nothing
/// without a pace. Killed in between, the server waits for whoever comes back to it, and goes with its directory.
class Turns {
 public:
  explicit Turns(const pg::Layout& layout) : hold_(layout.root + "/hold"), held_(layout.root + "/run/held") {
    if (os::pace() != nullptr) hold();
  }
  ~Turns() { (void)unlink(hold_.c_str()); }
  Turns(const Turns&) = delete;

  /// Called every few milliseconds.
  void look() {
    os::Pace* const pace = os::pace();
    if (pace == nullptr) return;
    const auto now = os::Pace::Steady::now();
    const bool held = os::exists(held_);
    if (let_go_) {
      if (!held) hold();  // it works again; held before the next segment
    } else if (held && !rest_ends_) {
      pace->did(kSegmentSize);
      rest_ends_ = pace->due(now) ? pace->begin_rest(now) : now;
      resting_ = *rest_ends_ > now;
    }
    if (!rest_ends_ || now < *rest_ends_) return;
    if (resting_) {
      fault::point("os.pace:rested");
      pace->end_rest(os::Pace::Steady::now());
    }
    rest_ends_.reset();
    let_go_ = true;
    (void)unlink(hold_.c_str());
  }

 private:
  void hold() {
    let_go_ = false;
    (void)os::write_file_atomic(hold_, "", 0644, {}, os::Durable::later);
  }

  std::string hold_, held_;
  bool let_go_ = false, resting_ = false;
  std::optional<os::Pace::Steady::time_point> rest_ends_;
};

}  // namespace

Result<PrivateServer> private_server(const pg::Layout& layout, os::Owner owner, const pg::Engine& engine,
                                     const Control& source, Position target, AtTarget action,
                                     const std::string& socket_directory, os::Durable durable) {
  PrivateServer out{layout, {}};
  out.layout.conf = layout.root + "/recovery";
  if (auto made = os::ensure_dir(out.layout.conf, 0750, os::Owner{geteuid(), owner.gid}); !made) {
    return tl::unexpected(made.error());
  }
  for (const auto& path : {out.layout.config_file(), out.layout.ident_file(), out.layout.hba_file()}) {
    const std::string text = "# Of a private server during recovery: see its command line.\n" +
                             std::string(path.ends_with("hba.conf") ? "local all all reject\n" : "");
    if (auto done = pg::write_conf(path, text, owner); !done) return tl::unexpected(done.error());
  }
  auto set = [&](const std::string& name, const std::string& value) {
    out.args.emplace_back("-c");
    out.args.push_back(name + "=" + value);
  };
  set("listen_addresses", "");
  set("unix_socket_directories", socket_directory);
  set("unix_socket_permissions", "0700");
  set("logging_collector", "off");
  set("log_destination", "stderr");
  set("ssl", "off");
  set("fsync", durable == os::Durable::now ? "on" : "off");
  set("full_page_writes", "on");
  set("autovacuum", "off");
  set("hot_standby", "off");
  set("archive_mode", "off");
  set("wal_level", "replica");
  set("track_commit_timestamp", "on");  // off would remove those that the source has kept, when recovery ends
  for (const char* none :
       {"shared_preload_libraries", "session_preload_libraries", "local_preload_libraries", "primary_conninfo",
        "primary_slot_name", "recovery_end_command", "archive_cleanup_command", "recovery_target",
        "recovery_target_name", "recovery_target_time", "recovery_target_xid", "synchronous_standby_names"}) {
    set(none, "");
  }
  set("max_connections", std::to_string(std::max(source.max_connections, 20)));
  set("max_locks_per_transaction", std::to_string(std::max(source.max_locks_per_transaction, 64)));
  // The source may have raised it behind the base: prepared transactions would find no place then.
  set("max_prepared_transactions", std::to_string(std::max(source.max_prepared_transactions, 256)));
  set("max_worker_processes", "0");
  set("max_wal_senders", "0");
  // More would not be faster: what it evicts goes to the page cache, and fresh memory costs more than that.
  set("shared_buffers", "256MB");
  set("huge_pages", "off");
  // One checkpoint, at the end. What replay has changed goes to the disk meanwhile, so that there is little left for
  // it.
  set("checkpoint_timeout", "1h");
  set("max_wal_size", "64GB");
  set("bgwriter_delay", "10ms");
  set("bgwriter_lru_maxpages", "1000");
  set("bgwriter_lru_multiplier", "10");
  set("backend_flush_after", "2MB");
  // The segments may share blocks with the vault's (place_wal): remove them, never write to them again.
  set("wal_recycle", "off");
  // The first record of a page has the whole page, since nobody can turn full_page_writes off. The prefetcher does not
  // remember that it has seen it: for the next record it would read the old page from the disk, for nothing.
  if (engine.major >= 15) set("recovery_prefetch", "off");
  if (engine.major >= 14) set("recovery_init_sync_method", "syncfs");
  set("restore_command", restore_command(os::pace() != nullptr, os::exists(layout.root + "/recovery/feed")));
  set("recovery_target_lsn", lsn_text(target.lsn));
  set("recovery_target_inclusive", "off");
  set("recovery_target_timeline", std::to_string(target.timeline));
  set("recovery_target_action", action == AtTarget::kPromote ? "promote" : "shutdown");
  return out;
}

namespace {

constexpr std::chrono::seconds kStopPatience(30);

/// The lines that tell why a server ended, from what it logged since `mark`.
std::string reason_in(const std::string& log, off_t mark) {
  const std::string text = os::read_tail(log, mark, 1 << 16);
  std::string out;
  for (size_t from = 0; from < text.size();) {
    const size_t end = std::min(text.find('\n', from), text.size());
    const std::string_view line(text.data() + from, end - from);
    for (const char* sign :
         {"FATAL:", "PANIC:", "recovery stopping", "invalid record", "shutdown at recovery target"}) {
      if (line.find(sign) == line.npos) continue;
      out = (out.empty() ? "" : out + "; ") + std::string(line);
      break;
    }
    from = end + 1;
  }
  return out.size() > 1000 ? out.substr(out.size() - 1000) : out;
}

}  // namespace

Result<RecoveryOutcome> run_recovery(const PrivateServer& server, os::Owner owner, const pg::Engine& engine,
                                     std::chrono::milliseconds timeout,
                                     const std::function<std::optional<std::string>()>& watch) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  struct stat st {};
  const off_t mark = stat(server.layout.server_log().c_str(), &st) == 0 ? st.st_size : 0;
  std::optional<std::string> unwanted;
  const auto end = [&]() -> Result<RecoveryOutcome> {
    auto stopped = pg::stop_server(server.layout, owner, pg::StopMode::kImmediate, kStopPatience);
    if (!stopped) return tl::unexpected(stopped.error());
    return *stopped ? RecoveryOutcome{RecoveryEnd::kEnded, *unwanted} : RecoveryOutcome{};
  };
  // A start, too, waits for as long as it takes somebody to bring the WAL.
  const auto go_on = [&] {
    unwanted = watch ? watch() : std::nullopt;
    return !unwanted;
  };
  auto started = pg::start_server({engine, server.layout, owner, timeout, server.args, go_on});
  if (!started && unwanted) return end();
  if (!started && started.error().kind == pg::StartFailure::kTimeout) return RecoveryOutcome{};
  if (!started && started.error().kind != pg::StartFailure::kOther) return tl::unexpected(Error(started.error()));
  if (!started) return RecoveryOutcome{RecoveryEnd::kEnded, started.error().message};
  Turns turns(server.layout);
  for (;;) {
    turns.look();
    if (os::wait_exit(started->pidfd, std::chrono::milliseconds(5))) {
      os::reap(started->pidfd);
      return RecoveryOutcome{RecoveryEnd::kEnded, reason_in(server.layout.server_log(), mark)};
    }
    auto file = pg::read_pid_file(server.layout.data);
    if (file && file->status == "ready") return RecoveryOutcome{RecoveryEnd::kPromoted, ""};
    if (!go_on()) return end();
    if (std::chrono::steady_clock::now() >= deadline) return RecoveryOutcome{};
  }
}

}  // namespace howdah::backup
