#include "flow/flow.h"

#include <gtest/gtest.h>

namespace howdah::flow {
namespace {

struct Env {
  std::atomic<int> a{0}, b{0};
  std::atomic<int> fail_a{0};
  std::atomic<bool> failed_called{false};
  std::string reason;
};

Outcome step_a(Env& env, const Workflow&) {
  env.a++;
  if (env.fail_a > 0) {
    env.fail_a--;
    throw std::runtime_error("not yet");
  }
  return next();
}
Outcome step_b(Env& env, const Workflow& w) {
  env.b++;
  if (w.arg("b") == "fail") return failed("because");
  if (w.arg("b") == "wait") return again(std::chrono::hours(1), "waiting");
  return done();
}
Outcome never(Env&, const Workflow&) {
  ADD_FAILURE() << "ran a step after done()";
  return next();
}
void on_failed(Env& env, const Workflow&, const std::string& reason, store::Tx&) {
  env.reason = reason;
  env.failed_called = true;
}

const Step<Env> kSteps[] = {{"a", "modifying", step_a}, {"b", "rebooting", step_b}, {"c", "x", never}};
const Table<Env> kTable{"t", kSteps, on_failed};

class FlowTest : public testing::Test {
 protected:
  FlowTest() : store_(store::open_memory()), runner_(store_, clock_, {2, 1, 1}) { runner_.add(kTable, env_); }
  void start(std::map<std::string, std::string> args = {}) {
    store_.write([&](store::Tx& tx) { runner_.start(tx, "t", "r/1", std::move(args)); });
  }
  template <class F>
  bool eventually(F&& f) {
    for (int i = 0; i < 500; i++) {
      if (f()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  bool idle() {
    return eventually([&] { return !store_.get<Workflow>("r/1"); });
  }

  FakeClock clock_;
  store::Store store_;
  Env env_;
  Runner runner_;
};

TEST_F(FlowTest, WalksItsStepsInOrderAndEnds) {
  runner_.run();
  start();
  ASSERT_TRUE(idle());
  EXPECT_EQ(env_.a, 1);
  EXPECT_EQ(env_.b, 1);
}

TEST_F(FlowTest, PicksUpWhatAnEarlierProcessLeft) {
  start();
  EXPECT_EQ(runner_.status(*store_.get<Workflow>("r/1")), "modifying");
  runner_.run();
  EXPECT_TRUE(idle());
}

TEST_F(FlowTest, AThrowingStepRunsAgain) {
  env_.fail_a = 1;
  runner_.run();
  start();
  ASSERT_TRUE(eventually([&] { return env_.a == 1; }));
  ASSERT_TRUE(eventually([&] {
    clock_.advance(Millis(1000));
    runner_.poke();
    return !store_.get<Workflow>("r/1");
  }));
  EXPECT_EQ(env_.a, 2);
}

TEST_F(FlowTest, FailureIsRecordedOnce) {
  runner_.run();
  start({{"b", "fail"}});
  ASSERT_TRUE(idle());
  EXPECT_TRUE(env_.failed_called);
  EXPECT_EQ(env_.reason, "because");
}

TEST_F(FlowTest, AResourceHasOneWorkflowAndReplaceAbandonsIt) {
  runner_.run();
  start({{"b", "wait"}});
  EXPECT_THROW(start(), std::logic_error);
  store_.write([&](store::Tx& tx) { runner_.replace(tx, "t", "r/1"); });
  EXPECT_TRUE(idle());
}

TEST_F(FlowTest, NothingWaitsForATimeOfAClockThatWasWrong) {
  const Time now = clock_.now();
  clock_.advance(std::chrono::hours(24 * 365));
  env_.fail_a = 1;
  start();  // due in a year, once the clock is right again
  clock_.set(now);
  runner_.run();
  ASSERT_TRUE(eventually([&] { return env_.a == 1; }));
  ASSERT_TRUE(eventually([&] {
    clock_.advance(Millis(1000));
    runner_.poke();
    return !store_.get<Workflow>("r/1");
  }));
}

TEST_F(FlowTest, AnOverdueStepIsReportedOnceAndFailsInTheEnd) {
  std::atomic<int> reported{0};
  runner_.on_overdue([&](const Workflow&) { reported++; });
  runner_.run();
  start({{"b", "wait"}});
  ASSERT_TRUE(eventually([&] {
    auto w = store_.get<Workflow>("r/1");
    return w && w->tries == 1;
  }));
  clock_.advance(std::chrono::hours(1));
  runner_.poke();
  ASSERT_TRUE(idle());
  EXPECT_TRUE(env_.failed_called);
}

TEST_F(FlowTest, AReportThatCannotBeWrittenEndsNothing) {
  std::atomic<int> reported{0};
  runner_.on_overdue([&](const Workflow&) {
    if (reported++ == 0) throw std::runtime_error("the disk is full");
  });
  env_.fail_a = 1000;
  runner_.run();
  start();
  ASSERT_TRUE(eventually([&] { return env_.a >= 1; }));
  clock_.advance(std::chrono::seconds(301));
  runner_.poke();
  ASSERT_TRUE(eventually([&] { return reported >= 2; }));
  env_.fail_a = 0;
  EXPECT_TRUE(eventually([&] {
    clock_.advance(Millis(1000));
    runner_.poke();
    return !store_.get<Workflow>("r/1");
  }));
}

/// Large copies, that end when they are let go.
struct Copies {
  std::atomic<int> began{0}, now{0}, most{0}, quick{0};
  std::atomic<bool> go{false};
};

Outcome copy(Copies& copies, const Workflow&) {
  copies.began++;
  copies.most = std::max(copies.most.load(), ++copies.now);
  while (!copies.go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  copies.now--;
  return next();
}
Outcome count_quick(Copies& copies, const Workflow&) {
  copies.quick++;
  return next();
}
void not_expected(Copies&, const Workflow&, const std::string& reason, store::Tx&) { ADD_FAILURE() << reason; }

const Step<Copies> kCopy[] = {{"begin", "creating", count_quick},
                              {"copy", "creating", copy, std::chrono::seconds(300), Lane::bulk},
                              {"end", "creating", count_quick}};
const Step<Copies> kQuick[] = {{"quick", "modifying", count_quick}};

TEST_F(FlowTest, WhatTakesLongWaitsForItsLikeAndKeepsNothingElseWaiting) {
  Copies copies;
  Runner runner(store_, clock_, {2, 2, 1});
  runner.add(Table<Copies>{"copy", kCopy, not_expected}, copies);
  runner.add(Table<Copies>{"quick", kQuick, not_expected}, copies);
  runner.run();
  store_.write([&](store::Tx& tx) {
    for (int i = 0; i < 5; i++) runner.start(tx, "copy", "copy/" + std::to_string(i));
  });
  ASSERT_TRUE(eventually([&] { return copies.quick == 5 && copies.began == 2; }));
  store_.write([&](store::Tx& tx) { runner.start(tx, "quick", "r/quick"); });
  EXPECT_TRUE(eventually([&] { return !store_.get<Workflow>("r/quick"); }));
  EXPECT_EQ(copies.began, 2);
  copies.go = true;
  EXPECT_TRUE(eventually([&] { return store_.all<Workflow>().empty(); }));
  EXPECT_EQ(copies.began, 5);
  EXPECT_EQ(copies.most, 2);
  EXPECT_EQ(copies.quick, 11);
}

TEST_F(FlowTest, RowsSurviveEncoding) {
  Workflow w;
  w.resource = "r/\"1\"";
  w.args = {{"k", "v\n"}};
  w.tries = 3;
  const Workflow back = Workflow::decode(w.encode());
  EXPECT_EQ(back.resource, w.resource);
  EXPECT_EQ(back.args, w.args);
  EXPECT_EQ(back.tries, 3);
}

/// Notes of each commit whether it was to wait for the disk.
class Noting : public store::Backend {
 public:
  explicit Noting(std::vector<bool>& soon) : soon_(soon) {}
  void load(const std::function<void(std::string_view, std::string_view, std::string_view)>& row) override {
    under_->load(row);
  }
  void commit(const store::Batch& batch) override {
    under_->commit(batch);
    soon_.push_back(batch.soon);
  }
  std::vector<store::Entry> read(const store::JournalQuery& query) override { return under_->read(query); }
  void prune(std::string_view log, Time before) override { under_->prune(log, before); }

 private:
  std::unique_ptr<store::Backend> under_ = store::open_memory();
  std::vector<bool>& soon_;
};

Outcome ends_by_next(Env&, const Workflow&) { return next(); }
Outcome ends_soon(Env&, const Workflow&) { return done_soon({}); }

TEST(FlowDurability, TheEndWaitsForTheDiskUnlessItsStepSaysOtherwise) {
  const Step<Env> steps[] = {{"a", "modifying", step_a}, {"b", "modifying", ends_by_next}};
  const Step<Env> soon_steps[] = {{"a", "modifying", ends_soon}};
  for (const bool ends_soon : {false, true}) {
    std::vector<bool> soon;
    Env env;
    FakeClock clock;
    store::Store store(std::make_unique<Noting>(soon));
    {
      Runner runner(store, clock, {1, 1, 1});
      runner.add(Table<Env>{"t", ends_soon ? std::span<const Step<Env>>(soon_steps) : steps, on_failed}, env);
      store.write([&](store::Tx& tx) { runner.start(tx, "t", "r/1"); });
      runner.run();
      for (int i = 0; i < 500 && store.get<Workflow>("r/1"); i++) std::this_thread::sleep_for(Millis(10));
    }
    EXPECT_EQ(soon, ends_soon ? std::vector<bool>({false, true}) : std::vector<bool>({false, true, false}));
  }
}

}  // namespace
}  // namespace howdah::flow
