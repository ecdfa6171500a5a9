#include "migrate/rebase_loss.h"

#include <fmt/format.h>

#include <set>

#include "migrate/fingerprint.h"
#include "migrate/schema_model.h"

namespace howdah::migrate {
namespace {

using List = std::vector<const Migration*>;

tl::expected<SchemaModel, Problem> model_after(Session& s, const List& list) {
  auto scratch = Scratch::create(s.db(), s.target());
  if (!scratch) return tl::unexpected(problem_of(scratch.error()));
  for (const Migration* m : list) {
    if (auto ok = s.replay((*scratch)->db(), *m); !ok) return tl::unexpected(ok.error());
  }
  auto model = read_model((*scratch)->db());
  if (!model) return tl::unexpected(problem_of(model.error()));
  return std::move(*model);
}

/// There is such SQL, and it changes no rows by itself.
bool only_changes_the_schema(Session& s, const Migration& m) {
  static const std::set<std::string> kWords = {"alter", "comment", "create", "drop", "grant", "revoke", "set"};
  if (!m.down.present || s.source().dialect == Dialect::kKysely) return false;
  const auto script = prepare(m.down, m.version, s.source().dialect);
  return script && script->transactional &&
         std::all_of(script->statements.begin(), script->statements.end(), [](const Statement& statement) {
           return !statement.words.empty() && kWords.contains(statement.words[0]);
         });
}

}  // namespace

tl::expected<Losses, Problem> losses(Session& s, const List& executed, size_t kept) {
  const auto now = model_after(s, executed);
  if (!now) return tl::unexpected(now.error());
  const auto then = model_after(s, List(executed.begin(), executed.begin() + static_cast<long>(kept)));
  if (!then) return tl::unexpected(then.error());
  Losses out;
  out.all = std::all_of(executed.begin() + static_cast<long>(kept), executed.end(),
                        [&](const Migration* m) { return only_changes_the_schema(s, *m); });
  const auto count = [&](const std::string& what, const std::string& words, const std::string& table,
                         const std::string& where = "") {
    const auto n = s.db().exec(fmt::format("select count(*) from {}{}", table, where));
    if (n && n->at(0, 0) == "0") {
      out.empty.push_back(
          fmt::format("lock table {0} in share row exclusive mode; do {2} begin if exists (select from "
                      "{0}{1}) then raise 'somebody wrote to %', {3}; end if; end {2}",
                      table, where, "$howdah$", s.db().literal(table)));
      return;
    }
    out.what.push_back(fmt::format("{} with {} {}", what, n ? n->at(0, 0) : "nobody knows how many", words));
  };
  for (const auto& [name, table] : now->tables) {
    if (!table.parent.empty()) continue;  // counted with its parent
    const auto there = s.db().exec("select to_regclass(" + s.db().literal(name) + ") is null");
    if (there && there->at(0, 0) == "t") continue;  // by hand
    const auto old = then->tables.find(name);
    if (old == then->tables.end()) {
      count("table " + name, "rows", name);
      continue;
    }
    for (const auto& c : table.columns) {
      const auto* was = old->second.find(c.name);
      const std::string where = fmt::format(" where {} is not null", c.name);
      if (was == nullptr)
        count(fmt::format("column {}.{}", name, c.name), "values", name, where);
      else if (was->type != c.type)
        count(fmt::format("column {}.{}, whose type changes,", name, c.name), "values", name, where);
    }
  }
  return out;
}

}  // namespace howdah::migrate
