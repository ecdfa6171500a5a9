#include "migrate/fingerprint.h"

#include "util/id.h"

namespace howdah::migrate {
namespace {

/// Definitions are printed with an empty search_path, so that names come with their schemas.
constexpr const char* kObjects = R"(
begin read only; set local search_path = pg_catalog;
with $namespaces,
member as (select classid, objid from pg_depend where deptype = 'e'),
rel as (select c.*, n.nspname from pg_class c join ns n on n.oid = c.relnamespace
  where not exists (select from member where classid = 'pg_class'::regclass and objid = c.oid)
  and relname not in ('_prisma_migrations', 'schema_history', 'schema_history_log', 'kysely_migration', 'kysely_migration_lock')
  and relname not like 'schema\_history\_log\_id\_seq'),
part(kind, name, def) as (
  select 'schema', nspname::text, '' from ns where listed and not exists (select from member where classid = 'pg_namespace'::regclass and objid = ns.oid)
  union all select 'extension', extname::text, '' from pg_extension
  union all select case relkind when 'v' then 'view' when 'm' then 'view' when 'S' then 'sequence' else 'table' end,
    format('%I.%I', nspname, relname),
    concat_ws('|', relkind, relpersistence, relrowsecurity, relforcerowsecurity, relreplident,
      (select indexrelid::regclass from pg_index where indrelid = rel.oid and indisreplident),
      (select string_agg(o, ',' order by o) from unnest(reloptions) o),
      (select string_agg(o, ',' order by o) from pg_class t, unnest(t.reloptions) o where t.oid = rel.reltoastrelid),
      (select string_agg(inhparent::regclass::text, ',' order by inhseqno) from pg_inherits where inhrelid = rel.oid and not relispartition),
      case when relkind = 'p' then pg_get_partkeydef(oid) end, pg_get_expr(relpartbound, oid),
      case when relkind in ('v', 'm') then pg_get_viewdef(oid) end,
      (select string_agg(concat_ws(' ', quote_ident(attname), format_type(atttypid, atttypmod), attnotnull, attidentity,
         attgenerated, attcollation, pg_get_expr(d.adbin, d.adrelid)), '|' order by attname)
       from pg_attribute a left join pg_attrdef d on adrelid = attrelid and adnum = attnum
       where attrelid = rel.oid and attnum > 0 and not attisdropped),
      (select concat_ws(' ', seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle) from pg_sequence where seqrelid = rel.oid))
    from rel where relkind in ('r', 'p', 'v', 'm', 'S', 'f')
  union all select 'rule', format('%s.%I', ev_class::regclass, rulename), pg_get_ruledef(r.oid) || ev_enabled::text
    from pg_rewrite r join rel on rel.oid = ev_class where rulename <> '_RETURN'
  union all select 'statistics', format('%I.%I', nspname, stxname), (select string_agg(x, ', ' order by x)
      from regexp_split_to_table(pg_get_statisticsobjdef(s.oid), ', | ON | FROM ') x)
    from pg_statistic_ext s join ns on ns.oid = stxnamespace
  union all select 'constraint', case contype when 'n' then conrelid::regclass || '.' || pg_get_constraintdef(k.oid)
      else format('%s.%I', conrelid::regclass, conname) end, pg_get_constraintdef(k.oid) || convalidated
    from pg_constraint k join rel on rel.oid = conrelid
  union all select 'index', i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) || indisvalid
    from pg_index i join rel on rel.oid = i.indrelid
  union all select 'trigger', format('%s.%I', tgrelid::regclass, tgname), pg_get_triggerdef(t.oid) || tgenabled::text
    from pg_trigger t join rel on rel.oid = tgrelid where not tgisinternal
  union all select 'policy', format('%s.%I', polrelid::regclass, polname),
    concat_ws('|', polcmd, polpermissive, polroles::regrole[]::text, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    from pg_policy join rel on rel.oid = polrelid
  union all select 'function', p.oid::regprocedure::text, case when prokind = 'a' then prosrc else pg_get_functiondef(p.oid) end
    from pg_proc p join ns on ns.oid = pronamespace where not exists (select from member where classid = 'pg_proc'::regclass and objid = p.oid)
  union all select 'type', format_type(t.oid, null), concat_ws('|', typtype,
      case when typtype = 'd' then concat_ws(' ', format_type(typbasetype, typtypmod), pg_get_expr(typdefaultbin, 0), typnotnull,
        (select string_agg(conname || ' ' || pg_get_constraintdef(oid), ',' order by conname) from pg_constraint where contypid = t.oid)) end,
      (select string_agg(concat_ws(' ', quote_ident(attname), format_type(atttypid, atttypmod), attcollation), ',' order by attnum)
       from pg_attribute where attrelid = typrelid and attnum > 0 and not attisdropped),
      (select concat_ws(' ', rngsubtype::regtype, opcnamespace::regnamespace, opcname, rngcollation, rngcanonical::regproc,
         rngsubdiff::regproc, (to_jsonb(g) ->> 'rngmultitypid')::oid::regtype)
       from pg_range g join pg_opclass c on c.oid = rngsubopc where rngtypid = t.oid),
      (select string_agg(enumlabel, ',' order by enumsortorder) from pg_enum where enumtypid = t.oid))
    from pg_type t join ns on ns.oid = typnamespace where (typtype in ('e', 'd', 'r') or
      (typtype = 'c' and exists (select from pg_class where oid = typrelid and relkind = 'c')))
    and not exists (select from member where classid = 'pg_type'::regclass and objid = t.oid)
  union all select 'comment', pg_describe_object(classoid, objoid, objsubid), description
    from pg_description d where (classoid = 'pg_class'::regclass and objoid in (select oid from rel))
    or (classoid = 'pg_constraint'::regclass and objoid in (select k.oid from pg_constraint k join rel on rel.oid = conrelid))
    or (classoid = 'pg_trigger'::regclass and objoid in (select t.oid from pg_trigger t join rel on rel.oid = tgrelid))
    or (classoid = 'pg_policy'::regclass and objoid in (select p.oid from pg_policy p join rel on rel.oid = polrelid))
    or (classoid = 'pg_proc'::regclass and objoid in (select p.oid from pg_proc p join ns on ns.oid = pronamespace)
      and (classoid, objoid) not in (select classid, objid from member))
    or (classoid = 'pg_type'::regclass and objoid in (select t.oid from pg_type t join ns on ns.oid = typnamespace)
      and (classoid, objoid) not in (select classid, objid from member)))
select kind || ' ' || name, md5(coalesce(def, '')) from part;
commit)";

}  // namespace

tl::expected<std::string, SqlFailure> own_namespaces(Database& db) {
  const auto own = db.exec("select coalesce(current_schema(), '')");
  if (!own) return tl::unexpected(own.error());
  const std::string name = db.literal(own->at(0, 0));
  return "ns as (select oid, nspname, nspname = " + name +
         " or nspname <> 'public' as listed from pg_namespace n where nspname !~ '^pg_' and nspname not in "
         "('information_schema', 'howdah_log') and (nspname = " +
         name +
         " or not exists (select from pg_class h where relnamespace = n.oid and relname in ('schema_history', "
         "'_prisma_migrations', 'kysely_migration'))))";
}

tl::expected<Objects, SqlFailure> read_objects(Database& db) {
  const auto namespaces = own_namespaces(db);
  if (!namespaces) return tl::unexpected(namespaces.error());
  std::string sql = kObjects;
  constexpr std::string_view kPlace = "$namespaces";
  sql.replace(sql.find(kPlace), kPlace.size(), *namespaces);
  auto answer = db.exec(sql);
  if (!answer) {
    (void)db.exec("rollback");
    return tl::unexpected(answer.error());
  }
  Objects out;
  for (const auto& row : answer->rows) out[row[0]] = row[1];
  return out;
}

tl::expected<std::unique_ptr<Scratch>, SqlFailure> Scratch::create(Database& owner, const Target& target) {
  std::unique_ptr<Scratch> scratch(
      new Scratch(owner, "howdah_scratch_" + id::random("abcdefghijklmnopqrstuvwxyz", 10)));
  if (auto made = owner.exec("create database " + owner.name(scratch->name_) + " template template0"); !made) {
    return tl::unexpected(made.error());
  }
  auto db = Database::connect(target.with_database(scratch->name_), {});
  if (!db) return tl::unexpected(db.error());
  scratch->db_ = std::make_unique<Database>(std::move(*db));
  if (!target.schema.empty() && target.schema != "public") {
    if (auto ok = scratch->db_->exec("create schema " + scratch->db_->name(target.schema)); !ok)
      return tl::unexpected(ok.error());
  }
  return scratch;
}

Scratch::~Scratch() {
  db_.reset();
  owner_.ignore_interrupts();
  (void)owner_.exec("drop database if exists " + owner_.name(name_));
}

}  // namespace howdah::migrate
