#include <fmt/format.h>

#include "migrate/session.h"

namespace howdah::migrate {
namespace {

constexpr size_t kMost = 64;          ///< migrations in one message
constexpr size_t kLargest = 1 << 20;  ///< bytes of SQL in one message

using Member = Group::Member;

/// What needs settings of its own, or changes them, goes alone.
bool plain(const Migration& m, const Script& script) {
  if (!script.transactional || !m.up.lock_timeout.empty() || !m.up.statement_timeout.empty()) return false;
  for (const auto& s : script.statements) {
    if (!s.words.empty() && (s.words[0] == "set" || s.words[0] == "reset")) return false;
  }
  return script.sql.find("set_config") == std::string::npos;
}

/// INSERTs into the same columns as one of several rows. What stands before the first VALUES is ours.
std::string joined(const std::vector<std::string>& inserts) {
  constexpr std::string_view kValues = " values ";
  std::string out = inserts.front();
  const size_t at = out.find(kValues);
  for (size_t i = 1; i < inserts.size(); i++) {
    const bool same =
        at != std::string::npos && inserts[i].compare(0, at + kValues.size(), out, 0, at + kValues.size()) == 0;
    if (!same) return fmt::format("{}", fmt::join(inserts, ";"));
    out += ", " + inserts[i].substr(at + kValues.size());
  }
  return out;
}

/// Which script the failure is in, and where: by the server's position, else by counting statements.
std::string place(const std::string& text, const std::vector<Member>& group, const SqlFailure& f, const Member*& who) {
  size_t byte = 0;
  for (int n = 1; f.position > 0 && byte < text.size(); byte++) {
    if ((text[byte] & 0xC0) != 0x80 && n++ == f.position) break;
  }
  size_t before = 0;
  for (const auto& g : group) {
    who = &g;
    const auto& statements = g.script.statements;
    if (f.position > 0 && byte >= g.at && byte < g.at + g.script.sql.size()) return g.migration->up.where(byte - g.at);
    const size_t done = static_cast<size_t>(f.done);
    if (f.position == 0 && done >= before && done < before + statements.size())
      return g.migration->up.where(statements[done - before].line, statements[done - before].column);
    before += statements.size();
  }
  return who->migration->file;
}

/// Those that go together from list[from] on.
Group gather(const std::vector<const Migration*>& list, size_t from, Dialect dialect) {
  Group g{.from = from};
  for (size_t i = from; i < list.size() && g.members.size() < kMost && g.text.size() < kLargest; i++) {
    auto script = prepare(list[i]->up, list[i]->version, dialect);
    if (!script || !plain(*list[i], *script)) break;
    g.members.push_back({list[i], std::move(*script), g.text.size()});
    g.text += g.members.back().script.sql + "\n;\n";
  }
  return g;
}

}  // namespace

size_t Session::run_group(const std::vector<const Migration*>& list, size_t from, int& code) {
  code = kOk;
  if (source_.dialect == Dialect::kKysely) return 0;
  const Group made = ahead_ && ahead_->from == from ? std::move(*ahead_) : gather(list, from, source_.dialect);
  ahead_.reset();
  const auto& group = made.members;
  if (group.size() < 2) return 0;
  std::string text = made.text;
  std::vector<std::string> rows;
  for (const auto& g : group)
    rows.push_back(history_->applied_sql(*db_, *g.migration, static_cast<int>(g.script.statements.size())));
  text += joined(rows);
  blockers_.clear();
  const auto ran = db_->exec(
      text, [this] { watch_blockers(); }, [&] { ahead_ = gather(list, from + group.size(), source_.dialect); });
  if (!ran) {
    if (interrupted()) return code = sql_failure(ran.error(), kFailed), group.size();
    const Member* who = nullptr;
    Problem p = problem_of(ran.error());
    p.where = place(text, group, ran.error(), who);
    p.version = who->migration->version;
    if (!blockers_.empty()) p.detail += (p.detail.empty() ? "" : "; ") + ("blocked by " + blockers_);
    p.fix = "correct the file, then: howdah migrate up";
    report_.problem(p);
    done({p.version, who->migration->name, "up", "failed"}, Commit::kCaller);
    code = ran.error().lost ? static_cast<int>(kNoConnection) : static_cast<int>(kFailed);
    return group.size();
  }
  for (const auto& g : group) done({g.migration->version, g.migration->name, "up", "applied"}, Commit::kCaller);
  return group.size();
}

}  // namespace howdah::migrate
