// Tables of delete, reboot, start, stop, recovery and the changes that ModifyDBInstance makes to a server.
#include <fmt/format.h>

#include <algorithm>

#include "domain/automated_backup.h"
#include "domain/condition.h"
#include "domain/config.h"
#include "os/identity.h"
#include "pg/layout.h"
#include "pg/server.h"
#include "pg/volume.h"
#include "rds/addresses.h"
#include "rds/backup_work.h"
#include "rds/hosts.h"
#include "rds/server_files.h"
#include "rds/steps.h"

namespace howdah::rds {

Outcome shut_down(Rds& rds, const Workflow& w) {
  const Outcome stopped = stop_server(rds, w);
  if (stopped.verdict == Outcome::Verdict::next) {
    return flow::next(change(w, [&rds](Instance& now, store::Tx& tx) { append_event(rds, tx, now, 4); }));
  }
  return stopped;
}

Outcome finish_change(Rds& rds, const Workflow& w) {
  const Outcome seen = check_connection(rds, w);
  if (seen.verdict != Outcome::Verdict::next) return seen;
  return flow::done(change(w, [&rds, w](Instance& now, store::Tx& tx) {
    now.rest = Rest::available;
    now.rest_reason.clear();
    if (!w.arg("restart").empty()) {
      append_event(rds, tx, now, 6);
      now.crashes = 0;
    }
    if (!w.arg("class").empty()) append_event(rds, tx, now, 14);
    if (!w.arg("groups").empty()) append_event(rds, tx, now, 10);
  }));
}

namespace {

constexpr std::chrono::minutes kStaysUp{10};
constexpr Millis kAddressPoll{10};
constexpr std::chrono::hours kStoppedAtMost{7 * 24};  // AWS starts a stopped instance after seven days

/// As on AWS, retention does not count the time for which an instance is stopped; that has just ended.
void skip_stopped_time(const Rds& rds, store::Tx& tx, const Instance& i) {
  if (i.restart_at == Time{}) return;
  const Millis stopped = rds.clock.now() - (i.restart_at - kStoppedAtMost);
  for (const auto& s : tx.all<Snapshot>(i.scope.key("rds:"))) {
    if (s->resource_id() != i.resource_id || s->state != Snapshot::State::available) continue;
    Snapshot later = *s;
    later.paused += std::max(Millis(0), stopped).count();
    tx.put(std::move(later));
  }
}

flow::Recorder now_available(Rds& rds, const Workflow& w, std::vector<int> events) {
  return change(w, [&rds, w, events = std::move(events)](Instance& now, store::Tx& tx) {
    now.rest = Rest::available;
    now.rest_reason.clear();
    skip_stopped_time(rds, tx, now);
    now.restart_at = {};
    if (w.table != kRecoverInstance) now.crashes = 0;  // started on purpose: what was before does not count
    for (const int event : events) append_event(rds, tx, now, event);
  });
}

/// check_connection as the last step of a table, ending in `available`.
template <int... Events>
Outcome back_in_service(Rds& rds, const Workflow& w) {
  const Outcome seen = check_connection(rds, w);
  if (seen.verdict != Outcome::Verdict::next) return seen;
  return flow::done(now_available(rds, w, {Events...}));
}

/// Skipped unless a snapshot was asked for. The server has been stopped; its files are the snapshot.
Outcome take_asked_snapshot(Rds& rds, const Workflow& w) {
  if (w.arg("snapshot").empty()) return flow::next();
  return copy_stopped_files(rds, *instance_of(rds, w), w.arg("snapshot"));
}

Outcome at_rest_stopped(Rds& rds, const Workflow& w) {
  return flow::done(change(w, [&rds](Instance& now, store::Tx& tx) {
    now.rest = Rest::stopped;
    Condition condition = Condition::of(tx, now.resource_id);
    condition.wal_synchronous = false;  // until its keeper has caught up again
    tx.put(std::move(condition));
    now.restart_at = rds.clock.now() + kStoppedAtMost;
    append_event(rds, tx, now, 87);
  }));
}

Outcome stop_keeping(Rds& rds, const Workflow& w) { return stop_protection(rds, *instance_of(rds, w)); }

/// What becomes of the backups: kept for the retention period, or gone with the instance. Manual snapshots stay.
void leave_backups(Rds& rds, store::Tx& tx, const Instance& i, bool retain, std::optional<Time> latest) {
  if (retain && i.restorable_from != Time{} && latest) {
    skip_stopped_time(rds, tx, i);
    AutomatedBackup kept{i, rds.clock.now(), *latest};
    kept.source.pending.clear();
    kept.source.pending_verifier.clear();
    tx.put(std::move(kept));
  } else {
    erase_automated_snapshots(rds, tx, i.resource_id);
  }
}

Outcome remove_everything(Rds& rds, const Workflow& w) {
  // A snapshot that was being taken, or supervision, may have begun a keeper again while it was being stopped.
  if (Outcome stopped = stop_keeping(rds, w); stopped.verdict != Outcome::Verdict::next) return stopped;
  const auto i = instance_of(rds, w);
  const bool retain = !w.arg("retain").empty();
  const auto vault = vault_of(rds, i->resource_id);
  const auto latest = vault.latest_restorable();
  if (!retain && !vault_needed(rds.store, i->resource_id)) {
    if (auto r = vault.remove(); !r) return flow::again(Millis(1'000), r.error().message);
  }
  if (auto r = pg::remove_volume(layout_of(rds, *i)); !r) return flow::again(Millis(1'000), r.error().message);
  if (auto r = write_hosts(rds, i->resource_id); !r) return flow::again(Millis(1'000), r.error().message);
  return flow::done([&rds, key = i->key(), id = i->resource_id, retain, latest](store::Tx& tx) {
    const auto now = tx.find<Instance>(Instance::by_id(id));
    if (!now) return;
    append_event(rds, tx, *now, 3);
    leave_backups(rds, tx, *now, retain, latest);
    keep_address(rds, tx, *now);
    tx.erase<Instance>(now->key());
  });
}

/// A server that keeps crashing gets longer and longer pauses, at most five minutes. One that stayed up for a while
/// begins anew.
Outcome pause_before_recovery(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  const bool stayed_up = w.started - i->server_started > kStaysUp;
  const int crashes = stayed_up ? 0 : i->crashes;
  const auto pause = crashes < 2 ? Millis(0) : std::min(Millis(300'000), Millis(1'000) * (1 << std::min(crashes, 10)));
  if (w.tries == 0 && pause > Millis(0)) return flow::again(pause, "the server crashed repeatedly");
  return flow::next(change(w, [&rds, crashes](Instance& now, store::Tx& tx) {
    now.crashes = crashes + 1;
    append_event(rds, tx, now, 20);
  }));
}

/// An identifier brings its address with it, which its former instance lets go of when it restarts for its own rename.
Outcome await_address(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  if (pg::observe(layout_of(rds, *i), owner_of(rds, *i)).running() || can_listen(i->address, i->port)) {
    return flow::next();
  }
  return flow::again(kAddressPoll, fmt::format("somebody still listens at {} port {}", i->address, i->port));
}

/// Skipped unless the change needs the server to restart.
Outcome shut_down_if_needed(Rds& rds, const Workflow& w) {
  return w.arg("restart").empty() ? flow::next() : shut_down(rds, w);
}

using Step = flow::Step<Rds>;
using flow::Lane;

constexpr std::chrono::seconds kLong{4 * 3600};

constexpr Step kDelete[] = {{"stop-server", "deleting", stop_server},
                            {"final-snapshot", "deleting", take_asked_snapshot, kLong, Lane::bulk},
                            {"stop-keeper", "deleting", stop_keeping},
                            {"remove-everything", "deleting", remove_everything}};

constexpr Step kReboot[] = {{"shut-down", "rebooting", shut_down},
                            {"write-files", "rebooting", write_files},
                            {"start-server", "rebooting", start_server},
                            {"check", "rebooting", back_in_service<6>}};

constexpr Step kStart[] = {{"write-files", "starting", write_files},
                           {"start-server", "starting", start_server},
                           {"check", "starting", back_in_service<88>}};

constexpr Step kStop[] = {{"stop-server", "stopping", stop_server},
                          {"take-snapshot", "stopping", take_asked_snapshot, kLong, Lane::bulk},
                          {"rest", "stopping", at_rest_stopped}};

// The database stays "available" to callers while it comes back by itself, as on AWS; events tell.
constexpr Step kRecover[] = {{"pause", "available", pause_before_recovery, std::chrono::seconds(600)},
                             {"start-server", "available", start_server, std::chrono::seconds(3600)},
                             {"check", "available", back_in_service<21>}};

constexpr Step kModify[] = {{"write-files", "modifying", write_files},
                            {"set-password", "modifying", apply_password},
                            {"shut-down", "modifying", shut_down_if_needed},
                            {"start-server", "modifying", start_server},
                            {"check", "modifying", finish_change}};

constexpr Step kPort[] = {{"shut-down", "modifying", shut_down},
                          {"write-files", "rebooting", write_files},
                          {"start-server", "rebooting", start_server},
                          {"set-password", "rebooting", apply_password},
                          {"check", "rebooting", finish_change}};

constexpr Step kRename[] = {{"write-files", "renaming", write_files},      {"shut-down", "renaming", shut_down},
                            {"await-address", "rebooting", await_address}, {"start-server", "rebooting", start_server},
                            {"set-password", "rebooting", apply_password}, {"check", "rebooting", finish_change}};

constexpr Step kPassword[] = {{"set-password", "resetting-master-credentials", apply_password},
                              {"check", "resetting-master-credentials", finish_change}};

void delete_failed(Rds& rds, const Workflow& w, const std::string& reason, store::Tx& tx) {
  if (!w.arg("snapshot").empty()) record_snapshot_failure(rds, tx, w.arg("snapshot"), reason);
  record_failure(rds, w, "deletion did not finish: " + reason, tx);
}

void stop_failed(Rds& rds, const Workflow& w, const std::string& reason, store::Tx& tx) {
  if (!w.arg("snapshot").empty()) record_snapshot_failure(rds, tx, w.arg("snapshot"), reason);
  record_failure(rds, w, reason, tx);
}

}  // namespace

void register_lifecycle(flow::Runner& runner, Rds& rds) {
  runner.add(flow::Table<Rds>{kDeleteInstance, kDelete, delete_failed}, rds);
  runner.add(flow::Table<Rds>{kRebootInstance, kReboot, record_failure}, rds);
  runner.add(flow::Table<Rds>{kStartInstance, kStart, record_failure}, rds);
  runner.add(flow::Table<Rds>{kStopInstance, kStop, stop_failed}, rds);
  runner.add(flow::Table<Rds>{kRecoverInstance, kRecover, record_failure}, rds);
  runner.add(flow::Table<Rds>{kModifyInstance, kModify, record_failure}, rds);
  runner.add(flow::Table<Rds>{kChangePort, kPort, record_failure}, rds);
  runner.add(flow::Table<Rds>{kRenameInstance, kRename, record_failure}, rds);
  runner.add(flow::Table<Rds>{kResetPassword, kPassword, record_failure}, rds);
}

}  // namespace howdah::rds
