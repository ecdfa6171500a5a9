#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "domain/instance.h"
#include "domain/scope.h"
#include "flow/flow.h"
#include "store/store.h"
#include "util/clock.h"
#include "util/result.h"

/// Amazon RDS for PostgreSQL: handlers (request -> state change + workflow, in one transaction) and the step tables
/// that make it so. One file an operation family; steps_*.cpp hold the tables. Handlers are free functions
///   Result f(Rds&, api::Context&, const aws::rds::Message&)
/// that throw Fault; register_rds() in register.cpp lists them all.
namespace howdah {
struct Config;
namespace api {
class Api;
struct Context;
}  // namespace api
namespace backup {
class CheckedWays;
}
namespace os {
struct Identity;
}
namespace pg {
class Catalog;
struct Ca;
class KeyStock;
class VolumeStock;
struct Engine;
struct Layout;
}  // namespace pg
}  // namespace howdah

namespace howdah::rds {

class RestorableTimes;
class SnapshotProgress;

/// What every handler and step works with. Everything outlives it; everything is thread-safe.
struct Rds {
  store::Store& store;
  const Clock& clock;
  flow::Runner& flows;
  const Config& config;
  const pg::Catalog& engines;
  const os::Identity& identity;
  const pg::Ca& ca;    ///< signs every server's certificate
  pg::KeyStock& keys;  ///< where their keys come from
  pg::VolumeStock& volumes;
  RestorableTimes& restorable;
  SnapshotProgress& progress;
  backup::CheckedWays& ways;
};

void register_rds(api::Api& api, Rds& rds);
void register_flows(flow::Runner& runner, Rds& rds);  ///< every step table
/// Raises the event of a step that passed its deadline; the workflow goes on trying.
void report_overdue(Rds& rds, const flow::Workflow& workflow);

Scope scope_of(const api::Context& ctx);

/// The instance of that name (any case) or ARN; throws DBInstanceNotFound. The second form reads inside a transaction.
std::shared_ptr<const Instance> instance_named(const store::Store& store, const Scope& scope, std::string_view name);
std::shared_ptr<const Instance> instance_named(const store::Tx& tx, const Scope& scope, std::string_view name);

/// DBInstanceStatus: what the instance's workflow says, else backing-up while such a snapshot is being made, else what
/// it rests in.
std::string status_of(const Rds& rds, const store::Tx& tx, const Instance& instance);

/// An instance and its status at one and the same instant, outside of a transaction.
struct Seen {
  std::shared_ptr<const Instance> instance;
  std::string status;
};
Seen see(const Rds& rds, const std::shared_ptr<const Instance>& instance);

/// Whether nothing works on the instance: neither a workflow nor a backup that its status shows.
bool left_alone(const store::Tx& tx, const Instance& instance);

/// The server build an instance runs on; throws std::runtime_error naming the version when it is no longer installed.
const pg::Engine& engine_of(const Rds& rds, const Instance& instance);
/// Our own copy of it, which is what runs: made by the first instance of a build, found by the others.
Result<pg::Engine> prepared_engine(const Rds& rds, const Instance& instance);
pg::Layout layout_of(const Rds& rds, const Instance& instance);

/// What an event is about.
struct EventSource {
  Scope scope;
  std::string identifier, arn;
};
/// Records event number `number` (domain/event.h) about the source; `message` replaces the table's text when given.
void append_event(const Rds& rds, store::Tx& tx, const EventSource& source, int number, std::string message);
void append_event(const Rds& rds, store::Tx& tx, const Instance& instance, int number, std::string message = {});

}  // namespace howdah::rds
