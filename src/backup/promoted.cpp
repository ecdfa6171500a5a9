#include "backup/promoted.h"

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "backup/control.h"
#include "backup/manifest.h"
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
constexpr std::chrono::seconds kVaultPatience(10);
constexpr std::chrono::minutes kStopPatience(10);  // it ends with a checkpoint

std::string promoted_dir(const std::string& state, const std::string& base_id) {
  return base_dir(state, base_id) + "/promoted";
}

/// Where a promoted base's server starts.
struct Start {
  Control control;
  Lsn end = 0;  ///< behind its shutdown checkpoint, the last record there is
};

std::optional<Start> look_at(const std::string& promoted) {
  if (!os::exists(promoted + "/pg_control")) return {};
  const auto control = read_control_file(promoted + "/pg_control");
  if (!control) return {};
  const auto tail = walk_wal(WalFiles(wal_files_in(promoted), control->redo.timeline), control->checkpoint,
                             control->checkpoint + kSegmentSize);
  if (!tail || tail->last != control->checkpoint) return {};
  return Start{*control, tail->end};
}

/// Links the data files of a base, but for those that another base has of its own.
Result<CopiedData> link_data(const std::string& from, const std::string& to) {
  const auto text = os::read_file(from + "/backup_manifest");
  if (!text) return tl::unexpected(text.error());
  const auto files = parse_backup_manifest(*text);
  if (!files) return tl::unexpected(files.error());
  if (auto made = os::ensure_dir(to, 0700); !made) return tl::unexpected(made.error());
  std::error_code failed;
  for (std::filesystem::recursive_directory_iterator it(from, failed), end; !failed && it != end;
       it.increment(failed)) {
    if (!it->is_directory()) continue;
    if (auto made = os::ensure_dir(to + it->path().string().substr(from.size()), 0700); !made) {
      return tl::unexpected(made.error());
    }
  }
  if (failed) return fail(fmt::format("cannot read {}: {}", from, failed.message()));
  CopiedData out;
  for (FileEntry file : *files) {
    if ("/" + file.path == kControl) continue;
    if (auto done = os::link_file(from + "/" + file.path, to + "/" + file.path); !done)
      return tl::unexpected(done.error());
    struct stat st {};
    if (stat((to + "/" + file.path).c_str(), &st) == 0) file.modified = Time{std::chrono::seconds(st.st_mtime)};
    out.bytes += file.size;
    out.files.push_back(std::move(file));
  }
  return out;
}

/// Whether the vault holds what the promoted base's server began with: it is that server's, and nothing is missing.
Result<void> check_beginning(const Vault& vault, const std::string& promoted, const Start& start) {
  const uint32_t timeline = start.control.redo.timeline;
  if (!vault.await({timeline, start.end}, kVaultPatience)) return fail_for_now("the vault does not keep up");
  const auto history = read_history(vault.root(), timeline);
  if (!history) return tl::unexpected(history.error());
  const WalFiles ours(wal_files_in(promoted), timeline);
  VaultSource theirs(vault.root(), *history);
  std::string a(start.end - start.control.redo.lsn, '\0'), b = a;
  for (Lsn at = start.control.redo.lsn; at < start.end;) {
    const size_t size = std::min(start.end, at - at % kSegmentSize + kSegmentSize) - at,
                 to = at - start.control.redo.lsn;
    if (!ours.read(at, a.data() + to, size)) return fail(promoted + " has no WAL from " + lsn_text(at));
    if (theirs.read(at, b.data() + to, size) != size) return fail("the vault does not begin where the restore ended");
    at += size;
  }
  if (a != b) return fail("the vault does not begin with the WAL of " + promoted);
  return {};
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

Result<Recovered> prove_promotion(const Plan& plan, const std::string& what, const std::string& control_path,
                                  const std::string& wal) {
  const auto control = read_control_file(control_path);
  if (!control) return tl::unexpected(control.error());
  if (control->state != ClusterState::kShutDown) {
    return fail(
        fmt::format("{} is not shut down after its recovery (state {})", what, static_cast<uint32_t>(control->state)));
  }
  if (control->system_identifier != plan.base.system_identifier) {
    return fail(fmt::format("{} has the system identifier {}, its base {} has {}", what, control->system_identifier,
                            plan.base.id, plan.base.system_identifier));
  }
  const uint32_t timeline = control->redo.timeline;
  if (timeline <= plan.target.timeline) {
    return fail(fmt::format("the recovery of {} ended on timeline {}: a new one after {} was planned", what, timeline,
                            plan.target.timeline));
  }
  auto history = os::read_file(wal + "/" + history_name(timeline));
  if (!history) return tl::unexpected(history.error());
  const Lsn end = switch_point(*history, plan.target.timeline);
  if (behind_header(end) != behind_header(plan.target.lsn)) {
    return fail(fmt::format("the recovery of {} ended at {} instead of the planned {}: it must not be used", what,
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
  fault::point("backup.roll:promoted");
  const auto proof = prove_promotion(plan, layout.data, control, wal);
  if (!proof) return tl::unexpected(proof.error());
  const auto after = read_control_file(control);
  if (!after) return tl::unexpected(after.error());
  if (auto made = os::ensure_dir(into, 0700); !made) return made;
  if (auto moved = os::move(control, into + "/pg_control"); !moved) return moved;
  for (const auto& path : wal_files_in(wal)) {
    const std::string name = path.substr(path.rfind('/') + 1);
    const auto start = segment_start(name);
    const bool needed = start ? start->timeline == proof->timeline && start->lsn + kSegmentSize > after->redo.lsn
                              : name == history_name(proof->timeline);
    if (!needed) continue;
    if (auto moved = os::move(path, into + "/" + name); !moved) return moved;
  }
  return os::write_file_atomic(control, *before, 0600, owner, os::Durable::later);
}

std::optional<Recovered> promoted_end(const std::string& state, const Plan& plan) {
  if (plan.target != plan.base.end) return {};
  const std::string dir = promoted_dir(state, plan.base.id);
  const auto found = look_at(dir);
  if (!found) return {};
  const auto proof = prove_promotion(plan, dir, dir + "/pg_control", dir);
  return proof ? std::optional(*proof) : std::nullopt;
}

Result<void> place_promoted(const std::string& state, const Plan& plan, const std::string& data, os::Owner owner) {
  const std::string dir = promoted_dir(state, plan.base.id);
  const auto control = os::read_file(dir + "/pg_control", 1 << 16);
  if (!control) return tl::unexpected(control.error());
  if (auto done = os::write_file_atomic(data + kControl, *control, 0600, owner, os::Durable::later); !done) return done;
  if (auto placed = place_wal(wal_files_in(dir), data + "/pg_wal"); !placed) return placed;
  auto owned = os::repair_tree(data + "/pg_wal", owner);
  if (!owned) return tl::unexpected(owned.error());
  return {};
}

Result<std::optional<Base>> link_promoted(const BaseSpec& spec, const std::string& from) {
  auto staging = Staging::open(spec.state, spec.id);
  if (!staging) return tl::unexpected(staging.error());
  if (auto base = staging->finished()) return base;
  const std::string dir = promoted_dir(spec.state, from);
  const auto start = look_at(dir);
  const auto origin = read_base(spec.state, from);
  if (!start || !origin) return std::nullopt;
  if (auto same = check_beginning(Vault(spec.state, spec.resource_id), dir, *start); !same) {
    return tl::unexpected(same.error());
  }
  auto linked = link_data(base_dir(spec.state, from) + "/data", staging->data());
  if (!linked) return tl::unexpected(linked.error());
  const auto control = os::read_file(dir + "/pg_control", 1 << 16);
  if (!control) return tl::unexpected(control.error());
  if (auto done = add_file(staging->data(), kControl + 1, *control, *linked); !done) {
    return tl::unexpected(done.error());
  }
  for (const auto& path : wal_files_in(dir)) {
    if (auto done = os::link_file(path, staging->wal() + path.substr(path.rfind('/'))); !done) {
      return tl::unexpected(done.error());
    }
  }
  Base base{.resource_id = spec.resource_id,
            .start = start->control.redo,
            .end = {start->control.redo.timeline, start->end},
            .ended = spec.now(),
            .system_identifier = start->control.system_identifier,
            .engine_version = origin->engine_version,
            .stopped = true};
  auto made = staging->publish(std::move(base), std::move(*linked));
  if (!made) return tl::unexpected(made.error());
  return std::optional(std::move(*made));
}

}  // namespace howdah::backup
