#include "migrate/sync.h"

#include <fmt/format.h>

#include <chrono>
#include <set>

#include "migrate/sync_table.h"

namespace howdah::migrate {
namespace {

/// Values as text that reads back the same whatever the two databases are set to.
constexpr const char* kSameText =
    "set local datestyle = iso; set local intervalstyle = postgres; set local extra_float_digits = 3; set local "
    "row_security = off; set local idle_in_transaction_session_timeout = 0";

class Sync {
 public:
  Sync(const SyncCommand& c, Report& report) : c_(c), report_(report) {}

  int run() {
    if (!open() || !plan() || !fill_stages() || !check_references()) return code_;
    if (c_.dry_run) return count() ? static_cast<int>(kOk) : code_;
    if (!write() || !move_sequences() || !verify()) return code_;
    if (!done(target_->exec("commit"))) return code_;
    for (const auto& line : lines_) report_.step(line);
    return kOk;
  }

 private:
  bool refuse(Problem p, int code = kInconsistent) {
    report_.problem(std::move(p));
    code_ = code;
    return false;
  }
  bool done(const SqlAnswer& answer) {
    if (answer) return true;
    const SqlFailure& f = answer.error();
    if (interrupted())
      return refuse({.code = "interrupted", .message = "interrupted; nothing was changed"}, kInterrupted);
    Problem p = problem_of(f);
    if (f.sqlstate == "23505")
      p.hint =
          "a unique value moves from one row to another, or a row that is only in the target has it: for the first the "
          "constraint must be DEFERRABLE, --replace removes the second";
    if (!f.lost) p.hint += (p.hint.empty() ? "" : "; ") + std::string("nothing was changed");
    return refuse(p, f.lost ? kNoConnection : kFailed);
  }
  /// A number; -1 after a failure has been reported.
  int64_t number(Database& db, const std::string& sql) {
    const auto answer = db.exec(sql);
    return done(answer) ? std::atoll(answer->at(0, 0).c_str()) : -1;
  }

  bool open();
  bool plan();
  void parents_first();
  bool fill_stages();
  bool check_references();
  bool check_parents(const SyncPlan& child, const ForeignKey& key);
  bool check_children(const SyncPlan& parent, const ForeignKey& key);
  bool count();
  bool write();
  int64_t changed(const std::string& sql);
  bool merge(const SyncPlan& plan, int64_t& updated, int64_t& inserted);
  bool move_sequences();
  bool verify();
  const SyncPlan* plan_of(const std::string& oid) const {
    const auto it = std::find_if(plans_.begin(), plans_.end(), [&](const auto& p) { return p.target.oid == oid; });
    return it == plans_.end() ? nullptr : &*it;
  }

  const SyncCommand& c_;
  Report& report_;
  int code_ = kOk;
  std::optional<Database> source_, target_;
  std::vector<SyncPlan> plans_;  ///< a table stands behind those that it refers to
  std::vector<ForeignKey> keys_;
  std::vector<Step> lines_;
};

bool Sync::open() {
  const auto connect = [&](const Target& where, std::optional<Database>& db, const char* begin) {
    Target named = where;
    named.options["application_name"] = "howdah sync";
    auto made = Database::connect(named, {{"lock_timeout", "10s"}});
    if (!made) {
      Problem p = problem_of(made.error());
      p.message = where.shown() + ": " + p.message;
      return refuse(p, kNoConnection);
    }
    db.emplace(std::move(*made));
    return done(db->exec(begin)) && done(db->exec(kSameText));
  };
  if (!connect(c_.from, source_, "begin isolation level repeatable read read only") ||
      !connect(c_.to.target, target_, "begin"))
    return false;
  constexpr const char* kWho =
      "select oid, pg_postmaster_start_time() from pg_database where datname = current_database()";
  const auto a = source_->exec(kWho), b = target_->exec(kWho);
  if (!done(a) || !done(b)) return false;
  if (a->rows == b->rows)
    return refuse({.code = "same-database", .message = "source and target are the same database"}, kUsage);
  if (c_.dry_run) return true;
  if (auto p = production_guard(*target_, c_.to, "sync")) return refuse(*p, kUsage);
  return true;
}

bool Sync::plan() {
  std::vector<SyncTable> targets;
  std::set<std::string> seen;
  for (const auto& name : c_.tables) {
    auto to = read_table(*target_, name);
    if (!to) {
      to.error().message += " in the target";
      return refuse(to.error(), kUsage);
    }
    if (!seen.insert(to->oid).second) continue;
    auto from = read_table(*source_, name);
    if (!from) {
      from.error().message += " in the source";
      return refuse(from.error(), kUsage);
    }
    auto made = plan_sync(std::move(*from), *to, c_.masks, c_.replace);
    if (!made) return refuse(made.error());
    made->stage = fmt::format("pg_temp.howdah_sync_{}", plans_.size());
    plans_.push_back(std::move(*made));
    targets.push_back(std::move(*to));
  }
  for (const auto& mask : c_.masks) {
    const size_t equal = mask.find('=');
    const std::string name = mask.substr(0, equal), column = name.substr(name.rfind('.') + 1);
    const bool used = equal != std::string::npos && std::any_of(plans_.begin(), plans_.end(), [&](const SyncPlan& p) {
                        return std::find(p.columns.begin(), p.columns.end(), column) != p.columns.end();
                      });
    if (!used)
      return refuse({.code = "usage", .message = "--mask " + mask + " fits no column of these tables"}, kUsage);
  }
  auto keys = read_foreign_keys(*target_, targets);
  if (!keys) return done(tl::unexpected(keys.error()));
  keys_ = std::move(*keys);
  parents_first();
  return true;
}

/// Tables that refer to each other in a circle stay in the order in which they were named.
void Sync::parents_first() {
  std::vector<SyncPlan> left = std::move(plans_);
  plans_.clear();
  while (!left.empty()) {
    auto next = std::find_if(left.begin(), left.end(), [&](const SyncPlan& p) {
      return std::none_of(keys_.begin(), keys_.end(), [&](const ForeignKey& k) {
        return k.from_oid == p.target.oid && k.to_oid != k.from_oid &&
               std::any_of(left.begin(), left.end(), [&](const SyncPlan& o) { return o.target.oid == k.to_oid; });
      });
    });
    if (next == left.end()) next = left.begin();
    plans_.push_back(std::move(*next));
    left.erase(next);
  }
}

bool Sync::fill_stages() {
  for (const auto& p : plans_) {
    // Writers wait until the end, readers do not: what is compared is what is written to.
    if (!c_.dry_run && !done(target_->exec("lock table " + p.target.name + " in share row exclusive mode")))
      return false;
    if (!done(target_->exec(p.stage_sql()))) return false;
    if (!done(source_->copy_to(*target_, p.copy_out_sql(), p.copy_in_sql()))) return false;
    std::string keys;
    for (const auto& k : p.keys) keys += (keys.empty() ? "" : ", ") + k;
    if (!keys.empty() && !done(target_->exec(fmt::format("alter table {} add primary key ({})", p.stage, keys))))
      return false;
    if (!done(target_->exec("analyze " + p.stage))) return false;
  }
  return true;
}

bool Sync::check_references() {
  for (const auto& k : keys_) {
    const SyncPlan *child = plan_of(k.from_oid), *parent = plan_of(k.to_oid);
    if (child != nullptr && parent == nullptr && !check_parents(*child, k)) return false;
    if (child == nullptr && parent != nullptr && c_.replace && !check_children(*parent, k)) return false;
  }
  return true;
}

/// Rows that come and refer to a table that does not.
bool Sync::check_parents(const SyncPlan& child, const ForeignKey& k) {
  std::string same, present;
  for (size_t i = 0; i < k.columns.size(); i++) {
    if (child.target.find(k.columns[i])->generated || child.source.find(k.columns[i]) == nullptr) return true;
    same += fmt::format("{}p.{} = s.{}", i == 0 ? "" : " and ", k.referenced[i], k.columns[i]);
    present += fmt::format("s.{} is not null and ", k.columns[i]);
  }
  const int64_t n =
      number(*target_, fmt::format("select count(*) from {} s where {} not exists (select from {} p where {})",
                                   child.stage, present, k.to, same));
  if (n <= 0) return n == 0;
  return refuse({.code = "missing-parents",
                 .where = child.target.name,
                 .message = fmt::format("{} rows of {} refer to rows of {} that the target lacks ({})", n,
                                        child.target.name, k.to, k.name),
                 .hint = "sync both together",
                 .fix = fmt::format("howdah sync table {} {}", k.to, child.target.name)});
}

/// Rows of other tables that refer to what would be deleted.
bool Sync::check_children(const SyncPlan& parent, const ForeignKey& k) {
  std::string same;
  for (size_t i = 0; i < k.columns.size(); i++)
    same += fmt::format("{}c.{} = t.{}", i == 0 ? "" : " and ", k.columns[i], k.referenced[i]);
  const std::string gone = parent.keys.empty() ? ""
                                               : fmt::format(" where not exists (select from {} s where {})",
                                                             parent.stage, parent.same_key());
  const int64_t n = number(
      *target_, fmt::format("select count(*) from {} c join {} t on {}{}", k.from, parent.target.name, same, gone));
  if (n <= 0) return n == 0;
  return refuse({.code = "referenced",
                 .where = parent.target.name,
                 .message = fmt::format("{} rows of {} refer to rows of {} that the source lacks ({}{})", n, k.from,
                                        parent.target.name, k.name, k.deletes ? ", which would change them" : ""),
                 .hint = "sync both together, or leave out --replace",
                 .fix = fmt::format("howdah sync table --replace {} {}", parent.target.name, k.from)});
}

bool Sync::count() {
  for (const auto& p : plans_) {
    const int64_t missing = number(*target_, p.count_missing());
    const int64_t different = missing < 0 ? -1 : number(*target_, p.count_different());
    const int64_t surplus = different < 0 ? -1 : number(*target_, p.count_surplus());
    if (surplus < 0) return false;
    report_.step({"", p.target.name, "", "dry run", 0,
                  fmt::format("{} to insert, {} to update, {} {}", missing, different, surplus,
                              c_.replace ? "to delete" : "only in the target, which stay")});
  }
  return true;
}

int64_t Sync::changed(const std::string& sql) {
  if (sql.empty()) return 0;
  const auto answer = target_->exec(sql);
  return done(answer) ? std::atoll(answer->tag.substr(answer->tag.rfind(' ') + 1).c_str()) : -1;
}

/// Rows of a table that refers to itself come together: foreign keys are looked at when the statement ends.
bool Sync::merge(const SyncPlan& plan, int64_t& updated, int64_t& inserted) {
  const bool to_itself = std::any_of(keys_.begin(), keys_.end(), [&](const ForeignKey& k) {
    return k.from_oid == plan.target.oid && k.to_oid == plan.target.oid;
  });
  const std::string update = plan.update_sql();
  if (!to_itself || update.empty()) {
    updated = changed(update);
    inserted = updated < 0 ? -1 : changed(plan.insert_sql());
    return inserted >= 0;
  }
  const auto answer =
      target_->exec(fmt::format("with u as ({} returning 1), i as ({} returning 1) select (select count(*) from u), "
                                "(select count(*) from i)",
                                update, plan.insert_sql()));
  if (!done(answer)) return false;
  updated = std::atoll(answer->at(0, 0).c_str()), inserted = std::atoll(answer->at(0, 1).c_str());
  return true;
}

bool Sync::write() {
  if (!done(target_->exec("set constraints all deferred"))) return false;
  const auto start = std::chrono::steady_clock::now();
  std::vector<int64_t> deleted(plans_.size());
  for (size_t i = plans_.size(); c_.replace && i-- > 0;) {
    if ((deleted[i] = changed(plans_[i].delete_sql())) < 0) return false;
  }
  for (size_t i = 0; i < plans_.size(); i++) {
    int64_t updated = 0, inserted = 0;
    if (!merge(plans_[i], updated, inserted)) return false;
    const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    lines_.push_back({"", plans_[i].target.name, "", "synced", ms,
                      fmt::format("{} inserted, {} updated, {} deleted", inserted, updated, deleted[i])});
  }
  return true;
}

/// Forward only, so nothing is lost should the transaction fail after it.
bool Sync::move_sequences() {
  for (const auto& p : plans_) {
    for (const auto& column : p.columns) {
      const auto sequence = target_->exec(
          fmt::format("select pg_get_serial_sequence({}, attname) from pg_attribute where attrelid = {} and "
                      "quote_ident(attname) = {}",
                      target_->literal(p.target.name), p.target.oid, target_->literal(column)));
      if (!done(sequence)) return false;
      if (sequence->rows.empty() || sequence->at(0, 0).empty()) continue;
      const std::string& name = sequence->at(0, 0);
      if (!done(target_->exec(fmt::format("select setval({}::regclass, m) from (select max({}) m from {}) x, {} q "
                                          "where m > last_value or (m = last_value "
                                          "and not is_called)",
                                          target_->literal(name), column, p.target.name, name))))
        return false;
    }
  }
  return true;
}

bool Sync::verify() {
  for (const auto& p : plans_) {
    const std::string rows = fmt::format("select count(*) from {}", p.stage);
    const int64_t wrong =
        p.keys.empty()
            ? number(*target_, fmt::format("select abs(({}) - (select count(*) from {}))", rows, p.target.name))
            : number(*target_, fmt::format("select count(*) from {} s left join {} t on {} where {}", p.stage,
                                           p.target.name, p.same_key(), p.different()));
    const int64_t surplus = wrong < 0 || !c_.replace || p.keys.empty() ? 0 : number(*target_, p.count_surplus());
    if (wrong < 0 || surplus < 0) return false;
    if (wrong + surplus > 0)
      return refuse(
          {.code = "not-equal",
           .where = p.target.name,
           .message = fmt::format("{} rows would not be as in the source: a trigger or a rule of {} changes them",
                                  wrong + surplus, p.target.name),
           .hint = "everything was rolled back"},
          kFailed);
  }
  return true;
}

}  // namespace

int sync_tables(const SyncCommand& c, Report& report) { return Sync(c, report).run(); }

}  // namespace howdah::migrate
