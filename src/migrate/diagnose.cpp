#include "migrate/diagnose.h"

namespace howdah::migrate {
namespace {

tl::expected<Prefixes, Problem> replay(Session& s, Database& scratch, const Migration& until, const Script& script) {
  for (const auto& m : s.source().migrations) {
    if (m.version == until.version) break;
    const auto row =
        std::find_if(s.rows().begin(), s.rows().end(), [&](const Row& r) { return r.version == m.version; });
    if (row == s.rows().end() || row->state != State::kApplied) continue;
    if (auto done = s.replay(scratch, m); !done) {
      Problem p = done.error();
      p.hint = "the migrations before it must run on an empty database, to compare with";
      return tl::unexpected(p);
    }
  }
  Prefixes out;
  for (size_t i = 0;; i++) {
    auto objects = read_objects(scratch);
    if (!objects) return tl::unexpected(problem_of(objects.error()));
    out.after.push_back(std::move(*objects));
    if (i == script.statements.size()) return out;
    if (auto done = scratch.exec(text_of(script, i)); !done) {
      out.failed = problem_of(done.error(), until.version);
      const int position = done.error().position;
      out.failed->where = position > 0
                              ? until.up.where(script.statements[i].begin + byte_of(text_of(script, i), position))
                              : until.up.where(script.statements[i].line, script.statements[i].column);
      return out;
    }
  }
}

/// Objects that any of the statements touches; everything else in the live database does not matter.
Objects only(const Objects& from, const std::vector<Objects>& prefixes) {
  Objects out;
  for (const auto& prefix : prefixes) {
    for (const auto& [name, hash] : prefix) {
      const auto first = prefixes[0].find(name);
      if (first != prefixes[0].end() && first->second == hash) continue;
      if (const auto it = from.find(name); it != from.end()) out.insert(*it);
    }
    for (const auto& [name, hash] : prefixes[0]) {
      if (const auto it = from.find(name); it != from.end() && !prefix.contains(name)) out.insert(*it);
    }
  }
  return out;
}

/// Which numbers of applied statements the live schema is consistent with.
std::vector<size_t> matching(const Objects& live, const std::vector<Objects>& prefixes) {
  std::vector<size_t> out;
  const Objects seen = only(live, prefixes);
  for (size_t i = 0; i < prefixes.size(); i++) {
    if (only(prefixes[i], prefixes) == seen) out.push_back(i);
  }
  return out;
}

}  // namespace

std::string text_of(const Script& script, size_t i) {
  const auto& s = script.statements[i];
  return script.sql.substr(s.begin, s.end - s.begin);
}

tl::expected<Diagnosis, Problem> diagnose(Session& s, const Migration& m) {
  auto script = prepare(m.up, m.version, s.source().dialect);
  if (!script) return tl::unexpected(script.error());
  auto scratch = Scratch::create(s.db(), s.target());
  if (!scratch) return tl::unexpected(problem_of(scratch.error()));
  auto prefixes = replay(s, (*scratch)->db(), m, *script);
  if (!prefixes) return tl::unexpected(prefixes.error());
  const auto live = read_objects(s.db());
  if (!live) return tl::unexpected(problem_of(live.error()));
  auto fits = matching(*live, prefixes->after);
  if (fits.empty()) {
    return tl::unexpected(
        Problem{.code = "no-match",
                .version = m.version,
                .where = m.file,
                .message = "the schema is like after none of the statements: somebody changed it by hand",
                .hint = "compare it with the file, then resolve it with --applied or --rolled-back"});
  }
  return Diagnosis{std::move(*script), std::move(*prefixes), std::move(fits)};
}

tl::expected<Objects, Problem> schema_after(Session& s, const std::vector<const Migration*>& list) {
  auto scratch = Scratch::create(s.db(), s.target());
  if (!scratch) return tl::unexpected(problem_of(scratch.error()));
  for (const Migration* m : list) {
    if (auto ok = s.replay((*scratch)->db(), *m); !ok) return tl::unexpected(ok.error());
  }
  auto objects = read_objects((*scratch)->db());
  if (!objects) return tl::unexpected(problem_of(objects.error()));
  return *objects;
}

}  // namespace howdah::migrate
