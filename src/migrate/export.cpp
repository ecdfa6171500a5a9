#include "migrate/export.h"

#include <fmt/format.h>

#include <filesystem>

#include "os/files.h"

namespace howdah::migrate {
namespace {

namespace fs = std::filesystem;
using Files = std::vector<std::pair<std::string, std::string>>;

struct Part {
  bool present = false, transactional = true;
  std::string sql;  ///< without BEGIN/COMMIT around it, with what its header asks for
  std::vector<std::string> statements;
};

tl::expected<Part, Problem> part_of(const Section& section, const Migration& m, Dialect dialect) {
  Part out{.present = section.present};
  if (!section.present) return out;
  auto script = prepare(section, m.version, dialect);
  if (!script) return tl::unexpected(script.error());
  out.transactional = script->transactional;
  for (const auto& [name, value] :
       {std::pair("lock_timeout", section.lock_timeout), std::pair("statement_timeout", section.statement_timeout)}) {
    if (!value.empty()) out.sql += fmt::format("SET {}{} = '{}';\n", out.transactional ? "LOCAL " : "", name, value);
  }
  if (!out.sql.empty()) out.statements.push_back(out.sql.substr(0, out.sql.size() - 2));
  const size_t begin = std::min(script->sql.find_first_not_of(" \t\r\n"), script->sql.size());
  out.sql += script->sql.substr(begin);
  while (!out.sql.empty() && std::isspace(static_cast<unsigned char>(out.sql.back()))) out.sql.pop_back();
  if (!out.sql.ends_with(';')) out.sql += "\n;";
  out.sql += "\n";
  for (const auto& st : script->statements) out.statements.push_back(script->sql.substr(st.begin, st.end - st.begin));
  return out;
}

std::string wrapped(const Part& p) { return p.transactional ? "BEGIN;\n" + p.sql + "COMMIT;\n" : p.sql; }

/// goose and sql-migrate cut at semicolons unless told otherwise.
std::string fenced(const Part& p, const std::string& marker) {
  std::string out;
  for (const auto& text : p.statements) {
    const bool fence = text.find(';') != std::string::npos;
    out += fence ? fmt::format("-- {0} StatementBegin\n{1};\n-- {0} StatementEnd\n", marker, text) : text + ";\n";
  }
  return out;
}

/// A function of a Kysely migration: each statement as it stands.
std::string kysely_function(const std::string& name, const Part& p) {
  std::string out = fmt::format("\nexport async function {}(db: Kysely<any>): Promise<void> {{\n", name);
  for (const auto& text : p.statements) {
    std::string quoted;
    for (size_t i = 0; i < text.size(); i++) {
      const bool special = text[i] == '`' || text[i] == '\\' || text.compare(i, 2, "${") == 0;
      quoted += special ? std::string("\\") + text[i] : std::string(1, text[i]);
    }
    out += fmt::format("  await sql.raw(`{}`).execute(db)\n", quoted);
  }
  return out + "}\n";
}

/// dbmate refuses files without a down section, and would take an empty one for a way down.
constexpr const char* kNoWayDown = "do $$ begin raise exception 'this migration has no way down'; end $$;\n";

class Writer {
 public:
  Writer(ExportFormat format, size_t digits) : format_(format), digits_(digits) {}

  /// The files of one migration. An error says what the other tool cannot do.
  tl::expected<Files, std::string> files(const Migration& m, const Part& up, const Part& down) const {
    const size_t number = m.name.find_first_not_of("0123456789");
    const std::string version = m.name.substr(0, number);
    std::string words = number == std::string::npos ? "" : m.name.substr(number + 1);
    if (words.empty()) words = "migration";
    const std::string padded = std::string(digits_ - version.size(), '0') + version, name = padded + "_" + words;
    switch (format_) {
      case ExportFormat::kPrisma: {
        if (!up.transactional && up.statements.size() > 1)
          return tl::unexpected(std::string("Prisma cannot run several statements outside a transaction: one a file"));
        Files out = {{name + "/migration.sql", wrapped(up)}};
        if (down.present) out.emplace_back(name + "/down.sql", wrapped(down));
        return out;
      }
      case ExportFormat::kFlyway: {
        Files out = {{fmt::format("V{}__{}.sql", version, words), up.sql}};
        if (!up.transactional) out.emplace_back(out[0].first + ".conf", "executeInTransaction=false\n");
        if (down.present) out.emplace_back(fmt::format("U{}__{}.sql", version, words), down.sql);
        return out;
      }
      case ExportFormat::kGolangMigrate: {
        if (!up.transactional && up.statements.size() > 1)
          return tl::unexpected(
              std::string("golang-migrate sends a file as one message, which is a transaction: one statement a file"));
        Files out = {{name + ".up.sql", up.sql}};
        if (down.present) out.emplace_back(name + ".down.sql", down.sql);
        return out;
      }
      case ExportFormat::kKysely:
        if (!up.transactional || (down.present && !down.transactional))
          return tl::unexpected(std::string("Kysely runs every migration in a transaction, and this one wants none"));
        return Files{{name + ".ts", "import { type Kysely, sql } from 'kysely'\n" + kysely_function("up", up) +
                                        (down.present ? kysely_function("down", down) : "")}};
      case ExportFormat::kGoose:
        return sections(name, (up.transactional ? "" : "-- +goose NO TRANSACTION\n") + std::string("-- +goose Up\n"),
                        fenced(up, "+goose"), "-- +goose Down\n", down.present ? fenced(down, "+goose") : "");
      case ExportFormat::kSqlMigrate:
        return sections(name, up.transactional ? "-- +migrate Up\n" : "-- +migrate Up notransaction\n",
                        fenced(up, "+migrate"), "-- +migrate Down\n", down.present ? fenced(down, "+migrate") : "");
      default:  // dbmate's layout is also ours
        return sections(name, up.transactional ? "-- migrate:up\n" : "-- migrate:up transaction:false\n", up.sql,
                        "-- migrate:down\n", down.present || format_ == ExportFormat::kNative ? down.sql : kNoWayDown);
    }
  }

 private:
  /// No marker where there is no way down: an empty section would count as one.
  static Files sections(const std::string& name, const std::string& up_marker, const std::string& up,
                        const std::string& down_marker, const std::string& down) {
    return {{name + ".sql", up_marker + up + (down.empty() ? "" : "\n" + down_marker + down)}};
  }

  ExportFormat format_;
  size_t digits_;  ///< versions are padded: other tools sort names as text
};

Result<void> write_all(const Files& files, const std::string& directory) {
  std::error_code ec;
  if (fs::exists(directory, ec) && !fs::is_empty(directory, ec)) return fail(directory + " is not empty: name another");
  const std::string building = directory + ".tmp";
  fs::remove_all(building, ec);
  for (const auto& [name, text] : files) {
    const fs::path path = fs::path(building) / name;
    fs::create_directories(path.parent_path(), ec);
    if (auto ok = os::write_file_atomic(path.string(), text, 0644); !ok) return ok;
  }
  fs::remove(directory, ec);
  fs::rename(building, directory, ec);
  return ec ? fail(directory + ": " + ec.message()) : Result<void>();
}

int refuse(Report& report, Problem p, int code = kUsage) {
  report.problem(std::move(p));
  return code;
}

int write_script(const std::string& text, const std::string& to, Report& report) {
  if (to.empty()) {
    fmt::print("{}", text);
    return kOk;
  }
  if (os::exists(to)) return refuse(report, {.code = "exists", .message = to + " exists already: name another file"});
  if (auto ok = os::write_file_atomic(to, text, 0644); !ok)
    return refuse(report, {.code = "files", .message = ok.error().message});
  report.step({"", to, "up", "exported"});
  return kOk;
}

std::string script_head(const std::string& about) { return fmt::format("-- {}\n\\set ON_ERROR_STOP on\n", about); }

}  // namespace

int export_migrations(const Options& options, ExportFormat format, const std::string& to, Report& report) {
  const auto source = read_source(options.directory);
  if (!source) return refuse(report, {.code = "files", .message = source.error().message});
  if (source->dialect == Dialect::kKysely)
    return refuse(report, {.code = "dialect",
                           .message = "Kysely's migrations are programs, not SQL",
                           .hint = "what they make of a database can be written down",
                           .fix = "howdah db schema dump"});
  if (source->migrations.empty())
    return refuse(report, {.code = "files", .message = options.directory + " has no migrations"});
  if (to.empty() && format != ExportFormat::kSql)
    return refuse(report, {.code = "usage", .message = "say where: --to DIRECTORY"});
  size_t digits = 1;
  for (const auto& m : source->migrations)
    digits = std::max(digits, std::min(m.name.find_first_not_of("0123456789"), m.name.size()));
  const Writer writer(format, digits);
  Files files;
  std::string script = script_head("every migration, each in its transaction");
  if (format == ExportFormat::kPrisma) files.emplace_back("migration_lock.toml", "provider = \"postgresql\"\n");
  for (const auto& m : source->migrations) {
    if (m.name.empty() || std::isdigit(static_cast<unsigned char>(m.name[0])) == 0)
      return refuse(report, {.code = "name", .where = m.file, .message = m.name + " does not begin with a number"});
    const auto up = part_of(m.up, m, source->dialect), down = part_of(m.down, m, source->dialect);
    if (!up || !down) return refuse(report, up ? down.error() : up.error(), kFailed);
    script += fmt::format("\n-- {}\n{}", m.name, wrapped(*up));
    const auto made = writer.files(m, *up, *down);
    if (!made)
      return refuse(report, {.code = "not-portable", .version = m.version, .where = m.file, .message = made.error()},
                    kFailed);
    files.insert(files.end(), made->begin(), made->end());
  }
  if (format == ExportFormat::kSql) return write_script(script, to, report);
  if (auto ok = write_all(files, to); !ok) return refuse(report, {.code = "files", .message = ok.error().message});
  for (const auto& [name, text] : files) report.step({"", to + "/" + name, "up", "exported"});
  return kOk;
}

int export_pending(Session& s, const std::string& to) {
  const Verdict v = s.verdict();
  for (const auto& p : v.problems) s.report().problem(p);
  if (!v.problems.empty()) return kInconsistent;
  if (s.source().dialect == Dialect::kKysely)
    return refuse(
        s.report(),
        {.code = "dialect", .message = "Kysely's migrations are programs, not SQL", .fix = "howdah migrate up"});
  std::string script = script_head("what is pending in " + s.target().shown());
  if (!s.has_history()) script += s.history().create_sql() + ";\n";
  for (const Migration* m : v.pending) {
    const auto up = part_of(m->up, *m, s.source().dialect);
    if (!up) return refuse(s.report(), up.error(), kFailed);
    const std::string row = s.history().applied_sql(s.db(), *m, static_cast<int>(up->statements.size())) + ";\n";
    script += fmt::format("\n-- {}\n{}", m->name,
                          up->transactional ? "BEGIN;\n" + up->sql + row + "COMMIT;\n" : up->sql + row);
  }
  return write_script(script, to, s.report());
}

}  // namespace howdah::migrate
