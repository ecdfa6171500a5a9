#include "backup/base.h"

#include <fmt/format.h>

#include "backup/base_copy.h"
#include "backup/control.h"
#include "backup/staging.h"
#include "backup/wal_tail.h"
#include "os/files.h"
#include "pg/server.h"

namespace howdah::backup {
namespace {

/// The files of pg_wal from `from` on, up to the segment before `limit`, and every history file.
std::vector<std::string> wal_between(const std::string& directory, Lsn from, Lsn limit) {
  std::vector<std::string> out;
  for (const auto& path : wal_files_in(directory)) {
    auto start = segment_start(path.substr(path.rfind('/') + 1));
    if (!start || (start->lsn + kSegmentSize > from && start->lsn < limit)) out.push_back(path);
  }
  return out;
}

/// Where the WAL of a cluster that does not run ends.
Result<WalTail> end_of_wal(const std::string& data, const Control& control) {
  WalFiles files(wal_files_in(data + "/pg_wal"), control.redo.timeline);
  auto tail = walk_wal(files, control.redo.lsn, files.end());
  if (tail && tail->last < control.checkpoint) {
    return fail(fmt::format("the WAL in {}/pg_wal ends at {}, before the last checkpoint's record at {}", data,
                            lsn_text(tail->end), lsn_text(control.checkpoint)));
  }
  return tail;
}

}  // namespace

Result<Base> copy_stopped(const BaseSpec& spec, bool crashed) {
  auto staging = Staging::open(spec.state, spec.id);
  if (!staging) return tl::unexpected(staging.error());
  if (auto base = staging->finished()) return *base;
  const std::string& data = spec.layout.data;
  if (auto seen = pg::observe(spec.layout, spec.owner); seen.running() || seen.state == pg::ServerState::kOrphans) {
    return fail_for_now(fmt::format("the server in {} runs: stop it before its files are copied", data));
  }
  auto control = read_control(data);
  if (!control) return tl::unexpected(control.error());
  const bool clean = control->state == ClusterState::kShutDown && !os::exists(data + "/backup_label");
  if (!clean && !crashed) {
    return fail(
        fmt::format("the cluster in {} was not shut down cleanly (state {}): start and stop it, or copy it as "
                    "crashed",
                    data, static_cast<uint32_t>(control->state)));
  }
  if (os::exists(data + "/recovery.signal") || os::exists(data + "/standby.signal")) {
    return fail(fmt::format("the cluster in {} is in the middle of a recovery: finish it first", data));
  }
  auto tail = end_of_wal(data, *control);
  if (!tail) return tl::unexpected(tail.error());
  auto copied =
      copy_data(data, staging->data(), {.verify_pages = clean && control->page_checksums, .progress = spec.progress});
  if (!copied) return tl::unexpected(copied.error());
  auto content = read_control_stable(data);
  if (!content) return tl::unexpected(content.error());
  if (auto done = add_file(staging->data(), "global/pg_control", *content, *copied); !done) {
    return tl::unexpected(done.error());
  }
  auto placed = place_wal(wal_between(data + "/pg_wal", control->redo.lsn, tail->end), staging->wal());
  if (!placed) return tl::unexpected(placed.error());
  if (auto seen = pg::observe(spec.layout, spec.owner); seen.running()) {
    return fail_for_now(fmt::format("the server in {} was started while its files were copied", data));
  }
  Base base{.resource_id = spec.resource_id,
            .start = control->redo,
            .end = {control->redo.timeline, tail->end},
            .ended = spec.now(),
            .system_identifier = control->system_identifier,
            .engine_version = spec.engine.version,
            .crash_consistent = !clean,
            .stopped = clean};
  if (spec.progress) spec.progress(100);
  return staging->publish(std::move(base), std::move(*copied));
}

}  // namespace howdah::backup
