#include "services.h"

#include <fmt/format.h>

#include <stdexcept>
#include <thread>

#include "api/api.h"
#include "api/holds.h"
#include "backup/restore.h"
#include "domain/automated_backup.h"
#include "domain/condition.h"
#include "domain/drill.h"
#include "domain/event.h"
#include "domain/former_address.h"
#include "domain/instance.h"
#include "domain/interim_base.h"
#include "domain/network.h"
#include "domain/parameter_group.h"
#include "domain/security_group.h"
#include "domain/snapshot.h"
#include "domain/timekeeping.h"
#include "ec2/ec2.h"
#include "flow/flow.h"
#include "os/identity.h"
#include "pg/engine.h"
#include "pg/tls.h"
#include "pg/volume_stock.h"
#include "rds/flows.h"
#include "rds/rds.h"
#include "rds/restorable_times.h"
#include "rds/snapshot_progress.h"
#include "rds/supervisor.h"
#include "sts/sts.h"
#include "util/id.h"

namespace howdah {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

template <class T>
void erase_all(store::Tx& tx) {
  for (const auto& record : tx.all<T>()) tx.erase<T>(record->key());
}

/// Which instances a reset could not delete, and what their deletion waits for.
tl::unexpected<Error> still_there(const store::Store& store, Millis patience) {
  std::string which;
  for (const auto& i : store.all<Instance>()) {
    const auto work = store.get<flow::Workflow>(i->workflow());
    which += fmt::format("{}{} in {} ({})", which.empty() ? "" : ", ", i->identifier, i->scope.region,
                         !work                      ? "nothing deletes it"
                         : work->last_error.empty() ? work->step
                                                    : work->last_error);
  }
  return fail(fmt::format("not deleted after {:g} s: {}; nothing else was reset, try again once that is mended",
                          static_cast<double>(patience.count()) / 1000, which));
}

void declare_records(store::Store& store) {
  store.use<Instance>();
  store.use<SlotHint>();
  store.use<FormerAddress>();
  store.use<ParameterGroup>();
  store.use<Snapshot>();
  store.use<AutomatedBackup>();
  store.use<InterimBase>();
  store.use<Condition>();
  store.use<Drill>();
  store.use<Timekeeping>();
  use_network_records(store);
}

}  // namespace

struct Services::Parts {
  Parts(const Config& config, store::Store& s, const Clock& c)
      : store(s),
        clock(c),
        config(config),
        identity(must(os::choose_identity(config.run_as, config.instance_uid_base))),
        engines(pg::Catalog::discover(config.state_dir, config.engines)),
        ca(must(pg::ensure_ca(config.state_dir))),
        flows(s, c) {}

  /// Of the next instance, most likely: slots come in turns. Nobody's who runs already.
  os::Owner next_owner() const {
    const auto hint = store.get<SlotHint>("next");
    const uint32_t slot = hint ? hint->next : 1;
    return store.find<Instance>(Instance::by_slot(slot)) ? os::Owner{} : identity.instance(slot);
  }

  store::Store& store;
  const Clock& clock;
  const Config& config;
  const os::Identity identity;
  const pg::Catalog engines;
  const pg::Ca ca;
  pg::KeyStock keys{ca.identifier};
  pg::VolumeStock volumes{Millis(config.ready_volumes ? 1'000 : 0), [this] { return next_owner(); }};
  flow::Runner flows;
  rds::RestorableTimes restorable{store, config.state_dir};
  rds::SnapshotProgress progress;
  backup::CheckedWays ways;
  rds::Rds rds{store, clock, flows, config, engines, identity, ca, keys, volumes, restorable, progress, ways};
  rds::Supervisor supervisor{rds};
  ec2::Ec2 ec2{store, clock, config};
};

Services::Services(const Config& config, store::Store& store, const Clock& clock, api::Api& api, api::Holds& holds) {
  declare_records(store);
  parts_ = std::make_unique<Parts>(config, store, clock);
  rds::register_flows(parts_->flows, parts_->rds);
  parts_->flows.on_overdue([&parts = *parts_](const flow::Workflow& w) { rds::report_overdue(parts.rds, w); });
  rds::register_rds(api, parts_->rds);
  ec2::register_ec2(api, parts_->ec2);
  sts::register_operations(api);
  holds.watch(Instance::kKind);
  holds.watch(flow::Workflow::kKind);
  holds.watch(Snapshot::kKind);
}

Services::~Services() = default;

void Services::start() {
  parts_->restorable.start();
  parts_->flows.run();
  parts_->supervisor.start();
}

void Services::stop() {
  parts_->supervisor.stop();
  parts_->flows.stop();
  parts_->restorable.stop();
}

void Services::clock_moved() {
  parts_->flows.poke();
  parts_->supervisor.clock_moved();
}

std::string Services::bundle() const { return pg::ca_bundle(parts_->config.state_dir); }

std::vector<std::pair<std::string, std::vector<std::string>>> Services::flows() const { return parts_->flows.tables(); }

void Services::register_instances(const std::string& region, int count) {
  const Scope scope{parts_->config.account_id, region.empty() ? parts_->config.region : region};
  const auto network = ensure_default_network(parts_->store, scope, NetworkConfig{parts_->config.az_suffixes});
  parts_->store.write([&](store::Tx& tx) {
    for (int n = 0; n < count; n++) {
      Instance i;
      i.scope = scope;
      i.identifier = fmt::format("registered-{:05}", n);
      if (tx.get<Instance>(i.key())) continue;
      i.resource_id = id::db_resource();
      i.slot = allocate_slot(tx, slot_count(parts_->config.instance_addresses));
      i.address = slot_address(parts_->config.instance_addresses, i.slot);
      i.endpoint = i.address;
      i.instance_class = "db.t3.micro";
      i.engine = "postgres";
      i.engine_version = parts_->engines.engines().empty() ? "15.0" : parts_->engines.engines().back().version;
      i.license_model = "postgresql-license";
      i.master_username = "master";
      i.storage_type = "gp3";
      i.vpc_id = network ? network->id : "";
      i.security_groups = {default_group_id(i.vpc_id)};
      i.subnet_group = "default";
      i.availability_zone = parts_->config.zones(scope.region).front();
      i.parameter_group = default_parameter_group("postgres15");
      i.ca_certificate = "rds-ca-rsa2048-g1";
      i.backup_window = "03:00-03:30";
      i.maintenance_window = "sun:05:00-sun:05:30";
      i.tags = {{"Name", i.identifier}};
      i.created = parts_->clock.now();
      i.rest = Rest::stopped;
      i.restart_at = i.created + std::chrono::hours(24 * 3650);
      tx.put(std::move(i));
    }
  });
}

Result<void> Services::reset(Millis patience, const std::function<void()>& set_clock_back) {
  auto& p = *parts_;
  p.store.write([&](store::Tx& tx) {
    for (const auto& i : tx.all<Instance>()) p.flows.replace(tx, rds::kDeleteInstance, i->workflow());
  });
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!p.store.page<Instance>({}, {}, 1).empty()) {
    if (std::chrono::steady_clock::now() >= deadline) return still_there(p.store, patience);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  set_clock_back();
  p.store.write([&](store::Tx& tx) {
    erase_all<SlotHint>(tx);
    erase_all<ParameterGroup>(tx);
    erase_all<Snapshot>(tx);
    erase_all<AutomatedBackup>(tx);
    erase_all<InterimBase>(tx);
    erase_all<Drill>(tx);
    erase_all<Condition>(tx);
    erase_all<Timekeeping>(tx);
    p.flows.replace(tx, rds::kTidyBackups, rds::kTidyResource);
    erase_network_records(tx);
  });
  p.store.prune(kEventLog, Time::max());
  return {};
}

}  // namespace howdah
