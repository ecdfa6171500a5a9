#pragma once
#include <array>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "store/store.h"
#include "util/clock.h"

/// Durable operations. A workflow is a row that names a table of steps and the step it stands at; the runner walks it,
/// one step at a time, and survives being killed at any instruction.
///
/// The rule for a step: observe, act idempotently, return what to record. It runs again from its start after a crash,
/// so everything it makes has a name that derives from the resource, and it holds nothing in memory for the next step.
/// What it records is committed in the same transaction as the move to the next step: effects on state happen once.
///
/// There is at most one workflow a resource: it is the resource's lock, also across restarts.
namespace howdah::flow {

struct Workflow {
  static constexpr std::string_view kKind = "workflow";
  std::string resource;  ///< key, e.g. "db/db-ABC": derives from an id that never changes
  std::string id;        ///< tells this run from a later one on the same resource
  std::string table;
  std::string step;                         ///< name of the step it stands at
  std::map<std::string, std::string> args;  ///< never a secret
  int tries = 0;                            ///< of the current step
  std::string last_error;
  Time started{}, step_started{}, not_before{};
  bool overdue = false;  ///< the step passed its deadline; reported once

  std::string key() const { return resource; }
  std::string encode() const;
  static Workflow decode(std::string_view text);
  std::string arg(std::string_view name) const {
    const auto it = args.find(std::string(name));
    return it == args.end() ? std::string{} : it->second;
  }
};

using Recorder = std::function<void(store::Tx&)>;

/// What a step answers.
struct Outcome {
  enum class Verdict { next, again, done, failed };
  Verdict verdict;
  Recorder record;     ///< may be empty; runs in the transaction that moves the workflow
  Millis delay{0};     ///< again: how long to wait
  std::string reason;  ///< again: shown by `howdah`; failed: what went wrong
  bool soon = false;   ///< next, done: a power cut may take the record, and repeats the step then
};

/// This step is complete. A power cut repeats a step that records nothing else: every step bears being repeated.
inline Outcome next() { return {Outcome::Verdict::next, {}, {}, {}, true}; }
inline Outcome next(Recorder record) { return {Outcome::Verdict::next, std::move(record), {}, {}}; }
/// The same for a record that the repeated step makes again and nobody was promised: it does not wait for the disk.
inline Outcome next_soon(Recorder record) { return {Outcome::Verdict::next, std::move(record), {}, {}, true}; }
/// The workflow is complete, the remaining steps are not needed.
inline Outcome done(Recorder record = {}) { return {Outcome::Verdict::done, std::move(record), {}, {}}; }
/// The same for a record that the repeated step makes again, word for word: it does not wait for the disk.
inline Outcome done_soon(Recorder record) { return {Outcome::Verdict::done, std::move(record), {}, {}, true}; }
/// Run this step again after `delay`; `reason` says what it waits for.
inline Outcome again(Millis delay, std::string reason) {
  return {Outcome::Verdict::again, {}, delay, std::move(reason)};
}
/// The workflow can't go on: its table's `failed` function records the outcome.
inline Outcome failed(std::string reason) { return {Outcome::Verdict::failed, {}, {}, std::move(reason)}; }

/// Whose threads run a step. What takes as long as somebody's data is large has threads of its own, so that it never
/// keeps waiting what takes milliseconds, whatever the number of restores and backups.
enum class Lane : uint8_t {
  prompt,      ///< milliseconds to seconds
  bulk,        ///< as long as the data is large, and a client waits for it: restores, final snapshots
  background,  ///< as long as the data is large, and nobody waits: bases, drills
};
inline constexpr size_t kLanes = 3;

template <class Env>
struct Step {
  const char* name;
  const char* status;  ///< the resource's status while it stands here, in AWS's words
  Outcome (*run)(Env&, const Workflow&);
  std::chrono::seconds deadline{300};
  Lane lane = Lane::prompt;
};

/// `failed` runs once, in the transaction that ends the workflow, when a step answers failed() or passes its deadline
/// for good (three times its length). It leaves the resource in a state that tells the truth.
template <class Env>
struct Table {
  const char* name;
  std::span<const Step<Env>> steps;
  void (*failed)(Env&, const Workflow&, const std::string& reason, store::Tx&);
};

/// Threads of each lane: as many of its steps run at once, the others wait, first come first served.
struct Workers {
  unsigned prompt = 8, bulk = 4, background = 3;
};

class Runner {
 public:
  Runner(store::Store& store, const Clock& clock, Workers workers = {});
  ~Runner();  ///< stops
  Runner(const Runner&) = delete;

  /// Before run(). `env` outlives the runner.
  template <class Env>
  void add(const Table<Env>& table, Env& env) {
    AnyTable any{table.name, {}, [&env, f = table.failed](const Workflow& w, const std::string& r, store::Tx& tx) {
                   f(env, w, r, tx);
                 }};
    for (const auto& s : table.steps) {
      any.steps.push_back(
          {s.name, s.status, [&env, run = s.run](const Workflow& w) { return run(env, w); }, s.deadline, s.lane});
    }
    add_any(std::move(any));
  }

  /// Called once for each step that passes its deadline, outside of any transaction.
  void on_overdue(std::function<void(const Workflow&)> fn);

  void run();   ///< starts the workers; picks up every workflow that an earlier process left
  void stop();  ///< waits for the steps that are running; every workflow stays where it stands

  /// In the transaction that changes the desired state: begins a workflow on `resource`.
  /// Throws std::logic_error when one is there already (check busy() first and answer AWS's error).
  void start(store::Tx& tx, std::string_view table, std::string resource, std::map<std::string, std::string> args = {});
  /// The same, but a workflow that is there already is abandoned where it stands. Its current step still finishes
  /// first.
  void replace(store::Tx& tx, std::string_view table, std::string resource,
               std::map<std::string, std::string> args = {});

  static std::shared_ptr<const Workflow> busy(const store::Tx& tx, std::string_view resource) {
    return tx.get<Workflow>(resource);
  }
  /// The status that the resource's workflow gives it, or empty when it has none.
  std::string_view status(const Workflow& workflow) const;

  /// Whether an earlier process began the workflow, and may have recorded more of it than a power cut left.
  bool inherited(const Workflow& workflow) const { return inherited_.contains(workflow.id); }

  void poke();  ///< the clock jumped: look for due workflows now

  /// Every table and step by name, in order, for the crash tests and `howdah doctor`.
  std::vector<std::pair<std::string, std::vector<std::string>>> tables() const;

 private:
  struct AnyStep {
    std::string name, status;
    std::function<Outcome(const Workflow&)> run;
    std::chrono::seconds deadline;
    Lane lane;
  };
  struct AnyTable {
    std::string name;
    std::vector<AnyStep> steps;
    std::function<void(const Workflow&, const std::string&, store::Tx&)> failed;
  };

  void add_any(AnyTable table);
  const AnyTable& table(const std::string& name) const;
  static size_t position(const AnyTable& table, const Workflow& w);
  const AnyStep& step_of(const Workflow& w) const;
  void work(Lane lane);
  std::shared_ptr<const Workflow> take(Lane lane, std::unique_lock<std::mutex>& lock);
  void walk(Lane lane, std::shared_ptr<const Workflow> w);
  void wake_each_lane();
  Outcome attempt(const AnyStep& step, const Workflow& w);
  void settle(const AnyTable& table, size_t at, const Workflow& w, Outcome outcome);
  void check_deadline(const AnyStep& step, const Workflow& w, Outcome& outcome);
  void put_new(store::Tx& tx, std::string_view table, std::string resource, std::map<std::string, std::string> args);

  store::Store& store_;
  const Clock& clock_;
  const Workers workers_;
  std::map<std::string, AnyTable> tables_;        // constant after run()
  std::set<std::string, std::less<>> inherited_;  // ids; constant after run()
  std::function<void(const Workflow&)> overdue_;
  std::mutex mu_;  // guards running_, stopping_, changed_
  std::array<std::condition_variable, kLanes> wake_;
  std::set<std::string, std::less<>> running_;
  bool stopping_ = false;
  uint64_t changed_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace howdah::flow
