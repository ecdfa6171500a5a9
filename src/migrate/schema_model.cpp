#include "migrate/schema_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "migrate/fingerprint.h"

namespace howdah::migrate {
namespace {

using Rows = std::vector<std::vector<std::string>>;

/// After `ns`: everything but members of extensions and the tables of histories. rel: relations with their quoted
/// names.
constexpr const char* kWith = R"(
member as (select classid, objid from pg_depend where deptype = 'e'),
rel as (select c.*, format('%I.%I', n.nspname, c.relname) as full_name from pg_class c join ns n on n.oid = c.relnamespace
  where not exists (select from member where classid = 'pg_class'::regclass and objid = c.oid)
  and relname not in ('_prisma_migrations', 'schema_history', 'schema_history_log', 'schema_history_log_id_seq',
    'kysely_migration', 'kysely_migration_lock'))
)";

class Reader {
 public:
  explicit Reader(Database& db) : db_(db) {
    if (auto namespaces = own_namespaces(db))
      with_ = "with " + *namespaces + "," + kWith;
    else
      failure = namespaces.error();
  }
  std::optional<SqlFailure> failure;

  Rows rows(const std::string& sql) {
    if (failure) return {};
    auto answer =
        db_.exec("begin read only; set local jit = off; set local search_path = pg_catalog;" + with_ + sql + ";commit");
    if (answer) return std::move(answer->rows);
    failure = answer.error();
    (void)db_.exec("rollback");
    return {};
  }

 private:
  Database& db_;
  std::string with_;
};

void read_types(Reader& r, SchemaModel& m) {
  for (const auto& x :
       r.rows("select quote_ident(nspname) from ns where listed and not exists (select from member where classid = "
              "'pg_namespace'::regclass and objid = ns.oid)"))
    m.schemas.insert(x[0]);
  for (const auto& x : r.rows("select quote_ident(extname) from pg_extension")) m.extensions.insert(x[0]);
  for (const auto& x : r.rows("select format('%I.%I', nspname, typname), enumlabel from pg_type t join ns on ns.oid = "
                              "typnamespace join pg_enum e on enumtypid = t.oid where not exists (select from member "
                              "where classid = 'pg_type'::regclass and objid = t.oid) order by 1, enumsortorder"))
    m.enums[x[0]].push_back(x[1]);
  for (const auto& x : r.rows(
           "select full_name, format('as %s, start %s, increment %s, minvalue %s, maxvalue %s, cache %s, %s', "
           "seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache, case when seqcycle then 'cycle' "
           "else 'no cycle' end), "
           "coalesce((select format('%s.%I', o.full_name, attname) from pg_depend d join rel o on o.oid = d.refobjid "
           "join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid where d.classid = "
           "'pg_class'::regclass and d.objid = rel.oid and d.deptype = 'a' and d.refobjsubid > 0), ''), relpersistence "
           "= 'u' from rel join "
           "pg_sequence on seqrelid = rel.oid where not exists (select from pg_depend where classid = "
           "'pg_class'::regclass and objid = rel.oid and deptype = 'i')"))
    m.sequences[x[0]] = {x[1], x[2], x[3] == "t"};
  for (const auto& x :
       r.rows("select full_name from rel where case when relkind = 'S' then case when has_sequence_privilege("
              "oid, 'select') then pg_sequence_last_value(oid) is null end end"))
    m.unused.insert(x[0]);
}

/// Types that others made of: before tables, which may have columns of them.
void read_made_types(Reader& r, SchemaModel& m) {
  const std::string own =
      "from pg_type t join ns on ns.oid = typnamespace {} where not exists (select from member where classid = "
      "'pg_type'::regclass and objid = t.oid)";
  for (const auto& x : r.rows(
           "select format('%I.%I', nspname, typname), format_type(typbasetype, typtypmod) || case "
           "when typcollation <> (select typcollation from pg_type b where b.oid = t.typbasetype) "
           "then ' collate ' || typcollation::regcollation else '' end, coalesce(pg_get_expr(typdefaultbin, 0), ''), "
           "typnotnull " +
           fmt::format(fmt::runtime(own), "") + " and typtype = 'd'"))
    m.domains[x[0]] = {.type = x[1], .expression = x[2], .not_null = x[3] == "t"};
  for (const auto& x :
       r.rows("select format('%I.%I', nspname, typname), quote_ident(conname), "
              "pg_get_constraintdef(k.oid) " +
              fmt::format(fmt::runtime(own), "join pg_constraint k on contypid = t.oid") + " and contype = 'c'"))
    m.domains[x[0]].checks[x[1]] = x[2];
  for (const auto& x : r.rows(
           "select format('%I.%I', nspname, typname), format('%I %s', attname, format_type(atttypid, atttypmod)) || "
           "case when attcollation not in (0, 100) then ' collate ' || attcollation::regcollation else '' end " +
           fmt::format(fmt::runtime(own),
                       "join pg_class c on c.oid = typrelid and relkind = 'c' join pg_attribute on attrelid = c.oid") +
           " and attnum > 0 and not attisdropped order by 1, attnum"))
    m.composites[x[0]].push_back(x[1]);
  // One with a canonical function needs that function, which needs the type: left to the caller.
  for (const auto& x : r.rows(
           "select format('%I.%I', nspname, typname), format('(subtype = %s', format_type(rngsubtype, null)) || case "
           "when opcdefault then '' else (select format(', subtype_opclass = %I.%I', o.nspname, opcname) from "
           "pg_namespace o where o.oid = opcnamespace) end || case when rngcollation in (0, (select typcollation from "
           "pg_type s where s.oid = rngsubtype)) then '' else ', collation = ' || rngcollation::regcollation end || "
           "case when rngsubdiff = 0 then '' else ', subtype_diff = ' || rngsubdiff::regproc end || "
           "coalesce(', multirange_type_name = ' || (to_jsonb(g) ->> 'rngmultitypid')::oid::regtype, '') || ')' " +
           fmt::format(fmt::runtime(own),
                       "join pg_range g on rngtypid = t.oid join pg_opclass c on c.oid = rngsubopc") +
           " and rngcanonical = 0"))
    m.ranges[x[0]] = x[1];
}

void read_comments(Reader& r, SchemaModel& m) {
  const auto add = [&](const std::string& sql) {
    for (const auto& x : r.rows(sql)) {
      const std::string object = x[2].empty() ? x[1] : x[0] == "column" ? x[1] + "." + x[2] : x[2] + " on " + x[1];
      m.comments[x[0] + " " + object] = {x[0], x[1], x[2], x[3]};
    }
  };
  add("select case when objsubid > 0 then 'column' else case relkind when 'v' then 'view' when 'm' then 'materialized "
      "view' when 'S' then 'sequence' when 'i' then 'index' when 'I' then 'index' when 'f' then 'foreign table' else "
      "'table' end end, full_name, coalesce((select quote_ident(attname) from pg_attribute where attrelid = objoid and "
      "attnum = objsubid and objsubid > 0), ''), description from pg_description join rel on rel.oid = objoid where "
      "classoid = 'pg_class'::regclass");
  add("select case prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end, "
      "p.oid::regprocedure, '', description from pg_description join pg_proc p on p.oid = objoid join ns on ns.oid = "
      "pronamespace where classoid = 'pg_proc'::regclass and (classoid, objoid) not in (select classid, objid from "
      "member)");
  add("select case typtype when 'd' then 'domain' else 'type' end, format('%I.%I', nspname, typname), '', description "
      "from pg_description join pg_type t on t.oid = objoid join ns on ns.oid = typnamespace where classoid = "
      "'pg_type'::regclass and (classoid, objoid) not in (select classid, objid from member)");
  add("select kind, full_name, quote_ident(name), description from pg_description join (select 'constraint' as kind, "
      "'pg_constraint'::regclass as class, oid, conname as name, conrelid as table from pg_constraint union all select "
      "'trigger', 'pg_trigger'::regclass, oid, tgname, tgrelid from pg_trigger union all select 'policy', "
      "'pg_policy'::regclass, oid, polname, polrelid from pg_policy) o on o.class = classoid and o.oid = objoid join "
      "rel on rel.oid = o.table");
}

void read_tables(Reader& r, SchemaModel& m) {
  for (const auto& x :
       r.rows("select full_name, case when relkind = 'p' then pg_get_partkeydef(rel.oid) else '' end, coalesce((select "
              "inhparent::regclass::text from pg_inherits where inhrelid = rel.oid and relispartition), ''), "
              "coalesce(pg_get_expr(relpartbound, rel.oid), ''), relpersistence = 'u', relrowsecurity, "
              "relforcerowsecurity, case relreplident when 'f' then 'full' when 'n' then 'nothing' when 'i' then "
              "coalesce((select 'using index ' || quote_ident(i.relname) from pg_index join pg_class i on i.oid = "
              "indexrelid where indrelid = rel.oid and indisreplident), 'nothing') else '' end from rel where relkind "
              "in ('r', 'p')")) {
    m.tables[x[0]] = {.partition_key = x[1],
                      .parent = x[2],
                      .bound = x[3],
                      .unlogged = x[4] == "t",
                      .row_security = x[5] == "t",
                      .force_row_security = x[6] == "t",
                      .replica_identity = x[7]};
  }
  for (const auto& x : r.rows("select full_name, inhparent::regclass from rel join pg_inherits on inhrelid = rel.oid "
                              "where relkind = 'r' and not relispartition order by 1, inhseqno"))
    m.tables[x[0]].inherits.push_back(x[1]);
  for (const auto& x :
       r.rows("select full_name, split_part(o, '=', 1), substr(o, strpos(o, '=') + 1) from rel left join pg_class t on "
              "t.oid = rel.reltoastrelid cross join lateral (select unnest(rel.reloptions) union all select 'toast.' "
              "|| unnest(t.reloptions)) as options(o) where rel.relkind = 'r'"))
    m.tables[x[0]].options[x[1]] = x[2];
  for (const auto& x : r.rows(
           "select full_name, quote_ident(attname), format_type(atttypid, atttypmod), case when attcollation <> "
           "typcollation then attcollation::regcollation::text else '' end, coalesce(pg_get_expr(adbin, adrelid), ''), "
           "attidentity, attgenerated, attnotnull, coalesce(s.sequence, ''), coalesce(s.options, ''), "
           "coalesce(s.plain, true) from rel join pg_attribute a on attrelid = rel.oid join pg_type t on t.oid = "
           "atttypid left join pg_attrdef on adrelid = rel.oid and adnum = attnum left join (select refobjid, "
           "refobjsubid, q.full_name as sequence, format('start %s, increment %s, minvalue %s, maxvalue %s, cache %s, "
           "%s', "
           "seqstart, seqincrement, seqmin, seqmax, seqcache, case when seqcycle then 'cycle' else 'no cycle' end) as "
           "options, (seqstart, seqincrement, seqmin, seqcache, seqcycle) = (1, 1, 1, 1, false) and seqmax = case "
           "seqtypid::regtype::text when 'smallint' then 32767 when 'integer' then 2147483647 else 9223372036854775807 "
           "end as plain from pg_depend d join pg_sequence on seqrelid = objid join rel q on q.oid = objid where "
           "d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'i') s on "
           "(s.refobjid, s.refobjsubid) = (rel.oid, attnum) where rel.relkind in ('r', 'p') and attnum > 0 and not "
           "attisdropped order by full_name, attnum"))
    m.tables[x[0]].columns.push_back({x[1], x[2], x[3], x[4], x[5], x[6], x[7] == "t", x[8], x[9], x[10] == "t"});
}

/// The server lists what statistics are about in the order of the table's columns, which says nothing.
std::string in_order_of_names(const std::string& statistics) {
  const size_t from = statistics.find(" ON ") + 4, to = statistics.rfind(" FROM ");
  std::vector<std::string> items = {""};
  int depth = 0;
  for (size_t i = from; i < to; i++) {
    const char c = statistics[i];
    depth += (c == '(') - (c == ')');
    if (c == ',' && depth == 0) {
      items.emplace_back();
      i++;  // the blank
    } else {
      items.back() += c;
    }
  }
  std::sort(items.begin(), items.end());
  return fmt::format("{}{}{}", statistics.substr(0, from), fmt::join(items, ", "), statistics.substr(to));
}

void read_parts(Reader& r, SchemaModel& m) {
  for (const auto& x : r.rows("select full_name, quote_ident(conname), pg_get_constraintdef(k.oid), contype from "
                              "pg_constraint k join rel on rel.oid = conrelid where contype in ('c', 'f', 'p', 'u', "
                              "'x') and (conislocal or not relispartition) and conparentid = 0 and relkind in ('r', "
                              "'p')"))
    m.constraints[x[0] + " " + x[1]] = {x[0], x[1], x[2], x[3][0]};
  for (const auto& x :
       r.rows("select rel.full_name, i.full_name, case i.relkind when 'I' then regexp_replace("
              "pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') else pg_get_indexdef(indexrelid) end from pg_index "
              "join rel on rel.oid = "
              "indrelid join rel i on i.oid = indexrelid where not i.relispartition and not exists (select from "
              "pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))"))
    m.indexes[x[0] + " " + x[1]] = {x[0], x[1], x[2], 0};
  for (const auto& x : r.rows("select full_name, quote_ident(tgname), pg_get_triggerdef(t.oid), tgenabled from "
                              "pg_trigger t join rel on rel.oid = tgrelid where not tgisinternal and tgparentid = 0"))
    m.triggers[x[0] + " " + x[1]] = {x[0], x[1], x[2], x[3][0]};
  for (const auto& x : r.rows(
           "select full_name, quote_ident(polname), format('create policy %I on %s as %s for %s to %s%s%s', polname, "
           "full_name, case when polpermissive then 'permissive' else 'restrictive' end, case polcmd when 'r' then "
           "'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end, (select "
           "string_agg(case role when 0 then 'public' else quote_ident(pg_get_userbyid(role)) end, ', ') from "
           "unnest(polroles) as role), ' using (' || pg_get_expr(polqual, polrelid) || ')', ' with check (' || "
           "pg_get_expr(polwithcheck, polrelid) || ')') from pg_policy join rel on rel.oid = polrelid"))
    m.policies[x[0] + " " + x[1]] = {x[0], x[1], x[2], 0};
  for (const auto& x : r.rows("select full_name, quote_ident(rulename), pg_get_ruledef(w.oid), ev_enabled from "
                              "pg_rewrite w join rel on rel.oid = ev_class where rulename <> '_RETURN'"))
    m.rules[x[0] + " " + x[1]] = {x[0], x[1], x[2].substr(0, x[2].rfind(';')), x[3][0]};
  for (const auto& x :
       r.rows("select full_name, format('%I.%I', nspname, stxname), pg_get_statisticsobjdef(s.oid) from "
              "pg_statistic_ext s join ns on ns.oid = stxnamespace join rel on rel.oid = stxrelid"))
    m.statistics[x[0] + " " + x[1]] = {x[0], x[1], in_order_of_names(x[2]), 0};
}

void read_code(Reader& r, SchemaModel& m) {
  for (const auto& x : r.rows("select full_name, pg_get_viewdef(oid), relkind = 'm', "
                              "coalesce(array_to_string(reloptions, ', '), '') from rel where relkind in ('v', "
                              "'m')")) {
    std::string text = x[1];
    while (!text.empty() && (text.back() == ';' || text.back() == '\n')) text.pop_back();
    m.views[x[0]] = {.definition = text, .options = x[3], .materialized = x[2] == "t"};
  }
  for (const auto& x : r.rows("select distinct rel.full_name, used.full_name from pg_rewrite w join rel on rel.oid = "
                              "w.ev_class join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid "
                              "and d.refclassid = 'pg_class'::regclass join rel used on used.oid = d.refobjid where "
                              "used.oid <> rel.oid and rel.relkind in ('v', 'm')"))
    m.views[x[0]].uses.insert(x[1]);
  for (const auto& x : r.rows(
           "select p.oid::regprocedure, pg_get_functiondef(p.oid), concat_ws(' ', pg_get_function_arguments(p.oid), "
           "pg_get_function_result(p.oid)), case prokind when 'p' then 'procedure' else 'function' end, exists (select "
           "from pg_depend d where classid = 'pg_proc'::regclass and objid = p.oid and (refclassid = "
           "'pg_class'::regclass or (refclassid = 'pg_type'::regclass and exists (select from pg_type t where t.oid = "
           "refobjid and (t.typrelid <> 0 or t.typelem in (select oid from pg_type where typrelid <> 0)))))) from "
           "pg_proc p join ns on ns.oid = pronamespace where prokind in ('f', 'p', 'w') and not exists (select from "
           "pg_depend where classid = 'pg_proc'::regclass and objid = p.oid and deptype in ('e', 'i'))"))
    m.functions[x[0]] = {x[1], x[2], x[3], x[4] == "t"};
}

}  // namespace

const SchemaModel::Column* SchemaModel::Table::find(const std::string& column) const {
  for (const auto& c : columns) {
    if (c.name == column) return &c;
  }
  return nullptr;
}

tl::expected<SchemaModel, SqlFailure> read_model(Database& db) {
  Reader reader(db);
  SchemaModel m;
  read_types(reader, m);
  read_made_types(reader, m);
  read_tables(reader, m);
  read_parts(reader, m);
  read_code(reader, m);
  read_comments(reader, m);
  if (reader.failure) return tl::unexpected(*reader.failure);
  return m;
}

}  // namespace howdah::migrate
