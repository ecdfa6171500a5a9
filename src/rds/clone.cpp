// CloneInstance, and the step of the restore table that makes the copy of a database a database of its own before
// anybody reaches it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "api/context.h"
#include "domain/config.h"
#include "domain/network.h"
#include "domain/parameter_group.h"
#include "domain/security_group.h"
#include "os/files.h"
#include "pg/bootstrap.h"
#include "pg/control_file.h"
#include "pg/layout.h"
#include "pg/roles.h"
#include "pg/scram.h"
#include "pg/server.h"
#include "rds/clone.h"
#include "rds/control.h"
#include "rds/flows.h"
#include "rds/instances.h"
#include "rds/new_instance.h"
#include "rds/past.h"
#include "rds/private_run.h"
#include "rds/server_files.h"
#include "rds/validate.h"
#include "util/id.h"

namespace howdah::rds {
namespace {

constexpr const char* kTag = "howdah:clone-of";
constexpr Millis kStop{60'000};

/// The source's record as that of a new instance: what belongs to one server's life begins anew, backups are off.
Instance as_new(const Rds& rds, const Scope& scope, const Instance& source, const std::string& name) {
  Instance i = source;
  const Instance fresh;
  i.scope = scope;
  i.identifier = name;
  i.resource_id = id::db_resource();
  i.endpoint.clear();
  i.pending.clear();
  i.started_group.clear();
  i.backing_up.clear();
  i.rest_reason.clear();
  i.rest = fresh.rest;
  i.created = i.server_started = i.restart_at = i.certificate_valid_till = i.last_backup = i.restorable_from = {};
  i.crashes = 0;
  i.backup_retention = 0;
  i.deletion_protection = false;
  i.performance_insights = false;
  if (!i.parameter_group.starts_with("default.") && !rds.store.get<ParameterGroup>(scope.key(i.parameter_group))) {
    i.parameter_group = checked_parameter_group(rds, scope, {}, i.engine_version);
  }
  std::erase_if(i.security_groups, [&](const auto& id) { return !rds.store.get<SecurityGroup>(scope.key(id)); });
  if (i.security_groups.empty()) i.security_groups = {default_group_id(i.vpc_id)};
  return i;
}

/// Statistics of the source's workload, and files that modules left beside them.
Result<void> forget_statistics(const pg::Layout& layout) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(layout.data + "/pg_stat", none)) {
    if (auto gone = os::remove_tree(entry.path().string()); !gone) return gone;
  }
  return {};
}

/// A subscription that is dropped, or refreshed, would reach for the source's slot at the publisher: it lets go of it.
Result<void> let_go_of_subscriptions(Session& session) {
  const auto all = session.rows(
      "SELECT subname FROM pg_subscription WHERE (subenabled OR subslotname IS NOT NULL) AND subdbid = (SELECT oid "
      "FROM pg_database WHERE datname = current_database())");
  if (!all) return tl::unexpected(all.error());
  for (const auto& row : *all) {
    const std::string change = "ALTER SUBSCRIPTION " + session.name(row[0]);
    if (const auto done = session.run(change + " DISABLE"); !done) return tl::unexpected(done.error());
    if (const auto done = session.run(change + " SET (slot_name = NONE)"); !done) return tl::unexpected(done.error());
  }
  return {};
}

/// pg_cron's jobs stay, inactive. Its trigger needs the module preloaded, which it is not here.
Result<void> halt_jobs(Session& session) {
  const auto there =
      session.value("SELECT 1 FROM pg_extension WHERE extname = 'pg_cron' AND to_regclass('cron.job') IS NOT NULL");
  if (!there || there->empty()) return there ? Result<void>{} : tl::unexpected(there.error());
  const auto done =
      session.run("SET session_replication_role = replica; UPDATE cron.job SET active = false WHERE active");
  if (!done) return tl::unexpected(done.error());
  return {};
}

Result<void> in_every_database(const pg::Layout& layout, Result<void> (*change)(Session&)) {
  const char* options = "-c search_path=pg_catalog,pg_temp -c default_transaction_read_only=off";
  auto session = Session::open(layout.run, 5432, pg::kAdminRole, "postgres", options);
  if (!session) return tl::unexpected(session.error());
  const auto databases = session->rows("SELECT datname FROM pg_database WHERE datallowconn");
  if (!databases) return tl::unexpected(databases.error());
  for (const auto& row : *databases) {
    auto one = Session::open(layout.run, 5432, pg::kAdminRole, row[0], options);
    if (!one) return tl::unexpected(one.error());
    if (auto done = change(*one); !done) return fail(fmt::format("in database {}: {}", row[0], done.error().message));
  }
  return {};
}

Result<void> take_password(const pg::Layout& layout, const Instance& i) {
  if (i.pending_verifier.empty()) return {};
  auto client = pg::Client::connect(layout, 5432);
  if (!client) return tl::unexpected(client.error());
  return pg::set_password(*client, i.master_username, i.pending_verifier);
}

}  // namespace

Outcome isolate_clone(Rds& rds, const Workflow& w) {
  if (w.arg("identity").empty()) return flow::next();
  const auto i = instance_of(rds, w);
  const auto layout = layout_of(rds, *i);
  const auto owner = owner_of(rds, *i);
  const auto engine = prepared_engine(rds, *i);
  if (!engine) return answer(engine.error());
  const auto stop = [&] { return pg::stop_server(layout, owner, pg::StopMode::kFast, kStop); };
  if (const auto down = stop(); !down || !*down) return flow::again(Millis(500), "its private server does not stop");
  if (auto r = forget_statistics(layout); !r) return answer(r.error());
  if (auto r = pg::renew_identity(layout.data, std::stoull(w.arg("identity"))); !r) return answer(r.error());
  if (auto r = os::sync_fs(layout.data); !r) return answer(r.error());
  if (auto r = run_privately(*engine, layout, owner, rds.identity.daemon_user); !r) return answer(r.error());
  if (auto r = in_every_database(layout, let_go_of_subscriptions); !r) return answer(r.error());
  if (auto r = in_every_database(layout, halt_jobs); !r) return answer(r.error());
  if (auto r = take_password(layout, *i); !r) return answer(r.error());
  if (const auto down = stop(); !down || !*down) return flow::again(Millis(500), "its private server does not stop");
  return flow::next(change(w, [](Instance& now, store::Tx&) {
    now.pending_verifier.clear();
    now.pending.erase("MasterUserPassword");
  }));
}

aws::control::CloneInstanceResponse clone_instance(Rds& rds, api::Context& ctx,
                                                   const aws::control::CloneInstanceRequest& in) {
  const std::string name = checked_identifier(*in.target);
  check_password(*in.master_user_password);
  if (rds.store.get<Instance>(ctx.scope().key(name))) {
    throw Fault("DBInstanceAlreadyExists", "DB instance already exists");
  }
  std::optional<Time> instant;
  if (in.at) instant = Time(Millis(*in.at));
  const Past past = find_past(rds, ctx.scope(), *in.source, instant, ctx.client_gone);
  Instance i = as_new(rds, ctx.scope(), past.source, name);
  i.tags.insert_or_assign(kTag, past.source.identifier);
  const auto verifier = pg::scram_verifier(*in.master_user_password);
  if (!verifier) throw Fault("InvalidParameterValue", verifier.error().message);
  i.pending_verifier = *verifier;
  i.pending["MasterUserPassword"] = "****";
  const auto target = past.plan.target;
  return rds.store.write([&](store::Tx& tx) {
    add_instance(rds, tx, i, kRestoreInstance,
                 {{"source", past.source.resource_id},
                  {"clone-of", past.of},
                  {"base", past.plan.base.id},
                  {"timeline", std::to_string(target.timeline)},
                  {"lsn", backup::lsn_text(target.lsn)},
                  {"planned", "yes"},
                  {"identity", std::to_string(pg::new_system_identifier())}});
    aws::control::CloneInstanceResponse out;
    out.resource_id = i.resource_id;
    out.of = past.of;
    return out;
  });
}

aws::control::RemoveCloneResponse remove_clone(Rds& rds, api::Context& ctx,
                                               const aws::control::RemoveCloneRequest& in) {
  const auto i = instance_named(rds.store, ctx.scope(), *in.instance);
  if (!i->tags.contains(kTag)) {
    throw Fault("InvalidParameterValue", fmt::format("{} has no tag {}: it is not a clone. Delete it with aws rds "
                                                     "delete-db-instance.",
                                                     i->identifier, kTag));
  }
  aws::rds::DeleteDBInstanceMessage request;
  request.db_instance_identifier = i->identifier;
  request.skip_final_snapshot = true;
  delete_db_instance(rds, ctx, request);
  aws::control::RemoveCloneResponse out;
  out.resource_id = i->resource_id;
  return out;
}

}  // namespace howdah::rds
