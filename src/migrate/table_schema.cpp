#include <fmt/format.h>

#include "migrate/commands.h"
#include "migrate/fingerprint.h"
#include "migrate/schema_model.h"
#include "util/json.h"

namespace howdah::migrate {
namespace {

/// Each table with a hash of what the catalogs say of it: its columns, constraints, indexes, triggers, policies. The
/// rows as they stand, which is cheap; they can only be compared within one database.
constexpr const char* kTables = R"(
with t as (select c.* from pg_class c join pg_namespace n on n.oid = relnamespace
  where relkind in ('r', 'p') and nspname !~ '^pg_' and nspname <> 'information_schema'),
part(oid, def) as (
  select oid, concat_ws('|', relname, relnamespace, relpersistence, relrowsecurity, relforcerowsecurity, relpartbound,
    array_to_string(reloptions, ','), array_to_string(relacl, ',')) from t
  union all select attrelid, a::text from pg_attribute a where attrelid in (select oid from t) and attnum > 0
  union all select adrelid, d::text from pg_attrdef d where adrelid in (select oid from t)
  union all select conrelid, k::text from pg_constraint k where conrelid in (select oid from t)
  union all select indrelid, concat_ws('|', i::text, c.relname, array_to_string(c.reloptions, ','))
    from pg_index i join pg_class c on c.oid = indexrelid where indrelid in (select oid from t)
  union all select tgrelid, g::text from pg_trigger g where tgrelid in (select oid from t) and not tgisinternal
  union all select polrelid, p::text from pg_policy p where polrelid in (select oid from t)
  union all select objoid, d::text from pg_description d where classoid = 'pg_class'::regclass and objoid in (select oid from t))
select oid, md5(string_agg(def, '|' order by def)) from part group by oid)";

using Touched = std::map<std::string, std::vector<const Migration*>>;  ///< by the table's OID

/// Runs migrations one by one on a scratch database, seeing which tables each changes. A table keeps its OID under
/// another name.
class Replay {
 public:
  Replay(Session& s, Scratch& scratch) : s_(s), db_(scratch.db()) {}

  tl::expected<void, Problem> run(const std::vector<const Migration*>& list) {
    for (const Migration* m : list) {
      if (auto ok = s_.replay(db_, *m); !ok) return ok;
      const auto now = db_.exec(kTables);
      if (!now) return tl::unexpected(problem_of(now.error(), m->version));
      std::map<std::string, std::string> hashes;
      for (const auto& r : now->rows) {
        hashes[r[0]] = r[1];
        const auto was = before_.find(r[0]);
        if (was == before_.end() || was->second != r[1]) touched_[r[0]].push_back(m);
      }
      before_ = std::move(hashes);
    }
    return {};
  }
  const Touched& touched() const { return touched_; }

 private:
  Session& s_;
  Database& db_;
  std::map<std::string, std::string> before_;
  Touched touched_;
};

struct Found {
  std::string oid, name;
};

/// A table by what a person types: users, app.users, "User" with or without its quotes. Empty when there is none.
tl::expected<Found, SqlFailure> find_table(Database& db, const std::string& typed) {
  const auto r =
      db.exec(fmt::format("select c.oid, format('%I.%I', nspname, relname) from pg_class c join pg_namespace n on "
                          "n.oid = relnamespace where "
                          "relkind in ('r', 'p') and c.oid = coalesce(to_regclass({0}), to_regclass(quote_ident({0})))",
                          db.literal(typed)));
  if (!r) return tl::unexpected(r.error());
  return r->rows.empty() ? Found{} : Found{r->at(0, 0), r->at(0, 1)};
}

/// One table and what belongs to it, as SQL for an empty database.
std::vector<std::string> table_sql(const SchemaModel& all, const std::string& name) {
  SchemaModel one;
  const auto table = all.tables.find(name);
  if (table == all.tables.end()) return {};
  one.tables.insert(*table);
  for (const auto& c : table->second.columns) {
    const std::string type = c.type.ends_with("[]") ? c.type.substr(0, c.type.size() - 2) : c.type;
    if (const auto e = all.enums.find(type); e != all.enums.end()) one.enums.insert(*e);
  }
  for (const auto& s : all.sequences) {
    if (s.second.owned_by.starts_with(name + ".")) one.sequences.insert(s);
  }
  const auto take = [&](const auto& from, auto& to) {
    for (const auto& part : from) {
      if (part.second.table == name) to.insert(part);
    }
  };
  take(all.constraints, one.constraints);
  take(all.indexes, one.indexes);
  take(all.triggers, one.triggers);
  take(all.rules, one.rules);
  take(all.statistics, one.statistics);
  return schema_diff(SchemaModel{}, one);
}

tl::expected<std::vector<std::string>, Problem> sql_of(Database& db, const std::string& name) {
  const auto model = read_model(db);
  if (!model) return tl::unexpected(problem_of(model.error()));
  return table_sql(*model, name);
}

void print_sql(Report& report, const std::vector<std::string>& statements) {
  report.attach("sql", readable_json(nlohmann::json(statements)));
  if (report.json()) return;
  for (const auto& text : statements) fmt::print("{}\n", text);
  std::fflush(stdout);
}

void list(Session& s, const Touched& touched, const std::string& oid, const std::vector<const Migration*>& applied) {
  const auto found = touched.find(oid);
  for (const Migration* m : found == touched.end() ? std::vector<const Migration*>() : found->second) {
    const bool ran = std::find(applied.begin(), applied.end(), m) != applied.end();
    s.report().step({m->version, m->name, "up", ran ? "applied" : "pending"});
  }
}

int refuse(Session& s, Problem p, int code) {
  s.report().problem(std::move(p));
  return code;
}

}  // namespace

int table_schema(Session& s, const std::string& typed) {
  const auto live = find_table(s.db(), typed);
  if (!live) return s.sql_failure(live.error(), kFailed);
  const Verdict v = s.verdict();
  std::vector<const Migration*> applied, pending = v.pending;
  for (const Row& row : v.applied) {
    if (const Migration* m = s.source().find(row.version); m != nullptr && row.state == State::kApplied)
      applied.push_back(m);
  }
  auto scratch = Scratch::create(s.db(), s.target());
  if (!scratch) return s.sql_failure(scratch.error(), kFailed);
  Replay replay(s, **scratch);
  if (auto ran = replay.run(applied); !ran) return refuse(s, ran.error(), kFailed);
  auto made = find_table((*scratch)->db(), live->name.empty() ? typed : live->name);
  if (!made) return s.sql_failure(made.error(), kFailed);
  auto meant = sql_of((*scratch)->db(), made->name);
  if (!meant) return refuse(s, meant.error(), kFailed);
  if (auto ran = replay.run(pending); !ran)
    s.report().note("what is pending was only looked at up to " + ran.error().version + ": " + ran.error().message);
  if (live->name.empty() && made->name.empty()) {
    made = find_table((*scratch)->db(), typed);
    if (!made) return s.sql_failure(made.error(), kFailed);
    if (made->name.empty())
      return refuse(s, {.code = "not-found", .message = "neither the database nor a migration has a table " + typed},
                    kUsage);
    meant = sql_of((*scratch)->db(), made->name);
    if (!meant) return refuse(s, meant.error(), kFailed);
    s.report().note(made->name + " is not in the database yet");
    print_sql(s.report(), *meant);
    list(s, replay.touched(), made->oid, applied);
    return kOk;
  }
  const auto there = sql_of(s.db(), live->name);
  if (!there) return refuse(s, there.error(), kFailed);
  print_sql(s.report(), *there);
  list(s, replay.touched(), made->oid, applied);
  if (*there == *meant) return kOk;
  return refuse(s,
                {.code = "drift",
                 .message = fmt::format("{} is not as the applied migrations make it",
                                        live->name.empty() ? made->name : live->name),
                 .hint = live->name.empty()   ? "they make it, and the database does not have it"
                         : made->name.empty() ? "they do not make it"
                                              : "diff says what differs",
                 .fix = "howdah migrate diff --from migrations --to db"},
                kDrift);
}

}  // namespace howdah::migrate
