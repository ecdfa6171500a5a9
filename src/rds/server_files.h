#pragma once
#include <string>

#include "domain/instance.h"
#include "os/identity.h"
#include "pg/conf.h"
#include "rds/rds.h"
#include "util/result.h"

/// The files under an instance's conf/ as functions of its record: rendered again whenever something they depend on
/// changes, written only when they differ. Nothing is remembered between calls.
namespace howdah::rds {

os::Owner owner_of(const Rds& rds, const Instance& instance);

/// Host names and addresses that the server's certificate must carry.
std::vector<std::string> certificate_names(const Rds& rds, const Instance& instance);

struct ServerFiles {
  bool access_changed = false;    ///< pg_hba.conf differs from what was there: reload
  bool settings_changed = false;  ///< postgresql.conf does
  bool certificate_changed = false;
  Time certificate_valid_till{};
  bool any() const { return access_changed || settings_changed || certificate_changed; }
};

/// Layout, certificate, postgresql.conf, pg_ident.conf and pg_hba.conf.
Result<ServerFiles> write_server_files(Rds& rds, const Instance& instance);

/// postgresql.conf and pg_hba.conf of a running server: what its parameter group says that needs no reboot, and who
/// its security groups admit now. True when a file changed and the server must reload.
/// `seen` is what the last call for this instance rendered from: settings are evaluated again only when it differs.
struct Rendered {
  std::shared_ptr<const Instance> instance;
  std::shared_ptr<const void> group;
  pg::LoginRules login;
};
Result<bool> refresh_running(Rds& rds, const std::shared_ptr<const Instance>& instance, Rendered& seen);

/// The name that clients are told: a host name when we keep the hosts file, else the address.
std::string endpoint_of(const Rds& rds, const Instance& instance);

}  // namespace howdah::rds
