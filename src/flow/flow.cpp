#include "flow/flow.h"

#include <fmt/format.h>

#include <bit>
#include <stdexcept>

#include "util/fault_point.h"
#include "util/id.h"
#include "util/json.h"
#include "util/log.h"

namespace howdah::flow {
namespace {

constexpr Millis kFirstRetry{100}, kLongestRetry{10'000};
constexpr std::chrono::milliseconds kIdleWait{60'000};
// The fault points of a step: before it acts, after, and after that was recorded.
constexpr const char *kBegins = "flow.begin", *kActed = "flow.act", *kRecorded = "flow.step";

int64_t count(Time t) { return t.time_since_epoch().count(); }
std::string place(const std::string& table, const std::string& step) { return table + "/" + step; }
bool due(const Workflow& w, Time now) { return w.not_before <= now || set_back_since(w.not_before, now); }
Millis backoff(int tries) { return std::min(kLongestRetry, kFirstRetry * (1 << std::min(tries, 10))); }

}  // namespace

std::string Workflow::encode() const {
  return json_text(nlohmann::json{{"resource", resource},
                                  {"id", id},
                                  {"table", table},
                                  {"step", step},
                                  {"args", args},
                                  {"tries", tries},
                                  {"error", last_error},
                                  {"overdue", overdue},
                                  {"started", count(started)},
                                  {"step_started", count(step_started)},
                                  {"not_before", count(not_before)}});
}

Workflow Workflow::decode(std::string_view text) {
  const auto j = parse_json(text);
  Workflow w;
  w.resource = j.at("resource");
  w.id = j.at("id");
  w.table = j.at("table");
  w.step = j.at("step");
  w.args = j.at("args");
  w.tries = j.at("tries");
  w.last_error = j.at("error");
  w.overdue = j.at("overdue");
  w.started = Time(Millis(j.at("started").get<int64_t>()));
  w.step_started = Time(Millis(j.at("step_started").get<int64_t>()));
  w.not_before = Time(Millis(j.at("not_before").get<int64_t>()));
  return w;
}

Runner::Runner(store::Store& store, const Clock& clock, Workers workers)
    : store_(store), clock_(clock), workers_(workers) {
  store_.use<Workflow>();
  store_.on_commit(Workflow::kKind, [this] { poke(); });
}

Runner::~Runner() { stop(); }

void Runner::add_any(AnyTable table) {
  for (const auto& step : table.steps) {
    for (const char* point : {kBegins, kActed, kRecorded}) fault::add(point, place(table.name, step.name));
  }
  std::string name = table.name;
  tables_.insert_or_assign(std::move(name), std::move(table));
}

void Runner::on_overdue(std::function<void(const Workflow&)> fn) { overdue_ = std::move(fn); }

const Runner::AnyTable& Runner::table(const std::string& name) const {
  const auto it = tables_.find(name);
  if (it == tables_.end()) throw std::logic_error(fmt::format("flow: no table '{}'", name));
  return it->second;
}

/// A step that this version doesn't know (it was renamed) means: begin again. Steps are idempotent, so that is safe.
size_t Runner::position(const AnyTable& table, const Workflow& w) {
  for (size_t i = 0; i < table.steps.size(); i++) {
    if (table.steps[i].name == w.step) return i;
  }
  return 0;
}

const Runner::AnyStep& Runner::step_of(const Workflow& w) const {
  const AnyTable& t = table(w.table);
  return t.steps[position(t, w)];
}

void Runner::run() {
  for (const auto& w : store_.all<Workflow>()) {
    table(w->table);  // an unknown table must not be found out later
    inherited_.insert(w->id);
  }
  const auto begin = [this](Lane lane, unsigned threads) {
    for (unsigned i = 0; i < threads; i++) threads_.emplace_back([this, lane] { work(lane); });
  };
  begin(Lane::prompt, workers_.prompt);
  begin(Lane::bulk, workers_.bulk);
  begin(Lane::background, workers_.background);
}

void Runner::stop() {
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }
  for (auto& lane : wake_) lane.notify_all();
  for (auto& t : threads_) t.join();
  threads_.clear();
}

void Runner::poke() {
  {
    std::lock_guard lock(mu_);
    changed_++;
  }
  wake_each_lane();
}

void Runner::wake_each_lane() {
  for (auto& lane : wake_) lane.notify_one();
}

void Runner::put_new(store::Tx& tx, std::string_view name, std::string resource,
                     std::map<std::string, std::string> args) {
  const AnyTable& t = table(std::string(name));
  Workflow w;
  w.resource = std::move(resource);
  w.id = id::uuid();
  w.table = t.name;
  w.step = t.steps.front().name;
  w.args = std::move(args);
  w.started = w.step_started = w.not_before = clock_.now();
  tx.put(std::move(w));
}

void Runner::start(store::Tx& tx, std::string_view name, std::string resource,
                   std::map<std::string, std::string> args) {
  if (auto other = busy(tx, resource)) {
    throw std::logic_error(fmt::format("flow: {} is busy with {}", resource, other->table));
  }
  put_new(tx, name, std::move(resource), std::move(args));
}

void Runner::replace(store::Tx& tx, std::string_view name, std::string resource,
                     std::map<std::string, std::string> args) {
  put_new(tx, name, std::move(resource), std::move(args));
}

std::string_view Runner::status(const Workflow& w) const { return step_of(w).status; }

std::vector<std::pair<std::string, std::vector<std::string>>> Runner::tables() const {
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  for (const auto& [name, t] : tables_) {
    std::vector<std::string> steps;
    for (const auto& s : t.steps) steps.push_back(s.name);
    out.emplace_back(name, std::move(steps));
  }
  return out;
}

/// The due workflow of the lane that has waited longest and that nobody walks, or null after waiting when there is
/// none. Cost O(active workflows), which is what is in progress right now, not the number of resources.
std::shared_ptr<const Workflow> Runner::take(Lane lane, std::unique_lock<std::mutex>& lock) {
  const uint64_t seen = changed_;
  lock.unlock();
  const auto all = store_.all<Workflow>();
  lock.lock();
  const Time now = clock_.now();
  Millis wait = kIdleWait;
  std::shared_ptr<const Workflow> first;
  for (const auto& w : all) {
    if (step_of(*w).lane != lane || running_.contains(w->resource)) continue;
    if (!due(*w, now)) {
      wait = std::min(wait, w->not_before - now);
    } else if (!first || w->not_before < first->not_before) {
      first = w;
    }
  }
  if (!first && changed_ == seen && !stopping_) wake_[static_cast<size_t>(lane)].wait_for(lock, wait);
  return first;
}

void Runner::work(Lane lane) {
  std::unique_lock lock(mu_);
  while (!stopping_) {
    auto w = take(lane, lock);
    if (!w || stopping_) continue;
    if (!running_.insert(w->resource).second) continue;
    wake_[static_cast<size_t>(lane)].notify_one();  // there may be more that is due
    lock.unlock();
    walk(lane, w);
    lock.lock();
    running_.erase(w->resource);
    changed_++;
    wake_each_lane();  // the next step may be another lane's
  }
}

/// Walks one workflow as far as it goes in this lane without waiting.
void Runner::walk(Lane lane, std::shared_ptr<const Workflow> w) {
  const std::string resource = w->resource;
  for (;;) {
    w = store_.get<Workflow>(resource);  // another worker may have finished or a caller replaced it meanwhile
    if (!w || !due(*w, clock_.now())) return;
    {
      std::lock_guard lock(mu_);
      if (stopping_) return;
    }
    const AnyTable& t = table(w->table);
    const size_t at = position(t, *w);
    if (t.steps[at].lane != lane) return;
    const auto began = std::chrono::steady_clock::now();
    Outcome outcome = attempt(t.steps[at], *w);
    const auto acted = std::chrono::steady_clock::now();
    try {
      check_deadline(t.steps[at], *w, outcome);
      settle(t, at, *w, std::move(outcome));
    } catch (const std::exception& e) {
      log::error("a step's result could not be recorded; it runs again",
                 {{"resource", resource}, {"step", w->step}, {"error", e.what()}});
      std::this_thread::sleep_for(std::chrono::seconds(1));
      return;
    }
    const auto recorded = std::chrono::steady_clock::now();
    using std::chrono::duration_cast;
    log::debug("step", {{"resource", resource},
                        {"at", place(w->table, w->step)},
                        {"acted_ms", duration_cast<Millis>(acted - began).count()},
                        {"recorded_ms", duration_cast<Millis>(recorded - acted).count()}});
    fault::point(kRecorded, place(w->table, w->step));
  }
}

Outcome Runner::attempt(const AnyStep& step, const Workflow& w) {
  try {
    fault::point(kBegins, place(w.table, w.step));
    Outcome outcome = step.run(w);
    fault::point(kActed, place(w.table, w.step));
    return outcome;
  } catch (const std::exception& e) {  // a step that throws asks for another try
    return again(backoff(w.tries), e.what());
  }
}

void Runner::check_deadline(const AnyStep& step, const Workflow& w, Outcome& outcome) {
  if (outcome.verdict != Outcome::Verdict::again) return;
  const auto spent = clock_.now() - w.step_started;
  if (spent > 3 * step.deadline) {
    outcome =
        failed(fmt::format("step {} did not finish in {} s: {}", step.name, spent.count() / 1000, outcome.reason));
  } else if (spent > step.deadline && !w.overdue) {
    log::error("a step passed its deadline", {{"resource", w.resource}, {"step", w.step}, {"reason", outcome.reason}});
    if (overdue_) overdue_(w);
  }
}

void Runner::settle(const AnyTable& t, size_t at, const Workflow& w, Outcome outcome) {
  store_.write([&](store::Tx& tx) {
    const auto current = tx.get<Workflow>(w.resource);
    if (!current || current->id != w.id) return;  // replaced while the step ran: its result no longer counts
    const Time now = clock_.now();
    Workflow moved = *current;
    if (outcome.verdict == Outcome::Verdict::again) {
      // The first time, then ever more rarely: what waits may wait for long. Shorter delays are polls.
      if (outcome.delay >= Millis(100) && std::has_single_bit(static_cast<unsigned>(current->tries) + 1)) {
        log::warn("a step waits",
                  {{"resource", w.resource}, {"table", t.name}, {"step", w.step}, {"reason", outcome.reason}});
      }
      moved.tries++;
      moved.last_error = outcome.reason;
      moved.not_before = now + outcome.delay;
      moved.overdue = now - w.step_started > t.steps[at].deadline;
      tx.put(std::move(moved));
      if (outcome.record) outcome.record(tx);
      return;
    }
    if (outcome.verdict == Outcome::Verdict::failed) {
      log::error("workflow failed",
                 {{"resource", w.resource}, {"table", t.name}, {"step", w.step}, {"reason", outcome.reason}});
      tx.erase<Workflow>(w.resource);
      t.failed(w, outcome.reason, tx);
      return;
    }
    const bool done = outcome.verdict == Outcome::Verdict::done, last = done || at + 1 == t.steps.size();
    // A last step is repeated only before anybody has seen its end, unless it bears more and says so: done_soon().
    if (outcome.soon && (done || !last)) tx.durable_soon();
    if (last) {
      tx.erase<Workflow>(w.resource);
    } else {
      moved.step = t.steps[at + 1].name;
      moved.tries = 0;
      moved.last_error.clear();
      moved.overdue = false;
      moved.step_started = moved.not_before = now;
      tx.put(std::move(moved));
    }
    if (outcome.record) outcome.record(tx);
  });
}

}  // namespace howdah::flow
