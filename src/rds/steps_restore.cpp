// The table of both restores, and of clones. The plan (base and position) is made once and recorded, so that every try
// of every later step works towards the same state; the source's server and files are only read.
#include <charconv>

#include <fmt/format.h>

#include "domain/automated_backup.h"
#include "domain/config.h"
#include "os/files.h"
#include "pg/client.h"
#include "pg/collations.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "pg/roles.h"
#include "pg/server.h"
#include "rds/backup_work.h"
#include "rds/clone.h"
#include "rds/flows.h"
#include "rds/repository_work.h"
#include "rds/server_files.h"
#include "rds/snapshots.h"

namespace howdah::rds {
namespace {

constexpr std::chrono::hours kReplay{12};

backup::Position target_of(const Workflow& w) {
  backup::Position p;
  const std::string timeline = w.arg("timeline");
  std::from_chars(timeline.data(), timeline.data() + timeline.size(), p.timeline);
  p.lsn = backup::parse_lsn(w.arg("lsn")).value_or(0);
  return p;
}

/// The plan that was recorded, proved again.
Result<backup::Plan> recorded_plan(const Rds& rds, const Workflow& w) {
  const auto base = backup::read_base(rds.config.state_dir, w.arg("base"));
  if (!base) return tl::unexpected(base.error());
  const auto target = target_of(w);
  if (base->end == target) return backup::plan_of_base(rds.config.state_dir, *base);
  return backup::plan_to_position(vault_of(rds, w.arg("source")), {*base}, target);
}

flow::Recorder remember(const Workflow& w, const backup::Plan& plan) {
  return [resource = w.resource, base = plan.base.id, target = plan.target](store::Tx& tx) {
    const auto work = tx.get<Workflow>(resource);
    if (!work) return;
    Workflow now = *work;
    now.args["base"] = base;
    now.args["timeline"] = std::to_string(target.timeline);
    now.args["lsn"] = backup::lsn_text(target.lsn);
    tx.put(std::move(now));
  };
}

/// The recorded plan, or what to do first: its base may have gone because it was damaged. Then it comes from the
/// repository, or another base leads to the same place.
tl::expected<backup::Plan, Outcome> usable_plan(Rds& rds, const Workflow& w) {
  const std::string base = w.arg("base"), source = w.arg("source");
  if (const auto waiting = bring_back_base(rds, source, base)) return tl::unexpected(*waiting);
  if (os::exists(backup::base_dir(rds.config.state_dir, base))) {
    auto plan = recorded_plan(rds, w);
    if (!plan) return tl::unexpected(answer(plan.error()));
    return std::move(*plan);
  }
  const auto other = backup::plan_to_position(vault_of(rds, source), bases_of(rds, source), target_of(w));
  if (!other) {
    const std::string why = w.arg("damage").empty() ? "the base " + base + " has gone" : w.arg("damage");
    return tl::unexpected(
        flow::failed(fmt::format("{}. Nothing else leads to {}: {}", why, w.arg("lsn"), other.error().message)));
  }
  Outcome change = flow::again(Millis(0), w.arg("damage"));
  change.record = remember(w, *other);
  return tl::unexpected(std::move(change));
}

/// After a failure that no other try would mend: whether its reason is the base.
std::optional<Outcome> blame_base(Rds& rds, const Workflow& w) {
  const auto damage = note_damage(rds, w.arg("base"));
  if (!damage) return {};
  Outcome again = flow::again(Millis(0), *damage);
  again.record = [resource = w.resource, damage = *damage](store::Tx& tx) {
    Workflow now = *tx.get<Workflow>(resource);
    now.args["damage"] = damage;
    tx.put(std::move(now));
  };
  return again;
}

/// After a failure: another try, another base, or the end.
Outcome another_way(Rds& rds, const Workflow& w, const Error& error) {
  const auto outcome = try_again_or_fail(w, error);
  return error.retry ? outcome : blame_base(rds, w).value_or(outcome);
}

/// Bases that records name and that have gone from the state directory come back from the repository.
std::optional<Outcome> bring_back_bases(Rds& rds, const Workflow& w) {
  for (const auto& s : rds.store.all<Snapshot>()) {
    if (!s->materialised || s->resource_id() != w.arg("source")) continue;
    if (!w.arg("base").empty() && s->base_id != w.arg("base")) continue;
    if (auto waiting = bring_back_base(rds, s->resource_id(), s->base_id)) return waiting;
  }
  return {};
}

Outcome plan(Rds& rds, const Workflow& w) {
  hold_removals().unlock();
  const std::string source = w.arg("source");
  if (const auto waiting = bring_back_bases(rds, w)) return *waiting;
  if (!w.arg("planned").empty()) {  // by the request, which has named base and position
    const auto plan = recorded_plan(rds, w);
    return plan ? flow::next() : answer(plan.error());
  }
  if (w.arg("instant").empty()) {  // from a snapshot: its own base, or an older one while that does not exist
    if (const auto own = backup::read_base(rds.config.state_dir, w.arg("base"))) {
      const auto plan = backup::plan_of_base(rds.config.state_dir, *own);
      return plan ? flow::next(remember(w, *plan)) : answer(plan.error());
    }
    const auto plan = backup::plan_to_position(vault_of(rds, source), bases_of(rds, source), target_of(w));
    return plan ? flow::next(remember(w, *plan)) : answer(plan.error());
  }
  const Time instant{Millis(std::stoll(w.arg("instant")))};
  const auto plan = backup::plan_to_time(vault_of(rds, source), bases_of(rds, source), instant);
  return plan ? flow::next(remember(w, *plan)) : answer(plan.error());
}

Outcome make_volume(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  const auto plan = usable_plan(rds, w);
  if (!plan) return plan.error();
  const auto layout = layout_of(rds, *i);
  const auto owner = owner_of(rds, *i);
  if (auto r = pg::make_layout(rds.config.state_dir, layout, owner); !r) return try_again_or_fail(w, r.error());
  const auto made = backup::make_volume(rds.config.state_dir, *plan, layout, owner);
  return made ? flow::next() : another_way(rds, w, made.error());
}

Outcome recover(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  const auto plan = usable_plan(rds, w);
  if (!plan) return plan.error();
  const auto engine = prepared_engine(rds, *i);
  if (!engine) return answer(engine.error());
  const auto layout = layout_of(rds, *i);
  // It is there, unless recovery failed in what was made from a damaged base, or the machine went down meanwhile.
  const auto owner = owner_of(rds, *i);
  if (auto r = backup::make_volume(rds.config.state_dir, *plan, layout, owner); !r)
    return another_way(rds, w, r.error());
  const auto done = backup::recover(*plan, *engine, layout, owner, kReplay);
  if (done) return flow::next();
  if (done.error().retry && pg::observe(layout, owner).running()) return answer(done.error());  // it takes its time
  const auto outcome = another_way(rds, w, done.error());
  const bool useless = !done.error().retry || outcome.verdict == Outcome::Verdict::failed;
  if (useless) (void)os::remove_tree(layout.data);  // when the disk is full its space is needed
  return outcome;
}

Outcome set_up(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  auto client = pg::Client::connect(layout_of(rds, *i), i->port);
  if (!client) return await_server(rds, w, client.error());
  if (auto r = pg::reconcile_roles(*client); !r) return answer(r.error());
  if (const auto r = pg::follow_replication(*client); !r) return answer(r.error());
  if (auto r = protect(rds, *i); !r) return answer(r.error());
  const std::string foreign = pg::foreign_collations(layout_of(rds, *i), i->port);
  if (foreign.empty()) return flow::next();
  return flow::next(
      change(w, [&rds, foreign](Instance& now, store::Tx& tx) { append_event(rds, tx, now, 105, foreign); }));
}

/// The base whose end the instance is, "" when WAL was replayed behind it or the data was changed.
std::string untouched_base(const Rds& rds, const Workflow& w) {
  if (!w.arg("clone-of").empty()) return {};
  const auto base = backup::read_base(rds.config.state_dir, w.arg("base"));
  return base && base->end == target_of(w) ? base->id : "";
}

Outcome announce(Rds& rds, const Workflow& w) {
  const Outcome seen = check_connection(rds, w);
  if (seen.verdict != Outcome::Verdict::next) return seen;
  return flow::done(change(w, [&rds, snapshot = w.arg("snapshot"), from = w.arg("from"), clone = w.arg("clone-of"),
                               base = untouched_base(rds, w)](Instance& now, store::Tx& tx) {
    now.rest = Rest::available;
    now.rest_reason.clear();
    now.created = rds.clock.now();
    now.endpoint = endpoint_of(rds, now);
    if (!clone.empty()) {
      append_event(rds, tx, now, 19, "Cloned from " + clone);
    } else if (snapshot.empty()) {
      append_event(rds, tx, now, 19, "Restored from DB instance " + from + " to " + now.identifier);
    } else {
      append_event(rds, tx, now, 43, "Restored from snapshot " + snapshot);
    }
    append_event(rds, tx, now, 5);
    // The restored data is wanted now: nobody waits for its backup.
    begin_automated_snapshot(rds, tx, now, false, base);
    tidy_backups(rds, tx);  // what only this restore still needed
  }));
}

void restore_failed(Rds& rds, const Workflow& w, const std::string& reason, store::Tx& tx) {
  tidy_backups(rds, tx);
  const auto now = tx.find<Instance>(Instance::by_id(w.resource.substr(3)));
  if (!now) return;
  Instance failed = *now;
  failed.rest = Rest::incompatible_restore;
  failed.rest_reason = reason;
  append_event(rds, tx, failed, 31,
               "The restore failed, the source is untouched: " + reason + " (at step " + w.step + ")");
  tx.put(std::move(failed));
}

constexpr std::chrono::seconds kLong{4 * 3600};

constexpr flow::Step<Rds> kSteps[] = {
    {"plan", "creating", plan},
    {"make-volume", "creating", make_volume, kLong, flow::Lane::bulk},
    {"recover", "creating", recover, kLong, flow::Lane::bulk},
    {"isolate", "creating", isolate_clone},
    {"write-files", "creating", write_files},
    {"start-server", "creating", start_server},
    {"set-up", "creating", set_up},
    {"announce", "creating", announce},
};

}  // namespace

void register_restore_steps(flow::Runner& runner, Rds& rds) {
  runner.add(flow::Table<Rds>{kRestoreInstance, kSteps, restore_failed}, rds);
}

}  // namespace howdah::rds
