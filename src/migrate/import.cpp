#include "migrate/import.h"

#include <fmt/format.h>

#include <map>
#include <set>

namespace howdah::migrate {
namespace {

struct Known {
  const char *tool, *table, *columns;  ///< sorted, with types
  const char* query;  ///< version or name, and "" | unfinished | before | repeatable; in the order of execution
};

/// Columns that newer versions of a tool added may come on top: these must be there. Of several rows about one
/// migration the last one counts. What Flyway calls a baseline stands for everything up to it; what it repaired away
/// (DELETE) or took back is not applied. sqitch keeps the file of a change that was reworked under the name of the tag
/// before.
constexpr Known kKnown[] = {
    {"golang-migrate", "schema_migrations", "dirty boolean,version bigint",
     "select version::text, case when dirty then 'unfinished' else 'before' end from {}"},
    {"rails", "schema_migrations", "version character varying", "select version, '' from {} order by version"},
    {"dbmate", "schema_migrations", "version character varying", "select version, '' from {} order by version"},
    {"goose", "goose_db_version", "is_applied boolean,version_id bigint",
     "select version_id::text, '' from (select distinct on (version_id) * from {} order by version_id, id desc) v "
     "where is_applied and version_id <> 0 order by id"},
    {"sql-migrate", "gorp_migrations", "applied_at timestamp with time zone,id text",
     "select id, '' from {} order by applied_at, id"},
    {"node-pg-migrate", "pgmigrations", "name character varying,run_on timestamp without time zone",
     "select name, '' from {} order by id"},
    {"alembic", "alembic_version", "version_num character varying", "select version_num, 'before' from {}"},
    {"flyway", "flyway_schema_history", "script character varying,success boolean,type character varying",
     "select case when type like '%BASELINE' or script not like 'V%' then coalesce(version, script) else script end, "
     "case when not success then 'unfinished' when type like '%BASELINE' then 'before' when version is null then "
     "'repeatable' else '' end from (select distinct on (coalesce(version, script)) * from {} order by "
     "coalesce(version, script), installed_rank desc) r where type not in ('SCHEMA', 'DELETE') and type not like "
     "'UNDO%' order by installed_rank"},
    {"sqitch", "sqitch.changes", "change text,change_id text,committed_at timestamp with time zone,project text",
     "select name, state from (select case when (select count(distinct project) from {0}) > 1 then project || ':' else "
     "'' end || change || case when again is null then '' else coalesce((select tag from sqitch.tags t join {0} c "
     "using (change_id) where c.committed_at < again order by c.committed_at desc, t.planned_at desc limit 1), '@?') "
     "end as name, '' as state, committed_at from (select *, lead(committed_at) over (partition by project, change "
     "order by committed_at) as again from {0}) c union all select change, 'unfinished', committed_at from (select * "
     "from sqitch.events order by committed_at desc limit 1) e where event = 'fail') r order by committed_at"}};

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

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// The words after a file's number: sqitch's names, or Alembic's revision, which may have words of its own behind it.
const Migration* find_words(const Source& source, const std::string& words) {
  for (const auto& m : source.migrations) {
    const std::string own = m.name.size() > m.version.size() ? m.name.substr(m.version.size() + 1) : "";
    if (own == words || own.starts_with(words + "_")) return &m;
  }
  return nullptr;
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
  if (digits.empty()) return find_words(source, name);
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

/// "-- Running upgrade a, b -> c, words" in what `alembic upgrade --sql` writes: the revisions of a file, and what
/// comes before them. Empty when a file does not say so.
std::map<std::string, std::vector<std::string>> alembic_chain(const Source& source) {
  constexpr std::string_view kMark = "-- Running upgrade ";
  std::map<std::string, std::vector<std::string>> out;
  for (const auto& m : source.migrations) {
    size_t at = m.up.sql.find(kMark);
    if (at == std::string::npos) return {};
    for (; at != std::string::npos; at = m.up.sql.find(kMark, at)) {
      at += kMark.size();
      const std::string line = m.up.sql.substr(at, m.up.sql.find('\n', at) - at);
      const size_t arrow = line.find("-> ");
      if (arrow == std::string::npos) return {};
      const size_t end = std::min(line.find_first_of(", \r", arrow + 3), line.size());
      auto& before = out[line.substr(arrow + 3, end - arrow - 3)];
      for (size_t from = 0; from < arrow;) {
        const size_t to = std::min(line.find_first_of(", ", from), arrow);
        if (to > from) before.push_back(line.substr(from, to - from));
        from = to + 1;
      }
    }
  }
  return out;
}

/// All that the heads stand for.
std::vector<std::string> ancestors(const std::map<std::string, std::vector<std::string>>& chain,
                                   std::vector<std::string> todo) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  while (!todo.empty()) {
    const std::string revision = todo.back();
    todo.pop_back();
    if (!seen.insert(revision).second) continue;
    out.push_back(revision);
    if (const auto it = chain.find(revision); it != chain.end())
      todo.insert(todo.end(), it->second.begin(), it->second.end());
  }
  return out;
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
    ForeignHistory h{.tool = k.tool, .table = k.table};
    for (const auto& r : rows->rows) {
      if (r[1] == "unfinished") h.unfinished = r[0];
      if (r[1] == "repeatable")
        h.repeatable.push_back(r[0]);
      else
        h.applied.push_back({r[0], r[1] == "before"});
    }
    out.push_back(std::move(h));
  }
  return out;
}

Match match(const Source& source, const ForeignHistory& history) {
  Match out;
  std::set<const Migration*> found;
  auto applied = history.applied;
  if (const auto chain = alembic_chain(source); history.tool == "alembic" && !chain.empty()) {
    std::vector<std::string> heads;
    for (const auto& a : applied) heads.push_back(a.name);
    applied.clear();
    for (const auto& revision : ancestors(chain, heads)) applied.push_back({revision, false});
  }
  out.guessed = std::any_of(applied.begin(), applied.end(), [](const auto& a) { return a.and_before; });
  for (const auto& [name, and_before] : applied) {
    const Migration* m = find(source, name);
    // A baseline needs no file of its own.
    const bool by_number = and_before && history.tool == "flyway" && is_number(name);
    if (m == nullptr && !by_number) out.missing.push_back(name);
    if (m != nullptr) found.insert(m);
    if (!and_before || (m == nullptr && !by_number)) continue;
    for (const auto& one : source.migrations) {
      if (by_number ? !version_less(name, one.version) : &one <= m) found.insert(&one);
    }
  }
  for (const auto& m : source.migrations) {
    if (found.contains(&m)) out.applied.push_back(&m);
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
    return refuse("unfinished", fmt::format("{} did not finish, says {}", h.unfinished, h.table),
                  fmt::format("mend it with {} first: what is half applied cannot be taken over", h.tool), "");
  const Match m = match(s.source(), h);
  if (h.tool == "alembic" && m.guessed && h.applied.size() > 1)
    return refuse(
        "several-heads", fmt::format("{} has {} heads", h.table, h.applied.size()),
        "write the files with alembic upgrade FROM:TO --sql, which says what comes before what; or merge them", "");
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
  for (const auto& name : h.repeatable)
    s.report().note(name + " was left out: there is nothing here that runs whenever its file changes");
  if (m.guessed && !marked.empty())
    s.report().note(
        fmt::format("{} remembers only where it is: what comes before that counts as applied. howdah migrate "
                    "doctor tells whether it is",
                    h.tool));
  if (marked.empty()) s.report().note("nothing to do");
  return kOk;
}

}  // namespace howdah::migrate
