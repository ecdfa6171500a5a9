#include "rds/backup_work.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "backup/base_check.h"
#include "backup/keeper_way.h"
#include "backup/sync_guard.h"
#include "domain/automated_backup.h"
#include "domain/condition.h"
#include "domain/config.h"
#include "domain/interim_base.h"
#include "os/files.h"
#include "pg/client.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "pg/server.h"
#include "rds/flows.h"
#include "rds/server_files.h"
#include "rds/snapshot_progress.h"
#include "rds/snapshots.h"
#include "rds/sync_watch.h"
#include "util/log.h"

namespace howdah::rds {
namespace {

constexpr std::chrono::hours kFullEvery{7 * 24};  // an error of replay must not be inherited for ever
constexpr Millis kDrainPatience{30'000}, kGuardPatience{5'000};

std::string own_program() {
  static const std::string path = std::filesystem::read_symlink("/proc/self/exe").string();
  return path;
}

/// Any full automated snapshot of the last week makes another one unnecessary.
bool full_is_due(const Rds& rds, const store::Tx& tx, const Instance& i) {
  const auto lost_until = Condition::of(tx, i.resource_id).lost_until;
  for (const auto& s : tx.all<Snapshot>(i.scope.prefix())) {
    if (s->automated && s->full && s->lsn >= lost_until && s->resource_id() == i.resource_id &&
        s->state == Snapshot::State::available && s->requested + kFullEvery > rds.clock.now() &&
        !set_back_since(s->requested, rds.clock.now())) {
      return false;
    }
  }
  return true;
}

}  // namespace

namespace {

void show_backup(const Rds& rds, store::Tx& tx, Instance& now, const Snapshot& s) {
  now.backing_up = s.id;
  append_event(rds, tx, now, 1);
}

}  // namespace

void begin_snapshot(Rds& rds, store::Tx& tx, const Snapshot& s, const Instance& i) {
  if (i.rest == Rest::available) {
    Instance now = i;
    show_backup(rds, tx, now, s);
    tx.put(std::move(now));
    rds.flows.start(tx, kCreateSnapshot, s.workflow());
  } else {
    rds.flows.start(tx, kSnapshotFiles, i.workflow(), {{"snapshot", s.id}});
  }
}

void begin_automated_snapshot(Rds& rds, store::Tx& tx, Instance& now, bool shown, const std::string& restored_from) {
  if (now.backup_retention == 0) return;
  std::string name = automated_snapshot_name(now.identifier, rds.clock.now());
  if (tx.get<Snapshot>(now.scope.key(name))) {
    // What a loss of WAL calls for does not wait for the next minute to have a name.
    if (Condition::of(tx, now.resource_id).lost_until == 0 || now.restorable_from != Time{}) return;
    name = automated_snapshot_name(now.identifier, rds.clock.now() + std::chrono::minutes(1));
    if (tx.get<Snapshot>(now.scope.key(name))) return;
  }
  for (const auto& s : tx.all<Snapshot>(now.scope.key("rds:"))) {
    if (s->state == Snapshot::State::creating && s->resource_id() == now.resource_id) return;
  }
  Snapshot s = new_snapshot(rds, now, name, true);
  s.full = full_is_due(rds, tx, now);
  now.last_backup = s.requested;
  append_event(rds, tx, s, 90);
  if (shown) show_backup(rds, tx, now, s);
  rds.flows.start(tx, kCreateSnapshot, s.workflow(), {{"restored-from", restored_from}});
  tx.put(std::move(s));
}

void tidy_backups(Rds& rds, store::Tx& tx) { rds.flows.replace(tx, kTidyBackups, kTidyResource); }

void erase_automated_snapshots(Rds& rds, store::Tx& tx, const std::string& resource_id) {
  bool any = false;
  for (const auto& s : tx.all<Snapshot>()) {
    if (!s->automated || s->resource_id() != resource_id) continue;
    tx.erase<Snapshot>(s->key());
    any = true;
  }
  if (any) tidy_backups(rds, tx);
}

void refresh_window(const store::Tx& tx, Instance& now) {
  now.restorable_from = {};
  if (now.backup_retention == 0) return;
  const auto lost_until = Condition::of(tx, now.resource_id).lost_until;
  for (const auto& s : tx.all<Snapshot>(now.scope.key("rds:"))) {
    if (s->resource_id() != now.resource_id || s->state != Snapshot::State::available) continue;
    if (s->lsn < lost_until) continue;
    if (now.restorable_from == Time{} || s->database_time < now.restorable_from) now.restorable_from = s->database_time;
  }
}

backup::Vault vault_of(const Rds& rds, const std::string& resource_id) { return {rds.config.state_dir, resource_id}; }

std::vector<backup::Base> bases_of(const Rds& rds, const std::string& resource_id) {
  std::set<std::string> named;
  bool needs_all = false;
  for (const auto& b : rds.store.all<InterimBase>()) named.insert(b->base_id);
  for (const auto& s : rds.store.all<Snapshot>()) {
    named.insert(s->base_id);
    needs_all |= s->resource_id() == resource_id && s->state == Snapshot::State::available && !s->materialised;
  }
  std::vector<backup::Base> out;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(rds.config.state_dir + "/bases", none)) {
    const std::string id = entry.path().filename().string();
    if (id.find('.') != id.npos || (!needs_all && !named.contains(id))) continue;
    auto base = backup::read_base(rds.config.state_dir, id);
    if (base && base->resource_id == resource_id) out.push_back(std::move(*base));
  }
  return out;
}

std::unique_lock<std::mutex> hold_removals() {
  static std::mutex removals;
  return std::unique_lock(removals);
}

bool vault_needed(const store::Store& store, const std::string& resource_id) {
  for (const auto& b : store.all<AutomatedBackup>()) {
    if (b->source.resource_id == resource_id) return true;
  }
  for (const auto& s : store.all<Snapshot>()) {
    if (s->resource_id() == resource_id && s->state == Snapshot::State::available && !s->materialised) return true;
  }
  for (const auto& w : store.all<flow::Workflow>()) {
    const bool restores = w->table == kRestoreInstance || w->table == kDrill;
    if (restores && w->arg("source") == resource_id) return true;
  }
  return false;
}

std::string lost_slot_sql(const pg::Client& client) {
  const char* lost = client.server_version() >= 130000 ? "coalesce(wal_status = 'lost', false)" : "false";
  return fmt::format("SELECT {} FROM pg_get_replication_slots() WHERE slot_name = {}", lost,
                     client.quote_literal(backup::kSlot));
}

namespace {

Result<void> ensure_slot(pg::Client& client) {
  const std::string slot = client.quote_literal(backup::kSlot);
  const auto seen = client.query(lost_slot_sql(client));
  if (!seen) return tl::unexpected(Error{seen.error().message, seen.error().retry});
  if (!seen->empty() && seen->get(0, 0) != "t") return {};
  if (!seen->empty()) {  // the server threw its WAL away: the vault has a gap, which no restore will cross
    const auto dropped = client.query(fmt::format("SELECT pg_drop_replication_slot({})", slot));
    if (!dropped) return tl::unexpected(Error{dropped.error().message, true});
  }
  const auto made = client.query(fmt::format("SELECT pg_create_physical_replication_slot({}, true)", slot));
  if (!made) return tl::unexpected(Error{made.error().message, made.error().retry});
  return {};
}

}  // namespace

namespace {

Result<void> choose_way(const Rds& rds, const Instance& i) {
  const bool tail = wal_mode_of(i) == WalMode::tail;
  return backup::set_way(rds.config.state_dir, i.resource_id, tail ? backup::Way::tail : backup::Way::stream);
}

backup::KeeperSpec keeper_of(const Rds& rds, const Instance& i) {
  return {own_program(), rds.config.state_dir, i.resource_id, layout_of(rds, i), owner_of(rds, i), i.port};
}

}  // namespace

Result<void> protect(Rds& rds, const Instance& i, pg::Client& client) {
  if (auto r = ensure_slot(client); !r) return r;
  if (auto r = choose_way(rds, i); !r) return r;
  return backup::ensure_keeper(keeper_of(rds, i));
}

bool has_keeper(const Rds& rds, const Instance& i) {
  return choose_way(rds, i) && backup::keeper_fits(keeper_of(rds, i));
}

Result<void> protect(Rds& rds, const Instance& i) {
  auto client = pg::Client::connect(layout_of(rds, i), i.port);
  return client ? protect(rds, i, *client) : tl::unexpected(client.error());
}

Result<void> guard_commits(const Rds& rds, const Instance& i) {
  return backup::ensure_guard(keeper_of(rds, i), sync_timeout_of(i));
}

void hurry_protection(const Rds& rds, const Instance& i) { backup::hurry_keeper(keeper_of(rds, i)); }

Result<void> begin_protection(Rds& rds, const Instance& i, pg::Client& client) {
  if (auto r = ensure_slot(client); !r) return r;
  if (auto r = choose_way(rds, i); !r) return r;
  return backup::begin_keeper(keeper_of(rds, i));
}

Outcome stop_protection(Rds& rds, const Instance& i) {
  // First: it would begin the keeper again.
  const auto unguarded = backup::stop_guard(rds.config.state_dir, i.resource_id, kGuardPatience);
  if (!unguarded) return answer(unguarded.error());
  if (!*unguarded) return flow::again(Millis(500), "the guard of synchronous commits has not ended yet");
  const auto ended = backup::stop_keeper(rds.config.state_dir, i.resource_id, true, kDrainPatience);
  if (!ended) return answer(ended.error());
  if (!*ended) return flow::again(Millis(500), "the keeper is still copying WAL");
  return flow::next();
}

backup::BaseSpec base_spec(const Rds& rds, const std::string& base_id, const Instance& source,
                           const pg::Engine& engine) {
  backup::BaseSpec spec{.state = rds.config.state_dir,
                        .id = base_id,
                        .resource_id = source.resource_id,
                        .engine = engine,
                        .layout = layout_of(rds, source),
                        .owner = owner_of(rds, source),
                        .port = source.port};
  spec.now = [&clock = rds.clock] { return clock.now(); };
  return spec;
}

backup::BaseSpec base_spec(const Rds& rds, const Snapshot& s, const pg::Engine& engine) {
  auto spec = base_spec(rds, s.base_id, s.source, engine);
  spec.progress = [&progress = rds.progress, id = s.id](int percent) { progress.set(id, percent); };
  return spec;
}

Outcome copy_stopped_files(Rds& rds, const Instance& i, const std::string& id) {
  const auto s = rds.store.find<Snapshot>(Snapshot::by_id(id));
  if (!s || s->state != Snapshot::State::creating) return flow::next();
  if (const auto made = backup::made_base(rds.config.state_dir, s->base_id)) {
    return flow::next(snapshot_taken(rds, id, *made, true));
  }
  if (pg::observe(layout_of(rds, i), owner_of(rds, i)).running()) {
    return flow::again(Millis(500), "the server still runs");
  }
  const auto engine = prepared_engine(rds, i);
  if (!engine) return answer(engine.error());
  const auto spec = base_spec(rds, *s, *engine);
  auto base = backup::copy_stopped(spec, false);
  if (!base) {
    log::warn("not a clean copy of a stopped server; copying it as it crashed",
              {{"instance", i.resource_id}, {"reason", base.error().message}});
    base = backup::copy_stopped(spec, true);
  }
  if (!base) return answer(base.error());
  return flow::next(snapshot_taken(rds, id, *base, true));
}

void announce_snapshot(Rds& rds, store::Tx& tx, Snapshot s) {
  s.state = Snapshot::State::available;
  s.created = s.original_created = rds.clock.now();
  tx.put(s);
  rds.progress.forget(s.id);
  const auto i = tx.find<Instance>(Instance::by_id(s.resource_id()));
  if (i && i->backing_up == s.id) append_event(rds, tx, *i, 2);
  append_event(rds, tx, s, s.automated ? 91 : 42);
  if (!i || !s.automated) return;
  Instance now = *i;
  refresh_window(tx, now);
  tx.put(std::move(now));
}

flow::Recorder snapshot_taken(Rds& rds, const std::string& id, const backup::Base& base, bool full) {
  return [&rds, id, base, full](store::Tx& tx) {
    const auto found = tx.find<Snapshot>(Snapshot::by_id(id));
    tidy_backups(rds, tx);  // of what was kept while it was being made, or of itself when it was deleted meanwhile
    if (!found) return;
    if (found->state != Snapshot::State::creating) return;
    Snapshot s = *found;
    s.materialised = true;
    s.full = full;
    s.crash_consistent = base.crash_consistent;
    s.timeline = base.end.timeline;
    s.lsn = base.end.lsn;
    s.database_time = base.ended;
    announce_snapshot(rds, tx, s);
    if (s.crash_consistent) {
      append_event(rds, tx, s, 101,
                   "The snapshot is crash-consistent: the server had not been shut down. A restore begins with crash "
                   "recovery.");
    }
  };
}

void record_snapshot_failure(Rds& rds, store::Tx& tx, const std::string& id, const std::string& reason) {
  const auto found = tx.find<Snapshot>(Snapshot::by_id(id));
  tidy_backups(rds, tx);
  rds.progress.forget(id);
  if (!found || found->state != Snapshot::State::creating) return;
  append_event(rds, tx, *found, 101, "The snapshot could not be made: " + reason);
  if (found->automated) {  // the schedule makes another one
    tx.erase<Snapshot>(found->key());
    return;
  }
  Snapshot s = *found;
  s.state = Snapshot::State::failed;
  s.reason = reason;
  tx.put(std::move(s));
}

std::optional<std::string> note_damage(Rds& rds, const std::string& base_id) {
  const std::string& state = rds.config.state_dir;
  const bool gone = !os::exists(backup::base_dir(state, base_id));  // somebody else has noticed it
  const auto damage = backup::damage_of(state, gone ? base_id + ".damaged" : base_id);
  if (!damage || !*damage) return {};
  if (gone) return *damage;
  log::error("a backup is damaged", {{"base", base_id}, {"damage", **damage}});
  if (const auto moved = backup::set_base_aside(state, base_id); !moved) {
    log::error("a damaged base could not be set aside", {{"base", base_id}, {"error", moved.error().message}});
    return {};
  }
  if (rds.store.get<InterimBase>(base_id)) {
    rds.store.write([&](store::Tx& tx) {
      tx.erase<InterimBase>(base_id);
      tidy_backups(rds, tx);
    });
  }
  for (const auto& found : rds.store.all<Snapshot>()) {
    if (found->base_id != base_id || found->state != Snapshot::State::available) continue;
    const std::string& source = found->resource_id();
    const auto other =
        backup::plan_to_position(vault_of(rds, source), bases_of(rds, source), {found->timeline, found->lsn});
    rds.store.write([&](store::Tx& tx) {
      const auto now = tx.find<Snapshot>(Snapshot::by_id(found->id));
      if (!now) return;
      Snapshot s = *now;
      s.full = false;  // the next automated snapshot copies all files again
      s.materialised = !other;
      append_event(rds, tx, s, 101,
                   "The files of this snapshot are not used any more: " + **damage +
                       (other ? ". It is made again from an older backup." : ". " + other.error().message));
      if (other && !flow::Runner::busy(tx, "base/" + base_id)) rds.flows.start(tx, kMaterialise, "base/" + base_id);
      tx.put(std::move(s));
    });
  }
  return *damage;
}

Outcome try_again_or_fail(const Workflow& w, const Error& error) {
  constexpr int kTries = 7;
  if (!error.retry || w.tries + 1 >= kTries) return flow::failed(error.message);
  return flow::again(std::min(Millis(10'000), Millis(500) * (1 << std::min(w.tries, 5))), error.message);
}

Result<backup::Plan> plan_of(const Rds& rds, const Snapshot& s) {
  if (s.materialised) {
    const auto base = backup::read_base(rds.config.state_dir, s.base_id);
    if (!base) return tl::unexpected(base.error());
    return backup::plan_of_base(rds.config.state_dir, *base);
  }
  return backup::plan_to_position(vault_of(rds, s.resource_id()), bases_of(rds, s.resource_id()), {s.timeline, s.lsn});
}

}  // namespace howdah::rds
