// RestoreTable: a state of the past is brought back aside, one table of it is copied into an instance, in one
// transaction of the target. PostgreSQL's own pg_dump describes the table; rows travel in its binary format.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <libpq-fe.h>

#include <filesystem>

#include "api/context.h"
#include "os/spawn.h"
#include "pg/bootstrap.h"
#include "rds/aside.h"
#include "rds/control.h"
#include "util/fault.h"

namespace howdah::rds {
namespace {

constexpr std::chrono::minutes kDump{10};

[[noreturn]] void refuse(const std::string& why) { throw Fault("InvalidParameterValue", why); }

template <class T>
T must(Result<T> result, const char* doing) {
  if (!result) {
    std::string why = result.error().message;
    while (why.ends_with('.') || why.ends_with('\n')) why.pop_back();
    refuse(fmt::format("{}: {}. Nothing was changed.", doing, why));
  }
  return std::move(*result);
}

struct Table {
  std::string schema, name, oid;
};

/// What a table owns that has a name of its own in its schema: indexes, sequences of its columns, extended statistics.
constexpr const char* kOwned =
    "SELECT c.relname, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'INDEX' END FROM pg_class c WHERE c.oid IN (SELECT "
    "indexrelid FROM pg_index WHERE indrelid = $1::oid) OR (c.relkind = 'S' AND c.oid IN (SELECT objid FROM pg_depend "
    "WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND refobjid = $1::oid AND deptype IN "
    "('a', 'i'))) UNION ALL SELECT stxname, 'STATISTICS' FROM pg_statistic_ext WHERE stxrelid = $1::oid";

/// Each constraint, index and trigger as text: what must be the same on both sides at the end.
constexpr const char* kShape =
    "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (SELECT contype::text || ' ' || pg_get_constraintdef(oid) AS "
    "line FROM pg_constraint WHERE conrelid = $1::oid AND contype <> 'n' UNION ALL SELECT pg_get_indexdef(indexrelid) "
    "FROM pg_index WHERE indrelid = $1::oid UNION ALL SELECT 'trigger ' || tgname::text FROM pg_trigger WHERE tgrelid "
    "= $1::oid AND NOT tgisinternal UNION ALL SELECT 'column ' || attname::text || ' ' || format_type(atttypid, "
    "atttypmod) || ' ' || attnotnull || coalesce(' ' || pg_get_expr(adbin, adrelid), '') FROM pg_attribute LEFT JOIN "
    "pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped) "
    "AS lines";

std::string in_schema(const Session& s, const std::string& schema, const std::string& name) {
  return s.name(schema) + "." + s.name(name);
}

/// As one would write it in SQL.
std::string shown(Session& s, const std::string& schema, const std::string& name) {
  return must(s.value("SELECT quote_ident($1) || '.' || quote_ident($2)", {schema, name}), "naming the table");
}

std::string oid_of(Session& s, const std::string& schema, const std::string& name) {
  return must(s.value("SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND "
                      "relname = $2",
                      {schema, name}),
              "looking for the table");
}

Table find_table(Session& s, const std::string& asked, const Past& past, const std::string& database) {
  (void)must(s.run("SET search_path = public, pg_catalog"), "looking for the table");
  const auto found = must(s.rows("SELECT nspname, relname, c.oid, relkind, relispartition OR EXISTS (SELECT FROM "
                                 "pg_inherits WHERE inhrelid = c.oid OR inhparent = c.oid), relpersistence, nspname = "
                                 "'information_schema' OR starts_with(nspname, 'pg_') FROM pg_class c JOIN "
                                 "pg_namespace n ON n.oid = relnamespace WHERE c.oid = to_regclass($1)",
                                 {asked}),
                          "looking for the table");
  (void)must(s.run("SET search_path = pg_catalog, pg_temp"), "looking for the table");
  if (found.empty()) refuse(fmt::format("There is no table {} in database {} of {}.", asked, database, past.of));
  const auto& row = found.front();
  if (row[6] == "t") refuse(fmt::format("{} is a table of PostgreSQL's own, which can't be restored.", asked));
  if (row[3] != "r" || row[4] == "t") {
    refuse(
        fmt::format("{} is {}: only plain tables can be restored one by one. Clone the instance and copy from there.",
                    asked, row[3] == "r" ? "part of a partitioned table or an inheritance tree" : "no plain table"));
  }
  if (row[5] == "u") refuse(fmt::format("{} is an unlogged table: backups hold none of its rows.", asked));
  return {row[0], row[1], row[2]};
}

/// Names that begin with the table's follow it; others are put behind it.
std::string follow(const std::string& name, const std::string& from, const std::string& to) {
  const std::string out = name.starts_with(from + "_") ? to + name.substr(from.size()) : to + "_" + name;
  if (out.size() > 63) refuse(fmt::format("{} is longer than the 63 bytes that a name may have.", out));
  return out;
}

/// Renames a table with all that it owns, so that none of the old names is taken any more.
void rename(Session& s, const Table& table, const std::string& to) {
  const std::string doing = fmt::format("renaming {} to {}", table.name, to);
  for (const auto& row : must(s.rows(kOwned, {table.oid}), doing.c_str())) {
    (void)must(s.run(fmt::format("ALTER {} {} RENAME TO {}", row[1], in_schema(s, table.schema, row[0]),
                                 s.name(follow(row[0], table.name, to)))),
               doing.c_str());
  }
  (void)must(s.run(fmt::format("ALTER TABLE {} RENAME TO {}", in_schema(s, table.schema, table.name), s.name(to))),
             doing.c_str());
}

std::string dump_program(const Aside& aside) {
  std::vector<std::string> candidates = {aside.engine().program("pg_dump")};
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
    const int major = std::atoi(entry.path().filename().c_str());
    if (major >= aside.engine().major) candidates.push_back(entry.path().string() + "/bin/pg_dump");
  }
  for (const auto& path : candidates) {
    if (std::filesystem::exists(path, none)) return path;
  }
  refuse(fmt::format("There is no pg_dump for PostgreSQL {} on this machine: install postgresql-client-{}.",
                     aside.engine().major, aside.engine().major));
}

/// The definition of a table as statements: before its rows, or after them.
std::string definition(const Aside& aside, const Session& s, const std::string& database, const Table& table,
                       const char* section, bool owners) {
  os::Command dump;
  dump.program = dump_program(aside);
  dump.args = {"--section=" + std::string(section),
               "--table=" + in_schema(s, table.schema, table.name),
               "--no-publications",
               "--no-subscriptions",
               "--no-tablespaces",
               "--no-sync"};
  if (!owners) dump.args.insert(dump.args.end(), {"--no-owner", "--no-privileges"});
  dump.args.push_back("--dbname=" + database);
  dump.env = {{"PGHOST", aside.socket_directory()},
              {"PGPORT", "5432"},
              {"PGUSER", pg::kAdminRole},
              {"PGPASSFILE", "/nonexistent"}};
  const auto said = must(os::run(dump, kDump), "describing the table");
  if (!said.ok()) refuse("pg_dump can't describe the table: " + said.text);
  std::string out;
  for (size_t from = 0; from < said.text.size();) {  // without what only psql understands
    const size_t end = std::min(said.text.find('\n', from), said.text.size());
    const std::string_view line(said.text.data() + from, end - from);
    if (!line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict ")) out.append(line).append("\n");
    from = end + 1;
  }
  return out;
}

/// Roles that the definition names and the target lacks.
std::string missing_roles(Session& from, Session& to, const Table& table) {
  const auto named = must(from.rows("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = $1::oid UNION SELECT "
                                    "pg_get_userbyid(a.grantee) FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = "
                                    "$1::oid AND a.grantee <> 0",
                                    {table.oid}),
                          "looking for its owner");
  std::string out;
  for (const auto& row : named) {
    const auto there = must(to.value("SELECT 1 FROM pg_roles WHERE rolname = $1", {row[0]}), "looking for its owner");
    if (there.empty()) out += (out.empty() ? "" : ", ") + row[0];
  }
  return out;
}

std::string columns(Session& s, const Table& table) {
  return must(s.value("SELECT coalesce(string_agg(quote_ident(attname), ', ' ORDER BY attnum), '') FROM pg_attribute "
                      "WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
                      {table.oid}),
              "looking for its columns");
}

/// All rows, as they stand in the past. Returns how many.
int64_t copy_rows(Session& from, Session& to, const std::string& what, const std::string& where) {
  (void)must(from.run("COPY " + what + " TO STDOUT (FORMAT binary)"), "reading the rows");
  (void)must(to.run("COPY " + where + " FROM STDIN (FORMAT binary)"), "writing the rows");
  char* buffer = nullptr;
  int size = 0;
  bool written = true;
  while ((size = PQgetCopyData(from.raw(), &buffer, 0)) > 0) {
    written = written && PQputCopyData(to.raw(), buffer, size) == 1;
    PQfreemem(buffer);
    if (!written) break;
  }
  const std::string lost = size == -2 ? PQerrorMessage(from.raw()) : "";
  PQputCopyEnd(to.raw(), lost.empty() ? nullptr : "the source failed");
  std::string why = lost;
  int64_t rows = -1;
  while (PGresult* r = PQgetResult(to.raw())) {
    if (PQresultStatus(r) == PGRES_COMMAND_OK) rows = std::atoll(PQcmdTuples(r));
    if (PQresultStatus(r) == PGRES_FATAL_ERROR && why.empty()) why = PQresultErrorMessage(r);
    PQclear(r);
  }
  while (written && why.empty()) {
    PGresult* r = PQgetResult(from.raw());
    if (r == nullptr) break;
    PQclear(r);
  }
  if (!why.empty() || rows < 0) refuse("The rows could not be copied: " + why + ". Nothing was changed.");
  return rows;
}

/// As the table's owner: its checks and generated columns are other people's code, which must not run as rdsadmin.
/// (Indexes and foreign keys are made by the server in the owner's name anyway.)
int64_t copy_rows_as_owner(Session& from, Session& to, const std::string& name, const std::string& list) {
  const std::string doing = "writing the rows as the table's owner";
  const auto owner =
      must(to.value("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = $1::regclass", {name}), doing.c_str());
  (void)must(to.run("SET LOCAL ROLE " + to.name(owner)), doing.c_str());
  const int64_t rows = list == "()" ? 0 : copy_rows(from, to, name + " " + list, name + " " + list);
  (void)must(to.run("RESET ROLE"), doing.c_str());
  return rows;
}

/// Where the sequences of its columns stand.
void set_sequences(Session& from, Session& to, const Table& table) {
  for (const auto& row : must(from.rows(kOwned, {table.oid}), "looking for its sequences")) {
    if (row[1] != "SEQUENCE") continue;
    const std::string name = in_schema(from, table.schema, row[0]);
    const auto at = must(from.rows("SELECT last_value, is_called FROM " + name), "reading a sequence");
    (void)must(to.run("SELECT setval($1::regclass, $2::bigint, $3::boolean)", {name, at[0][0], at[0][1]}),
               "setting a sequence");
  }
}

/// A table that makes room. `referring`: the foreign keys of others that are to follow the name.
struct Old {
  Table table;
  std::string aside;
  std::vector<std::vector<std::string>> referring;  ///< table, constraint, definition
};

Old set_aside(Session& to, const Table& table, wire::Seq<std::string>& warnings, Time now) {
  Old old{table,
          table.name + fmt::format("_replaced_{:%Y%m%d%H%M%S}", fmt::gmtime(std::chrono::system_clock::to_time_t(now))),
          {}};
  const std::string name = in_schema(to, table.schema, table.name);
  (void)must(to.run("LOCK TABLE " + name + " IN ACCESS EXCLUSIVE MODE"), "locking the table that is there");
  old.referring = must(to.rows("SELECT conrelid::regclass, quote_ident(conname), pg_get_constraintdef(oid) FROM "
                               "pg_constraint WHERE contype = 'f' AND confrelid = $1::oid AND conrelid <> $1::oid",
                               {table.oid}),
                       "looking for references");
  for (const auto& row : old.referring) {
    (void)must(to.run("ALTER TABLE " + row[0] + " DROP CONSTRAINT " + row[1]), "moving a reference");
  }
  const auto views = must(to.rows("SELECT DISTINCT ev_class::regclass FROM pg_rewrite r JOIN pg_depend d ON d.objid = "
                                  "r.oid AND d.classid = 'pg_rewrite'::regclass WHERE d.refclassid = "
                                  "'pg_class'::regclass AND d.refobjid = $1::oid AND ev_class <> $1::oid",
                                  {table.oid}),
                          "looking for views");
  for (const auto& row : views) {
    warnings.add(fmt::format("the view {} goes on showing the old table, now {}: create it again", row[0], old.aside));
  }
  rename(to, table, old.aside);
  return old;
}

void restore_references(Session& to, const Old& old) {
  for (const auto& row : old.referring) {
    (void)must(to.run("ALTER TABLE " + row[0] + " ADD CONSTRAINT " + row[1] + " " + row[2]),
               "pointing references at the restored table (they must find their rows there)");
  }
}

/// The proof: as many rows, the same columns, constraints, indexes and triggers. Foreign keys were checked by the
/// server.
void verify(Session& from, Session& to, const Table& was, const Table& is, int64_t rows) {
  const auto counted = must(to.value("SELECT count(*) FROM " + in_schema(to, is.schema, is.name)), "counting the rows");
  const auto there = must(from.value("SELECT count(*) FROM " + in_schema(from, was.schema, was.name)), "counting");
  if (counted != there || counted != std::to_string(rows)) {
    refuse(fmt::format("The past has {} rows, {} arrived. Nothing was changed.", there, counted));
  }
  const auto before = must(from.value(kShape, {was.oid}), "comparing"),
             after = must(to.value(kShape, {is.oid}), "comparing");
  if (before != after) {
    refuse(fmt::format("The restored table differs from the past one. Nothing was changed. Past:\n{}\nrestored:\n{}",
                       before, after));
  }
}

std::shared_ptr<const Instance> target_of(const Rds& rds, const Scope& scope, const std::string& name) {
  auto [i, status] = see(rds, instance_named(rds.store, scope, name));
  if (status != "available") {
    throw Fault("InvalidDBInstanceState", fmt::format("{} is {}, not available.", i->identifier, status));
  }
  return i;
}

}  // namespace

aws::control::RestoreTableResponse restore_table(Rds& rds, api::Context& ctx,
                                                 const aws::control::RestoreTableRequest& in) {
  std::optional<Time> instant;
  if (in.at) instant = Time(Millis(*in.at));
  const auto target = target_of(rds, ctx.scope(), *in.into);
  const Aside aside(rds, ctx.scope(), *in.source, instant, ctx.client_gone);
  const std::string database = in.database.value_or(default_database(*target));
  const std::string source = in.database.value_or(default_database(aside.past().source));
  Session from = aside.open(source, false);
  Table was = find_table(from, *in.table, aside.past(), source);
  auto opened = Session::open(layout_of(rds, *target).run, target->port, pg::kAdminRole, database,
                              "-c search_path=pg_catalog,pg_temp -c default_transaction_read_only=off "
                              "-c statement_timeout=0 -c lock_timeout=30000 -c idle_in_transaction_session_timeout=0 "
                              "-c log_statement=none -c role=none");
  Session to = must(std::move(opened), "connecting to the target");
  const CancelWhen cancel(ctx.client_gone, {&from, &to});
  aws::control::RestoreTableResponse out;
  out.warnings.present = true;
  if (in.as && *in.as != was.name) {  // the copy of the past is ours to change
    rename(from, was, *in.as);
    was.name = *in.as;
  }
  (void)must(to.run("BEGIN"), "beginning");
  std::optional<Old> old;
  if (const std::string there = oid_of(to, was.schema, was.name); !there.empty()) {
    if (!in.replace.value_or(false)) {
      refuse(
          fmt::format("{}.{} is there already in {} of {}. Restore it under another name (--as), or have the one that "
                      "is there renamed (--replace).",
                      was.schema, was.name, database, target->identifier));
    }
    old = set_aside(to, {was.schema, was.name, there}, out.warnings, rds.clock.now());
  }
  const std::string missing = missing_roles(from, to, was);
  if (!missing.empty()) {
    out.warnings.add(fmt::format("{} has no role {}: the table belongs to {} and has no privileges of others",
                                 target->identifier, missing, target->master_username));
  }
  (void)must(to.run(definition(aside, from, source, was, "pre-data", missing.empty())), "making the table");
  const std::string name = in_schema(to, was.schema, was.name);
  if (!missing.empty()) {
    (void)must(to.run("ALTER TABLE " + name + " OWNER TO " + to.name(target->master_username)), "owning");
  }
  const Table is{was.schema, was.name, oid_of(to, was.schema, was.name)};
  const std::string list = "(" + columns(from, was) + ")";
  const int64_t rows = copy_rows_as_owner(from, to, name, list);
  (void)must(to.run(definition(aside, from, source, was, "post-data", missing.empty())),
             "making its indexes and constraints");
  set_sequences(from, to, was);
  if (old) restore_references(to, *old);
  (void)must(to.run("SET LOCAL search_path = pg_catalog, pg_temp"), "comparing");
  verify(from, to, was, is, rows);
  out.table = shown(to, was.schema, was.name);
  if (old) out.aside = shown(to, was.schema, old->aside);
  (void)must(to.run("COMMIT"), "ending");
  (void)to.run("ANALYZE " + name);
  out.of = aside.past().of;
  out.database = database;
  out.rows = rows;
  return out;
}

}  // namespace howdah::rds
