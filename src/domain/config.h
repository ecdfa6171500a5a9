#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/scope.h"
#include "util/result.h"

namespace howdah {

enum class VersionPolicy {
  strict,        ///< a version that is not installed is refused, as AWS does
  nearest_minor  ///< 14.6 -> the closest installed 14.x; descriptions show the real version
};

enum class DrillSchedule { off, daily, weekly };

enum class Names {
  automatic,  ///< `hosts` when the hosts file is ours to write, else `address`
  hosts,      ///< endpoint names, kept in a managed block of the hosts file
  address     ///< the endpoint is the instance's IP address
};

/// Everything an operator can set. The defaults need no file. Constant after start-up.
struct Config {
  std::string account_id = "123456789012";
  std::string region = "eu-west-2";
  std::string endpoint_suffix = "howdah.internal";
  std::string listen_address = "127.0.0.1";
  uint16_t listen_port = 4566;
  std::string state_dir;
  std::string run_as = "postgres";  ///< OS user of servers when we are root and an instance has no uid of its own
  std::string instance_addresses = "127.20.0.0/16";
  uint32_t instance_uid_base = 61000;
  VersionPolicy engine_version_policy = VersionPolicy::strict;
  Names names = Names::automatic;
  std::string hosts_file = "/etc/hosts";
  std::vector<std::string> az_suffixes = {"a", "b", "c"};
  int subnet_group_min_azs = 2;
  std::map<std::string, int64_t> quotas;        ///< AccountQuotaName -> limit; all of AWS's names are there
  std::string tls_certificate, tls_key;         ///< PEM files, both or none
  std::string tls_ca;                           ///< what clients verify us with; default: tls_certificate
  std::string public_url;                       ///< what clients are told to use; default: from `listen`
  DrillSchedule drill = DrillSchedule::weekly;  ///< how often an instance's newest backup is restored for a test
  int64_t interim_wal_mb = 2048;                ///< so much WAL is worth a base between the daily ones; 0 = none
  int64_t interim_minutes = 60;                 ///< between two of them, at least
  std::string engines;                          ///< directory with descriptions of further PostgreSQL builds
  bool ready_volumes = true;  ///< keep a fresh data directory ready for the next instance (pg::VolumeStock)
  std::string log_level = "info";
  unsigned workers = 12;
  bool test_hooks = false;  ///< flag only: nobody should find it in a file

  std::string file;  ///< where it was read from, empty = defaults

  bool secure() const { return !tls_certificate.empty(); }
  std::string listen() const;  ///< "127.0.0.1:4566"
  std::string url() const;     ///< public_url, else from `listen`, all interfaces becoming loopback
  std::string credentials_file() const { return state_dir + "/credentials"; }
  /// <id>.<12 hex per account and region>.<region>.rds.<suffix>
  std::string endpoint_name(const Scope& scope, std::string_view id) const;
  std::vector<std::string> zones(std::string_view region) const;  ///< {"eu-west-2a", ...}
};

/// What the command line and the environment say. Flags win over the file.
struct ConfigSource {
  std::optional<std::string> file, state_dir, listen;
  bool test_hooks = false;
  bool root = false;
  std::string home, xdg_state_home, xdg_config_home;

  static ConfigSource from_environment();
};

/// Without `file`, /etc/howdah/howdah.toml (root) or ~/.config/howdah/howdah.toml is read when it exists.
/// The error names the file, the line and the key.
Result<Config> load_config(const ConfigSource& source);

}  // namespace howdah
