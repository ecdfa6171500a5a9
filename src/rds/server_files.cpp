#include "rds/server_files.h"

#include <fmt/format.h>

#include "backup/vault.h"
#include "domain/condition.h"
#include "domain/config.h"
#include "domain/parameter_group.h"
#include "domain/security_group.h"
#include "os/files.h"
#include "pg/conf.h"
#include "pg/engine.h"
#include "pg/layout.h"
#include "pg/parameters.h"
#include "pg/tls.h"
#include "rds/adaptive_autovacuum.h"
#include "rds/hosts.h"
#include "rds/settings.h"

namespace howdah::rds {
namespace {

/// Without a data directory no server can need the files before create_volume() has synced the file system, and every
/// start renders them again: a new instance does not pay for ten flushes.
os::Durable needed(const pg::Layout& layout) { return os::exists(layout.data) ? os::Durable::now : os::Durable::later; }

/// Writes the file when its content differs. True = written.
Result<bool> update(const pg::Layout& layout, const std::string& path, const std::string& content, os::Owner owner) {
  if (os::exists(path)) {
    const auto before = os::read_file(path);
    if (before && *before == content) return false;
  }
  if (auto r = pg::write_conf(path, content, owner, needed(layout)); !r) return tl::unexpected(r.error());
  return true;
}

/// Addresses of a group's members: what a rule that references the group admits. Cost O(instances of the scope), only
/// for rules that reference groups.
Members members_of(const Rds& rds, const Instance& asking) {
  return [&rds, scope = asking.scope](const std::string& group) {
    std::vector<std::string> out;
    for (const auto& i : rds.store.all<Instance>(scope.prefix())) {
      if (std::find(i->security_groups.begin(), i->security_groups.end(), group) != i->security_groups.end()) {
        out.push_back(i->address);
      }
    }
    return out;
  };
}

}  // namespace

namespace {

/// The old certificate goes first and the new one comes last: a crash in between leaves none, and the next call makes
/// one.
Result<void> ensure_certificate(Rds& rds, const Instance& i, const pg::Layout& layout, ServerFiles& out) {
  const auto names = certificate_names(rds, i);
  const os::Owner owner = owner_of(rds, i);
  const auto before =
      os::exists(layout.key_file()) ? os::read_file(layout.cert_file()) : Result<std::string>(fail("there is none"));
  if (before && !pg::needs_renewal(*before, rds.ca, names, rds.clock.now())) {
    const auto till = pg::valid_till(*before);
    if (till) out.certificate_valid_till = *till;
    return {};
  }
  const auto leaf = pg::issue_leaf(rds.ca, names, rds.clock.now(), rds.keys.take());
  if (!leaf) return tl::unexpected(leaf.error());
  if (auto r = os::remove_tree(layout.cert_file()); !r) return r;
  if (auto r = pg::write_conf(layout.key_file(), leaf->key, owner, needed(layout)); !r) return r;
  if (auto r = pg::write_conf(layout.cert_file(), leaf->certificate, owner, needed(layout)); !r) return r;
  const auto till = pg::valid_till(leaf->certificate);
  if (!till) return tl::unexpected(till.error());
  out.certificate_valid_till = *till;
  out.certificate_changed = true;
  return {};
}

}  // namespace

os::Owner owner_of(const Rds& rds, const Instance& i) { return rds.identity.instance(i.slot); }

std::vector<std::string> certificate_names(const Rds& rds, const Instance& i) {
  return {rds.config.endpoint_name(i.scope, i.identifier), i.address};
}

std::string endpoint_of(const Rds& rds, const Instance& i) {
  return keeps_hosts(rds) ? rds.config.endpoint_name(i.scope, i.identifier) : i.address;
}

namespace {

Result<bool> write_access(Rds& rds, const Instance& i, const pg::LoginRules& login) {
  std::vector<std::string> cidrs;
  for (auto& a : admitted_sources(rds.store, i.scope, i.security_groups, i.port, members_of(rds, i))) {
    cidrs.push_back(std::move(a.cidr));
  }
  const auto text = pg::render_hba(cidrs, login);
  if (!text) return tl::unexpected(text.error());
  const auto layout = layout_of(rds, i);
  return update(layout, layout.hba_file(), *text, owner_of(rds, i));
}

/// How much WAL a keeper that has fallen behind may hold back: a quarter of the disk, at most 10 GB. Of the whole disk,
/// not of what is free, so that the file does not change from one look to the next.
std::string most_kept_wal(const Rds& rds) {
  const auto space = os::disk_space(rds.config.state_dir);
  const uint64_t quarter = space ? space->total / 4 >> 20 : 1024;
  return fmt::format("{}MB", std::min<uint64_t>(quarter, 10 * 1024));
}

Result<bool> write_settings(Rds& rds, const Instance& i, const pg::Engine& engine, const pg::Settings& settings) {
  const auto layout = layout_of(rds, i);
  const pg::ServerPlace place{i.address, i.port, i.identifier, true, login_rules(settings).force_ssl};
  pg::Settings wanted = settings;
  // Sessions of rdsadmin set it off for themselves. Others can, too, to make room.
  const auto condition = Condition::of(rds.store, i.resource_id);
  if (condition.storage_level == 2) wanted["default_transaction_read_only"] = "on";
  if (pg::is_on(settings, "rds.adaptive_autovacuum")) hurry_autovacuum(wanted, condition.hurry);
  if (condition.wal_synchronous) wanted["synchronous_standby_names"] = backup::kSlot;
  if (engine.major >= 13) wanted.emplace("max_slot_wal_keep_size", most_kept_wal(rds));
  const auto conf = pg::render_conf(pg::instance_settings(engine, layout, place, wanted));
  if (!conf) return tl::unexpected(conf.error());
  return update(layout, layout.config_file(), *conf, owner_of(rds, i));
}

}  // namespace

Result<bool> refresh_running(Rds& rds, const std::shared_ptr<const Instance>& i, Rendered& seen) {
  std::shared_ptr<const void> group = rds.store.get<ParameterGroup>(i->scope.key(i->started_group));
  bool changed = false;
  if (seen.instance != i || seen.group != group) {
    const auto engine = prepared_engine(rds, *i);
    if (!engine) return tl::unexpected(engine.error());
    const auto settings = settings_of(rds, *i, *engine);
    if (!settings) return tl::unexpected(settings.error());
    const auto conf = write_settings(rds, *i, *engine, *settings);
    if (!conf) return conf;
    changed = *conf;
    seen = {i, std::move(group), login_rules(*settings)};
  }
  const auto access = write_access(rds, *i, seen.login);
  if (!access) return access;
  return changed || *access;
}

Result<ServerFiles> write_server_files(Rds& rds, const Instance& i) {
  const auto layout = layout_of(rds, i);
  const os::Owner owner = owner_of(rds, i);
  if (auto r = pg::make_layout(rds.config.state_dir, layout, owner); !r) return tl::unexpected(r.error());
  ServerFiles out;
  if (auto r = ensure_certificate(rds, i, layout, out); !r) return tl::unexpected(r.error());

  const auto ident = pg::render_ident(rds.identity.daemon_user);
  if (!ident) return tl::unexpected(ident.error());
  const auto engine = prepared_engine(rds, i);
  if (!engine) return tl::unexpected(engine.error());
  const auto values = settings_of(rds, i, *engine);
  if (!values) return tl::unexpected(values.error());
  const auto settings = write_settings(rds, i, *engine, *values);
  if (!settings) return tl::unexpected(settings.error());
  auto idents = update(layout, layout.ident_file(), *ident, owner);
  if (!idents) return tl::unexpected(idents.error());
  auto access = write_access(rds, i, login_rules(*values));
  if (!access) return tl::unexpected(access.error());
  out.settings_changed = *settings || *idents;
  out.access_changed = *access;
  return out;
}

}  // namespace howdah::rds
