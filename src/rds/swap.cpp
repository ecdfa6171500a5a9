// SwapInstances and its table. One transaction exchanges the records and starts a workflow on each of the two, so each
// instance keeps its own lock; they wait for each other where it matters. When one of them can't go on, or is deleted
// meanwhile, the other one does not wait for it any longer.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/context.h"
#include "pg/client.h"
#include "pg/layout.h"
#include "pg/server.h"
#include "rds/control.h"
#include "rds/flows.h"
#include "rds/hosts.h"
#include "rds/instances.h"
#include "rds/server_files.h"
#include "rds/steps.h"
#include "util/id.h"

namespace howdah::rds {
namespace {

constexpr Millis kPoll{5};

/// The workflow of the other one of the pair, while it stands at `step`.
bool peer_stands_at(const Rds& rds, const Workflow& w, std::string_view step) {
  const auto peer = rds.store.get<Workflow>("db/" + w.arg("peer"));
  return peer && peer->table == w.table && peer->arg("swap") == w.arg("swap") && peer->step == step;
}

/// Most of what a shutdown has to write is written while clients are still served; then both stop at the same time.
Outcome write_ahead(Rds& rds, const Workflow& w) {
  const auto i = instance_of(rds, w);
  const auto layout = layout_of(rds, *i);
  if (pg::observe(layout, owner_of(rds, *i)).state == pg::ServerState::kReady) {
    auto client = pg::Client::connect(layout, i->port, "postgres", std::chrono::minutes(5));
    if (client) (void)client->query("CHECKPOINT");
  }
  return flow::next();
}

Outcome both_ready(Rds& rds, const Workflow& w) {
  if (peer_stands_at(rds, w, "checkpoint")) return flow::again(kPoll, "the other instance still writes its checkpoint");
  return flow::next();
}

/// Nobody may answer at an address before its old holder has let go of it.
Outcome both_down(Rds& rds, const Workflow& w) {
  for (const char* step : {"checkpoint", "ready", "shut-down"}) {
    if (peer_stands_at(rds, w, step)) return flow::again(kPoll, "the other instance is still shutting down");
  }
  return flow::next();
}

/// Skipped when sessions are kept: then nothing restarts.
template <Outcome (*run)(Rds&, const Workflow&)>
Outcome unless_kept(Rds& rds, const Workflow& w) {
  return w.arg("restart").empty() ? flow::next() : run(rds, w);
}

constexpr flow::Step<Rds> kSwap[] = {{"checkpoint", "renaming", unless_kept<write_ahead>},
                                     {"ready", "renaming", unless_kept<both_ready>},
                                     {"shut-down", "renaming", unless_kept<shut_down>},
                                     {"down", "renaming", unless_kept<both_down>},
                                     {"write-files", "renaming", write_files},
                                     {"start-server", "renaming", start_server},
                                     {"set-password", "renaming", apply_password},
                                     {"check", "renaming", finish_change}};

void check_swappable(const Rds& rds, const store::Tx& tx, const Instance& i, bool keep) {
  if (!changeable(rds, tx, i) || (keep && i.rest != Rest::available)) {
    throw Fault("InvalidDBInstanceState", fmt::format("Database instance {} is not in available state but {}.",
                                                      i.identifier, status_of(rds, tx, i)));
  }
}

void check_pair(const Rds& rds, const Instance& a, const Instance& b, bool keep) {
  if (a.resource_id == b.resource_id) {
    throw Fault("InvalidParameterValue", fmt::format("{} can't be swapped with itself.", a.identifier));
  }
  if (a.port != b.port) {
    throw Fault("InvalidParameterCombination",
                fmt::format("{} listens on port {} and {} on {}: applications would not find what they look for. Give "
                            "both the same port first (modify-db-instance --db-port-number).",
                            a.identifier, a.port, b.identifier, b.port));
  }
  if (keep && !keeps_hosts(rds)) {
    throw Fault("InvalidParameterCombination",
                "Sessions can't be kept here: clients are told addresses, and a server can't take another's address "
                "without a restart. Swap with sessions cut.");
  }
}

/// What an application will find different behind its endpoint, although nobody asked for it.
std::vector<std::string> differences(const Instance& a, const Instance& b) {
  std::vector<std::string> out;
  const auto tell = [&](const char* what, const std::string& of_a, const std::string& of_b) {
    if (of_a == of_b) return;
    out.push_back(
        fmt::format("{} differ: {} had {}, the instance that has its name now has {}", what, a.identifier, of_a, of_b));
  };
  tell("security groups", fmt::format("{}", fmt::join(a.security_groups, ", ")),
       fmt::format("{}", fmt::join(b.security_groups, ", ")));
  tell("parameter groups", a.parameter_group, b.parameter_group);
  tell("classes", a.instance_class, b.instance_class);
  tell("backup retention periods", std::to_string(a.backup_retention), std::to_string(b.backup_retention));
  return out;
}

}  // namespace

aws::control::SwapInstancesResponse swap_instances(Rds& rds, api::Context& ctx,
                                                   const aws::control::SwapInstancesRequest& in) {
  const bool keep = in.sessions.value_or("cut") == "keep";
  return rds.store.write([&](store::Tx& tx) {
    const auto a = instance_named(tx, ctx.scope(), *in.first), b = instance_named(tx, ctx.scope(), *in.second);
    check_pair(rds, *a, *b, keep);
    check_swappable(rds, tx, *a, keep);
    check_swappable(rds, tx, *b, keep);
    Instance x = *a, y = *b;
    std::swap(x.identifier, y.identifier);
    std::swap(x.endpoint, y.endpoint);
    if (!keep) std::swap(x.address, y.address);
    const std::string pair = id::uuid();
    const auto begin = [&](const Instance& now, const Instance& peer) {
      append_event(rds, tx, now, 102,
                   fmt::format("Swapping names: this instance ({}) was {} before.", now.resource_id, peer.identifier));
      std::map<std::string, std::string> args{{"peer", peer.resource_id}, {"swap", pair}};
      if (!keep) args["restart"] = "yes";
      rds.flows.start(tx, kSwapInstances, now.workflow(), std::move(args));
      tx.put(now);
    };
    begin(x, y);
    begin(y, x);
    aws::control::SwapInstancesResponse out;
    out.first_resource_id = x.resource_id;
    out.second_resource_id = y.resource_id;
    for (auto& text : differences(*a, *b)) out.warnings.add(std::move(text));
    return out;
  });
}

void register_swap_steps(flow::Runner& runner, Rds& rds) {
  runner.add(flow::Table<Rds>{kSwapInstances, kSwap, record_failure}, rds);
}

}  // namespace howdah::rds
