#include <fmt/format.h>

#include <set>

#include "migrate/commands.h"
#include "migrate/diagnose.h"
#include "migrate/rebase_loss.h"

namespace howdah::migrate {
namespace {

using List = std::vector<const Migration*>;

/// What happened, and what should have.
struct Orders {
  List executed;      ///< in the order of the history
  List late;          ///< pending, but before something executed
  List sorted;        ///< both, in the order of the files
  size_t common = 0;  ///< how many of `executed` stand where they belong
};

Orders orders_of(Session& s) {
  Orders o;
  for (const auto& row : s.rows()) {
    const Migration* m = s.source().find(row.version);
    if (row.state == State::kApplied && m != nullptr) o.executed.push_back(m);
  }
  const Migration* last = nullptr;  // the pointers are into the sorted source: their order is that of the files
  for (const Migration* m : o.executed) last = std::max(last, m);
  for (const auto& m : s.source().migrations) {
    if (&m > last) break;
    o.sorted.push_back(&m);
    if (std::find(o.executed.begin(), o.executed.end(), &m) == o.executed.end()) o.late.push_back(&m);
  }
  while (o.common < o.executed.size() && o.executed[o.common] == o.sorted[o.common]) o.common++;
  return o;
}

/// Nothing when the order makes no difference to the schema; else why not.
std::optional<std::string> difference(Session& s, const Orders& o) {
  auto right = schema_after(s, o.sorted);
  if (!right) return fmt::format("in file order {} fails: {}", right.error().version, right.error().message);
  List now = o.executed;
  now.insert(now.end(), o.late.begin(), o.late.end());
  auto other = schema_after(s, now);
  if (!other) return fmt::format("{} cannot run after the others: {}", other.error().version, other.error().message);
  if (*right == *other) return {};
  for (const auto& [name, hash] : *right) {
    if (!other->contains(name) || other->at(name) != hash) return name + " would differ";
  }
  return "there would be objects that the right order does not have";
}

/// Everything in one transaction: `work` returns an exit code.
int in_one_transaction(Session& s, const std::function<int()>& work) {
  if (auto begun = s.db().exec("begin"); !begun) return s.sql_failure(begun.error(), kFailed);
  int code = work();
  const std::string order = s.history().reorder_sql();
  if (code == kOk && !order.empty()) {
    if (auto done = s.db().exec(order); !done) code = s.sql_failure(done.error(), kFailed);
  }
  const bool dry = s.options().dry_run;
  const auto ended = s.db().exec(code == kOk && !dry ? "commit" : "rollback");
  if (code == kOk && ended && dry)
    s.undone("would run");
  else if (code == kOk && ended)
    s.committed();
  else
    s.undone(code == kOk && ended.error().lost ? "unknown" : "rolled back");
  if (code != kOk) s.report().note("everything was rolled back");
  return code == kOk && !ended ? s.sql_failure(ended.error(), kFailed) : code;
}

int run_late(Session& s, const Orders& o) {
  return in_one_transaction(s, [&] {
    for (const Migration* m : o.late) {
      if (const int code = s.run_up(*m, Commit::kCaller); code != kOk) return code;
    }
    return static_cast<int>(kOk);
  });
}

/// Down to where the orders part, up again in file order. `first`: SQL before that.
int go_back(Session& s, const Orders& o, const std::vector<std::string>& first = {}) {
  return in_one_transaction(s, [&] {
    for (const auto& sql : first) {
      if (auto ok = s.db().exec(sql); !ok) return s.sql_failure(ok.error(), kFailed);
    }
    for (size_t i = o.executed.size(); i-- > o.common;) {
      const auto row = std::find_if(s.rows().begin(), s.rows().end(),
                                    [&](const Row& r) { return r.version == o.executed[i]->version; });
      if (const int code = s.run_down(*row, Commit::kCaller); code != kOk) return code;
    }
    for (size_t i = o.common; i < o.sorted.size(); i++) {
      if (const int code = s.run_up(*o.sorted[i], Commit::kCaller); code != kOk) return code;
    }
    return static_cast<int>(kOk);
  });
}

std::string lost_text(const tl::expected<Losses, Problem>& lost) {
  if (!lost) return "the rows in what they made";
  std::string out;
  for (const auto& what : lost->what) out += (out.empty() ? "" : ", ") + what;
  if (out.empty()) return "what their way down deletes";
  return lost->all ? out : out + ", and what their way down deletes";
}

}  // namespace

int rebase(Session& s, bool accept_data_loss) {
  if (int code = s.lock(); code != kOk) return code;
  for (const auto& p : s.verdict().problems) {
    if (p.code == "out-of-order") continue;
    s.report().problem(p);
    return kInconsistent;
  }
  const Orders o = orders_of(s);
  if (o.late.empty() && o.common == o.executed.size()) {
    s.report().note("the history is in order: nothing to do");
    return kOk;
  }
  for (const Migration* m : o.sorted) {
    const auto script = prepare(m->up, m->version, s.source().dialect);
    if (script && script->transactional) continue;
    s.report().problem(script ? Problem{.code = "outside-transaction",
                                        .version = m->version,
                                        .where = m->up.where(1, 1),
                                        .message = "it runs outside a transaction: rebase cannot vouch for it",
                                        .fix = "howdah migrate up --out-of-order"}
                              : script.error());
    return kFailed;
  }

  const auto why_not = difference(s, o);
  if (!why_not) {
    s.report().note(
        "running them now gives the same schema as the right order (tried on scratch databases); no data is touched");
    return run_late(s, o);
  }
  if (accept_data_loss) return go_back(s, o);
  const auto lost = losses(s, o.executed, o.common);
  if (lost && lost->all && lost->what.empty()) {
    s.report().note(fmt::format("the order makes a difference: {}; what goes down and up again has no rows", *why_not));
    return go_back(s, o, lost->empty);
  }
  std::string down;
  for (size_t i = o.executed.size(); i-- > o.common;) down += (down.empty() ? "" : ", ") + o.executed[i]->name;
  s.report().problem(
      {.code = "order-matters",
       .version = o.late.empty() ? "" : o.late.front()->version,
       .message = "the order makes a difference: " + *why_not,
       .detail = fmt::format("these would be reverted and run again: {}; lost would be {}", down, lost_text(lost)),
       .hint = "nothing was changed",
       .fix = "howdah migrate rebase --accept-data-loss"});
  return kInconsistent;
}

}  // namespace howdah::migrate
