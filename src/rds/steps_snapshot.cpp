// Tables that make snapshots. A snapshot of a running server is a position in its WAL as soon as there is a base before
// that position and the vault holds everything in between; rolling a copy forward to it comes later and makes it
// independent. Where there is no base yet, or a fresh one is due, the server's files are copied instead.
#include <tuple>

#include <fmt/format.h>

#include "backup/promoted.h"
#include "domain/config.h"
#include "domain/interim_base.h"
#include "os/background.h"
#include "pg/client.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "pg/server.h"
#include "rds/backup_work.h"
#include "rds/flows.h"
#include "rds/server_files.h"
#include "rds/snapshots.h"
#include "util/log.h"

namespace howdah::rds {
namespace {

constexpr Millis kAwait{10'000};

}  // namespace

Result<Mark> set_mark(Rds& rds, const Instance& i, pg::Client& client, const std::string& name) {
  if (!has_keeper(rds, i)) {
    if (const auto kept = protect(rds, i, client); !kept) return tl::unexpected(kept.error());
  }
  Mark mark;
  mark.time = rds.clock.now();
  hurry_protection(rds, i);  // the vault's disk writes while the server's does
  // One transaction: its commit waits until the disk has what lies behind the restore point.
  const std::string sql = fmt::format(
      "SET synchronous_commit = on; SELECT point, pg_logical_emit_message(true, 'howdah', 'snapshot'), timeline_id, "
      "({}) FROM (SELECT pg_create_restore_point({}) AS point OFFSET 0) p, pg_control_checkpoint()",
      lost_slot_sql(client), client.quote_literal(name));
  auto rows = client.query(sql);
  if (rows && rows->get(0, 3) != "f") {  // no slot holds back what was just written
    if (const auto kept = protect(rds, i, client); !kept) return tl::unexpected(kept.error());
    rows = client.query(sql);
  }
  if (!rows) return tl::unexpected(Error{rows.error().message, true});
  const auto at = backup::parse_lsn(rows->get(0, 0)), behind = backup::parse_lsn(rows->get(0, 1));
  if (!at || !behind || *behind <= *at) return fail("the server answered a restore point with no position");
  mark.position = {static_cast<uint32_t>(std::stoul(std::string(rows->get(0, 2)))), *at};
  const auto vault = vault_of(rds, i.resource_id);
  const backup::Position kept{mark.position.timeline, *behind};
  if (vault.await(kept, Millis(0))) return mark;
  hurry_protection(rds, i);
  if (vault.await(kept, kAwait)) return mark;
  return fail_for_now(
      fmt::format("The copy of {}'s WAL is more than {} s behind its server.", i.identifier, kAwait.count() / 1000));
}

namespace {

/// The snapshot that the workflow "snap/<id>" makes, while there still is something to do.
std::shared_ptr<const Snapshot> snapshot_of(const Rds& rds, const Workflow& w) {
  auto s = rds.store.find<Snapshot>(Snapshot::by_id(w.resource.substr(5)));
  return s && s->state == Snapshot::State::creating ? s : nullptr;
}

flow::Recorder marked(Rds& rds, const std::string& id, const Mark& mark) {
  return [&rds, id, mark](store::Tx& tx) {
    const auto found = tx.find<Snapshot>(Snapshot::by_id(id));
    if (!found) return tidy_backups(rds, tx);
    Snapshot s = *found;
    s.full = false;
    s.timeline = mark.position.timeline;
    s.lsn = mark.position.lsn;
    s.database_time = mark.time;
    rds.flows.start(tx, kMaterialise, "base/" + s.base_id);
    announce_snapshot(rds, tx, std::move(s));
  };
}

/// Whether another snapshot of the instance, that can be the base of this one, is being copied right now.
bool base_is_coming(const Rds& rds, const Snapshot& s) {
  for (const auto& other : rds.store.all<Snapshot>(s.scope.prefix())) {
    if (other->id != s.id && other->automated && other->resource_id() == s.resource_id() &&
        other->state == Snapshot::State::creating) {
      return true;
    }
  }
  return false;
}

/// As on AWS, nothing is backed up automatically while an instance is stopped: the schedule begins again afterwards.
flow::Recorder give_up(Rds& rds, const std::string& id) {
  return [&rds, id](store::Tx& tx) {
    tidy_backups(rds, tx);
    const auto s = tx.find<Snapshot>(Snapshot::by_id(id));
    if (!s) return;
    const auto i = tx.find<Instance>(Instance::by_id(s->resource_id()));
    tx.erase<Snapshot>(s->key());
    if (!i) return;
    Instance now = *i;
    now.last_backup = {};
    tx.put(std::move(now));
  };
}

/// The server of a snapshot's instance does not run, or something else works on it: the files can be copied only under
/// the instance's own lock.
Outcome hand_over(Rds& rds, const Snapshot& s, const Instance& i) {
  if (i.rest == Rest::available) return flow::again(Millis(500), "the server does not accept connections");
  if (s.automated) return flow::done(give_up(rds, s.id));
  if (rds.store.get<Workflow>(i.workflow())) return flow::again(Millis(500), "the instance is busy");
  return flow::done([&rds, id = s.id, resource = i.resource_id](store::Tx& tx) {
    const auto now = tx.find<Instance>(Instance::by_id(resource));
    if (now && !flow::Runner::busy(tx, now->workflow())) {
      rds.flows.start(tx, kSnapshotFiles, now->workflow(), {{"snapshot", id}});
    } else {
      rds.flows.start(tx, kCreateSnapshot, "snap/" + id);  // look again
    }
  });
}

/// The first snapshot of a restored instance: its data was a base before it was a server.
std::optional<Outcome> take_restored(Rds& rds, const Workflow& w, const Snapshot& s, const Instance& i) {
  if (w.arg("restored-from").empty()) return {};
  if (const auto kept = protect(rds, i); !kept) return flow::again(Millis(500), kept.error().message);
  const auto engine = prepared_engine(rds, i);
  if (!engine) return {};
  const auto base = backup::link_promoted(base_spec(rds, s, *engine), w.arg("restored-from"));
  if (base && *base) return flow::done(snapshot_taken(rds, s.id, **base, false));
  if (!base) log::warn("restored files are copied again", {{"snapshot", s.id}, {"reason", base.error().message}});
  return {};
}

/// What a step needs to make the snapshot of a running server.
struct Source {
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const Instance> instance;
};

/// Nothing to do any more, or not like this, is an outcome.
tl::expected<Source, Outcome> source_of(Rds& rds, const Workflow& w) {
  const auto s = snapshot_of(rds, w);
  if (!s) return tl::unexpected(flow::done([&rds](store::Tx& tx) { tidy_backups(rds, tx); }));
  if (const auto made = backup::made_base(rds.config.state_dir, s->base_id)) {
    return tl::unexpected(flow::done(snapshot_taken(rds, s->id, *made, w.arg("restored-from").empty())));
  }
  const auto i = rds.store.find<Instance>(Instance::by_id(s->resource_id()));
  if (!i) return tl::unexpected(flow::failed("the instance was deleted before the snapshot was made"));
  if (pg::observe(layout_of(rds, *i), owner_of(rds, *i)).state != pg::ServerState::kReady) {
    return tl::unexpected(hand_over(rds, *s, *i));
  }
  return Source{s, i};
}

/// A power cut can take the record of a mark that clients have seen: what they did afterwards must not be in the
/// snapshot. The WAL still has it, by the snapshot's id. `last` is of the same snapshot.
Result<Mark> first_mark(const Rds& rds, const Snapshot& s, const Mark& last) {
  const auto first = vault_of(rds, s.resource_id()).first_restore_point(s.id, s.requested, last.position);
  if (!first) return tl::unexpected(first.error());
  if (!*first) return fail("no restore point has its name");
  return Mark{(*first)->end, (*first)->time};
}

/// It may have been available to clients at a place that can't be found or reached any more. One that holds what they
/// did since must not take its name.
Outcome lost_mark(const std::string& reason) {
  return flow::failed("howdah or the machine went down while it was made, and where it began can't be restored: " +
                      reason);
}

/// The snapshot is a position in the WAL, where a base and the vault lead to it; its files are copied next where not.
Outcome take(Rds& rds, const Workflow& w) {
  const auto source = source_of(rds, w);
  if (!source) return source.error();
  const auto& [s, i] = *source;
  auto client = pg::Client::connect(layout_of(rds, *i), i->port);
  if (!client) return flow::again(Millis(500), client.error().message);
  if (auto taken = take_restored(rds, w, *s, *i)) return *taken;
  if (s->full) return flow::next();
  hold_removals().unlock();
  const auto bases = bases_of(rds, i->resource_id);
  if (bases.empty()) {
    if (base_is_coming(rds, *s)) return flow::again(Millis(100), "the first base of the instance is being copied");
    return flow::next();
  }
  auto mark = set_mark(rds, *i, *client, s->id);
  if (!mark) return flow::again(Millis(500), mark.error().message);
  bool seen = false;
  if (rds.flows.inherited(w)) {
    const auto first = first_mark(rds, *s, *mark);
    if (!first) return lost_mark(first.error().message);
    seen = first->position != mark->position;
    mark = *first;
  }
  if (const auto way = backup::check_way(vault_of(rds, i->resource_id), bases, mark->position, rds.ways); !way) {
    if (seen) return lost_mark(way.error().message);
    log::warn("no way from an older base to this snapshot: copying the files instead",
              {{"snapshot", s->identifier}, {"reason", way.error().message}});
    return flow::next();
  }
  // Clients may see the snapshot before our disk has its position: the server's and the vault's have it.
  return flow::done_soon(marked(rds, s->id, *mark));
}

Outcome copy_running_files(Rds& rds, const Workflow& w) {
  const auto source = source_of(rds, w);
  if (!source) return source.error();
  const auto& [s, i] = *source;
  if (const auto kept = protect(rds, *i); !kept) return flow::again(Millis(500), kept.error().message);
  const auto engine = prepared_engine(rds, *i);
  if (!engine) return answer(engine.error());
  auto spec = base_spec(rds, *s, *engine);
  spec.port = i->port;
  const bool first = bases_of(rds, i->resource_id).empty();  // nothing can be restored before it is there
  const auto base =
      os::in_background([&] { return backup::copy_running(spec); }, first ? os::Haste::soon : os::Haste::whenever);
  // Whatever it was: the server may have been restarted, or a page read while it was torn.
  if (!base) return try_again_or_fail(w, {base.error().message, true});
  return flow::done(snapshot_taken(rds, s->id, *base, true));
}

void take_failed(Rds& rds, const Workflow& w, const std::string& reason, store::Tx& tx) {
  record_snapshot_failure(rds, tx, w.resource.substr(5), reason);
}

/// Every snapshot that names the base now depends on nothing else.
flow::Recorder materialised(Rds& rds, const std::string& base_id) {
  return [&rds, base_id](store::Tx& tx) {
    for (const auto& s : tx.all<Snapshot>()) {
      if (s->base_id != base_id) continue;
      Snapshot now = *s;
      now.materialised = true;
      now.reason.clear();
      tx.put(std::move(now));
    }
    tidy_backups(rds, tx);  // of what it depended on, or of itself when nobody wants it any more
  };
}

std::string base_of(const Workflow& w) { return w.resource.substr(5); }  // "base/<id>"

/// The newest snapshot whose base the workflow makes, if any.
std::shared_ptr<const Snapshot> snapshot_of_base(const Rds& rds, const std::string& base_id) {
  std::shared_ptr<const Snapshot> s;
  for (const auto& one : rds.store.all<Snapshot>()) {
    if (one->base_id == base_id) s = one;
  }
  return s;
}

/// One base of an instance after the other, the oldest first: the way to the next is then the shorter, and no WAL is
/// replayed twice.
Outcome wait_for_older(Rds& rds, const Workflow& w) {
  const auto s = snapshot_of_base(rds, base_of(w));
  if (!s) return flow::next();
  for (const auto& other : rds.store.all<Snapshot>(s->scope.prefix())) {
    const bool older = other->resource_id() == s->resource_id() &&
                       std::tie(other->timeline, other->lsn) < std::tie(s->timeline, s->lsn);
    if (older && rds.store.get<Workflow>("base/" + other->base_id)) {
      return flow::again(Millis(1'000), "the base of the snapshot " + other->identifier + " is made first");
    }
  }
  for (const auto& other : rds.store.all<InterimBase>()) {
    if (other->resource_id == s->resource_id() && rds.store.get<Workflow>(other->workflow())) {
      return flow::again(Millis(1'000), "a base between two snapshots is made first");
    }
  }
  return flow::next();
}

/// Rolls the plan's base forward to be the base that the workflow makes, of `source`; `record` is for when it is there.
Outcome roll_as_planned(Rds& rds, const Workflow& w, const Result<backup::Plan>& plan, const Instance& source,
                        bool interim, flow::Recorder record) {
  if (!plan) return flow::failed(plan.error().message);
  const auto engine = prepared_engine(rds, source);
  if (!engine) return answer(engine.error());
  auto spec = base_spec(rds, base_of(w), source, *engine);
  spec.interim = interim;
  const auto base = os::in_background([&] { return backup::roll_forward(spec, plan->base, plan->target); },
                                      os::Haste::whenever);  // servers on the same machine have clients
  if (base) return flow::done(std::move(record));
  if (const auto damage = note_damage(rds, plan->base.id)) return flow::again(Millis(0), *damage);
  if (w.tries < 5) return flow::again(Millis(1'000), base.error().message);
  return flow::failed(base.error().message);
}

Outcome roll(Rds& rds, const Workflow& w) {
  const std::string base_id = base_of(w);
  const auto s = snapshot_of_base(rds, base_id);
  if (!s || backup::made_base(rds.config.state_dir, base_id)) return flow::done(materialised(rds, base_id));
  return roll_as_planned(rds, w, plan_of(rds, *s), s->source, false, materialised(rds, base_id));
}

/// The base that the workflow makes between two snapshots; nothing when nobody wants it any more.
Outcome roll_between(Rds& rds, const Workflow& w) {
  const auto b = rds.store.get<InterimBase>(base_of(w));
  const auto i = b ? rds.store.find<Instance>(Instance::by_id(b->resource_id)) : nullptr;
  if (!i) return flow::done([&rds](store::Tx& tx) { tidy_backups(rds, tx); });
  const flow::Recorder made = [&rds, id = b->base_id](store::Tx& tx) {
    if (!tx.get<InterimBase>(id)) tidy_backups(rds, tx);
  };
  if (backup::made_base(rds.config.state_dir, b->base_id)) return flow::done(made);
  hold_removals().unlock();
  const auto plan =
      backup::plan_to_position(vault_of(rds, b->resource_id), bases_of(rds, b->resource_id), {b->timeline, b->lsn});
  return roll_as_planned(rds, w, plan, *i, true, made);
}

/// Nothing depends on it, and the next one is tried in its time.
void roll_between_failed(Rds& rds, const Workflow& w, const std::string& reason, store::Tx& tx) {
  log::warn("no base was made between two snapshots", {{"base", base_of(w)}, {"reason", reason}});
  tx.erase<InterimBase>(base_of(w));
  tidy_backups(rds, tx);
}

/// The snapshot stays what it is, a position in the vault, which is kept for it. The schedule tries again every hour;
/// why it fails is said once.
void roll_failed(Rds& rds, const Workflow& w, const std::string& reason, store::Tx& tx) {
  const std::string base_id = base_of(w);
  for (const auto& s : tx.all<Snapshot>()) {
    if (s->base_id != base_id || s->reason == reason) continue;
    append_event(rds, tx, *s, 101,
                 "The snapshot could not be made independent of its instance's WAL, which is kept for it: " + reason);
    Snapshot now = *s;
    now.reason = reason;
    tx.put(std::move(now));
  }
}

/// Of an instance whose server does not run. Its state stays as it was.
Outcome copy_files(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  if (pg::observe(layout_of(rds, *i), owner_of(rds, *i)).state == pg::ServerState::kReady) {
    return flow::done(
        [&rds, id = w.arg("snapshot")](store::Tx& tx) { rds.flows.start(tx, kCreateSnapshot, "snap/" + id); });
  }
  Outcome copied = copy_stopped_files(rds, *i, w.arg("snapshot"));
  if (copied.verdict == Outcome::Verdict::next) copied.verdict = Outcome::Verdict::done;
  return copied;
}

void copy_failed(Rds& rds, const Workflow& w, const std::string& reason, store::Tx& tx) {
  record_snapshot_failure(rds, tx, w.arg("snapshot"), reason);
}

using Step = flow::Step<Rds>;
using flow::Lane;
constexpr std::chrono::seconds kLong{4 * 3600};

constexpr Step kTake[] = {{"take", "creating", take, kLong},
                          {"copy-files", "creating", copy_running_files, kLong, Lane::background}};
constexpr std::chrono::hours kQueue(30 * 24);  // it waits for what has its own deadline, and has not failed meanwhile
constexpr Step kRoll[] = {{"wait-for-older", "available", wait_for_older, kQueue},
                          {"roll-forward", "available", roll, kLong, Lane::background}};
constexpr Step kBetween[] = {{"roll-forward", "available", roll_between, kLong, Lane::background}};
constexpr Step kFiles[] = {{"copy-files", "backing-up", copy_files, kLong, Lane::bulk}};

}  // namespace

void register_snapshot_steps(flow::Runner& runner, Rds& rds) {
  runner.add(flow::Table<Rds>{kCreateSnapshot, kTake, take_failed}, rds);
  runner.add(flow::Table<Rds>{kMaterialise, kRoll, roll_failed}, rds);
  runner.add(flow::Table<Rds>{kInterimBase, kBetween, roll_between_failed}, rds);
  runner.add(flow::Table<Rds>{kSnapshotFiles, kFiles, copy_failed}, rds);
}

}  // namespace howdah::rds
