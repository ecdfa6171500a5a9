#include "migrate/diff.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "migrate/clients.h"
#include "migrate/fingerprint.h"
#include "migrate/schema_model.h"
#include "migrate/script.h"
#include "os/files.h"
#include "util/json.h"

namespace howdah::migrate {
namespace {

/// One of the two schemas, read from wherever it is.
struct Side {
  std::unique_ptr<Scratch> scratch;    ///< of files
  std::optional<Database> connection;  ///< of a URL
  Target target;                       ///< of a URL
  Database& db() { return scratch ? scratch->db() : *connection; }
};

Problem about(const std::string& what, const std::string& message) {
  return {.code = "diff", .where = what, .message = message};
}

tl::expected<Side, Problem> open_url(const std::string& url) {
  Side side;
  const auto target = parse_url(url);
  if (!target) return tl::unexpected(about("", target.error().message));
  side.target = *target;
  auto db = Database::connect(*target, {});
  if (!db) {
    Problem p = problem_of(db.error());
    p.message = target->shown() + ": " + p.message;
    return tl::unexpected(p);
  }
  side.connection.emplace(std::move(*db));
  return side;
}

tl::expected<Side, Problem> open_nothing(Session& s) {
  Side side;
  auto scratch = Scratch::create(s.db(), s.target());
  if (!scratch) return tl::unexpected(problem_of(scratch.error()));
  side.scratch = std::move(*scratch);
  return side;
}

tl::expected<Side, Problem> open_files(Session& s, const std::string& path) {
  auto side = open_nothing(s);
  if (!side) return side;
  std::error_code ec;
  if (std::filesystem::is_regular_file(path, ec)) {
    Report quiet("diff", true);
    if (run_script(side->db(), path, false, quiet) != kOk) return tl::unexpected(quiet.problems().front());
    return side;
  }
  if (!std::filesystem::is_directory(path, ec))
    return tl::unexpected(about(path, path + " is neither db, migrations, empty, a URL, a directory nor a file"));
  auto source = read_source(path);
  if (!source) return tl::unexpected(about(path, source.error().message));
  s.source() = std::move(*source);
  for (const auto& m : s.source().migrations) {
    if (auto ok = s.replay(side->db(), m); !ok) return tl::unexpected(ok.error());
  }
  return side;
}

tl::expected<Side, Problem> open_side(Session& s, const std::string& what) {
  if (what == "db") return open_url(s.options().url);
  if (what == "empty") return open_nothing(s);
  if (what == "migrations") return open_files(s, s.options().directory);
  if (what.find("://") != std::string::npos || what.find('=') != std::string::npos) return open_url(what);
  return open_files(s, what);
}

/// `from` without its rows, to try the SQL on. Null with a note when it cannot be had.
std::unique_ptr<Scratch> stage(Session& s, Side& from) {
  if (from.scratch) return std::move(from.scratch);
  const auto text = dumped_schema(from.target, from.db().version());
  std::string file = "/var/tmp/howdah-diff-XXXXXX";
  const int fd = text ? mkstemp(file.data()) : -1;
  auto scratch = fd >= 0 ? Scratch::create(s.db(), s.target()) : tl::unexpected(SqlFailure{});
  Report quiet("diff", true);
  bool ready = false;
  const std::string own = s.target().schema == "public" ? "" : s.target().schema;  // the dump makes it
  if (fd >= 0) {
    ready = scratch && os::write_file_atomic(file, *text, 0600) &&
            (*scratch)->db().exec("drop schema public cascade; create schema public") &&
            (own.empty() || (*scratch)->db().exec("drop schema if exists " + s.db().name(own))) &&
            run_script((*scratch)->db(), file, false, quiet) == kOk;
    close(fd);
    unlink(file.c_str());
  }
  if (ready) return std::move(*scratch);
  s.report().note("the SQL was not tried: " + (!text                      ? text.error().message
                                               : quiet.problems().empty() ? "there is no scratch database"
                                                                          : quiet.problems().front().message));
  return nullptr;
}

int try_it(Session& s, Database& db, const std::string& sql, const Objects& wanted) {
  if (auto done = db.exec("begin;" + sql + "commit; reset all"); !done) {
    Problem p = problem_of(done.error());
    p.code = "not-executable";
    p.hint = "tried on a scratch database; order these statements by hand";
    s.report().problem(p);
    return kFailed;
  }
  const auto now = read_objects(db);
  if (!now) return s.sql_failure(now.error(), kFailed);
  int code = kOk;
  const auto missing = [&](const std::string& name, const char* what) {
    s.report().problem(
        {.code = "not-covered", .message = fmt::format("{} {}: diff writes no SQL for that", name, what)});
    code = kFailed;
  };
  for (const auto& [name, hash] : wanted) {
    const auto it = now->find(name);
    if (it == now->end())
      missing(name, "is not made");
    else if (it->second != hash)
      missing(name, "is not changed");
  }
  for (const auto& [name, hash] : *now) {
    if (!wanted.contains(name)) missing(name, "is not removed");
  }
  return code;
}

int compare_sides(Session& s, Side& from, Side& to, bool exit_code) {
  const auto a = read_model(from.db()), b = read_model(to.db());
  if (!a) return s.sql_failure(a.error(), kFailed);
  if (!b) return s.sql_failure(b.error(), kFailed);
  const auto wanted = read_objects(to.db()), there = read_objects(from.db());
  if (!wanted) return s.sql_failure(wanted.error(), kFailed);
  if (!there) return s.sql_failure(there.error(), kFailed);
  const auto statements = schema_diff(*a, *b);
  s.report().attach("sql", json_text(nlohmann::ordered_json(statements)));
  std::string sql;
  for (const auto& text : statements) sql += text + "\n";
  if (!s.report().json()) fmt::print("{}", sql);
  if (statements.empty() && *wanted == *there) {
    s.report().note("no difference");
    return kOk;
  }
  if (auto scratch = stage(s, from)) {
    if (int code = try_it(s, scratch->db(), sql, *wanted); code != kOk) return code;
  }
  return exit_code ? kDrift : kOk;
}

}  // namespace

int diff(const Options& options, const std::string& from, const std::string& to, bool exit_code, Report& report) {
  Session s(options, report);
  if (int code = s.open_database(); code != kOk) return code;
  auto a = open_side(s, from);
  auto b = a ? open_side(s, to) : tl::unexpected(Problem{});
  if (!a || !b) {
    const Problem& p = !a ? a.error() : b.error();
    report.problem(p);
    return p.code == "connection" ? kNoConnection : kFailed;
  }
  return compare_sides(s, *a, *b, exit_code);
}

}  // namespace howdah::migrate
