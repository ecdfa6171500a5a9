#include "migrate/lint_run.h"

#include <fmt/format.h>

#include <filesystem>

#include "migrate/fingerprint.h"
#include "util/json.h"

namespace howdah::migrate {
namespace {

/// Runs the migrations on a scratch database as lint comes to them.
class DownCheck {
 public:
  DownCheck(Session& s, std::unique_ptr<Scratch> scratch) : s_(s), scratch_(std::move(scratch)) {}

  std::optional<std::string> operator()(const Migration& m) {
    Database& db = scratch_->db();
    for (; next_ < s_.source().migrations.size(); next_++) {
      const Migration& now = s_.source().migrations[next_];
      const auto before = read_objects(db);
      if (auto ok = s_.replay(db, now); !ok) return now.name + " does not run: " + ok.error().message;
      if (now.version != m.version) continue;
      next_++;
      return undo(m, before);
    }
    return {};
  }

 private:
  std::optional<std::string> undo(const Migration& m, const tl::expected<Objects, SqlFailure>& before) {
    Migration down = m;
    down.up = m.down;
    if (auto ok = s_.replay(scratch_->db(), down); !ok) return ok.error().message;
    const auto after = read_objects(scratch_->db());
    if (!before || !after) return "the schema could not be read";
    const auto again = s_.replay(scratch_->db(), m);
    for (const auto& [name, hash] : *after) {
      if (!before->contains(name)) return name + " is left";
      if (before->at(name) != hash) return name + " is not as it was";
    }
    for (const auto& [name, hash] : *before) {
      if (!after->contains(name)) return name + " is gone";
    }
    if (!again) return "up does not run again: " + again.error().message;
    return {};
  }

  Session& s_;
  std::unique_ptr<Scratch> scratch_;
  size_t next_ = 0;
};

std::optional<double> planned_rows(Database& db, const std::string& sql) {
  const auto plan = db.exec("explain (format json) " + sql);
  if (!plan || plan->rows.empty()) return {};
  const auto json = try_parse_json(plan->at(0, 0));
  if (!json.is_array() || json.empty() || !json[0].contains("Plan")) return {};
  const auto& top = json[0]["Plan"];
  const auto& node = top.contains("Plans") && !top["Plans"].empty() ? top["Plans"][0] : top;
  return node.contains("Plan Rows") ? std::optional(node["Plan Rows"].get<double>()) : std::nullopt;
}

int ask_database(Session& s, LintFacts& facts) {
  if (const int code = s.open(); code != kOk) return code;
  const Verdict v = s.verdict();
  std::set<std::string> pending;
  for (const Migration* m : v.pending) pending.insert(m->version);
  std::erase_if(facts.chosen, [&](const std::string& version) { return !pending.contains(version); });
  for (const Row& row : v.applied) facts.known.insert(row.version);
  facts.known_where = "the database";
  const auto tables = s.db().exec(
      "select case when nspname = 'public' then relname else nspname || '.' || relname end, relname, nspname = "
      "current_schema() from pg_class c join pg_namespace n on n.oid = relnamespace where relkind = 'r' and "
      "pg_relation_size(c.oid) = 0 and nspname !~ '^pg_' and nspname <> 'information_schema'");
  if (!tables) return s.sql_failure(tables.error(), kFailed);
  for (const auto& row : tables->rows) {
    facts.empty.insert(row[0]);
    if (row[2] == "t") facts.empty.insert(row[1]);
  }
  facts.estimate = [&s](const std::string& sql) { return planned_rows(s.db(), sql); };
  return kOk;
}

Result<void> compare_with_git(const Source& source, const std::string& revision, LintFacts& facts) {
  const auto files = git_files(source.directory, revision);
  if (!files) return tl::unexpected(files.error());
  facts.known_where = revision;
  for (const auto& m : source.migrations) {
    const auto in = [&](const std::set<std::string>& list) {
      return list.contains(m.file) || list.contains(m.up.file) || list.contains(m.down.file);
    };
    if (!in(files->changed)) facts.chosen.erase(m.version);
    if (in(files->there)) facts.known.insert(m.version);
  }
  return {};
}

int refuse(Report& report, std::string code, std::string message) {
  report.problem({.code = std::move(code), .message = std::move(message)});
  return kUsage;
}

}  // namespace

int lint_command(const Options& options, const LintOptions& o, Report& report) {
  const auto source = read_source(options.directory);
  if (!source) return refuse(report, "files", source.error().message);
  if (source->dialect == Dialect::kKysely)
    return refuse(report, "typescript", "lint reads SQL, and these migrations are TypeScript: rehearse them instead");
  LintFacts facts{.many_rows = o.many_rows};
  for (const auto& m : source->migrations) facts.chosen.insert(m.version);
  if (!o.against.empty()) {
    if (auto ok = compare_with_git(*source, o.against, facts); !ok) return refuse(report, "git", ok.error().message);
  }
  Session session(options, report);
  if (o.with_database) {
    if (const int code = ask_database(session, facts); code != kOk) return code;
  }
  std::optional<DownCheck> down;
  if (o.check_down) {
    auto scratch = Scratch::create(session.db(), session.target());
    if (!scratch) return session.sql_failure(scratch.error(), kFailed);
    down.emplace(session, std::move(*scratch));
    facts.down_differs = [&down](const Migration& m) { return (*down)(m); };
  }
  const LintResult result = lint(*source, facts);
  fmt::print("{}", print_lint(result, o.format));
  const bool bad = result.count(Severity::kError) > 0 || (o.strict && result.count(Severity::kWarning) > 0);
  return bad ? kLint : kOk;
}

}  // namespace howdah::migrate
