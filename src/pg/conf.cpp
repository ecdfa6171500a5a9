#include "pg/conf.h"

#include <arpa/inet.h>
#include <charconv>

#include <fmt/format.h>

#include "os/files.h"
#include "pg/bootstrap.h"

namespace howdah::pg {
namespace {

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }

bool is_parameter_name(std::string_view name) {
  if (name.empty() || name.size() > 127) return false;
  bool start = true;
  for (char c : name) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    bool inner = !start && ((c >= '0' && c <= '9') || c == '.' || c == '$');
    if (!letter && !inner) return false;
    start = c == '.';
  }
  return !start;
}

bool is_network(const std::string& cidr) {
  auto slash = cidr.find('/');
  if (slash == std::string::npos) return false;
  std::string address = cidr.substr(0, slash);
  unsigned char bytes[16];
  int max = inet_pton(AF_INET, address.c_str(), bytes) == 1    ? 32
            : inet_pton(AF_INET6, address.c_str(), bytes) == 1 ? 128
                                                               : 0;
  int prefix = -1;
  const char *from = cidr.data() + slash + 1, *end = cidr.data() + cidr.size();
  auto parsed = std::from_chars(from, end, prefix);
  return max != 0 && from != end && parsed.ec == std::errc() && parsed.ptr == end && prefix >= 0 && prefix <= max;
}

/// The user's preload list behind ours, without what is not installed (the server would not start).
std::string preload_list(const Engine& engine, const std::string& wanted) {
  std::vector<std::string> out;
  auto add = [&](std::string name) {
    bool safe = !name.empty() && name.find('/') == std::string::npos && name != "rds_guard";
    if (!safe || !os::exists(engine.libdir + "/" + name + ".so")) return;
    for (const auto& o : out) {
      if (o == name) return;
    }
    out.push_back(std::move(name));
  };
  add("pg_stat_statements");
  for (size_t from = 0; from <= wanted.size();) {
    size_t comma = std::min(wanted.find(',', from), wanted.size());
    std::string name = wanted.substr(from, comma - from);
    auto first = name.find_first_not_of(" \t'\""), last = name.find_last_not_of(" \t'\"");
    if (first != std::string::npos) add(name.substr(first, last - first + 1));
    from = comma + 1;
  }
  return fmt::format("{}", fmt::join(out, ","));
}

}  // namespace

std::string quote_conf(std::string_view value) {
  std::string out = "'";
  for (char c : value) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out + "'";
}

Settings instance_settings(const Engine& engine, const Layout& layout, const ServerPlace& place, const Settings& user) {
  Settings s = user;
  auto wanted = user.find("shared_preload_libraries");
  s["shared_preload_libraries"] = preload_list(engine, wanted == user.end() ? "" : wanted->second);
  s["listen_addresses"] = place.address;
  s["port"] = std::to_string(place.port);
  s["unix_socket_directories"] = layout.run;
  s["unix_socket_permissions"] = "0700";
  s["cluster_name"] = place.name;
  s["hba_file"] = layout.hba_file();
  s["ident_file"] = layout.ident_file();
  s["external_pid_file"] = "";
  s["ssl"] = place.tls ? "on" : "off";
  if (place.tls) {
    s["ssl_cert_file"] = layout.cert_file();
    s["ssl_key_file"] = layout.key_file();
  }
  s["rds.force_ssl"] = place.force_ssl ? "1" : "0";
  s.emplace("password_encryption", "scram-sha-256");
  s["log_destination"] = user.contains("log_destination") ? user.at("log_destination") : "stderr";
  s["logging_collector"] = "on";
  s["log_directory"] = layout.error_log_dir();
  s["log_file_mode"] = "0600";
  s.emplace("log_filename", "postgresql.log.%Y-%m-%d-%H");
  s.emplace("log_rotation_age", "60");
  s["log_line_prefix"] = "%t:%r:%u@%d:[%p]:";
  s["log_timezone"] = "UTC";
  s["lc_messages"] = "C.UTF-8";
  s.emplace("timezone", "UTC");
  if (engine.major >= 14) s["recovery_init_sync_method"] = "syncfs";
  return s;
}

Result<std::string> render_conf(const Settings& settings) {
  std::string out = "# Written by howdah; changes are lost. Use a DB parameter group.\n";
  for (const auto& [name, value] : settings) {
    if (!is_parameter_name(name)) return fail(fmt::format("\"{}\" is not a parameter name", name));
    for (unsigned char c : value) {
      if (is_control(c)) return fail(fmt::format("the value of {} holds a control character", name));
    }
    out += name + " = " + quote_conf(value) + "\n";
  }
  return out;
}

Result<std::string> render_hba(const std::vector<std::string>& cidrs, const LoginRules& rules) {
  std::string out = "# Written by howdah from the security groups; changes are lost.\n";
  out += fmt::format("local all,replication {0} peer map=howdah\nlocal all all reject\n", kAdminRole);
  out += fmt::format("host all {0} all reject\n", kAdminRole);
  for (const auto& cidr : cidrs) {
    if (!is_network(cidr)) return fail(fmt::format("\"{}\" is not a network like 10.0.0.0/16", cidr));
    out += fmt::format("{} all all {} {}\n", rules.force_ssl ? "hostssl" : "host", cidr,
                       rules.md5 ? "md5" : "scram-sha-256");
  }
  return out;
}

Result<std::string> render_ident(const std::string& daemon_user) {
  for (unsigned char c : daemon_user) {
    if (is_control(c) || c == '"' || c == '\\') return fail("the operating system user's name cannot be quoted");
  }
  if (daemon_user.empty() || daemon_user[0] == '/') return fail("the operating system user has no usable name");
  return fmt::format("howdah \"{}\" {}\n", daemon_user, kAdminRole);
}

}  // namespace howdah::pg
