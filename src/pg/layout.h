#pragma once
#include <string>

#include "os/files.h"
#include "os/identity.h"
#include "util/result.h"

namespace howdah::pg {

/// The paths of one instance, derived from its resource id alone (never from its name, which may change).
///   <state>/instances/<db-XXXX>/  0711 daemon
///     data/   PGDATA, 0700, the instance's user
///     conf/   0750 daemon:instance group: the server reads it and cannot change it (keys and HBA live outside PGDATA,
///             since a database user is not trusted with the server process)
///     run/    0700 instance: the unix socket (elsewhere when the path would exceed the 107 bytes of a socket address)
///     log/    0750 daemon:instance group: server.log (stderr of the postmaster)
///     log/error/  0700 instance: the log collector's postgresql.log.*
struct Layout {
  std::string root, data, conf, run, log;

  std::string config_file() const { return conf + "/postgresql.conf"; }
  std::string hba_file() const { return conf + "/pg_hba.conf"; }
  std::string ident_file() const { return conf + "/pg_ident.conf"; }
  std::string cert_file() const { return conf + "/server.crt"; }
  std::string key_file() const { return conf + "/server.key"; }
  std::string server_log() const { return log + "/server.log"; }
  std::string error_log_dir() const { return log + "/error"; }
  std::string start_lock() const { return root + "/start.lock"; }
};

/// Pure: only computes the paths.
Layout layout_of(const std::string& state, const std::string& resource_id);

/// Makes (or repairs owner and mode of) everything above except data/. `state` must exist and be searchable by all.
/// Fails when the socket path cannot be short enough: move the state directory to a shorter path.
Result<void> make_layout(const std::string& state, const Layout& layout, os::Owner owner);

/// Writes a file into conf/ atomically so that the server may read it and not change it (0640 daemon:instance group;
/// 0600 of oneself when not root).
Result<void> write_conf(const std::string& path, const std::string& content, os::Owner owner,
                        os::Durable durable = os::Durable::now);

}  // namespace howdah::pg
