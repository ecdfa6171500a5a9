#include "migrate/schema_model.h"

#include <fmt/format.h>

namespace howdah::migrate {
namespace {

using Rows = std::vector<std::vector<std::string>>;

/// Everything but members of extensions and the tables of histories. rel: relations with their quoted names.
constexpr const char* kWith = R"(
with ns as (select oid, nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'howdah_log')),
member as (select classid, objid from pg_depend where deptype = 'e'),
rel as (select c.*, format('%I.%I', n.nspname, c.relname) as full_name from pg_class c join ns n on n.oid = c.relnamespace
  where not exists (select from member where classid = 'pg_class'::regclass and objid = c.oid)
  and relname not in ('_prisma_migrations', 'schema_history', 'schema_history_log', 'schema_history_log_id_seq',
    'kysely_migration', 'kysely_migration_lock'))
)";

class Reader {
 public:
  explicit Reader(Database& db) : db_(db) {}
  std::optional<SqlFailure> failure;

  Rows rows(const std::string& sql) {
    if (failure) return {};
    auto answer = db_.exec("begin read only; set local jit = off; set local search_path = pg_catalog;" +
                           std::string(kWith) + sql + ";commit");
    if (answer) return std::move(answer->rows);
    failure = answer.error();
    (void)db_.exec("rollback");
    return {};
  }

 private:
  Database& db_;
};

void read_types(Reader& r, SchemaModel& m) {
  for (const auto& x :
       r.rows("select quote_ident(nspname) from ns where not exists (select from member where classid = "
              "'pg_namespace'::regclass and objid = ns.oid)"))
    m.schemas.insert(x[0]);
  for (const auto& x : r.rows("select quote_ident(extname) from pg_extension")) m.extensions.insert(x[0]);
  for (const auto& x : r.rows("select format('%I.%I', nspname, typname), enumlabel from pg_type t join ns on ns.oid = "
                              "typnamespace join pg_enum e on enumtypid = t.oid where not exists (select from member "
                              "where classid = 'pg_type'::regclass and objid = t.oid) order by 1, enumsortorder"))
    m.enums[x[0]].push_back(x[1]);
  for (const auto& x : r.rows(
           "select full_name, format('as %s start %s increment %s minvalue %s maxvalue %s cache %s%s', "
           "seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache, case when seqcycle then ' cycle' "
           "end), "
           "coalesce((select format('%s.%I', o.full_name, attname) from pg_depend d join rel o on o.oid = d.refobjid "
           "join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid where d.classid = "
           "'pg_class'::regclass and d.objid = rel.oid and d.deptype = 'a' and d.refobjsubid > 0), ''), relpersistence "
           "= 'u' from rel join "
           "pg_sequence on seqrelid = rel.oid where not exists (select from pg_depend where classid = "
           "'pg_class'::regclass and objid = rel.oid and deptype = 'i')"))
    m.sequences[x[0]] = {x[1], x[2], x[3] == "t"};
}

void read_tables(Reader& r, SchemaModel& m) {
  for (const auto& x :
       r.rows("select full_name, case when relkind = 'p' then pg_get_partkeydef(rel.oid) else '' end, coalesce((select "
              "inhparent::regclass::text from pg_inherits where inhrelid = rel.oid and relispartition), ''), "
              "coalesce(pg_get_expr(relpartbound, rel.oid), ''), relpersistence = 'u', relrowsecurity from rel where "
              "relkind in ('r', 'p')")) {
    m.tables[x[0]] = {
        .partition_key = x[1], .parent = x[2], .bound = x[3], .unlogged = x[4] == "t", .row_security = x[5] == "t"};
  }
  for (const auto& x : r.rows(
           "select full_name, quote_ident(attname), format_type(atttypid, atttypmod), case when attcollation <> "
           "typcollation then attcollation::regcollation::text else '' end, coalesce(pg_get_expr(adbin, adrelid), ''), "
           "attidentity, attgenerated, attnotnull from rel join pg_attribute a on attrelid = rel.oid join pg_type t on "
           "t.oid = atttypid left join pg_attrdef on adrelid = rel.oid and adnum = attnum where relkind in ('r', 'p') "
           "and attnum > 0 and not attisdropped order by full_name, attnum"))
    m.tables[x[0]].columns.push_back({x[1], x[2], x[3], x[4], x[5], x[6], x[7] == "t"});
}

void read_parts(Reader& r, SchemaModel& m) {
  for (const auto& x : r.rows("select full_name, quote_ident(conname), pg_get_constraintdef(k.oid), contype from "
                              "pg_constraint k join rel on rel.oid = conrelid where contype in ('c', 'f', 'p', 'u', "
                              "'x') and conislocal and conparentid = 0 and relkind in ('r', 'p')"))
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
}

void read_code(Reader& r, SchemaModel& m) {
  for (const auto& x : r.rows("select full_name, pg_get_viewdef(oid), relkind = 'm' from rel where relkind in ('v', "
                              "'m')")) {
    std::string text = x[1];
    while (!text.empty() && (text.back() == ';' || text.back() == '\n')) text.pop_back();
    m.views[x[0]] = {.definition = text, .materialized = x[2] == "t"};
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
           "member where classid = 'pg_proc'::regclass and objid = p.oid)"))
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
  read_tables(reader, m);
  read_parts(reader, m);
  read_code(reader, m);
  if (reader.failure) return tl::unexpected(*reader.failure);
  return m;
}

}  // namespace howdah::migrate
