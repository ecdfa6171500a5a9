#include "migrate/import.h"

#include <fmt/format.h>

#include <set>

namespace howdah::migrate {
namespace {

struct Known {
  const char *tool, *table, *columns;  ///< sorted, with types
  const char* query;                   ///< version or name, "t" = unfinished; in the order of execution
  bool only_last = false;
};

/// Columns that newer versions of a tool added may come on top: these must be there.
constexpr Known kKnown[] = {
    {"golang-migrate", "schema_migrations", "dirty boolean,version bigint", "select version::text, dirty from {}",
     true},
    {"rails", "schema_migrations", "version character varying", "select version, false from {} order by version"},
    {"dbmate", "schema_migrations", "version character varying", "select version, false from {} order by version"},
    {"goose", "goose_db_version", "is_applied boolean,version_id bigint",
     "select version_id::text, false from (select distinct on (version_id) * from {} order by version_id, id desc) v "
     "where is_applied and version_id <> 0 order by id"},
    {"sql-migrate", "gorp_migrations", "applied_at timestamp with time zone,id text",
     "select id, false from {} order by applied_at, id"},
    {"node-pg-migrate", "pgmigrations", "name character varying,run_on timestamp without time zone",
     "select name, false from {} order by id"},
    {"alembic", "alembic_version", "version_num character varying", "select version_num, false from {}", true},
    {"flyway", "flyway_schema_history", "script character varying,success boolean",
     "select coalesce(version, script), not success from {} where type in ('SQL', 'BASELINE', 'SQL_BASELINE') order by "
     "installed_rank"},
    {"sqitch", "sqitch.changes", "change text,committed_at timestamp with time zone",
     "select change, false from {} order by committed_at"}};

/// Types as format_type() gives them, without the length.
tl::expected<std::set<std::string>, SqlFailure> columns_of(Database& db, const std::string& table) {
  auto answer = db.exec(fmt::format(
      "select attname || ' ' || format_type(atttypid, null) from pg_attribute where attrelid = to_regclass({}) and "
      "attnum > 0 and not attisdropped",
      db.literal(table)));
  if (!answer) return tl::unexpected(answer.error());
  std::set<std::string> out;
  for (const auto& r : answer->rows) out.insert(r[0]);
  return out;
}

bool has_all(const std::set<std::string>& there, const std::string& wanted) {
  for (size_t at = 0; at < wanted.size();) {
    const size_t end = std::min(wanted.find(',', at), wanted.size());
    if (!there.contains(wanted.substr(at, end - at))) return false;
    at = end + 1;
  }
  return true;
}

std::string stem(std::string_view name) {
  for (const std::string_view ending : {".sql", ".up", ".js", ".ts", ".cjs", ".mjs"}) {
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
  }
  return std::string(name);
}

/// Flyway's V2__add_users.sql and 2.1; leading zeros; words without their number (sqitch).
const Migration* find(const Source& source, const std::string& foreign) {
  std::string name = stem(foreign);
  if (name.size() > 1 && name[0] == 'V' && std::isdigit(static_cast<unsigned char>(name[1]))) {
    name = name.substr(1);
    if (const size_t at = name.find("__"); at != std::string::npos) name.replace(at, 2, "_");
  }
  if (const Migration* m = source.find(name)) return m;
  const std::string digits = name.substr(0, name.find_first_not_of("0123456789"));
  if (digits.empty()) return nullptr;
  // A number alone names a version; a number with words must agree in the words as well, whatever joins them.
  const auto plain = [](std::string s) {
    std::replace(s.begin(), s.end(), '-', '_');
    return s;
  };
  for (const auto& m : source.migrations) {
    const bool same = !version_less(m.version, digits) && !version_less(digits, m.version);
    if (same && (digits == name || plain(m.name.substr(m.version.size())) == plain(name.substr(digits.size()))))
      return &m;
  }
  return nullptr;
}

}  // namespace

tl::expected<std::vector<ForeignHistory>, SqlFailure> foreign_histories(Database& db) {
  std::vector<ForeignHistory> out;
  auto rails = db.exec("select to_regclass('ar_internal_metadata') is not null");
  if (!rails) return tl::unexpected(rails.error());
  for (const Known& k : kKnown) {
    auto columns = columns_of(db, k.table);
    if (!columns) return tl::unexpected(columns.error());
    if (!has_all(*columns, k.columns)) continue;
    const std::string_view tool = k.tool;
    if (tool == "rails" && rails->at(0, 0) != "t") continue;
    if (tool == "dbmate" && (rails->at(0, 0) == "t" || columns->contains("dirty boolean"))) continue;
    auto rows = db.exec(fmt::format(fmt::runtime(k.query), k.table));
    if (!rows) return tl::unexpected(rows.error());
    ForeignHistory h{.tool = k.tool, .table = k.table, .only_last = k.only_last};
    for (const auto& r : rows->rows) {
      h.applied.push_back(r[0]);
      if (r[1] == "t") h.unfinished = r[0] + " did not finish";
    }
    if (tool == "alembic" && h.applied.size() > 1) h.unfinished = "it has several heads";
    out.push_back(std::move(h));
  }
  return out;
}

Match match(const Source& source, const ForeignHistory& history) {
  Match out;
  std::set<const Migration*> found;
  for (const auto& name : history.applied) {
    const Migration* m = find(source, name);
    if (m == nullptr)
      out.missing.push_back(name);
    else
      found.insert(m);
  }
  for (const auto& m : source.migrations) {
    const bool before_last = history.only_last && !found.empty() && &m <= *found.rbegin();
    if (before_last || found.contains(&m)) out.applied.push_back(&m);
  }
  return out;
}

int import_history(Session& s, const std::string& tool, bool skip_missing) {
  const auto refuse = [&](std::string code, std::string message, std::string hint, std::string fix) {
    s.report().problem(
        {.code = std::move(code), .message = std::move(message), .hint = std::move(hint), .fix = std::move(fix)});
    return kInconsistent;
  };
  if (s.source().dialect != Dialect::kNative)
    return refuse("dialect", fmt::format("{} has its own history, which is used as it is", s.history().dialect()), "",
                  "howdah migrate status");
  auto all = foreign_histories(s.db());
  if (!all) return s.sql_failure(all.error(), kFailed);
  if (!tool.empty()) std::erase_if(*all, [&](const ForeignHistory& h) { return h.tool != tool; });
  if (all->empty())
    return refuse("no-history", fmt::format("there is no history table of {}", tool.empty() ? "another tool" : tool),
                  "if the tables are what the migrations make, mark them", "howdah migrate baseline latest");
  if (all->size() > 1)
    return refuse("several-histories", fmt::format("there are tables of {} and {}", all->at(0).tool, all->at(1).tool),
                  "", "howdah migrate import --from " + all->at(0).tool);
  const ForeignHistory& h = all->front();
  if (!h.unfinished.empty())
    return refuse("unfinished", fmt::format("{} in {}", h.unfinished, h.table),
                  fmt::format("mend it with {} first: what is half applied cannot be taken over", h.tool), "");
  const Match m = match(s.source(), h);
  if (!m.missing.empty() && !skip_missing) {
    std::string names;
    for (const auto& name : m.missing) names += (names.empty() ? "" : ", ") + name;
    return refuse("missing-file", fmt::format("{} has applied {}, and there is no such file here", h.tool, names),
                  "copy the files here, with the numbers that they have there; or leave these out",
                  "howdah migrate import --skip-missing");
  }
  if (const int code = s.lock(); code != kOk) return code;
  std::string sql = "begin;";
  std::vector<const Migration*> marked;
  for (const Migration* one : m.applied) {
    const auto& rows = s.rows();
    if (std::any_of(rows.begin(), rows.end(), [&](const Row& r) { return r.version == one->version; })) continue;
    sql += s.history().mark_applied_sql(s.db(), *one) + ";";
    marked.push_back(one);
  }
  if (auto done = s.db().exec(sql + "commit"); !done) return s.sql_failure(done.error(), kFailed);
  for (const Migration* one : marked) s.report().step({one->version, one->name, "up", "imported", 0, "from " + h.tool});
  for (const auto& name : m.missing) s.report().note(name + " was left out: it has no file");
  if (marked.empty()) s.report().note("nothing to do");
  return kOk;
}

}  // namespace howdah::migrate
