#include "rds/rds.h"

#include <fmt/format.h>

#include <cctype>
#include <stdexcept>

#include "api/context.h"
#include "domain/condition.h"
#include "domain/config.h"
#include "domain/event.h"
#include "domain/snapshot.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "pg/prepared.h"
#include "rds/validate.h"
#include "util/text.h"

namespace howdah::rds {
namespace {

template <class Reader>
std::shared_ptr<const Instance> named(const Reader& reader, const Scope& scope, std::string_view name) {
  const std::string prefix = scope.arn("rds", "db:");
  const std::string id = lower_case(name.starts_with(prefix) ? name.substr(prefix.size()) : name);
  auto found = reader.template get<Instance>(scope.key(id));
  if (!found) throw Fault("DBInstanceNotFound", fmt::format("DBInstance {} not found.", name));
  return found;
}

template <class Reader>
std::string status_at_rest(const Reader& reader, const Instance& i) {
  if (i.rest == Rest::available && Condition::of(reader, i.resource_id).storage_level == 2) return "storage-full";
  return std::string(status_word(i.rest));
}

}  // namespace

Scope scope_of(const api::Context& ctx) { return {ctx.caller.account, ctx.region}; }

std::shared_ptr<const Instance> instance_named(const store::Store& store, const Scope& scope, std::string_view name) {
  return named(store, scope, name);
}

std::shared_ptr<const Instance> instance_named(const store::Tx& tx, const Scope& scope, std::string_view name) {
  return named(tx, scope, name);
}

namespace {

template <class Reader>
bool backing_up(const Reader& reader, const Instance& i) {
  if (i.rest != Rest::available || i.backing_up.empty()) return false;
  const auto s = reader.template find<Snapshot>(Snapshot::by_id(i.backing_up));
  return s && s->state == Snapshot::State::creating;
}

template <class Reader>
std::string status(const Rds& rds, const Reader& reader, const Instance& i) {
  if (const auto work = reader.template get<flow::Workflow>(i.workflow())) return std::string(rds.flows.status(*work));
  return backing_up(reader, i) ? "backing-up" : status_at_rest(reader, i);
}

}  // namespace

Seen see(const Rds& rds, const std::shared_ptr<const Instance>& instance) {
  auto i = instance;
  for (;;) {
    std::string word = status(rds, rds.store, *i);
    auto now = rds.store.find<Instance>(Instance::by_id(i->resource_id));
    if (!now || now == i) return {i, std::move(word)};
    i = std::move(now);  // a step was recorded between the looks at the record and at its workflow
  }
}

std::string status_of(const Rds& rds, const store::Tx& tx, const Instance& i) { return status(rds, tx, i); }

bool left_alone(const store::Tx& tx, const Instance& i) {
  return !flow::Runner::busy(tx, i.workflow()) && !backing_up(tx, i);
}

const pg::Engine& engine_of(const Rds& rds, const Instance& i) {
  const pg::Engine* engine = rds.engines.exact(i.engine_version);
  if (engine) return *engine;
  throw std::runtime_error(
      fmt::format("PostgreSQL {} is no longer installed; install it again (howdah engine list shows "
                  "what is there)",
                  i.engine_version));
}

Result<pg::Engine> prepared_engine(const Rds& rds, const Instance& i) {
  return pg::prepare_engine(engine_of(rds, i), rds.config.state_dir);
}

pg::Layout layout_of(const Rds& rds, const Instance& i) { return pg::layout_of(rds.config.state_dir, i.resource_id); }

void append_event(const Rds& rds, store::Tx& tx, const EventSource& source, int number, std::string message) {
  const EventKind& kind = event_kind(number);
  Event e;
  e.source_type = kind.source_type;
  e.source_id = source.identifier;
  e.source_arn = source.arn;
  e.id = kind.id;
  e.categories = {kind.category};
  e.message = message.empty() ? kind.message : std::move(message);
  e.date = rds.clock.now();
  howdah::append_event(tx, source.scope, e);
}

void append_event(const Rds& rds, store::Tx& tx, const Instance& i, int number, std::string message) {
  append_event(rds, tx, EventSource{i.scope, i.identifier, i.arn()}, number, std::move(message));
}

}  // namespace howdah::rds
