#include "rds/steps.h"

#include <fmt/format.h>

#include <stdexcept>

#include "domain/config.h"
#include "domain/event.h"
#include "domain/parameter_group.h"
#include "os/identity.h"
#include "pg/client.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "pg/probe.h"
#include "pg/roles.h"
#include "pg/server.h"
#include "pg/tls.h"
#include "rds/hosts.h"
#include "rds/server_files.h"
#include "rds/settings.h"
#include "util/log.h"

namespace howdah::rds {
namespace {

constexpr Millis kSoon{20}, kStopPatience{60'000};
constexpr int kStartTries = 8;

}  // namespace

std::shared_ptr<const Instance> instance_of(const Rds& rds, const Workflow& w) {
  auto i = rds.store.find<Instance>(Instance::by_id(w.resource.substr(3)));  // "db/<resource id>"
  if (!i) throw std::runtime_error("the instance of " + w.resource + " is gone");
  return i;
}

flow::Recorder change(const Workflow& w, std::function<void(Instance&, store::Tx&)> f) {
  return [id = w.resource.substr(3), f = std::move(f)](store::Tx& tx) {
    const auto now = tx.find<Instance>(Instance::by_id(id));
    if (!now) return;
    Instance changed = *now;
    f(changed, tx);
    tx.put(std::move(changed));
  };
}

Outcome answer(const Error& error) {
  if (error.retry) return flow::again(Millis(200), error.message);
  return flow::failed(error.message);
}

namespace {

Outcome rest_incompatible(Rds& rds, const Workflow& w, const std::string& why) {
  log::error("server does not start with its parameters", {{"resource", w.resource}, {"reason", why}});
  return flow::done(change(w, [&rds, why](Instance& now, store::Tx& tx) {
    now.rest = Rest::incompatible_parameters;
    now.rest_reason = why;
    append_event(rds, tx, now, 35, "Database instance put into incompatible-parameters. " + why);
  }));
}

/// What to answer when the files can't be written. A formula that has no value for this class is the user's to mend,
/// as any other parameter that the server refuses.
Outcome unwritten(Rds& rds, const Workflow& w, const Instance& i, const Error& error) {
  if (error.retry) return answer(error);
  const auto engine = prepared_engine(rds, i);
  if (!engine) return answer(engine.error());
  const auto values = settings_of(rds, i, *engine);
  return values ? answer(error) : rest_incompatible(rds, w, values.error().message);
}

}  // namespace

Outcome write_files(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  const auto files = write_server_files(rds, *i);
  if (!files) return unwritten(rds, w, *i, files.error());
  if (auto named = write_hosts(rds); !named) return answer(named.error());
  const auto layout = layout_of(rds, *i);
  const os::Owner owner = owner_of(rds, *i);
  if (files->any() && pg::observe(layout, owner).state == pg::ServerState::kReady) {
    if (auto r = pg::reload_server(layout, owner); !r) return answer(r.error());
  }
  return flow::next_soon(change(w, [till = files->certificate_valid_till, &rds](Instance& now, store::Tx&) {
    now.certificate_valid_till = till;
    if (!now.endpoint.empty()) now.endpoint = endpoint_of(rds, now);
  }));
}

namespace {

bool sets_parameters(const Rds& rds, const Instance& i) {
  const auto group = rds.store.get<ParameterGroup>(i.scope.key(i.parameter_group));
  return group && !group->values().empty();
}

}  // namespace

namespace {

/// Who may use logical decoding can do so when the instance is available. Supervision does it again where this fails.
void follow_replication(const Rds& rds, const Instance& i) {
  if (auto client = pg::Client::connect(layout_of(rds, i), i.port)) (void)pg::follow_replication(*client);
}

}  // namespace

Outcome start_server(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  const auto layout = layout_of(rds, *i);
  const bool ran = pg::observe(layout, owner_of(rds, *i)).running();  // a retried step keeps the first try's time
  const Time began = ran && i->server_started != Time{} ? i->server_started : rds.clock.now();
  const auto engine = prepared_engine(rds, *i);
  if (!engine) return answer(engine.error());
  if (!ran) {  // a start takes what changed since the files were written, too
    if (const auto files = write_server_files(rds, *i); !files) return unwritten(rds, w, *i, files.error());
  }
  const auto started = pg::start_server({*engine, layout, owner_of(rds, *i), Millis(20'000), {}});
  if (started) {
    if (!ran && !i->started_group.empty()) follow_replication(rds, *i);
    return flow::next_soon(change(w, [began, ran, group = i->parameter_group](Instance& now, store::Tx&) {
      now.server_started = began;
      if (!ran || now.started_group.empty()) now.started_group = group;
    }));
  }
  const pg::StartError& error = started.error();
  switch (error.kind) {
    case pg::StartFailure::kTimeout:  // a long crash recovery: the deadline raises an event, the server goes on
      return flow::again(kSoon, error.message);
    case pg::StartFailure::kParameters:
      return rest_incompatible(rds, w, error.message);
    case pg::StartFailure::kPortInUse:
    case pg::StartFailure::kDiskFull:  // somebody can mend these from outside; the deadline bounds the wait
      return flow::again(Millis(2'000), error.message);
    default:  // not always what it looks like: the log that tells the reason may lag behind the server's end
      if (w.tries < kStartTries) return flow::again(Millis(500), error.message);
      // Words that we don't know: the user's own settings are the likeliest cause, and can be mended.
      if (error.kind == pg::StartFailure::kOther && sets_parameters(rds, *i))
        return rest_incompatible(rds, w, error.message);
      return flow::failed(error.message);
  }
}

Outcome await_server(Rds& rds, const Workflow& w, const Error& error) {
  const auto i = instance_of(rds, w);
  if (!error.retry || pg::observe(layout_of(rds, *i), owner_of(rds, *i)).running()) return answer(error);
  Outcome started = start_server(rds, w);
  if (started.verdict != Outcome::Verdict::next) return started;
  Outcome again = flow::again(Millis(200), "the server had ended and was started again: " + error.message);
  again.record = std::move(started.record);
  return again;
}

/// A checkpoint beforehand halves the outage: less is left to write when clients are already cut.
Outcome stop_server(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  const auto layout = layout_of(rds, *i);
  const os::Owner owner = owner_of(rds, *i);
  if (pg::observe(layout, owner).state == pg::ServerState::kReady) {
    if (auto client = pg::Client::connect(layout, i->port)) (void)client->query("CHECKPOINT");
  }
  auto stopped = pg::stop_server(layout, owner, pg::StopMode::kFast, kStopPatience);
  if (stopped && !*stopped) stopped = pg::stop_server(layout, owner, pg::StopMode::kImmediate, kStopPatience);
  if (!stopped) return answer(stopped.error());
  if (!*stopped) return flow::again(Millis(1'000), "the server does not stop");
  return flow::next();
}

Outcome apply_password(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  if (i->pending_verifier.empty()) return flow::next();
  auto client = pg::Client::connect(layout_of(rds, *i), i->port);
  if (!client) return await_server(rds, w, client.error());
  if (auto set = pg::set_password(*client, i->master_username, i->pending_verifier); !set) return answer(set.error());
  return flow::next(change(w, [&rds, applied = i->pending_verifier](Instance& now, store::Tx& tx) {
    if (now.pending_verifier != applied) return;  // another password came meanwhile: its own workflow applies it
    now.pending_verifier.clear();
    now.pending.erase("MasterUserPassword");
    append_event(rds, tx, now, 16);
  }));
}

Outcome check_connection(Rds& rds, const Workflow& w) {
  Outcome seen = try_connection(rds, w);
  if (seen.verdict == Outcome::Verdict::next) return seen;
  const auto i = instance_of(rds, w);
  if (pg::observe(layout_of(rds, *i), owner_of(rds, *i)).running()) return seen;
  return await_server(rds, w, {seen.reason, true});
}

Outcome try_connection(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  pg::ProbeSpec spec;
  spec.address = spec.verify_name = i->address;
  spec.port = i->port;
  spec.user = i->master_username;
  spec.database = i->db_name.empty() ? "postgres" : i->db_name;
  spec.ca_certificate = rds.ca.certificate;
  const auto seen = pg::probe(spec);
  // Security groups that admit nobody from this machine answer so: the server is up and does as it is told.
  const bool refused = !seen && seen.error().message.find("no pg_hba.conf entry") != std::string::npos;
  if (!seen && !refused) return flow::again(kSoon, seen.error().message);
  return flow::next();
}

void report_overdue(Rds& rds, const Workflow& w) {
  rds.store.write([&](store::Tx& tx) {
    const auto now = tx.find<Instance>(Instance::by_id(w.resource.substr(3)));
    if (!now) return;
    append_event(rds, tx, *now, own_event(2),
                 fmt::format("Step {} of {} takes longer than expected and is being retried: {}", w.step, w.table,
                             w.last_error));
  });
}

void record_failure(Rds& rds, const Workflow& w, const std::string& reason, store::Tx& tx) {
  const auto now = tx.find<Instance>(Instance::by_id(w.resource.substr(3)));
  if (!now) return;
  Instance failed = *now;
  failed.rest = Rest::failed;
  failed.rest_reason = reason;
  append_event(rds, tx, failed, 31,
               fmt::format("DB instance put into failed state: {} (at step {} of {})", reason, w.step, w.table));
  tx.put(std::move(failed));
}

}  // namespace howdah::rds
