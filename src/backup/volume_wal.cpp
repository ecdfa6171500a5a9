#include "backup/volume_wal.h"

#include <algorithm>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "backup/control.h"
#include "backup/staging.h"
#include "backup/wal_feed.h"
#include "backup/wal_tail.h"
#include "os/files.h"

namespace howdah::backup {

bool needs_recovery(const Plan& plan) { return !plan.base.stopped || plan.target != plan.base.end; }

namespace {

/// Without its label, a copy of a running server would be recovered from whatever checkpoint its control file names:
/// from too late a position, silently.
Result<void> check_start(const Plan& plan, const std::string& data) {
  if (plan.base.stopped || plan.base.crash_consistent || os::exists(data + "/backup_label")) return {};
  auto control = read_control(data);
  if (!control) return tl::unexpected(control.error());
  if (control->state == ClusterState::kShutDownInRecovery) return {};
  return fail(
      fmt::format("base {} is damaged: it was copied from a running server and has no backup_label", plan.base.id));
}

std::optional<std::string> damage_at(const Plan& plan, const WalTail& tail) {
  if (behind_header(tail.end) == behind_header(plan.target.lsn)) return {};
  return fmt::format("the WAL for base {} is damaged at {} (segment {}), before the target {}", plan.base.id,
                     lsn_text(tail.end), segment_name(plan.target.timeline, tail.end), lsn_text(plan.target.lsn));
}

/// What of the plan's WAL stays where it is until a server asks for it; nothing when it can be cloned.
std::vector<std::string> left_to_feed(const Plan& plan, const std::string& wal) {
  auto files = needs_recovery(plan) ? WalFeed::files_of(plan) : std::vector<std::string>();
  if (!files.empty() && can_share(files.front(), wal)) files.clear();
  return files;
}

}  // namespace

Result<void> set_up_recovery(const Plan& plan, const std::string& data, os::Owner owner, const std::string& feed) {
  if (auto fine = check_start(plan, data); !fine) return fine;
  if (plan.base.crash_consistent) {
    if (auto told = set_consistent_from(data, plan.base.end, owner); !told) return told;
  }
  const std::string wal = data + "/pg_wal";
  auto fed = feed.empty() ? std::vector<std::string>() : left_to_feed(plan, wal);
  if (!fed.empty()) {
    if (auto made = os::ensure_dir(feed, 0700, owner); !made) return made;
  }
  std::vector<std::string> placed;
  std::copy_if(plan.wal.begin(), plan.wal.end(), std::back_inserter(placed),
               [&, left = std::set(fed.begin(), fed.end())](const auto& path) { return !left.contains(path); });
  if (auto done = place_wal(placed, wal, Blocks::kShared); !done) return done;
  if (needs_recovery(plan)) {
    for (const auto& path : wal_files_in(wal)) fed.push_back(path);
    auto tail = find_tail(WalFiles(fed, plan.target.timeline), plan.base.start.lsn, plan.target.lsn);
    if (!tail) return tl::unexpected(tail.error());
    if (auto damage = damage_at(plan, *tail)) return fail(*damage);
    if (auto cut = cut_wal(wal, plan.target.timeline, *tail, true); !cut) return cut;
    if (auto done = os::write_file_atomic(data + "/recovery.signal", "", 0600, owner); !done) return done;
  }
  auto owned = os::repair_tree(wal, owner);
  if (!owned) return tl::unexpected(owned.error());
  return {};
}

namespace {

/// Where set_up_recovery() has put the plan's WAL.
std::vector<std::string> placed_in(const std::string& directory, const Plan& plan) {
  std::vector<std::string> out;
  for (const auto& path : plan.wal) out.push_back(directory + "/" + wal_name(path));
  return out;
}

std::optional<std::string> damage_in(const std::vector<std::string>& wal, const Plan& plan) {
  const auto tail = walk_wal(wal, plan.target.timeline, plan.base.start.lsn, plan.target.lsn, 1);
  return tail ? damage_at(plan, *tail) : std::optional(tail.error().message);
}

}  // namespace

std::optional<std::string> wal_damage(const Plan& plan) {
  return needs_recovery(plan) ? damage_in(plan.wal, plan) : std::nullopt;
}

std::optional<std::string> wal_damage_beside(const Plan& plan, const std::string& directory) {
  if (!needs_recovery(plan) || !damage_in(placed_in(directory, plan), plan)) return {};
  return wal_damage(plan);
}

}  // namespace howdah::backup
