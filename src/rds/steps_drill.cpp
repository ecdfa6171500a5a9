// A restore drill's table. Nothing ends it but its last step, which removes the scratch directory: a failure is written
// into the drill's record and the steps that remain have nothing to do. It runs on the one resource kDrillResource.
#include <sys/stat.h>

#include <fmt/format.h>

#include <filesystem>

#include "backup/inspection.h"
#include "backup/restore.h"
#include "domain/config.h"
#include "domain/drill.h"
#include "os/background.h"
#include "os/files.h"
#include "os/identity.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "pg/server.h"
#include "pg/volume.h"
#include "rds/backup_work.h"
#include "rds/flows.h"
#include "rds/private_run.h"
#include "rds/server_files.h"

namespace howdah::rds {
namespace {

constexpr std::chrono::hours kReplay{12};
constexpr int kTries = 10, kPort = 5432;
constexpr uint64_t kAir = 1ULL << 30;  ///< bytes that a drill leaves to others

pg::Layout scratch_of(const Rds& rds, const Workflow& w) {
  return pg::layout_of(rds.config.state_dir, kDrillPrefix + w.arg("drill"));
}

flow::Recorder change_drill(const Workflow& w, std::function<void(Drill&)> f) {
  return [id = w.arg("drill"), f = std::move(f)](store::Tx& tx) {
    const auto found = tx.find<Drill>(Drill::by_id(id));
    if (!found) return;
    Drill now = *found;
    f(now);
    tx.put(std::move(now));
  };
}

/// What a step needs while the drill is still on its way.
struct Work {
  std::shared_ptr<const Instance> instance;
  pg::Engine engine;
  os::Owner owner;
  pg::Layout layout;
};

Outcome give_up(const Workflow& w, const std::string& problem) {
  return flow::next(change_drill(w, [problem](Drill& d) { d.problems.push_back(problem); }));
}

Outcome answer_drill(const Workflow& w, const Error& error) {
  if (error.retry && w.tries < kTries) return flow::again(Millis(1'000), error.message);
  return give_up(w, error.message);
}

/// Runs `f` unless the drill has failed already or its instance is gone.
template <class F>
Outcome step(Rds& rds, const Workflow& w, F f) {
  const auto drill = rds.store.find<Drill>(Drill::by_id(w.arg("drill")));
  if (!drill || !drill->problems.empty()) return flow::next();
  const auto i = rds.store.find<Instance>(Instance::by_id(w.arg("source")));
  if (!i) return give_up(w, "the instance was deleted meanwhile");
  const auto engine = prepared_engine(rds, *i);
  if (!engine) return answer_drill(w, engine.error());
  return os::in_background(
      [&] {
        return f(Work{i, *engine, owner_of(rds, *i), scratch_of(rds, w)});
      },
      os::Haste::whenever);
}

Result<backup::Plan> recorded_plan(const Rds& rds, const Workflow& w) {
  const auto base = backup::read_base(rds.config.state_dir, w.arg("base"));
  if (!base) return tl::unexpected(base.error());
  const backup::Position target{static_cast<uint32_t>(std::stoul(w.arg("timeline"))),
                                backup::parse_lsn(w.arg("lsn")).value_or(0)};
  if (base->end == target) return backup::plan_of_base(rds.config.state_dir, *base);
  return backup::plan_to_position(vault_of(rds, w.arg("source")), {*base}, target);
}

/// Half of the size more than what is copied: WAL is replayed into it.
Result<void> check_room(const Rds& rds, const backup::Plan& plan) {
  const auto space = os::disk_space(rds.config.state_dir);
  if (!space) return tl::unexpected(space.error());
  const uint64_t wanted = plan.base.bytes + plan.base.bytes / 2 + plan.wal.size() * backup::kSegmentSize + kAir;
  if (space->free >= wanted) return {};
  return fail(fmt::format("a drill needs {} MB of free disk, and there are {}", wanted >> 20, space->free >> 20));
}

Outcome plan(Rds& rds, const Workflow& w) {
  return step(rds, w, [&](const Work& work) {
    const std::string& source = work.instance->resource_id;
    hold_removals().unlock();
    const auto vault = vault_of(rds, source);
    const auto durable = vault.durable();
    if (!durable) return give_up(w, "no WAL was copied yet");
    // By position: the vault's clock is up to a second behind, and the WAL before a base that has just ended is gone.
    const auto plan = backup::plan_to_position(vault, bases_of(rds, source), durable->position);
    if (!plan) return answer_drill(w, plan.error());
    if (const auto room = check_room(rds, *plan); !room) return give_up(w, room.error().message);
    return flow::next([&rds, w, plan = *plan, instant = durable->clock](store::Tx& tx) {
      change_drill(w, [&](Drill& d) {
        d.instant = instant;
        d.base = plan.base.id;
        d.timeline = plan.target.timeline;
        d.lsn = plan.target.lsn;
      })(tx);
      const auto now = tx.get<Workflow>(w.resource);
      if (!now) return;
      Workflow changed = *now;
      changed.args["base"] = plan.base.id;
      changed.args["timeline"] = std::to_string(plan.target.timeline);
      changed.args["lsn"] = backup::lsn_text(plan.target.lsn);
      tx.put(std::move(changed));
    });
  });
}

Outcome make_volume(Rds& rds, const Workflow& w) {
  return step(rds, w, [&](const Work& work) {
    const auto plan = recorded_plan(rds, w);
    if (!plan) return answer_drill(w, plan.error());
    const std::string& state = rds.config.state_dir;
    if (const auto damage = note_damage(rds, plan->base.id)) return give_up(w, *damage);
    if (auto r = pg::make_layout(state, work.layout, work.owner); !r) return answer_drill(w, r.error());
    if (auto r = backup::make_volume(state, *plan, work.layout, work.owner); !r) return answer_drill(w, r.error());
    return flow::next();
  });
}

Outcome recover(Rds& rds, const Workflow& w) {
  return step(rds, w, [&](const Work& work) {
    const auto plan = recorded_plan(rds, w);
    if (!plan) return answer_drill(w, plan.error());
    // It is there, unless the machine went down meanwhile.
    if (auto r = backup::make_volume(rds.config.state_dir, *plan, work.layout, work.owner); !r)
      return answer_drill(w, r.error());
    const auto done = backup::recover(*plan, work.engine, work.layout, work.owner, kReplay);
    return done ? flow::next() : answer_drill(w, done.error());
  });
}

Outcome inspect(Rds& rds, const Workflow& w) {
  return step(rds, w, [&](const Work& work) {
    // An earlier look may have left its server running.
    const auto stopped = pg::stop_server(work.layout, work.owner, pg::StopMode::kFast, Millis(60'000));
    if (!stopped) return answer_drill(w, stopped.error());
    if (!*stopped) return flow::again(Millis(1'000), "the scratch server does not stop");
    auto seen = backup::inspect_files(work.layout);
    if (!seen) return answer_drill(w, seen.error());
    const auto runs = run_privately(work.engine, work.layout, work.owner, rds.identity.daemon_user);
    if (!runs) return answer_drill(w, runs.error());
    const auto done = backup::inspect_server(work.layout, kPort, *seen);
    if (!done) return answer_drill(w, done.error());
    return flow::next(change_drill(w, [seen = *seen](Drill& d) {
      d.bytes = seen.bytes;
      d.rows = seen.rows;
      d.databases = seen.databases;
      d.tables = seen.tables;
      d.indexes = seen.indexes;
      d.fingerprint = seen.fingerprint;
      d.problems = seen.problems;
      d.notes = seen.notes;
    }));
  });
}

/// The postmaster is found by its data directory and its user, which the directory itself tells: the instance may have
/// gone.
Result<void> remove_scratch(const Rds& rds, const std::string& name) {
  const auto layout = pg::layout_of(rds.config.state_dir, name);
  struct stat data {};
  if (stat(layout.data.c_str(), &data) == 0) {
    const os::Owner owner{data.st_uid, data.st_gid};
    const auto stopped = pg::stop_server(layout, owner, pg::StopMode::kImmediate, Millis(30'000));
    if (!stopped) return tl::unexpected(stopped.error());
    if (!*stopped) return fail_for_now("the scratch server does not stop");
  }
  return pg::remove_volume(layout);
}

Outcome clean_up(Rds& rds, const Workflow& w) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(rds.config.state_dir + "/instances", none)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kDrillPrefix)) continue;
    if (auto gone = remove_scratch(rds, name); !gone) return flow::again(Millis(1'000), gone.error().message);
  }
  return flow::done([&rds, id = w.arg("drill")](store::Tx& tx) {
    tidy_backups(rds, tx);  // of what was kept for the drill
    for (const auto& d : tx.all<Drill>()) {
      if (d->state != Drill::State::running) continue;
      Drill now = *d;
      now.ended = rds.clock.now();
      if (now.id != id) now.problems.emplace_back("the drill was given up");
      now.state = now.problems.empty() ? Drill::State::passed : Drill::State::failed;
      const auto i = tx.find<Instance>(Instance::by_id(now.resource_id));
      if (i) append_event(rds, tx, *i, now.state == Drill::State::passed ? 103 : 104, now.sentence());
      tx.put(std::move(now));
    }
  });
}

/// Only when a step exceeds three times its deadline. The directory is taken away by the next drill, begun for that.
void drill_failed(Rds&, const Workflow& w, const std::string& reason, store::Tx& tx) {
  change_drill(w, [reason](Drill& d) { d.problems.push_back(reason); })(tx);
}

constexpr std::chrono::seconds kLong{12 * 3600};

constexpr auto kLane = flow::Lane::background;

constexpr flow::Step<Rds> kSteps[] = {
    {"plan", "available", plan, kLong, kLane},
    {"make-volume", "available", make_volume, kLong, kLane},
    {"recover", "available", recover, kLong, kLane},
    {"inspect", "available", inspect, kLong, kLane},
    {"clean-up", "available", clean_up},
};

}  // namespace

void register_drill_steps(flow::Runner& runner, Rds& rds) {
  runner.add(flow::Table<Rds>{kDrill, kSteps, drill_failed}, rds);
}

}  // namespace howdah::rds
