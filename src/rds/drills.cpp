#include "rds/drills.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "domain/config.h"
#include "rds/backup_schedule.h"
#include "rds/backup_work.h"
#include "rds/flows.h"
#include "util/id.h"

namespace howdah::rds {
namespace {

constexpr size_t kKept = 10;
constexpr std::chrono::hours kAlmostAWeek(7 * 24 - 12);

std::string prefix_of(const Scope& scope, const std::string& resource_id) {
  return resource_id.empty() ? scope.prefix() : scope.key(resource_id + "/");
}

void forget_old(store::Tx& tx, const Scope& scope, const std::string& resource_id) {
  const auto all = tx.all<Drill>(prefix_of(scope, resource_id));
  for (size_t n = 0; n + kKept < all.size(); n++) tx.erase<Drill>(all[n]->key());
}

/// When the newest drill of an instance began; its creation when there was none.
Time last_drill(const store::Store& store, const Instance& i) {
  const auto all = store.all<Drill>(prefix_of(i.scope, i.resource_id));
  return all.empty() ? i.created : std::max(i.created, all.back()->started);
}

bool due(const Rds& rds, const Instance& i) {
  if (i.rest != Rest::available || i.backup_retention == 0 || i.restorable_from == Time{}) return false;
  const Time window = last_window(i.backup_window, rds.clock.now());
  if (i.last_backup < window) return false;  // first the day's backup
  const Time last = last_drill(rds.store, i);
  return rds.config.drill == DrillSchedule::daily ? last < window : last + kAlmostAWeek < window;
}

bool anything_left(const Rds& rds) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(rds.config.state_dir + "/instances", none)) {
    if (entry.path().filename().string().starts_with(kDrillPrefix)) return true;
  }
  return false;
}

}  // namespace

Drill begin_drill(Rds& rds, store::Tx& tx, const Instance& i) {
  if (const auto work = flow::Runner::busy(tx, kDrillResource)) {
    throw Fault("InvalidDBInstanceState", "A restore drill runs already, and there is one at a time. Try again later.");
  }
  if (i.backup_retention == 0 || i.restorable_from == Time{}) {
    throw Fault("InvalidDBInstanceState",
                fmt::format("There is no automated backup of {} to restore from yet.", i.identifier));
  }
  Drill d;
  d.scope = i.scope;
  d.resource_id = i.resource_id;
  d.identifier = i.identifier;
  d.started = rds.clock.now();
  d.id = fmt::format("{:013}-{}", d.started.time_since_epoch().count(), id::random("abcdefghijklmnopqrstuvwxyz", 6));
  tx.put(d);
  forget_old(tx, i.scope, i.resource_id);
  rds.flows.start(tx, kDrill, kDrillResource, {{"drill", d.id}, {"source", i.resource_id}});
  return d;
}

std::vector<std::shared_ptr<const Drill>> drills_of(const Rds& rds, const Scope& scope,
                                                    const std::string& resource_id) {
  return rds.store.all<Drill>(prefix_of(scope, resource_id));
}

void drill_if_due(Rds& rds) {
  if (rds.store.get<flow::Workflow>(kDrillResource)) return;
  if (anything_left(rds)) {
    rds.store.write([&](store::Tx& tx) {
      if (!flow::Runner::busy(tx, kDrillResource)) rds.flows.start(tx, kDrill, kDrillResource);
    });
    return;
  }
  if (rds.config.drill == DrillSchedule::off) return;
  for (const auto& i : rds.store.all<Instance>()) {
    if (!due(rds, *i)) continue;
    rds.store.write([&](store::Tx& tx) {
      const auto now = tx.find<Instance>(Instance::by_id(i->resource_id));
      if (now && due(rds, *now) && !flow::Runner::busy(tx, kDrillResource)) begin_drill(rds, tx, *now);
    });
    return;
  }
}

}  // namespace howdah::rds
