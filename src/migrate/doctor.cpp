#include <fmt/format.h>

#include "migrate/commands.h"
#include "migrate/diagnose.h"
#include "migrate/doctor.h"
#include "migrate/import.h"

namespace howdah::migrate {
namespace {

constexpr size_t kShown = 12;  // differing objects; more are counted

std::string psql(const std::string& sql) { return fmt::format("howdah db connect -- psql -c '{}'", sql); }

/// "statements 1 to 2 of 4 are applied", and the command that follows from it.
Problem half_applied(Session& s, const Migration& m, Problem p) {
  const auto found = diagnose(s, m);
  if (!found) {
    p.hint = fmt::format("what is applied could not be found out: {}", found.error().message);
    p.fix = "";
    return p;
  }
  const size_t total = found->script.statements.size(), least = found->fits.front(), most = found->fits.back();
  const std::string count = least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most);
  p.message += fmt::format("; {} of its {} statements are applied", count, total);
  if (most == 0) {
    p.hint = "nothing of it is there: mark it, correct the file, run it again";
    p.fix = fmt::format("howdah migrate resolve {} --rolled-back", m.version);
  } else if (least == total) {
    p.hint = "all of it is there: only the mark is missing";
    p.fix = fmt::format("howdah migrate resolve {} --applied", m.version);
  } else {
    const auto& next = found->script.statements[least];
    p.where = m.up.where(next.line, next.column);
    if (found->prefixes.failed) p.detail = found->prefixes.failed->message;
    p.hint = least == most
                 ? "correct the statement here; then the missing ones run and it is marked, in one transaction"
                 : "statements that only change data leave no trace in the schema: look at the rows first";
    p.fix = least == most ? fmt::format("howdah migrate resolve {} --auto --finish", m.version)
                          : fmt::format("howdah migrate resolve {} --auto", m.version);
  }
  return p;
}

void look_at_history(Session& s, std::vector<Problem>& out) {
  const Verdict v = s.verdict();
  for (const Problem& p : v.problems) {
    const Migration* m = s.source().find(p.version);
    const bool prisma = s.source().dialect == Dialect::kPrisma && p.code == "failed-migration" && m != nullptr;
    out.push_back(prisma ? half_applied(s, *m, p) : p);
  }
  for (const Migration* m : v.pending) {
    const bool tried = std::any_of(s.rows().begin(), s.rows().end(), [&](const Row& r) {
      return r.version == m->version && r.state == State::kRolledBack;
    });
    if (tried)
      out.push_back(
          {.code = "rolled-back",
           .version = m->version,
           .where = m->file,
           .message = m->name + " was rolled back and never run again; Prisma's status may call this up to date",
           .fix = "howdah migrate up"});
  }
}

void look_at_others(Session& s, std::vector<Problem>& out) {
  if (s.source().dialect != Dialect::kNative || s.has_history()) return;
  const auto found = foreign_histories(s.db());
  if (!found || found->empty()) return;
  out.push_back(
      {.code = "foreign-history",
       .message = fmt::format("the history is that of {}, in {}", found->front().tool, found->front().table),
       .hint = "import marks the same migrations as applied here; the other table stays as it is",
       .fix = found->size() == 1 ? "howdah migrate import" : "howdah migrate import --from " + found->front().tool});
}

void ask(Session& s, const std::string& sql, const std::function<void(const std::vector<std::string>&)>& visit) {
  const auto rows = s.db().exec(sql);
  for (const auto& r : rows ? rows->rows : std::vector<std::vector<std::string>>()) visit(r);
}

/// What migrations left unfinished, with the SQL that finishes it.
void look_at_database(Session& s, std::vector<Finding>& out) {
  const auto left = [&](const char* code, const std::string& message, const std::string& sql) {
    out.push_back({.problem = {.code = code, .message = message, .fix = psql(sql)}, .sql = sql});
  };
  ask(s,
      "select indexrelid::regclass, indrelid::regclass, c.relname ~ '_cc(new|old)[0-9]*$' from pg_index join pg_class "
      "c on c.oid = indexrelid where not indisvalid and relkind = 'i' and not exists (select from "
      "pg_stat_progress_create_index p where p.index_relid = indexrelid) order by 1",
      [&](const auto& r) {
        if (r[2] == "t")
          left("invalid-index", fmt::format("{} of {} is what a failed reindex left: it slows writes", r[0], r[1]),
               "drop index concurrently " + r[0]);
        else
          left("invalid-index",
               fmt::format("{} of {} is invalid: a concurrent build failed, it slows writes and serves no query", r[0],
                           r[1]),
               "reindex index concurrently " + r[0]);
      });
  ask(s,
      "select quote_ident(conname), conrelid::regclass from pg_constraint where not convalidated and conrelid <> 0 "
      "order by 2, 1",
      [&](const auto& r) {
        left("not-valid", fmt::format("{} of {} was added NOT VALID and never validated", r[0], r[1]),
             fmt::format("alter table {} validate constraint {}", r[1], r[0]));
      });
}

void look_at_sessions(Session& s, std::vector<Problem>& out) {
  const std::string holder = s.lease_holder();
  if (!holder.empty())
    s.report().note("another run is going on, or was left behind and keeps others from running: " + holder);
  ask(s,
      "select pid, usename, coalesce(application_name, ''), extract(epoch from clock_timestamp() - xact_start)::int "
      "from pg_stat_activity a where state like 'idle in transaction%' and datname = current_database() and "
      "clock_timestamp() - xact_start > '60 s' and not exists (select from pg_locks l where l.pid = a.pid and "
      "l.locktype = 'advisory' and (l.classid::bigint << 32 | l.objid::bigint) = " +
          std::to_string(kOurLockKey) + ") order by xact_start",
      [&](const auto& r) {
        out.push_back({.code = "idle-in-transaction",
                       .message = fmt::format("pid {} ({}, {}) idles in a transaction for {} s: it holds its locks, "
                                              "and CREATE INDEX CONCURRENTLY waits for it",
                                              r[0], r[1], r[2], r[3]),
                       .fix = "howdah db sessions --kill " + r[0]});
      });
}

/// Kysely sorts equal times by the rules of a language, and may call the history corrupted.
void look_at_times(Session& s, std::vector<Problem>& out) {
  if (s.source().dialect != Dialect::kKysely || !s.has_history()) return;
  ask(s,
      fmt::format("select string_agg(name, ', ' order by name collate \"C\"), min(\"timestamp\") from {} group by "
                  "\"timestamp\"::timestamptz having count(*) > 1",
                  s.history().table()),
      [&](const auto& r) {
        out.push_back({.code = "equal-times",
                       .message = fmt::format("{} were recorded at the same time, {}: in which order Kysely reads them "
                                              "depends on the language",
                                              r[0], r[1]),
                       .hint = "a millisecond between them, in the order of their names, settles it",
                       .fix = "howdah migrate repair --all --yes"});
      });
}

/// Does the database look as its migrations make it? False when that could not be found out.
bool look_at_drift(Session& s, std::vector<Problem>& out) {
  std::vector<const Migration*> applied;
  for (const Row& row : s.rows()) {
    if (row.state == State::kRolledBack) continue;
    const Migration* m = s.source().find(row.version);
    if (row.state != State::kApplied || m == nullptr || (!row.checksum.empty() && row.checksum != m->checksum))
      return true;
    applied.push_back(m);
  }
  if (applied.empty()) return true;
  const auto wanted = schema_after(s, applied);
  if (!wanted) {
    s.report().note("drift was not looked for: the applied migrations do not run on an empty database: " +
                    wanted.error().message);
    return false;
  }
  const auto live = read_objects(s.db());
  if (!live) return false;
  std::vector<std::string> lines;
  for (const auto& [name, hash] : *wanted) {
    const auto it = live->find(name);
    if (it == live->end())
      lines.push_back(name + " is missing");
    else if (it->second != hash)
      lines.push_back(name + " differs");
  }
  const auto others = foreign_histories(s.db());
  const auto foreign = [&](const std::string& name) {
    return others && std::any_of(others->begin(), others->end(), [&](const ForeignHistory& h) {
             return name.find(h.tool == "sqitch" ? "sqitch" : h.table) != std::string::npos ||
                    (h.tool == "rails" && name.find("ar_internal_metadata") != std::string::npos);
           });
  };
  for (const auto& [name, hash] : *live) {
    if (!wanted->contains(name) && !foreign(name)) lines.push_back(name + " is in no migration");
  }
  if (lines.empty()) return true;
  std::string detail;
  for (size_t i = 0; i < std::min(lines.size(), kShown); i++) detail += (i == 0 ? "" : "; ") + lines[i];
  if (lines.size() > kShown) detail += fmt::format("; and {} more", lines.size() - kShown);
  out.push_back(
      {.code = "drift",
       .message = fmt::format("{} {} not as the applied migrations make {}", lines.size(),
                              lines.size() == 1 ? "object is" : "objects are", lines.size() == 1 ? "it" : "them"),
       .detail = detail,
       .hint = "write a migration that does what was done by hand, and mark it with baseline; or undo it",
       .fix = "howdah migrate diff --from migrations --to db"});
  return true;
}

}  // namespace

int Examination::exit_code() const {
  if (findings.empty()) return kOk;
  const bool only_drift =
      std::all_of(findings.begin(), findings.end(), [](const Finding& f) { return f.problem.code == "drift"; });
  return only_drift ? kDrift : kInconsistent;
}

Examination examine(Session& s) {
  Examination out;
  std::vector<Problem> history, others;
  look_at_history(s, history);
  look_at_others(s, history);
  look_at_times(s, history);
  for (auto& p : history) out.findings.push_back({.problem = std::move(p), .sql = ""});
  look_at_database(s, out.findings);
  look_at_sessions(s, others);
  const bool history_is_right = std::none_of(out.findings.begin(), out.findings.end(), [](const Finding& f) {
    return f.problem.code == "failed-migration" || f.problem.code == "foreign-history";
  });
  out.looked = !history_is_right || look_at_drift(s, others);
  for (auto& p : others) out.findings.push_back({.problem = std::move(p), .sql = ""});
  return out;
}

int doctor(Session& s) {
  const Examination found = examine(s);
  for (const auto& f : found.findings) s.report().problem(f.problem);
  s.report().note(found.findings.empty()
                      ? (found.looked ? "nothing is wrong" : "nothing is wrong in what could be looked at")
                      : fmt::format("{} findings", found.findings.size()));
  return found.exit_code();
}

}  // namespace howdah::migrate
