#include <sys/stat.h>
#include <unistd.h>
#include <filesystem>

#include <fmt/format.h>

#include "backup/base.h"
#include "backup/base_check.h"
#include "backup/base_copy.h"
#include "backup/checksum.h"
#include "backup/control.h"
#include "backup/private_server.h"
#include "backup/promoted.h"
#include "backup/restore.h"
#include "backup/staging.h"
#include "backup/vault_files.h"
#include "backup/volume_wal.h"
#include "backup/wal_tail.h"
#include "os/copy.h"
#include "os/files.h"
#include "pg/server.h"
#include "util/fault_point.h"

namespace howdah::backup {
namespace {

constexpr std::chrono::hours kLongest(12);
constexpr std::chrono::seconds kStopPatience(30);

/// The private server lives within the base that is being made. Its socket is named relative to the data directory,
/// since the whole path may be longer than a socket's address.
pg::Layout layout_within(const std::string& root) {
  return {.root = root, .data = root + "/data", .conf = root + "/conf", .run = root + "/run", .log = root + "/log"};
}

Result<void> make_directories(const pg::Layout& layout, os::Owner owner) {
  const os::Owner ours{geteuid(), getegid()};
  struct Dir {
    std::string path;
    mode_t mode;
    os::Owner owner;
  };
  for (const Dir& d : {Dir{layout.root, 0711, ours}, Dir{layout.log, 0750, {ours.uid, owner.gid}},
                       Dir{layout.error_log_dir(), 0700, owner}, Dir{layout.run, 0700, owner}}) {
    if (auto made = os::ensure_dir(d.path, d.mode, d.owner); !made) return made;
  }
  return {};
}

Result<void> end_server(const pg::Layout& layout, os::Owner owner) {
  auto stopped = pg::stop_server(layout, owner, pg::StopMode::kImmediate, kStopPatience);
  if (!stopped) return tl::unexpected(stopped.error());
  if (!*stopped) return fail_for_now("the private server in " + layout.data + " does not end");
  return {};
}

tl::unexpected<Error> not_rolled(const Plan& plan, const std::string& reason) {
  if (const auto damage = wal_damage(plan)) return fail(*damage);
  return fail(fmt::format("base {} could not be rolled forward to {} on timeline {}: {}", plan.base.id,
                          lsn_text(plan.target.lsn), plan.target.timeline, reason));
}

/// Recovery to the target, where the server shuts itself down. The control file tells whether it did.
Result<Control> replay(const BaseSpec& spec, const Plan& plan, const pg::Layout& layout) {
  auto before = read_control(layout.data);
  if (!before) return before;
  auto server = private_server(layout, spec.owner, spec.engine, *before, plan.target, AtTarget::kShutdown, "../run");
  if (!server) return tl::unexpected(server.error());
  auto outcome = run_recovery(*server, spec.owner, spec.engine, kLongest);
  const auto ended = end_server(layout, spec.owner);
  if (!outcome) return tl::unexpected(outcome.error());
  if (!ended) return tl::unexpected(ended.error());
  auto after = read_control(layout.data);
  if (!after) return after;
  if (outcome->end != RecoveryEnd::kEnded || after->state != ClusterState::kShutDownInRecovery ||
      after->min_recovery_end > plan.target.lsn || after->backup_end_required) {
    return not_rolled(plan, outcome->reason);
  }
  fault::point("backup.roll:replayed");
  return after;
}

/// Whether replay() would find no newer restartpoint than the one that the rolled base, whose control file that is,
/// begins at: then all that it would change there is how far the files are consistent.
bool same_restartpoint(const Plan& plan, const Control& control, const std::string& wal) {
  constexpr Lsn kMost = 1ULL << 30;  // to look through: more than that will hold a checkpoint
  const Lsn from = plan.base.end.lsn, to = plan.target.lsn;
  if (control.state != ClusterState::kShutDownInRecovery || to - from > kMost) return false;
  const auto tail = walk_wal(WalFiles(wal_files_in(wal), plan.target.timeline), from, to);
  return tail && !tail->checkpoint && behind_header(tail->end) == behind_header(to);
}

/// Makes the control file what it is after a replay to the target. The promotion replays from the restartpoint anyway:
/// where that is the same as before, nobody else has to.
Result<Control> stand_at_target(const BaseSpec& spec, const Plan& plan, const pg::Layout& layout) {
  const auto control = read_control(layout.data);
  if (!control) return control;
  if (!same_restartpoint(plan, *control, layout.data + "/pg_wal")) return replay(spec, plan, layout);
  if (auto told = set_consistent_from(layout.data, plan.target, spec.owner); !told) return tl::unexpected(told.error());
  return read_control(layout.data);
}

/// What recovery from the last restartpoint needs gets a second name, in `wal`: the promotion removes the first.
Result<void> keep_wal(const Control& control, const std::string& data, const std::string& wal) {
  for (const auto& path : wal_files_in(data + "/pg_wal")) {
    const std::string name = path.substr(path.rfind('/') + 1);
    auto start = segment_start(name);
    if (start && start->lsn + kSegmentSize <= control.redo.lsn) continue;
    if (auto linked = os::link_file(path, wal + "/" + name); !linked) return linked;
  }
  return {};
}

/// Nobody else has the WAL any more: it is made to end at the target.
Result<void> cut_kept_wal(const Plan& plan, const Control& control, const std::string& wal) {
  auto tail = find_tail(WalFiles(wal_files_in(wal), plan.target.timeline), control.redo.lsn, plan.target.lsn);
  if (!tail) return tl::unexpected(tail.error());
  if (behind_header(tail->end) != behind_header(plan.target.lsn)) {
    return fail(fmt::format("the WAL of the rolled base ends at {} instead of {}", lsn_text(tail->end),
                            lsn_text(plan.target.lsn)));
  }
  return cut_wal(wal, plan.target.timeline, *tail, false);
}

Result<void> empty_directory(const std::string& path) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(path, none)) {
    if (auto gone = os::remove_tree(entry.path().string()); !gone) return gone;
  }
  return {};
}

/// Takes away what the private server left behind, so that data/ holds what a copy would.
Result<void> tidy(const pg::Layout& layout) {
  for (const char* name : {"recovery.signal", "postmaster.opts", "postmaster.pid", "backup_label.old",
                           "tablespace_map.old", "backup_manifest"}) {
    if (auto gone = os::remove_tree(layout.data + "/" + name); !gone) return gone;
  }
  for (const char* name : {"pg_wal", "pg_replslot", "pg_stat_tmp", "pg_notify", "pg_serial", "pg_snapshots",
                           "pg_subtrans", "pg_dynshmem"}) {
    if (auto done = empty_directory(layout.data + "/" + name); !done) return done;
  }
  if (auto made = os::ensure_dir(layout.data + "/pg_wal/archive_status", 0700); !made) return made;
  for (const auto& path : {layout.run, layout.log, layout.root + "/recovery", layout.start_lock()}) {
    if (auto gone = os::remove_tree(path); !gone) return gone;
  }
  return os::ensure_dir(layout.root, 0700);
}

Result<CopiedData> list_files(const pg::Layout& layout, const Control& control) {
  auto listed = inspect_data(layout.data, control.page_checksums);
  if (!listed) return listed;
  auto content = os::read_file(layout.data + "/global/pg_control", 1 << 16);
  if (!content) return tl::unexpected(content.error());
  if (auto done = add_file(layout.data, "global/pg_control", *content, *listed); !done) {
    return tl::unexpected(done.error());
  }
  return listed;
}

/// When everything before `position` had been written for certain, from the vault's clock index.
Time written_by(const Vault& vault, Lsn position, Time latest) {
  const auto record = ClockFile(vault.root()).first_at(position);
  return record ? std::min(record->after, latest) : latest;
}

}  // namespace

Result<Base> roll_forward(const BaseSpec& spec, const Base& from, Position to) {
  const pg::Layout layout = layout_within(base_dir(spec.state, spec.id) + ".tmp");
  auto staging = Staging::open(spec.state, spec.id, [&] { return end_server(layout, spec.owner); });
  if (!staging) return tl::unexpected(staging.error());
  if (auto base = staging->finished()) return *base;
  const Vault vault(spec.state, spec.resource_id);
  auto plan = plan_to_position(vault, {from}, to);
  if (!plan) return tl::unexpected(plan.error());
  if (!needs_recovery(*plan)) return fail(fmt::format("base {} is at {} already", from.id, lsn_text(to.lsn)));
  if (auto made = make_directories(layout, spec.owner); !made) return tl::unexpected(made.error());
  auto copied =
      os::copy_tree(base_dir(spec.state, from.id) + "/data", layout.data, {.owner = spec.owner, .leave_room = true});
  if (!copied) return tl::unexpected(copied.error());
  const auto damage = damage_seen_in(layout.data, spec.state, from.id);  // it must not be inherited
  if (!damage) return tl::unexpected(damage.error());
  if (*damage) return fail(**damage);
  if (auto done = set_up_recovery(*plan, layout.data, spec.owner); !done) return tl::unexpected(done.error());
  if (spec.progress) spec.progress(20);
  fault::point("backup.roll:copied");
  auto control = stand_at_target(spec, *plan, layout);
  if (!control) return tl::unexpected(control.error());
  if (spec.progress) spec.progress(60);
  if (auto kept = keep_wal(*control, layout.data, staging->wal()); !kept) return tl::unexpected(kept.error());
  if (auto done = promote(*plan, spec.engine, layout, spec.owner, staging->promoted()); !done) {
    return done.error().retry ? tl::unexpected(done.error()) : not_rolled(*plan, done.error().message);
  }
  if (spec.progress) spec.progress(80);
  if (auto tidied = tidy(layout); !tidied) return tl::unexpected(tidied.error());
  if (auto cut = cut_kept_wal(*plan, *control, staging->wal()); !cut) return tl::unexpected(cut.error());
  for (const auto& path : {layout.data, staging->wal(), staging->promoted()}) {
    if (auto ours = os::repair_tree(path, {geteuid(), getegid()}); !ours) return tl::unexpected(ours.error());
  }
  auto listed = list_files(layout, *control);
  if (!listed) return tl::unexpected(listed.error());
  Base base{.resource_id = spec.resource_id,
            .start = control->redo,
            .end = plan->target,
            .ended = written_by(vault, plan->target.lsn, spec.now()),
            .system_identifier = control->system_identifier,
            .engine_version = spec.engine.version,
            .interim = spec.interim};
  if (spec.progress) spec.progress(100);
  return staging->publish(std::move(base), std::move(*listed));
}

}  // namespace howdah::backup
