// The planner: from which base, through which WAL, to exactly where.
#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "backup/restore.h"
#include "backup/vault_files.h"
#include "backup/wal_tail.h"

namespace howdah::backup {
namespace {

std::string resource_of(const Vault& vault) { return vault.root().substr(vault.root().rfind('/') + 1); }

std::string state_of(const Vault& vault) {
  constexpr std::string_view kVault = "/vault/";
  return vault.root().substr(0, vault.root().rfind(kVault));
}

/// The base's own WAL and the vault's. Of a file that both have, the vault's holds at least as much.
std::vector<std::string> merge(const std::vector<std::string>& own, const std::vector<std::string>& more) {
  std::vector<std::string> out;
  for (const auto& path : own) {
    bool newer = std::any_of(more.begin(), more.end(), [&](const auto& m) { return wal_name(m) == wal_name(path); });
    if (!newer) out.push_back(path);
  }
  out.insert(out.end(), more.begin(), more.end());
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return wal_name(a) < wal_name(b); });
  return out;
}

std::string text_of(Position p) { return fmt::format("{} on timeline {}", lsn_text(p.lsn), p.timeline); }

/// Finds the last whole record before the target: the target moves to its end, when it lies within a record that was
/// still being written. Reads the last segment only, so that a plan takes the same time for any amount of WAL; every
/// record is read and checked when the WAL is placed (set_up_recovery).
Result<Plan> settle(Plan plan) {
  auto tail = find_tail(WalFiles(plan.wal, plan.target.timeline), plan.base.start.lsn, plan.target.lsn);
  if (!tail) return tl::unexpected(tail.error());
  if (behind_header(tail->end) == behind_header(plan.target.lsn)) return plan;
  if (!tail->clean || tail->end < plan.base.end.lsn) {
    return fail(fmt::format("the WAL is damaged at {} (segment {}), before the target {}", lsn_text(tail->end),
                            segment_name(plan.target.timeline, tail->end), text_of(plan.target)));
  }
  plan.target.lsn = tail->end;
  return plan;
}

bool is_at_end(const Base& base, Position target) {
  return target.timeline == base.end.timeline && behind_header(target.lsn) == behind_header(base.end.lsn);
}

/// The base's own WAL and the vault's behind it, as far as the target; what of it is there and belongs together.
Result<Plan> plan_from(const Vault& vault, const Base& base, Position target) {
  auto plan = plan_of_base(state_of(vault), base);
  if (!plan || is_at_end(base, target)) return plan;
  auto chain = vault.chain(base.end, target, base.system_identifier);
  if (!chain) return tl::unexpected(chain.error());
  plan->target = target;
  plan->wal = merge(plan->wal, *chain);
  return settle(std::move(*plan));
}

/// Bases of this vault's instance that `accept` takes, the newest first.
template <class Accept>
std::vector<Base> newest_first(const Vault& vault, const std::vector<Base>& bases, Accept accept) {
  std::vector<Base> out;
  for (const auto& base : bases) {
    if (base.resource_id == resource_of(vault) && accept(base)) out.push_back(base);
  }
  std::sort(out.begin(), out.end(), [](const Base& a, const Base& b) {
    return std::tuple(a.end.lsn, a.ended) > std::tuple(b.end.lsn, b.ended);
  });
  return out;
}

}  // namespace

Result<Plan> plan_of_base(const std::string& state, const Base& base) {
  Plan plan{base, base.end, wal_files_in(base_dir(state, base.id) + "/wal")};
  if (plan.wal.empty()) return fail(fmt::format("base {} holds no WAL: it is damaged", base.id));
  return plan;
}

namespace {

Result<Base> newest_before(const Vault& vault, const std::vector<Base>& bases, Position target) {
  auto history = read_history(vault.root(), target.timeline);
  if (!history) return tl::unexpected(history.error());
  auto usable = newest_first(vault, bases, [&](const Base& base) {
    return (base.end == target || history->contains(base.end)) && base.end.lsn <= target.lsn;
  });
  if (usable.empty()) return fail(fmt::format("no base of {} lies before {}", resource_of(vault), text_of(target)));
  return usable.front();
}

}  // namespace

Result<Plan> plan_to_position(const Vault& vault, const std::vector<Base>& bases, Position target) {
  const auto base = newest_before(vault, bases, target);
  return base ? plan_from(vault, *base, target) : tl::unexpected(base.error());
}

/// A base on another timeline than the stretch's end may lie beside it.
bool CheckedWays::Way::holds(const Base& base) const {
  if (base.system_identifier != system_identifier) return false;
  return base.end == from ||
         (base.end.timeline == reached.timeline && from.lsn <= base.end.lsn && base.end.lsn <= reached.lsn);
}

Position CheckedWays::reached(const Base& base) const {
  std::lock_guard lock(mu_);
  const auto known = ways_.find(base.resource_id);
  return known != ways_.end() && known->second.holds(base) ? known->second.reached : base.end;
}

void CheckedWays::note(const Base& base, Position position) {
  std::lock_guard lock(mu_);
  Way& way = ways_[base.resource_id];
  if (!way.holds(base)) way = {base.end, position, base.system_identifier};
  way.reached = position;
}

namespace {

Result<void> check_from(const Vault& vault, const Base& base, Position target, CheckedWays& ways) {
  if (const auto own = plan_of_base(state_of(vault), base); !own) return tl::unexpected(own.error());
  if (is_at_end(base, target)) return {};
  auto whole = vault.check(base.end, ways.reached(base), target, base.system_identifier);
  if (whole) ways.note(base, target);
  return whole;
}

}  // namespace

Result<void> check_way(const Vault& vault, const std::vector<Base>& bases, Position target, CheckedWays& ways) {
  const auto base = newest_before(vault, bases, target);
  return base ? check_from(vault, *base, target, ways) : tl::unexpected(base.error());
}

Result<bool> check_ahead(const Vault& vault, const std::vector<Base>& bases, CheckedWays& ways) {
  constexpr uint64_t kAtOnce = 64 * kSegmentSize;
  const auto durable = vault.durable();
  if (!durable) return false;
  const auto base = newest_before(vault, bases, durable->position);
  if (!base) return tl::unexpected(base.error());
  const Position from = ways.reached(*base);
  Position to = durable->position;
  const bool more = from.timeline == to.timeline && from.lsn + kAtOnce < to.lsn;
  if (more) to.lsn = segment_begin(from.lsn + kAtOnce);
  const auto whole = check_from(vault, *base, to, ways);
  return whole ? Result<bool>(more) : tl::unexpected(whole.error());
}

std::optional<Reach> reach_of(const Vault& vault, const std::vector<Base>& bases) {
  const auto durable = vault.durable();
  if (!durable) return {};
  const auto history = read_history(vault.root(), durable->position.timeline);
  if (!history) return {};
  const Position end = durable->position;
  const auto usable = newest_first(vault, bases, [&](const Base& base) { return history->contains(base.end); });
  for (auto base = usable.rbegin(); base != usable.rend(); ++base) {
    if (base->ended > durable->clock || !vault.check(base->end, end, end, base->system_identifier)) continue;
    return Reach{base->ended, durable->clock};
  }
  return {};
}

Result<Plan> plan_to_time(const Vault& vault, const std::vector<Base>& bases, Time instant) {
  const auto durable = vault.durable();
  const auto latest = vault.latest_restorable();
  if (!durable || !latest) return fail("nothing can be restored: the WAL vault is empty");
  if (instant > *latest) {
    return fail(
        fmt::format("the requested instant is {} ms after the latest restorable time", (instant - *latest).count()));
  }
  auto history = read_history(vault.root(), durable->position.timeline);
  if (!history) return tl::unexpected(history.error());
  auto usable = newest_first(vault, bases,
                             [&](const Base& base) { return base.ended <= instant && history->contains(base.end); });
  if (usable.empty()) return fail("the requested instant lies before the earliest restorable time");
  auto target = vault.locate(instant, usable.front().end);
  if (!target) {  // what is missing altogether is named by its segment
    auto chain = vault.chain(usable.front().end, durable->position, usable.front().system_identifier);
    return tl::unexpected(chain ? target.error() : chain.error());
  }
  return plan_from(vault, usable.front(), *target);
}

}  // namespace howdah::backup
