#include "rds/past.h"

#include <fmt/format.h>

#include <cctype>
#include <thread>

#include "backup/base.h"
#include "domain/config.h"
#include "os/files.h"
#include "pg/client.h"
#include "pg/layout.h"
#include "pg/server.h"
#include "rds/backup_work.h"
#include "rds/repository_work.h"
#include "rds/server_files.h"
#include "rds/snapshots.h"
#include "util/fault.h"
#include "util/text.h"
#include "wire/timestamp.h"

namespace howdah::rds {
namespace {

constexpr Millis kPatience{10'000}, kPoll{20}, kFetchPoll{200};

[[noreturn]] void unavailable(const std::string& why) { throw Fault("InvalidRestoreFault", why); }

/// Where the instance's WAL ends now: of a running server after everything that is committed, else what was kept.
backup::Position newest_position(Rds& rds, const Instance& i) {
  if (pg::observe(layout_of(rds, i), owner_of(rds, i)).state == pg::ServerState::kReady) {
    auto client = pg::Client::connect(layout_of(rds, i), i.port);
    if (!client) unavailable(client.error().message);
    const auto mark = set_mark(rds, i, *client, "howdah: now");
    if (!mark) unavailable(mark.error().message);
    return mark->position;
  }
  const auto durable = vault_of(rds, i.resource_id).durable();
  if (!durable) unavailable(fmt::format("Nothing was kept of {}'s WAL.", i.identifier));
  return durable->position;
}

void await_restorable(Rds& rds, const Instance& i, Time instant) {
  if (instant > rds.clock.now()) {
    throw Fault("InvalidParameterValue", fmt::format("{} is in the future.", instant_text(instant)));
  }
  const auto vault = vault_of(rds, i.resource_id);
  for (Millis waited{0}; waited < kPatience; waited += kPoll) {
    const auto latest = vault.latest_restorable();
    if (latest && *latest >= instant) return;
    std::this_thread::sleep_for(kPoll);
  }
  const auto latest = vault.latest_restorable();
  throw Fault("InvalidParameterValue",
              fmt::format("{} can be looked back at only until {}.", i.identifier,
                          latest ? instant_text(*latest) : "its first backup, which is still being made"));
}

/// Bases that snapshots name and that have gone from the state directory come back from the repository. Whether any
/// did.
bool bring_back(Rds& rds, const std::string& resource_id, const std::function<bool()>& unwanted) {
  bool any = false;
  for (const auto& s : rds.store.all<Snapshot>()) {
    const std::string base = backup::base_dir(rds.config.state_dir, s->base_id);
    if (!s->materialised || s->resource_id() != resource_id || os::exists(base)) continue;
    while (bring_back_base(rds, resource_id, s->base_id)) {
      if (unwanted()) unavailable("Nobody waits for the answer any more.");
      std::this_thread::sleep_for(kFetchPoll);
    }
    any |= os::exists(base);
  }
  return any;
}

Result<backup::Plan> plan_for(Rds& rds, const Instance& i, std::optional<Time> instant) {
  const auto bases = bases_of(rds, i.resource_id);
  if (bases.empty()) {
    return fail(
        fmt::format("There is no backup of {} to begin from yet. Take a snapshot first (aws rds "
                    "create-db-snapshot): later states can be reached from it.",
                    i.identifier));
  }
  if (instant) await_restorable(rds, i, *instant);
  const auto vault = vault_of(rds, i.resource_id);
  return instant ? backup::plan_to_time(vault, bases, *instant)
                 : backup::plan_to_position(vault, bases, newest_position(rds, i));
}

/// What can be looked at instead of an instant that can't.
std::string window_text(const Rds& rds, const Instance& i) {
  const auto reach = backup::reach_of(vault_of(rds, i.resource_id), bases_of(rds, i.resource_id));
  if (!reach) return "";
  return fmt::format(" {} can be looked back at from {} to {}.", i.identifier, instant_text(reach->earliest),
                     instant_text(reach->latest));
}

Past of_instance(Rds& rds, const Instance& i, std::optional<Time> instant, const std::function<bool()>& unwanted) {
  Past out{.source = i, .instant = instant.value_or(rds.clock.now())};
  auto plan = plan_for(rds, i, instant);
  if (!plan && bring_back(rds, i.resource_id, unwanted)) plan = plan_for(rds, i, instant);
  if (!plan && !instant) unavailable(plan.error().message);
  if (!plan) {
    unavailable(fmt::format("{} can't be brought back: {}.{}", instant_text(*instant), plan.error().message,
                            window_text(rds, i)));
  }
  out.plan = std::move(*plan);
  out.of = fmt::format("{} as of {}", i.identifier, instant_text(out.instant));
  return out;
}

Past of_snapshot(Rds& rds, const Snapshot& s, const std::function<bool()>& unwanted) {
  if (s.state != Snapshot::State::available) {
    throw Fault("InvalidDBSnapshotState", fmt::format("The snapshot {} is not available.", s.identifier));
  }
  Past out{.source = s.source, .instant = s.database_time, .from_snapshot = true};
  auto plan = plan_of(rds, s);
  if (!plan && bring_back(rds, s.resource_id(), unwanted)) plan = plan_of(rds, s);
  if (!plan) unavailable(plan.error().message);
  out.plan = std::move(*plan);
  out.of = fmt::format("snapshot {} of {}", s.identifier, instant_text(s.database_time));
  return out;
}

}  // namespace

std::string instant_text(Time t) { return wire::format_iso8601(wire::to_timestamp(t)); }

Past find_past(Rds& rds, const Scope& scope, const std::string& name, std::optional<Time> instant,
               const std::function<bool()>& unwanted) {
  const std::string id = lower_case(name);
  const auto finish = [&](Past past) {
    past.source.engine_version = engine_for(rds, past.source).version;
    return past;
  };
  if (const auto i = rds.store.get<Instance>(scope.key(id))) return finish(of_instance(rds, *i, instant, unwanted));
  std::shared_ptr<const Snapshot> s;
  try {
    s = snapshot_named(rds.store, scope, name);
  } catch (const Fault&) {
    throw Fault("DBInstanceNotFound", fmt::format("There is neither an instance nor a snapshot named {}.", name));
  }
  if (instant) {
    throw Fault("InvalidParameterCombination", fmt::format("{} is a snapshot, which has one instant of its own: {}.",
                                                           s->identifier, instant_text(s->database_time)));
  }
  return finish(of_snapshot(rds, *s, unwanted));
}

}  // namespace howdah::rds
