#include "rds/interim_bases.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "backup/restore.h"
#include "domain/automated_backup.h"
#include "domain/config.h"
#include "domain/interim_base.h"
#include "domain/snapshot.h"
#include "rds/backup_work.h"
#include "rds/flows.h"
#include "rds/storage_ladder.h"
#include "util/id.h"
#include "util/log.h"

namespace howdah::rds {
namespace {

constexpr std::chrono::hours kKept{24};
constexpr uint64_t kCopyWorth = 4;  // times its size in WAL: what copies take is a quarter of what the vault takes

template <class Reader>  // the store or a transaction of it
bool has_backups(const Reader& reader, const std::string& resource_id) {
  if (const auto i = reader.template find<Instance>(Instance::by_id(resource_id))) return i->backup_retention > 0;
  const auto retained = reader.template all<AutomatedBackup>();
  return std::any_of(retained.begin(), retained.end(),
                     [&](const auto& b) { return b->source.resource_id == resource_id; });
}

}  // namespace

bool interim_base_pays(uint64_t wal, uint64_t least, uint64_t base_bytes, bool cloned) {
  return wal >= std::max(least, cloned ? 0 : kCopyWorth * base_bytes);
}

std::map<std::string, NewestBase> newest_bases(const store::Store& store) {
  std::map<std::string, NewestBase> out;
  const auto made = [&](const std::string& resource_id, uint64_t lsn, Time time) {
    NewestBase& n = out[resource_id];
    if (lsn > n.lsn) std::tie(n.lsn, n.time) = std::tie(lsn, time);
  };
  for (const auto& s : store.all<Snapshot>()) {
    if (s->state == Snapshot::State::failed) continue;
    if (s->materialised) {
      made(s->resource_id(), s->lsn, s->database_time);
    } else if (s->state == Snapshot::State::creating || store.get<flow::Workflow>("base/" + s->base_id)) {
      out[s->resource_id()].being_made = true;
    }
  }
  for (const auto& b : store.all<InterimBase>()) {
    if (store.get<flow::Workflow>(b->workflow())) out[b->resource_id].being_made = true;
    made(b->resource_id, b->lsn, b->begun);
  }
  return out;
}

uint64_t InterimBases::least_wal() const { return static_cast<uint64_t>(rds_.config.interim_wal_mb) << 20; }

void InterimBases::begin_due() {
  const uint64_t least = least_wal();
  if (least == 0) return;
  const auto every = std::chrono::minutes(rds_.config.interim_minutes);
  const Time now = rds_.clock.now();
  std::erase_if(tried_, [&](const auto& t) { return now - t.second >= every || set_back_since(t.second, now); });
  const auto known = newest_bases(rds_.store);
  for (const auto& i : rds_.store.all<Instance>()) {
    if (i->rest != Rest::available || i->backup_retention == 0) continue;
    const auto found = known.find(i->resource_id);
    if (found == known.end() || found->second.being_made || found->second.lsn == 0) continue;
    const Time last = found->second.time;
    if (tried_.contains(i->resource_id) || (now - last < every && !set_back_since(last, now))) continue;
    const auto durable = vault_of(rds_, i->resource_id).durable();
    if (!durable || durable->position.lsn < found->second.lsn + least) continue;
    begin(i->resource_id, durable->position, durable->position.lsn - found->second.lsn);
  }
}

void InterimBases::begin(const std::string& resource_id, backup::Position end, uint64_t behind) {
  tried_[resource_id] = rds_.clock.now();
  const auto plan = backup::plan_to_position(vault_of(rds_, resource_id), bases_of(rds_, resource_id), end);
  if (!plan) {
    log::warn("no base is made between an instance's snapshots",
              {{"instance", resource_id}, {"reason", plan.error().message}});
    return;
  }
  const backup::Base& base = plan->base;
  const bool cloned = backup::shares_blocks(rds_.config.state_dir, base);
  if (!interim_base_pays(behind, least_wal(), base.bytes, cloned)) return;
  if (little_is_left(rds_.config.state_dir, behind + (cloned ? 0 : base.bytes))) return;
  rds_.store.write([&](store::Tx& tx) {
    InterimBase b{.base_id = "base-" + id::random("abcdefghijklmnopqrstuvwxyz234567", 26),
                  .resource_id = resource_id,
                  .timeline = plan->target.timeline,
                  .lsn = plan->target.lsn,
                  .begun = rds_.clock.now()};
    if (!has_backups(tx, resource_id)) return;
    rds_.flows.start(tx, kInterimBase, b.workflow());
    tx.put(std::move(b));
  });
}

void InterimBases::expire() {
  const auto all = rds_.store.all<InterimBase>();
  if (all.empty()) return;
  const bool scarce = little_is_left(rds_.config.state_dir);
  const Time now = rds_.clock.now();
  for (const auto& b : all) {
    const bool young = now - b->begun < kKept && !set_back_since(b->begun, now);
    if (young && !scarce && has_backups(rds_.store, b->resource_id)) continue;
    rds_.store.write([&](store::Tx& tx) {
      tx.erase<InterimBase>(b->key());
      tidy_backups(rds_, tx);
    });
  }
}

}  // namespace howdah::rds
