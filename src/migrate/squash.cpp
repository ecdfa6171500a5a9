#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "migrate/clients.h"
#include "migrate/commands.h"
#include "migrate/fingerprint.h"
#include "os/files.h"

namespace howdah::migrate {
namespace {

namespace fs = std::filesystem;
using List = std::vector<const Migration*>;

/// What a database of its own does not hold: a dump would leave it out.
std::optional<Problem> outside_database(Session& s, const List& list) {
  static const std::set<std::string> kVerbs = {"create", "alter", "drop"},
                                     kThings = {"role", "user", "group", "tablespace", "database"};
  for (const Migration* m : list) {
    const auto script = prepare(m->up, m->version, s.source().dialect);
    if (!script) return script.error();
    for (const auto& st : script->statements) {
      if (st.words.size() < 2 || !kVerbs.contains(st.words[0]) || !kThings.contains(st.words[1])) continue;
      return Problem{.code = "outside-database",
                     .version = m->version,
                     .where = m->up.where(st.line, st.column),
                     .message = fmt::format("{} {} is about the whole server: a baseline cannot hold it", st.words[0],
                                            st.words[1]),
                     .hint = "squash up to the migration before, or move it to where the server is set up"};
    }
  }
  return {};
}

/// pg_dump's statements, without the settings that it makes for psql: its names have schemas.
Result<std::string> statements_of(Database& db, const std::string& dump, const Target& target) {
  const auto parts = split(dump, true);
  if (!parts) return fail("pg_dump's output: " + parts.error().message);
  const auto me = db.exec("select quote_ident(session_user)");
  const std::string mine = " FOR ROLE " + (me ? me->at(0, 0) : "");
  std::string out;
  bool functions = false;
  for (const auto& st : *parts) {
    std::string text = dump.substr(st.begin, st.end - st.begin);
    const std::string first = st.words.empty() ? "" : st.words[0];
    const bool default_setting = first == "set" && !text.starts_with("SET default_table")
                                     ? true
                                     : first == "set" && (text.ends_with("= ''") || text.ends_with("= heap"));
    if (default_setting || text.starts_with("SELECT pg_catalog.set_config('search_path'")) continue;
    const auto replace = [&](const std::string& from, const std::string& to) {
      if (const size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
    };
    if (text.starts_with("ALTER DEFAULT PRIVILEGES")) replace(mine, "");
    if (!target.schema.empty() && text == "CREATE SCHEMA " + db.name(target.schema)) continue;
    if (!target.schema.empty() && text == "CREATE SCHEMA " + target.schema) continue;
    functions = functions ||
                (first == "create" && st.words.size() > 1 && (st.words[1] == "function" || st.words[1] == "procedure"));
    out += text + ";\n";
  }
  return (functions ? "SET check_function_bodies = false;\n" : "") + out;
}

/// Rows and sequences: a hash of each table's rows, whatever their order.
tl::expected<Objects, SqlFailure> contents(Database& db) {
  auto relations = db.exec(
      "select format('%I.%I', nspname, relname), relkind from pg_class c join pg_namespace n on n.oid = relnamespace "
      "where relkind in ('r', 'S') and nspname !~ '^pg_' and nspname <> 'information_schema'");
  if (!relations) return tl::unexpected(relations.error());
  Objects out;
  for (const auto& r : relations->rows) {
    auto seen =
        db.exec(r[1] == "S" ? "select last_value, is_called from " + r[0]
                            : "select count(*), md5(string_agg(t::text, e'\\n' order by t::text collate \"C\")) "
                              "from " +
                                  r[0] + " t");
    if (!seen) return tl::unexpected(seen.error());
    if (seen->at(0, 0) != "0") out[r[0]] = seen->at(0, 0) + " " + seen->at(0, 1);
  }
  return out;
}

struct Made {
  Objects objects, rows;
  static tl::expected<Made, Problem> in(Database& db) {
    auto objects = read_objects(db);
    if (!objects) return tl::unexpected(problem_of(objects.error()));
    auto rows = contents(db);
    if (!rows) return tl::unexpected(problem_of(rows.error()));
    return Made{std::move(*objects), std::move(*rows)};
  }
};

std::string first_difference(const Objects& wanted, const Objects& got) {
  for (const auto& [name, hash] : wanted) {
    if (!got.contains(name)) return name + " is missing";
    if (got.at(name) != hash) return name + " differs";
  }
  for (const auto& [name, hash] : got) {
    if (!wanted.contains(name)) return name + " is not in the migrations";
  }
  return "";
}

/// The baseline's SQL, tried: it makes the same schema and rows as the migrations.
tl::expected<std::string, Problem> baseline_sql(Session& s, const List& list) {
  auto one = Scratch::create(s.db(), s.target());
  if (!one) return tl::unexpected(problem_of(one.error()));
  for (const Migration* m : list) {
    if (auto ok = s.replay((*one)->db(), *m); !ok) return tl::unexpected(ok.error());
  }
  const auto wanted = Made::in((*one)->db());
  if (!wanted) return tl::unexpected(wanted.error());
  const auto dump = dumped_statements(s.target().with_database((*one)->name()), s.db().version());
  const auto sql = dump ? statements_of(s.db(), *dump, s.target()) : dump;
  if (!sql) return tl::unexpected(Problem{.code = "dump", .message = sql.error().message});

  auto other = Scratch::create(s.db(), s.target());
  if (!other) return tl::unexpected(problem_of(other.error()));
  const Migration tried{.version = list.back()->version,
                        .name = "baseline",
                        .file = "baseline",
                        .up = Section{.present = true, .file = "the baseline", .sql = *sql}};
  if (auto ok = s.replay((*other)->db(), tried); !ok) return tl::unexpected(ok.error());
  const auto got = Made::in((*other)->db());
  if (!got) return tl::unexpected(got.error());
  std::string difference = first_difference(wanted->objects, got->objects);
  if (difference.empty()) difference = first_difference(wanted->rows, got->rows);
  if (!difference.empty())
    return tl::unexpected(Problem{.code = "not-equal",
                                  .message = "the baseline would not make what the migrations make: " + difference,
                                  .hint = "nothing was changed"});
  for (const auto& [name, rows] : wanted->rows)
    s.report().note(fmt::format("{}: what the migrations put into it is in the baseline", name));
  return *sql;
}

/// Everything up to `last`; the error says why it cannot be squashed here.
tl::expected<List, Problem> chosen(Session& s, const std::string& last) {
  const auto& all = s.source().migrations;
  const Migration* end = last == "latest" ? (all.empty() ? nullptr : &all.back()) : s.source().find(last);
  if (end == nullptr)
    return tl::unexpected(
        Problem{.code = "not-found", .message = "there is no migration " + last, .fix = "howdah migrate status"});
  List list;
  for (const auto& m : all) {
    if (&m <= end) list.push_back(&m);
  }
  if (list.size() < 2) return tl::unexpected(Problem{.code = "usage", .message = "one migration is nothing to squash"});
  const Verdict v = s.verdict();
  if (!v.problems.empty()) return tl::unexpected(v.problems.front());
  size_t applied = 0;
  for (const Migration* m : list) {
    applied += std::count_if(v.applied.begin(), v.applied.end(), [&](const Row& r) { return r.version == m->version; });
  }
  if (applied != 0 && applied != list.size())
    return tl::unexpected(
        Problem{.code = "pending",
                .message = fmt::format("only {} of these {} migrations are applied here", applied, list.size()),
                .hint = "run them first, or squash fewer",
                .fix = "howdah migrate to " + end->name});
  if (auto p = outside_database(s, list)) return tl::unexpected(*p);
  return list;
}

void remove_files(const List& list, const std::string& kept) {
  std::error_code ec;
  for (const Migration* m : list) {
    for (const auto& file : {m->file, m->up.file, m->down.file}) {
      if (!file.empty() && file != kept) fs::remove(file, ec);
    }
    const fs::path directory = fs::path(m->file).parent_path();
    if (fs::path(m->file).filename() == "migration.sql") fs::remove(directory, ec);  // when it is empty
  }
}

}  // namespace

int record_baselines(Session& s) {
  const Verdict v = s.verdict();
  for (const Migration* m : v.squashed) {
    const int code = s.change(
        s.history().squash_sql(s.db(), *m),
        {m->version, m->name, "up", "squashed", 0, fmt::format("stands for {} migrations", m->replaces.size())});
    if (code != kOk) return code;
  }
  return v.squashed.empty() ? static_cast<int>(kOk) : s.refresh();
}

int squash(Session& s, const std::string& last, const std::string& words, bool dry_run) {
  const auto refuse = [&](const Problem& p, int code) {
    s.report().problem(p);
    return code;
  };
  if (s.source().dialect == Dialect::kKysely)
    return refuse(
        {.code = "dialect",
         .message = "Kysely's migrations are programs: there is no baseline that its Migrator would take for them",
         .hint = "a directory of .sql files can be squashed"},
        kUsage);
  if (int code = s.lock(); code != kOk) return code;
  if (int code = record_baselines(s); code != kOk) return code;
  const auto list = chosen(s, last);
  if (!list)
    return refuse(list.error(),
                  list.error().code == "usage" || list.error().code == "not-found" ? kUsage : kInconsistent);
  const auto sql = baseline_sql(s, *list);
  if (!sql) return refuse(sql.error(), kFailed);

  const bool prisma = s.source().dialect == Dialect::kPrisma;
  const std::string& end = list->back()->name;
  const std::string name = end.substr(0, end.find_first_not_of("0123456789")) + "_" + words;
  const auto& all = s.source().migrations;
  const bool fits = name != end && (!prisma || (name > (*list)[list->size() - 2]->name &&
                                                (list->size() == all.size() || name < all[list->size()].name)));
  if (!fits)
    return refuse(
        {.code = "usage", .message = name + " would not stand where " + end + " stands", .fix = "add --name WORDS"},
        kUsage);
  std::string text;
  for (const Migration* m : *list) text += fmt::format("-- migrate:replaces {} {}\n", m->name, m->checksum);
  text += (prisma ? "" : "-- migrate:up\n") + *sql;
  const std::string file = s.source().directory + "/" + name + (prisma ? "/migration.sql" : ".sql");
  if (dry_run) {
    if (!s.report().json()) fmt::print("{}", text);
    s.report().step(
        {list->back()->version, file, "up", "dry run", 0, fmt::format("would stand for {} migrations", list->size())});
    return kOk;
  }
  // From here on a crash leaves nothing to mend: files that a baseline replaces are not looked at, and up records it.
  std::error_code ec;
  if (os::exists(file)) ec = std::make_error_code(std::errc::file_exists);
  if (prisma && !ec) fs::create_directories(fs::path(file).parent_path(), ec);
  const auto written = ec ? fail(ec.message()) : os::write_file_atomic(file, text, 0644);
  if (!written) return refuse({.code = "files", .message = file + ": " + written.error().message}, kUsage);
  s.report().step(
      {list->back()->version, file, "up", "written", 0, fmt::format("stands for {} migrations", list->size())});
  Source before = std::move(s.source());  // keeps what `list` points to
  auto now = read_source(before.directory);
  if (!now) return refuse({.code = "files", .message = now.error().message}, kUsage);
  s.source() = std::move(*now);
  const int code = record_baselines(s);
  remove_files(*list, file);
  return code;
}

}  // namespace howdah::migrate
