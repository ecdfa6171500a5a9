#include "migrate/probe.h"

#include <fmt/format.h>

namespace howdah::migrate {
namespace {

constexpr const char* kModes[] = {"AccessShare", "RowShare",          "RowExclusive", "ShareUpdateExclusive",
                                  "Share",       "ShareRowExclusive", "Exclusive",    "AccessExclusive"};

using Clock = std::chrono::steady_clock;

constexpr const char* kFigures =
    "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint, (select coalesce(sum(seq_tup_read), "
    "0)::bigint from pg_stat_xact_user_tables)";

}  // namespace

int strength(const std::string& mode) {
  for (int i = 0; i < 8; i++) {
    if (mode == kModes[i]) return i;
  }
  return -1;
}

std::string blocks(const std::string& mode) {
  if (mode == "AccessExclusive") return "reads and writes";
  return strength(mode) >= strength("Share") ? "writes" : "";
}

tl::expected<Probe::Relations, SqlFailure> Probe::relations() {
  auto rows = db_.exec(
      "select c.oid, format('%I.%I', n.nspname, c.relname), coalesce(pg_relation_filenode(c.oid), 0), coalesce(case "
      "when c.relkind in ('r', 'm') then pg_table_size(c.oid) else pg_relation_size(c.oid) end, 0), i.indrelid from "
      "pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_index i on i.indexrelid = c.oid where "
      "n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'm', 'i', 'I') and "
      "(select relname from pg_class t where t.oid = coalesce(i.indrelid, c.oid)) not in ('schema_history', "
      "'schema_history_log', '_prisma_migrations', 'kysely_migration', 'kysely_migration_lock')");
  if (!rows) return tl::unexpected(rows.error());
  Relations out;
  for (const auto& r : rows->rows)
    out[r[0]] = {.name = r[1], .table = r[4], .node = r[2], .bytes = std::atoll(r[3].c_str()), .index = !r[4].empty()};
  return out;
}

tl::expected<void, SqlFailure> Probe::begin() {
  auto now = relations();
  if (!now) return tl::unexpected(now.error());
  before_ = last_ = std::move(*now);
  held_.clear();
  alone_.clear();
  clock_ = 0;
  return {};
}

void Probe::look(Database& through, const std::string& pid, Effect& effect) {
  const auto rows = through.exec("select relation, replace(mode, 'Lock', '') from pg_locks where pid = " + pid +
                                 " and locktype = 'relation' and granted and database = (select oid from pg_database "
                                 "where datname = current_database())");
  for (const auto& r : rows ? rows->rows : std::vector<std::vector<std::string>>()) {
    const auto it = before_.find(r[0]);
    if (it == before_.end() || it->second.index) continue;
    std::string& mode = effect.locks[it->second.name];
    if (strength(r[1]) > strength(mode)) mode = r[1];
  }
}

tl::expected<Effect, SqlFailure> Probe::measure(bool in_transaction,
                                                const std::function<SqlAnswer(const std::function<void()>&)>& work) {
  Effect effect;
  const auto figures = db_.exec(kFigures);
  if (!figures) return tl::unexpected(figures.error());
  const std::string pid = std::to_string(db_.pid());
  const auto start = Clock::now();
  auto done = work([&] {
    if (!in_transaction) look(watcher_, pid, effect);
  });
  effect.ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  if (!done) return tl::unexpected(done.error());
  const auto later = db_.exec(kFigures);
  if (!later) return tl::unexpected(later.error());
  effect.wal_bytes = std::atoll(later->at(0, 0).c_str()) - std::atoll(figures->at(0, 0).c_str());
  if (in_transaction) effect.scanned_rows = std::atoll(later->at(0, 1).c_str()) - std::atoll(figures->at(0, 1).c_str());
  if (in_transaction) look(db_, pid, effect);
  auto now = relations();
  if (!now) return tl::unexpected(now.error());
  for (const auto& [oid, r] : *now) {
    const auto was = last_.find(oid);
    if (was != last_.end() && was->second.node != r.node && before_.contains(oid)) effect.rewritten[r.name] = r.bytes;
    if (was == last_.end() && r.index && before_.contains(r.table)) effect.built[r.name] = r.bytes;
  }
  last_ = std::move(*now);
  // A lock taken before is no news, unless it grew stronger.
  for (auto it = effect.locks.begin(); it != effect.locks.end();) {
    auto& [table, mode] = *it;
    if (in_transaction) {
      auto& held = held_[table];
      const bool news = strength(mode) > strength(held.first);
      if (news && blocks(held.first) != blocks(mode)) held = {mode, clock_};
      if (news) held.first = mode;
      if (!news) {
        it = effect.locks.erase(it);
        continue;
      }
    } else if (!blocks(mode).empty() && alone_[table].ms < effect.ms) {
      alone_[table] = {"", mode, effect.ms};
    }
    ++it;
  }
  clock_ += effect.ms;
  return effect;
}

std::map<std::string, Hold> Probe::end(double commit_ms) {
  std::map<std::string, Hold> out = alone_;
  for (const auto& [table, held] : held_) {
    if (!blocks(held.first).empty()) out[table] = {"", held.first, clock_ + commit_ms - held.second};
  }
  return out;
}

}  // namespace howdah::migrate
