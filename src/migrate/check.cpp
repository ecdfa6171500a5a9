#include "migrate/check.h"

#include <fmt/format.h>

#include <unordered_map>

namespace howdah::migrate {
namespace {

Problem failed_problem(const Row& row, const std::string& file, Dialect dialect) {
  Problem p{.code = "failed-migration", .version = row.version, .where = file};
  if (dialect == Dialect::kPrisma) {
    p.message = fmt::format("{} started at {} and did not finish: some of its statements may have been applied",
                            row.name, row.at);
    p.detail = row.error;
    p.hint =
        "resolve --auto finds out which statements ran; or, if you know: --rolled-back when nothing of it is left, "
        "--applied when all of it is there";
    p.fix = "howdah migrate resolve " + row.version + " --auto";
    return p;
  }
  p.message = fmt::format("{} stopped after {} of {} statements", row.name, row.done, row.statements);
  p.detail = row.error;
  p.hint = "up goes on with the statement that failed";
  p.fix = "howdah migrate up";
  return p;
}

Problem edited_problem(const Migration& m, const Row& row) {
  return {.code = "edited",
          .version = row.version,
          .where = m.file,
          .message = m.name + " was changed after it had been applied",
          .detail = fmt::format("applied {}, the file is {}", row.checksum, m.checksum),
          .hint = "restore the file (git log -p shows its versions) and write a new migration; or accept the new text",
          .fix = fmt::format("howdah migrate repair {} --accept", row.version)};
}

Problem missing_problem(const Row& row) {
  return {.code = "missing-file",
          .version = row.version,
          .message = row.name + " was applied, but its file is not there",
          .hint = row.has_down
                      ? "its down SQL is in the history: howdah migrate down --missing reverts it; or forget it"
                      : "restore the file, or forget the row",
          .fix = fmt::format("howdah migrate repair {} --forget", row.version)};
}

/// In Kysely's own words: people look for them.
std::optional<Problem> kysely_order(const Source& source, const std::vector<Row>& rows) {
  for (size_t i = 0; i < rows.size() && i < source.migrations.size(); i++) {
    const std::string& there = source.migrations[i].name;
    if (there == rows[i].name) continue;
    const bool gone = std::none_of(source.migrations.begin(), source.migrations.end(),
                                   [&](const Migration& m) { return m.name == rows[i].name; });
    if (gone) return {};  // reported as a missing file
    return Problem{
        .code = "out-of-order",
        .version = there,
        .where = source.migrations[i].file,
        .message = fmt::format("corrupted migrations: expected previously executed migration {} to be at index {} "
                               "but {} was found in its place. New migrations must always have a name that comes "
                               "alphabetically after the last executed migration.",
                               rows[i].name, i, there),
        .hint = "rebase runs what came late and puts the history in order, when that changes nothing else",
        .fix = "howdah migrate rebase"};
  }
  return {};
}

Problem order_problem(const Migration& m, const std::string& last) {
  return {.code = "out-of-order",
          .version = m.version,
          .where = m.file,
          .message = fmt::format("{} comes before {}, which was applied already", m.name, last),
          .hint = "rebase runs it now when the order makes no difference; or give the file a newer version",
          .fix = "howdah migrate rebase"};
}

Problem half_squashed(const Migration& baseline, size_t there, const std::string& missing) {
  return {.code = "half-squashed",
          .version = baseline.version,
          .where = baseline.file,
          .message = fmt::format("{} stands for {} migrations, and this database has only {} of them: {} is missing",
                                 baseline.name, baseline.replaces.size(), there, missing),
          .hint = "bring it up to date with the files from before the squash, then come back to these",
          .fix = fmt::format("git log --diff-filter=A -1 --format=%h -- {}", baseline.file)};
}

/// The rows as they are once each baseline has taken the place of what it stands for.
std::vector<Row> with_baselines(const Source& source, std::vector<Row> rows, Verdict& v) {
  for (const auto& m : source.migrations) {
    if (m.replaces.empty()) continue;
    const auto counts = [](const Row& r) { return r.state != State::kRolledBack; };
    const bool own = std::any_of(rows.begin(), rows.end(), [&](const Row& r) { return counts(r) && r.name == m.name; });
    size_t there = 0;
    std::string missing, at;
    for (const auto& old : m.replaces) {
      const auto row = std::find_if(rows.begin(), rows.end(),
                                    [&](const Row& r) { return r.name == old.name && r.state == State::kApplied; });
      if (row == rows.end()) {
        missing = old.name;
        continue;
      }
      there++;
      at = row->at;
      if (!own && !row->checksum.empty() && row->checksum != old.checksum)
        v.problems.push_back(
            {.code = "edited",
             .version = row->version,
             .where = m.file,
             .message = fmt::format("{} was applied with another text than {} stands for", old.name, m.name),
             .detail = fmt::format("applied {}, squashed {}", row->checksum, old.checksum)});
    }
    if (there == 0) continue;
    std::erase_if(rows, [&](const Row& r) {
      return std::any_of(m.replaces.begin(), m.replaces.end(), [&](const Replaced& o) { return o.name == r.name; });
    });
    if (own) continue;
    if (there < m.replaces.size()) {
      v.problems.push_back(half_squashed(m, there, missing));
    } else {
      v.squashed.push_back(&m);
      rows.push_back({.version = m.version, .name = m.name, .checksum = m.checksum, .at = at});
    }
  }
  return rows;
}

/// Blanks the first and last statement when they are exactly a BEGIN ... COMMIT around everything.
void unwrap(Script& script) {
  auto& all = script.statements;
  if (all.size() < 2 || transaction_control(all.front()) != "begin" || all.front().words.size() > 2 ||
      transaction_control(all.back()) != "commit" || all.back().words.size() > 2) {
    return;
  }
  for (const Statement* s : {&all.front(), &all.back()}) {
    for (size_t i = s->begin; i < s->end; i++) {
      if (script.sql[i] != '\n') script.sql[i] = ' ';
    }
  }
  all.erase(all.begin());
  all.pop_back();
}

}  // namespace

bool comes_before(Dialect dialect, const std::string& a, const std::string& b) {
  return dialect == Dialect::kNative ? version_less(a, b) : a < b;
}

Verdict compare(const Source& source, const std::vector<Row>& recorded, bool out_of_order) {
  Verdict v;
  v.applied = with_baselines(source, recorded, v);
  const bool in_order = source.dialect == Dialect::kKysely && !out_of_order;
  const auto disorder = in_order ? kysely_order(source, v.applied) : std::nullopt;
  std::erase_if(v.applied, [](const Row& r) { return r.state == State::kRolledBack; });
  const auto earlier = [&](const Row& a, const Row& b) { return comes_before(source.dialect, a.version, b.version); };
  if (!std::is_sorted(v.applied.begin(), v.applied.end(), earlier))
    std::stable_sort(v.applied.begin(), v.applied.end(), earlier);
  std::unordered_map<std::string_view, const Row*> known;  // the last of several with one version
  known.reserve(v.applied.size());
  for (const auto& r : v.applied) known[r.version] = &r;
  const std::string last = v.applied.empty() ? "" : v.applied.back().version;
  for (const auto& m : source.migrations) {
    const auto found = known.find(m.version);
    if (found == known.end()) {
      v.pending.push_back(&m);
      if (!out_of_order && source.dialect != Dialect::kKysely && !last.empty() &&
          comes_before(source.dialect, m.version, last)) {
        v.problems.push_back(order_problem(m, last));
      }
      continue;
    }
    const Row& row = *found->second;
    if (row.state != State::kApplied && source.dialect == Dialect::kNative) v.pending.push_back(&m);
    if (row.state != State::kApplied)
      v.problems.push_back(failed_problem(row, m.file, source.dialect));
    else if (!row.checksum.empty() && row.checksum != m.checksum)
      v.problems.push_back(edited_problem(m, row));
    known.erase(found);
  }
  if (disorder) v.problems.push_back(*disorder);
  for (const auto& row : v.applied) {
    if (known.contains(row.version)) v.problems.push_back(missing_problem(row));
  }
  return v;
}

tl::expected<Script, Problem> prepare(const Section& section, const std::string& version, Dialect dialect) {
  Script script{.sql = section.sql, .transactional = section.transactional};
  auto parts = split(script.sql);
  if (!parts) {
    const auto& e = parts.error();
    return tl::unexpected(
        Problem{.code = "syntax", .version = version, .where = section.where(e.line, e.column), .message = e.message});
  }
  script.statements = std::move(*parts);
  comment_out_restrict(script.sql, script.statements);
  // Prisma's files have no headers: one statement that must stand alone says all there is to say.
  if (dialect == Dialect::kPrisma && script.statements.size() == 1 &&
      !outside_transaction(script.statements[0]).empty()) {
    script.transactional = false;
  }
  unwrap(script);
  for (const auto& s : script.statements) {
    const auto at = [&](const char* code, std::string message, std::string hint) {
      return tl::unexpected(Problem{.code = code,
                                    .version = version,
                                    .where = section.where(s.line, s.column),
                                    .message = std::move(message),
                                    .hint = std::move(hint)});
    };
    if (const std::string word = transaction_control(s); !word.empty()) {
      return at("transaction-nesting", fmt::format("{} inside a migration, which is a transaction itself", word),
                "remove it: a migration and its history row are committed together");
    }
    const std::string alone = outside_transaction(s);
    if (script.transactional && !alone.empty()) {
      return at("outside-transaction", alone + " cannot run inside a transaction",
                dialect == Dialect::kPrisma
                    ? "put it alone into a migration of its own"
                    : "put it into a file of its own with the first line: -- howdah:no-transaction");
    }
  }
  if (dialect == Dialect::kPrisma && !script.transactional && script.statements.size() > 1) {
    return tl::unexpected(
        Problem{.code = "no-progress",
                .version = version,
                .where = section.where(1, 1),
                .message = "Prisma's history cannot remember how far a file outside a transaction got",
                .hint = "one statement a file"});
  }
  return script;
}

}  // namespace howdah::migrate
