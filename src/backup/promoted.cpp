#include "backup/promoted.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "backup/private_server.h"
#include "backup/staging.h"
#include "backup/vault_files.h"
#include "backup/wal_tail.h"
#include "os/files.h"
#include "pg/server.h"
#include "util/fault_point.h"

namespace howdah::backup {
namespace {

constexpr const char* kControl = "/global/pg_control";
constexpr std::chrono::hours kLongest(12);
constexpr std::chrono::minutes kStopPatience(10);  // it ends with a checkpoint

std::string promoted_dir(const std::string& state, const Plan& plan) {
  return base_dir(state, plan.base.id) + "/promoted";
}

Result<Control> control_at(const std::string& path) {
  auto content = os::read_file(path, 1 << 16);
  if (!content) return tl::unexpected(content.error());
  return parse_control(*content);
}

Result<void> move(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return {};
  return fail(fmt::format("cannot move {} to {}: {}", from, to, strerror(errno)));
}

/// Runs the server until it is promoted, and shuts it down.
Result<void> end_recovery(const Plan& plan, const pg::Engine& engine, const pg::Layout& layout, os::Owner owner) {
  const auto control = read_control(layout.data);
  if (!control) return tl::unexpected(control.error());
  auto server = private_server(layout, owner, engine, *control, plan.target, AtTarget::kPromote, "../run");
  if (!server) return tl::unexpected(server.error());
  auto outcome = run_recovery(*server, owner, engine, kLongest);
  if (!outcome) return tl::unexpected(outcome.error());
  if (outcome->end != RecoveryEnd::kPromoted) {
    return fail(fmt::format("a server on the base {}, rolled forward to {}, does not start: {}", plan.base.id,
                            lsn_text(plan.target.lsn), outcome->reason));
  }
  auto stopped = pg::stop_server(server->layout, owner, pg::StopMode::kFast, kStopPatience);
  if (!stopped) return tl::unexpected(stopped.error());
  if (!*stopped) return fail_for_now("the private server in " + layout.data + " is still stopping");
  return {};
}

}  // namespace

Result<Recovered> prove_promotion(const Plan& plan, const std::string& data, const std::string& control_path,
                                  const std::string& wal) {
  const auto control = control_at(control_path);
  if (!control) return tl::unexpected(control.error());
  if (control->state != ClusterState::kShutDown) {
    return fail(fmt::format("{} is not shut down after its recovery (state {})", data,
                            static_cast<uint32_t>(control->state)));
  }
  if (control->system_identifier != plan.base.system_identifier) {
    return fail(fmt::format("{} has the system identifier {}, its base {} has {}", data, control->system_identifier,
                            plan.base.id, plan.base.system_identifier));
  }
  const uint32_t timeline = control->redo.timeline;
  if (timeline <= plan.target.timeline) {
    return fail(fmt::format("the recovery of {} ended on timeline {}: a new one after {} was planned", data, timeline,
                            plan.target.timeline));
  }
  auto history = os::read_file(wal + "/" + history_name(timeline));
  if (!history) return tl::unexpected(history.error());
  const Lsn end = switch_point(*history, plan.target.timeline);
  if (behind_header(end) != behind_header(plan.target.lsn)) {
    return fail(fmt::format("the recovery of {} ended at {} instead of the planned {}: it must not be used", data,
                            lsn_text(end), lsn_text(plan.target.lsn)));
  }
  return Recovered{plan.target, timeline};
}

Result<void> promote(const Plan& plan, const pg::Engine& engine, const pg::Layout& layout, os::Owner owner,
                     const std::string& into) {
  const std::string control = layout.data + kControl, wal = layout.data + "/pg_wal";
  const auto before = os::read_file(control, 1 << 16);
  if (!before) return tl::unexpected(before.error());
  if (auto done = end_recovery(plan, engine, layout, owner); !done) return done;
  fault::point("backup.roll", "promoted");
  const auto proof = prove_promotion(plan, layout.data, control, wal);
  if (!proof) return tl::unexpected(proof.error());
  const auto after = control_at(control);
  if (!after) return tl::unexpected(after.error());
  if (auto made = os::ensure_dir(into, 0700); !made) return made;
  if (auto moved = move(control, into + "/pg_control"); !moved) return moved;
  for (const auto& path : wal_files_in(wal)) {
    const std::string name = path.substr(path.rfind('/') + 1);
    const auto start = segment_start(name);
    const bool needed = start ? start->timeline == proof->timeline && start->lsn + kSegmentSize > after->redo.lsn
                              : name == history_name(proof->timeline);
    if (!needed) continue;
    if (auto moved = move(path, into + "/" + name); !moved) return moved;
  }
  return os::write_file_atomic(control, *before, 0600, owner, os::Durable::later);
}

std::optional<Recovered> promoted_end(const std::string& state, const Plan& plan) {
  const std::string dir = promoted_dir(state, plan);
  if (plan.target != plan.base.end || !os::exists(dir + "/pg_control")) return {};
  const auto control = control_at(dir + "/pg_control");
  if (!control) return {};
  const auto proof = prove_promotion(plan, dir, dir + "/pg_control", dir);
  if (!proof) return {};
  // The shutdown checkpoint is where the server starts, and the last record there is.
  const auto tail = walk_wal(WalFiles(wal_files_in(dir), proof->timeline), control->checkpoint,
                             control->checkpoint + kSegmentSize);
  if (!tail || tail->last != control->checkpoint) return {};
  return *proof;
}

Result<void> place_promoted(const std::string& state, const Plan& plan, const std::string& data, os::Owner owner) {
  const std::string dir = promoted_dir(state, plan);
  const auto control = os::read_file(dir + "/pg_control", 1 << 16);
  if (!control) return tl::unexpected(control.error());
  if (auto done = os::write_file_atomic(data + kControl, *control, 0600, owner, os::Durable::later); !done) return done;
  if (auto placed = place_wal(wal_files_in(dir), data + "/pg_wal"); !placed) return placed;
  auto owned = os::repair_tree(data + "/pg_wal", owner);
  if (!owned) return tl::unexpected(owned.error());
  return {};
}

}  // namespace howdah::backup
