#include "domain/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include "domain/repository_config.h"
#include "util/id.h"

namespace howdah {
namespace {

/// AWS's defaults for a new account (DescribeAccountAttributes).
const std::map<std::string, int64_t> kQuotas = {{"AllocatedStorage", 100000},
                                                {"AuthorizationsPerDBSecurityGroup", 20},
                                                {"CustomEndpointsPerDBCluster", 5},
                                                {"DBClusterParameterGroups", 50},
                                                {"DBClusterRoles", 5},
                                                {"DBClusters", 40},
                                                {"DBInstanceRoles", 5},
                                                {"DBInstances", 40},
                                                {"DBParameterGroups", 50},
                                                {"DBSecurityGroups", 25},
                                                {"DBSubnetGroups", 50},
                                                {"EventSubscriptions", 20},
                                                {"ManualClusterSnapshots", 100},
                                                {"ManualSnapshots", 100},
                                                {"OptionGroups", 20},
                                                {"ReadReplicasPerMaster", 15},
                                                {"ReservedDBInstances", 40},
                                                {"SubnetsPerDBSubnetGroup", 20}};

/// Thrown by setters, turned into a Result in one place.
struct BadValue {
  std::string why;
};

bool all_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kName = "abcdefghijklmnopqrstuvwxyz0123456789-";

std::string text(const toml::node& node) {
  if (const auto v = node.value_exact<std::string>()) return *v;
  throw BadValue{"must be a string"};
}

std::string text_of(const toml::node& node, std::string_view allowed, const char* what) {
  std::string value = text(node);
  if (!all_of(value, allowed)) throw BadValue{fmt::format("'{}' is not {}", value, what)};
  return value;
}

int64_t number(const toml::node& node, int64_t min, int64_t max) {
  const auto v = node.value_exact<int64_t>();
  if (!v || *v < min || *v > max) throw BadValue{fmt::format("must be a whole number from {} to {}", min, max)};
  return *v;
}

bool flag(const toml::node& node) {
  const auto v = node.value_exact<bool>();
  if (!v) throw BadValue{"must be true or false"};
  return *v;
}

template <class E>
E one_of(const toml::node& node, const std::vector<std::pair<const char*, E>>& choices) {
  const std::string value = text(node);
  std::string all;
  for (const auto& [name, choice] : choices) {
    if (value == name) return choice;
    all += all.empty() ? name : std::string(", ") + name;
  }
  throw BadValue{fmt::format("'{}' is none of: {}", value, all)};
}

std::string account(const toml::node& node) {
  std::string value = text(node);
  if (value.size() != 12 || !all_of(value, kDigits)) throw BadValue{fmt::format("'{}' is not 12 digits", value)};
  return value;
}

std::string cidr(const toml::node& node) {
  std::string value = text(node);
  unsigned a, b, c, d, bits;
  char rest;
  if (std::sscanf(value.c_str(), "%u.%u.%u.%u/%u%c", &a, &b, &c, &d, &bits, &rest) != 5 ||
      std::max({a, b, c, d}) > 255 || bits < 8 || bits > 28) {
    throw BadValue{fmt::format("'{}' is not an IPv4 range from /8 to /28, e.g. 127.20.0.0/16", value)};
  }
  return value;
}

void set_listen(Config& c, const std::string& value) {
  const size_t colon = value.rfind(':');
  std::string address = value.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : value.substr(colon + 1);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  if (address == "localhost") address = "127.0.0.1";
  if (address.empty() || !all_of(port, kDigits) || port.size() > 5 || std::stoi(port) > 65535) {
    throw BadValue{fmt::format("'{}' is not ADDRESS:PORT, e.g. 127.0.0.1:4566 or [::1]:4566", value)};
  }
  c.listen_address = address;
  c.listen_port = static_cast<uint16_t>(std::stoi(port));
}

void set_zones(Config& c, const toml::node& node) {
  const toml::array* list = node.as_array();
  if (!list || list->empty()) throw BadValue{"must be a list of suffixes, e.g. [\"a\", \"b\"]"};
  c.az_suffixes.clear();
  for (const toml::node& item : *list) c.az_suffixes.push_back(text_of(item, kName, "a zone suffix"));
}

void set_backup(Config& c, const toml::node& node) {
  const toml::table* table = node.as_table();
  if (!table) throw BadValue{"must be a table, e.g. [backup]"};
  for (const auto& [key, value] : *table) {
    const std::string_view name = key.str();
    try {
      if (name == "drill") {
        c.drill = one_of<DrillSchedule>(
            value, {{"off", DrillSchedule::off}, {"daily", DrillSchedule::daily}, {"weekly", DrillSchedule::weekly}});
      } else if (name == "interim_wal_mb") {
        c.interim_wal_mb = number(value, 0, 1 << 20);
      } else if (name == "interim_minutes") {
        c.interim_minutes = number(value, 0, 24 * 60);
      } else {
        throw BadValue{"is no setting of it"};
      }
    } catch (const BadValue& bad) {
      throw BadValue{fmt::format("{} {}", name, bad.why)};
    }
  }
}

void set_quotas(Config& c, const toml::node& node) {
  const toml::table* table = node.as_table();
  if (!table) throw BadValue{"must be a table, e.g. [quotas]"};
  for (const auto& [key, value] : *table) {
    const auto it = c.quotas.find(std::string(key.str()));
    if (it == c.quotas.end()) throw BadValue{fmt::format("has no quota named '{}'", key.str())};
    it->second = number(value, 0, 1'000'000'000);
  }
}

std::string path_of(const toml::node& node) {
  std::string value = text(node);
  if (value.empty() || value.front() != '/') throw BadValue{fmt::format("'{}' is not an absolute path", value)};
  return value;
}

std::string location(const toml::node& node) {
  const std::string value = text(node);
  if (!value.starts_with("s3://")) return path_of(node);
  if (value.size() < 8 || value[5] == '/') throw BadValue{fmt::format("'{}' is not s3://BUCKET[/PREFIX]", value)};
  return value;
}

std::string web_address(const toml::node& node) {
  std::string value = text(node);
  if (!value.starts_with("http://") && !value.starts_with("https://")) {
    throw BadValue{fmt::format("'{}' does not start with http:// or https://", value)};
  }
  return value;
}

RepositoryConfig repository_of(const toml::node& node) {
  const toml::table* table = node.as_table();
  if (!table) throw BadValue{"must be a table, e.g. [repository]"};
  RepositoryConfig r;
  for (const auto& [key, value] : *table) {
    const std::string_view name = key.str();
    try {
      if (name == "location") {
        r.location = location(value);
      } else if (name == "key_file") {
        r.key_file = path_of(value);
      } else if (name == "endpoint") {
        r.endpoint = web_address(value);
      } else if (name == "region") {
        r.region = text_of(value, kName, "a region name");
      } else if (name == "credentials_file") {
        r.credentials_file = path_of(value);
      } else if (name == "near") {
        r.near = flag(value);
      } else if (name == "grace_hours") {
        r.grace_hours = static_cast<int>(number(value, 1, 24 * 365));
      } else {
        throw BadValue{"is no setting of it"};
      }
    } catch (const BadValue& bad) {
      throw BadValue{fmt::format("{} {}", name, bad.why)};
    }
  }
  if (r.location.empty()) throw BadValue{"needs a location"};
  return r;
}

using Setter = std::function<void(Config&, const toml::node&)>;

const std::map<std::string, Setter, std::less<>>& setters() {
  static const std::map<std::string, Setter, std::less<>> table = {
      {"account_id", [](Config& c, const toml::node& n) { c.account_id = account(n); }},
      {"region", [](Config& c, const toml::node& n) { c.region = text_of(n, kName, "a region name"); }},
      {"endpoint_suffix",
       [](Config& c, const toml::node& n) {
         c.endpoint_suffix = text_of(n, "abcdefghijklmnopqrstuvwxyz0123456789-.", "a domain name");
       }},
      {"listen", [](Config& c, const toml::node& n) { set_listen(c, text(n)); }},
      {"state_dir", [](Config& c, const toml::node& n) { c.state_dir = text(n); }},
      {"run_as", [](Config& c, const toml::node& n) { c.run_as = text(n); }},
      {"instance_addresses", [](Config& c, const toml::node& n) { c.instance_addresses = cidr(n); }},
      {"instance_uid_base",
       [](Config& c, const toml::node& n) {
         c.instance_uid_base = static_cast<uint32_t>(number(n, 1000, 2000000000));
       }},
      {"engine_version_policy",
       [](Config& c, const toml::node& n) {
         c.engine_version_policy = one_of<VersionPolicy>(
             n, {{"strict", VersionPolicy::strict}, {"nearest-minor", VersionPolicy::nearest_minor}});
       }},
      {"names",
       [](Config& c, const toml::node& n) {
         c.names = one_of<Names>(n, {{"auto", Names::automatic}, {"hosts", Names::hosts}, {"address", Names::address}});
       }},
      {"hosts_file", [](Config& c, const toml::node& n) { c.hosts_file = text(n); }},
      {"az_suffixes", set_zones},
      {"subnet_group_min_azs",
       [](Config& c, const toml::node& n) { c.subnet_group_min_azs = static_cast<int>(number(n, 1, 6)); }},
      {"quotas", set_quotas},
      {"tls_certificate", [](Config& c, const toml::node& n) { c.tls_certificate = text(n); }},
      {"tls_ca", [](Config& c, const toml::node& n) { c.tls_ca = text(n); }},
      {"public_url", [](Config& c, const toml::node& n) { c.public_url = web_address(n); }},
      {"repository", [](Config&, const toml::node& n) { (void)repository_of(n); }},  // see load_repository_config
      {"tls_key", [](Config& c, const toml::node& n) { c.tls_key = text(n); }},
      {"backup", set_backup},
      {"engines", [](Config& c, const toml::node& n) { c.engines = text(n); }},
      {"log_level",
       [](Config& c, const toml::node& n) {
         c.log_level =
             one_of<const char*>(n, {{"debug", "debug"}, {"info", "info"}, {"warn", "warn"}, {"error", "error"}});
       }},
      {"ready_volumes", [](Config& c, const toml::node& n) { c.ready_volumes = flag(n); }},
      {"workers", [](Config& c, const toml::node& n) { c.workers = static_cast<unsigned>(number(n, 2, 256)); }},
  };
  return table;
}

Result<void> read_file(Config& c, const std::string& path) {
  toml::table parsed;
  std::ifstream file(path);
  if (!file) return fail(fmt::format("cannot read the settings {}: {}", path, std::strerror(errno)));
  try {
    parsed = toml::parse(file, path);
  } catch (const toml::parse_error& e) {
    return fail(fmt::format("{}:{}: {}", path, e.source().begin.line, e.description()));
  }
  for (const auto& [key, node] : parsed) {
    const auto line = key.source().begin.line;
    const auto it = setters().find(key.str());
    if (it == setters().end()) return fail(fmt::format("{}:{}: there is no setting '{}'", path, line, key.str()));
    try {
      it->second(c, node);
    } catch (const BadValue& bad) {
      return fail(fmt::format("{}:{}: {} {}", path, line, key.str(), bad.why));
    }
  }
  c.file = path;
  return {};
}

std::string default_file(const ConfigSource& s) {
  if (s.root) return "/etc/howdah/howdah.toml";
  if (!s.xdg_config_home.empty()) return s.xdg_config_home + "/howdah/howdah.toml";
  return s.home.empty() ? "" : s.home + "/.config/howdah/howdah.toml";
}

std::string default_state_dir(const ConfigSource& s) {
  if (s.root) return "/var/lib/howdah";
  if (!s.xdg_state_home.empty()) return s.xdg_state_home + "/howdah";
  return s.home.empty() ? "" : s.home + "/.local/state/howdah";
}

Result<void> check(const Config& c) {
  if (c.state_dir.empty()) return fail("no state directory: HOME is not set; give --state-dir");
  if (c.state_dir.front() != '/') return fail("state_dir must be an absolute path, not '" + c.state_dir + "'");
  if (c.tls_certificate.empty() != c.tls_key.empty()) return fail("tls_certificate and tls_key go together");
  if (static_cast<size_t>(c.subnet_group_min_azs) > c.az_suffixes.size()) {
    return fail(fmt::format("subnet_group_min_azs is {} but az_suffixes names {} zones only", c.subnet_group_min_azs,
                            c.az_suffixes.size()));
  }
  return {};
}

std::string from_env(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

ConfigSource ConfigSource::from_environment() {
  ConfigSource s;
  s.root = geteuid() == 0;
  s.home = from_env("HOME");
  s.xdg_state_home = from_env("XDG_STATE_HOME");
  s.xdg_config_home = from_env("XDG_CONFIG_HOME");
  return s;
}

Result<Config> load_config(const ConfigSource& source) {
  Config c;
  c.quotas = kQuotas;
  c.state_dir = default_state_dir(source);
  const std::string path = source.file.value_or(default_file(source));
  std::error_code ignored;
  if (source.file || (!path.empty() && std::filesystem::exists(path, ignored))) {
    if (auto ok = read_file(c, path); !ok) return tl::unexpected(ok.error());
  }
  if (source.state_dir) c.state_dir = *source.state_dir;
  try {
    if (source.listen) set_listen(c, *source.listen);
  } catch (const BadValue& bad) {
    return fail("--listen " + bad.why);
  }
  c.test_hooks = source.test_hooks;
  while (c.state_dir.size() > 1 && c.state_dir.back() == '/') c.state_dir.pop_back();
  if (c.tls_ca.empty()) c.tls_ca = c.tls_certificate;
  if (auto ok = check(c); !ok) return tl::unexpected(ok.error());
  return c;
}

Result<RepositoryConfig> load_repository_config(const Config& config) {
  RepositoryConfig r;
  try {
    if (!config.file.empty()) {
      const toml::table parsed = toml::parse_file(config.file);
      if (const toml::node* node = parsed.get("repository")) r = repository_of(*node);
    }
  } catch (const toml::parse_error& e) {
    return fail(fmt::format("{}:{}: {}", config.file, e.source().begin.line, e.description()));
  } catch (const BadValue& bad) {
    return fail(fmt::format("{}: repository {}", config.file, bad.why));
  }
  if (r.key_file.empty()) r.key_file = config.state_dir + "/repository.key";
  return r;
}

std::string Config::listen() const {
  const bool v6 = listen_address.find(':') != std::string::npos;
  return (v6 ? "[" + listen_address + "]" : listen_address) + ":" + std::to_string(listen_port);
}

std::string Config::url() const {
  if (!public_url.empty()) return public_url;
  std::string host = listen();
  if (listen_address == "0.0.0.0") host = "127.0.0.1:" + std::to_string(listen_port);
  if (listen_address == "::") host = "[::1]:" + std::to_string(listen_port);
  return (secure() ? "https://" : "http://") + host;
}

std::string Config::endpoint_name(const Scope& scope, std::string_view id) const {
  return fmt::format("{}.{}.{}.rds.{}", id, id::stable_hex(scope.account + "/" + scope.region, 12), scope.region,
                     endpoint_suffix);
}

std::vector<std::string> Config::zones(std::string_view in) const {
  std::vector<std::string> out;
  for (const std::string& suffix : az_suffixes) out.push_back(std::string(in) + suffix);
  return out;
}

}  // namespace howdah
