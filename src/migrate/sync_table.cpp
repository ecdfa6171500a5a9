#include "migrate/sync_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace howdah::migrate {
namespace {

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const auto& p : parts) out += (out.empty() ? "" : std::string(between)) + p;
  return out;
}

std::string prefixed(const std::vector<std::string>& columns, std::string_view prefix) {
  std::string out;
  for (const auto& c : columns) out += fmt::format("{}{}.{}", out.empty() ? "" : ", ", prefix, c);
  return out;
}

std::vector<std::string> array(const std::string& text) {  // of quoted identifiers, joined by newlines
  std::vector<std::string> out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Problem differs(const SyncTable& table, std::string message) {
  return {.code = "columns-differ",
          .where = table.name,
          .message = std::move(message),
          .hint = "both sides need the same columns: run the migrations of both first",
          .fix = "howdah migrate diff --from SOURCE_URL --to TARGET_URL"};
}

/// The part of "column=expression" that is about this column, "" = none.
std::string mask_of(const std::vector<std::string>& masks, const std::string& table, const std::string& column) {
  const std::string bare = table.substr(table.find('.') + 1);
  for (const auto& m : masks) {
    const size_t equal = m.find('=');
    const std::string name = m.substr(0, equal);
    if (name == column || name == bare + "." + column || name == table + "." + column) return m.substr(equal + 1);
  }
  return "";
}

}  // namespace

const SyncColumn* SyncTable::find(const std::string& column) const {
  const auto it = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == column; });
  return it == columns.end() ? nullptr : &*it;
}

tl::expected<SyncTable, Problem> read_table(Database& db, const std::string& name) {
  auto found = db.exec(
      fmt::format("select c.oid, format('%I.%I', nspname, relname), relkind from pg_class c join pg_namespace n on "
                  "n.oid = relnamespace where c.oid = to_regclass({})",
                  db.literal(name)));
  if (!found) return tl::unexpected(problem_of(found.error()));
  if (found->rows.empty()) return tl::unexpected(Problem{.code = "not-found", .message = "there is no table " + name});
  SyncTable out{.oid = found->at(0, 0), .name = found->at(0, 1), .partitioned = found->at(0, 2) == "p"};
  if (found->at(0, 2) != "r" && !out.partitioned) {
    return tl::unexpected(Problem{.code = "not-a-table", .message = out.name + " is a view or a foreign table"});
  }
  auto rows = db.exec(fmt::format(
      "select quote_ident(attname), format_type(atttypid, atttypmod), attnotnull and not atthasdef and attidentity = "
      "'', attgenerated <> '', coalesce(array_position(indkey::int2[], attnum), -1) + 1 from pg_attribute left join "
      "pg_index on indrelid = attrelid and indisprimary where attrelid = {} and attnum > 0 and not attisdropped order "
      "by attnum",
      out.oid));
  if (!rows) return tl::unexpected(problem_of(rows.error()));
  for (const auto& r : rows->rows)
    out.columns.push_back({r[0], r[1], r[2] == "t", r[3] == "t", std::atoi(r[4].c_str())});
  return out;
}

tl::expected<std::vector<ForeignKey>, SqlFailure> read_foreign_keys(Database& db,
                                                                    const std::vector<SyncTable>& tables) {
  std::string oids;
  for (const auto& t : tables) oids += (oids.empty() ? "" : ",") + t.oid;
  auto rows = db.exec(fmt::format(
      "select quote_ident(conname), k.conrelid, format('%I.%I', fn.nspname, f.relname), k.confrelid, format('%I.%I', "
      "tn.nspname, t.relname), "
      "(select string_agg(quote_ident(attname), e'\\n' order by o) from unnest(conkey) with ordinality u(n, o) join "
      "pg_attribute on attrelid = conrelid and attnum = n), "
      "(select string_agg(quote_ident(attname), e'\\n' order by o) from unnest(confkey) with ordinality u(n, o) join "
      "pg_attribute on attrelid = confrelid and attnum = n), confdeltype in ('c', 'n', 'd') "
      "from pg_constraint k join pg_class f on f.oid = conrelid join pg_namespace fn on fn.oid = f.relnamespace join "
      "pg_class t on t.oid = confrelid join pg_namespace tn on tn.oid = t.relnamespace "
      "where contype = 'f' and conparentid = 0 and (conrelid in ({0}) or confrelid in ({0})) order by 3, 1",
      oids));
  if (!rows) return tl::unexpected(rows.error());
  std::vector<ForeignKey> out;
  for (const auto& r : rows->rows) out.push_back({r[0], r[1], r[2], r[3], r[4], array(r[5]), array(r[6]), r[7] == "t"});
  return out;
}

std::string SyncPlan::list() const { return joined(columns, ", "); }
std::string SyncPlan::same_key() const {
  std::string out;
  for (const auto& k : keys) out += fmt::format("{}s.{} = t.{}", out.empty() ? "" : " and ", k, k);
  return out;
}
std::string SyncPlan::different() const {
  return fmt::format("row({})::record *<> row({})::record", prefixed(columns, "s"), prefixed(columns, "t"));
}

std::string SyncPlan::stage_sql() const {
  return fmt::format("create temporary table {} on commit drop as select {} from {} with no data", stage, list(),
                     target.name);
}
std::string SyncPlan::copy_out_sql() const {
  return fmt::format("copy (select {} from {}) to stdout", joined(select, ", "), source.name);
}
std::string SyncPlan::copy_in_sql() const { return fmt::format("copy {} ({}) from stdin", stage, list()); }

std::string SyncPlan::count_missing() const {
  if (keys.empty()) return "select count(*) from " + stage;
  return fmt::format("select count(*) from {} s where not exists (select from {} t where {})", stage, target.name,
                     same_key());
}
std::string SyncPlan::count_different() const {
  if (keys.empty()) return "select 0";
  return fmt::format("select count(*) from {} s join {} t on {} where {}", stage, target.name, same_key(), different());
}
std::string SyncPlan::count_surplus() const {
  if (keys.empty()) return "select count(*) from " + target.name;
  return fmt::format("select count(*) from {} t where not exists (select from {} s where {})", target.name, stage,
                     same_key());
}

std::string SyncPlan::delete_sql() const {
  if (keys.empty()) return "delete from " + target.name;
  return fmt::format("delete from {} t where not exists (select from {} s where {})", target.name, stage, same_key());
}
std::string SyncPlan::update_sql() const {
  std::string set;
  for (const auto& c : columns) {
    if (std::find(keys.begin(), keys.end(), c) == keys.end())
      set += fmt::format("{}{} = s.{}", set.empty() ? "" : ", ", c, c);
  }
  if (set.empty() || keys.empty()) return "";
  return fmt::format("update {} t set {} from {} s where {} and {}", target.name, set, stage, same_key(), different());
}
std::string SyncPlan::insert_sql() const {
  const std::string head = fmt::format("insert into {} ({}) overriding system value select {} from {} s", target.name,
                                       list(), prefixed(columns, "s"), stage);
  if (keys.empty()) return head;
  return fmt::format("{} where not exists (select from {} t where {})", head, target.name, same_key());
}

tl::expected<SyncPlan, Problem> plan_sync(SyncTable source, SyncTable target, const std::vector<std::string>& masks,
                                          bool replace) {
  SyncPlan plan;
  std::vector<std::pair<int, std::string>> keys;
  for (const auto& c : target.columns) {
    if (c.generated) continue;
    const SyncColumn* there = source.find(c.name);
    if (there == nullptr && c.required)
      return tl::unexpected(differs(target, fmt::format("the source has no column {}, which needs a value", c.name)));
    if (there == nullptr) continue;
    if (there->type != c.type)
      return tl::unexpected(
          differs(target, fmt::format("{} is {} in the source and {} in the target", c.name, there->type, c.type)));
    const std::string mask = mask_of(masks, target.name, c.name);
    if (!mask.empty() && c.key > 0)
      return tl::unexpected(Problem{
          .code = "usage", .where = target.name, .message = c.name + " is in the primary key: it cannot be masked"});
    plan.columns.push_back(c.name);
    plan.select.push_back(mask.empty() ? c.name : "(" + mask + ")::" + c.type);
    if (c.key > 0) keys.emplace_back(c.key, c.name);
  }
  for (const auto& c : source.columns) {
    if (target.find(c.name) == nullptr)
      return tl::unexpected(differs(target, fmt::format("the target has no column {}", c.name)));
    if (c.key > 0 && target.find(c.name)->key != c.key)
      return tl::unexpected(differs(target, "the two sides have different primary keys"));
  }
  std::sort(keys.begin(), keys.end());
  for (auto& [position, name] : keys) plan.keys.push_back(name);
  if (plan.keys.empty() && !replace)
    return tl::unexpected(Problem{.code = "no-primary-key",
                                  .where = target.name,
                                  .message = target.name + " has no primary key: nothing says which rows are the same",
                                  .hint = "replace deletes all its rows and inserts those of the source",
                                  .fix = "add --replace"});
  plan.source = std::move(source);
  plan.target = std::move(target);
  return plan;
}

}  // namespace howdah::migrate
