#include "backup/restore.h"

#include <future>
#include <optional>

#include <fmt/format.h>

#include "backup/base_check.h"
#include "backup/control.h"
#include "backup/private_server.h"
#include "backup/promoted.h"
#include "backup/staging.h"
#include "backup/volume_wal.h"
#include "backup/wal_feed.h"
#include "backup/wal_tail.h"
#include "os/copy.h"
#include "os/files.h"
#include "pg/server.h"
#include "pg/volume.h"
#include "util/fault_point.h"
#include "util/json.h"

namespace howdah::backup {
namespace {

std::string recovery_dir(const pg::Layout& layout) { return layout.root + "/recovery"; }
std::string feed_dir(const pg::Layout& layout) { return recovery_dir(layout) + "/feed"; }
bool recovers(const pg::Layout& layout) { return os::exists(layout.data + "/recovery.signal"); }
std::string marker_of(const pg::Layout& layout) { return recovery_dir(layout) + "/done.json"; }

std::string render_marker(const Plan& plan, const Recovered& r) {
  return json_text(nlohmann::json{{"base", plan.base.id},
                                  {"target", lsn_text(plan.target.lsn)},
                                  {"end_timeline", r.end.timeline},
                                  {"end", lsn_text(r.end.lsn)},
                                  {"timeline", r.timeline}});
}

Result<void> mark(const Plan& plan, const pg::Layout& layout, const Recovered& r) {
  return os::write_file_atomic(marker_of(layout), render_marker(plan, r), 0600);
}

/// What the copied files become: a server that has been promoted before, or one that is to be recovered.
Result<void> complete(const std::string& state, const Plan& plan, const std::string& tmp, const pg::Layout& layout,
                      os::Owner owner, const std::optional<Recovered>& promoted) {
  if (auto made = os::ensure_dir(recovery_dir(layout), 0700); !made) return made;
  if (!promoted) return set_up_recovery(plan, tmp, owner, feed_dir(layout));
  if (auto placed = place_promoted(state, plan, tmp, owner); !placed) return placed;
  return mark(plan, layout, *promoted);  // recover() finds it done
}

Result<void> fill(const std::string& state, const Plan& plan, const std::string& tmp, const pg::Layout& layout,
                  os::Owner owner) {
  const auto promoted = promoted_end(state, plan);
  const auto left_out = [&](const std::string& path) {
    return path == "backup_manifest" || (promoted && path == "global/pg_control");
  };
  const bool replays = !promoted && needs_recovery(plan);
  auto copied = os::copy_tree(base_dir(state, plan.base.id) + "/data", tmp,
                              {.owner = owner, .lazily = replays, .leave_room = true, .skip = left_out});
  if (!copied) return tl::unexpected(copied.error());
  fault::point("backup.volume:copied");
  // What was copied is in memory now: it is compared while the disk writes.
  auto check = std::async(std::launch::async, [&state, &plan, copied = std::move(*copied)] {
    return copied.reflinked ? damage_beside_clones(state, plan.base.id, copied.copied) : damage_of(state, plan.base.id);
  });
  auto done = complete(state, plan, tmp, layout, owner, promoted);
  // A recovery changes most of it, and its WAL goes when it is over: it is synced then, once.
  if (done) done = replays ? pg::mark_unsynced(layout) : os::sync_fs(tmp);
  const auto damage = check.get();
  if (!damage) return tl::unexpected(damage.error());
  if (*damage) return fail(**damage);
  return done;
}

/// What an earlier call found out; an error when it was for another plan.
Result<std::optional<Recovered>> finished(const Plan& plan, const pg::Layout& layout) {
  if (!os::exists(marker_of(layout))) return std::nullopt;
  auto text = os::read_file(marker_of(layout));
  if (!text) return tl::unexpected(text.error());
  try {
    const auto j = parse_json(*text);
    if (j.at("base") != plan.base.id || j.at("target") != lsn_text(plan.target.lsn)) {
      return fail(fmt::format("{} was recovered to {} from base {} before, not to {} from {}", layout.data,
                              j.at("target").get<std::string>(), j.at("base").get<std::string>(),
                              lsn_text(plan.target.lsn), plan.base.id));
    }
    Recovered r{{j.at("end_timeline").get<uint32_t>(), parse_lsn(j.at("end").get<std::string>()).value_or(0)},
                j.at("timeline").get<uint32_t>()};
    return r;
  } catch (const std::exception& e) {
    return fail(fmt::format("{}: {}", marker_of(layout), e.what()));
  }
}

}  // namespace

Result<void> make_volume(const std::string& state, const Plan& plan, const pg::Layout& layout, os::Owner owner) {
  if (auto fine = pg::remove_doubtful(layout); !fine) return fine;
  if (os::exists(layout.data)) return {};
  const std::string tmp = layout.data + ".tmp";
  if (auto gone = os::remove_tree(tmp); !gone) return gone;
  if (auto gone = os::remove_tree(recovery_dir(layout)); !gone) return gone;
  if (auto done = fill(state, plan, tmp, layout, owner); !done) {
    (void)os::remove_tree(tmp);  // on a full disk its space is what the state file needs to record the failure
    return done;
  }
  fault::point("backup.volume:made");
  return pg::is_unsynced(layout) ? os::move(tmp, layout.data) : os::publish(tmp, layout.data);
}

namespace {

/// Before a server starts: what it is fed with is to come. Without recovery.signal one died when it had left the
/// recovery: the next one goes through the WAL once more, and asks for nothing.
Result<void> prepare_wal(const Plan& plan, const pg::Layout& layout, os::Owner owner) {
  if (!os::exists(feed_dir(layout))) return {};
  const std::string wal = layout.data + "/pg_wal";
  if (recovers(layout)) return WalFeed::prepare(plan, feed_dir(layout), wal, owner);
  if (auto placed = place_wal(WalFeed::files_of(plan), wal); !placed) return placed;
  const auto owned = os::repair_tree(wal, owner);
  return owned ? Result<void>() : tl::unexpected(owned.error());
}

/// Runs the server until it is promoted.
Result<void> replay(const Plan& plan, const PrivateServer& server, const pg::Engine& engine, os::Owner owner,
                    Millis timeout) {
  const auto& layout = server.layout;
  const std::string wal = layout.data + "/pg_wal";
  const bool begun = pg::observe(layout, owner).running(), fed = os::exists(feed_dir(layout)) && recovers(layout);
  if (!begun) {
    if (auto ready = prepare_wal(plan, layout, owner); !ready) return ready;
  }
  std::optional<WalFeed> feed;
  if (fed) feed.emplace(plan, feed_dir(layout), wal, owner);
  // PostgreSQL takes damage for the end, after it has replayed all before it: reading ahead of it says so at once.
  // Who comes back to a server that recovers already reads only when that has failed.
  const auto look = [&] { return fed ? wal_damage(plan) : wal_damage_beside(plan, wal); };
  const auto damage = std::async(begun ? std::launch::deferred : std::launch::async, look).share();
  const auto watch = [&]() -> std::optional<std::string> {
    if (const auto failed = feed ? feed->failure() : std::nullopt) return failed->message;
    return damage.wait_for(Millis(0)) == std::future_status::ready ? damage.get() : std::nullopt;
  };
  auto outcome = run_recovery(server, owner, engine, timeout, watch);
  if (!outcome) return tl::unexpected(outcome.error());
  if (outcome->end == RecoveryEnd::kPromoted) return {};
  const std::string what = fmt::format("recovery of {} to {}", layout.data, lsn_text(plan.target.lsn));
  if (outcome->end == RecoveryEnd::kGoesOn) return fail_for_now(what + " goes on");
  if (const auto failed = feed ? feed->failure() : std::nullopt) return tl::unexpected(*failed);
  const bool full = pg::classify_start_log(outcome->reason) == pg::StartFailure::kDiskFull;
  if (!full && damage.get()) return fail(*damage.get());
  return tl::unexpected(
      Error{fmt::format("{} on timeline {} failed: {}", what, plan.target.timeline, outcome->reason), full});
}

}  // namespace

Result<Recovered> recover(const Plan& plan, const pg::Engine& engine, const pg::Layout& layout, os::Owner owner,
                          std::chrono::milliseconds timeout) {
  auto before = finished(plan, layout);
  if (!before) return tl::unexpected(before.error());
  if (*before) return **before;
  if (!needs_recovery(plan)) return Recovered{plan.base.end, plan.base.end.timeline};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  auto control = read_control(layout.data);
  if (!control) return tl::unexpected(control.error());
  auto server = private_server(layout, owner, engine, *control, plan.target, AtTarget::kPromote, layout.run,
                               pg::is_unsynced(layout) ? os::Durable::later : os::Durable::now);
  if (!server) return tl::unexpected(server.error());
  const bool over =
      !recovers(layout) && control->state == ClusterState::kShutDown && !pg::observe(layout, owner).running();
  if (!over) {
    if (auto done = replay(plan, *server, engine, owner, timeout); !done) return tl::unexpected(done.error());
    fault::point("backup.recover:promoted");
  }
  const auto left = std::chrono::duration_cast<Millis>(deadline - std::chrono::steady_clock::now());
  auto stopped = pg::stop_server(server->layout, owner, pg::StopMode::kFast, std::max(left, Millis(10'000)));
  if (!stopped) return tl::unexpected(stopped.error());
  if (!*stopped) return fail_for_now("the private server in " + layout.data + " is still stopping");
  fault::point("backup.recover:stopped");
  auto result = prove_promotion(plan, layout.data, layout.data + "/global/pg_control", layout.data + "/pg_wal");
  if (!result) return result;
  if (auto settled = pg::settle_volume(layout); !settled) return tl::unexpected(settled.error());
  if (auto gone = os::remove_tree(feed_dir(layout)); !gone) return tl::unexpected(gone.error());
  if (auto marked = mark(plan, layout, *result); !marked) return tl::unexpected(marked.error());
  return result;
}

}  // namespace howdah::backup
