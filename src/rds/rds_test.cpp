#include "rds/rds.h"

#include <atomic>
#include <thread>

#include "rds/catalog_testing.h"
#include "rds/flows.h"

namespace howdah::rds {
namespace {

class SeenTest : public testing::Catalogued {};

flow::Outcome nothing(Rds&, const flow::Workflow&) { return flow::next(); }
void fails(Rds&, const flow::Workflow&, const std::string&, store::Tx&) {}

constexpr flow::Step<Rds> kSteps[] = {{"start-server", "starting", nothing}};

/// Whoever starts has rest stopped until the end of the workflow: nobody may see that in between.
TEST_F(SeenTest, RecordAndStatusAreOfTheSameInstant) {
  flows_.add(flow::Table<Rds>{kStartInstance, kSteps, fails}, rds_);
  const Instance i = put_instance("a");
  const auto rests = [&](store::Tx& tx, Rest rest) {
    Instance now = *tx.find<Instance>(Instance::by_id(i.resource_id));
    now.rest = rest;
    tx.put(std::move(now));
  };
  store_.write([&](store::Tx& tx) { rests(tx, Rest::available); });
  std::atomic<bool> done{false};
  std::jthread worker([&] {
    for (int n = 0; n < 3000; n++) {
      store_.write([&](store::Tx& tx) {
        rests(tx, Rest::stopped);
        flows_.start(tx, kStartInstance, i.workflow());
      });
      store_.write([&](store::Tx& tx) {
        rests(tx, Rest::available);
        tx.erase<flow::Workflow>(i.workflow());
      });
    }
    done = true;
  });
  while (!done) {
    const Seen seen = see(rds_, instance_named(store_, scope_, "a"));
    const bool starting = seen.status == "starting" && seen.instance->rest == Rest::stopped;
    ASSERT_TRUE(starting || (seen.status == "available" && seen.instance->rest == Rest::available)) << seen.status;
  }
}

}  // namespace
}  // namespace howdah::rds
