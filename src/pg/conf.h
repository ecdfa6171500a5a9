#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pg/engine.h"
#include "pg/layout.h"
#include "util/result.h"

/// The server's configuration files as text. Pure functions; whatever comes from a user is quoted or refused, so that
/// no value can end a line or a quotation.
namespace howdah::pg {

using Settings = std::map<std::string, std::string>;

/// What we decide for one instance; user parameters cannot override these (see instance_settings).
struct ServerPlace {
  std::string address;  ///< one 127.x.y.z
  int port = 5432;
  std::string name;       ///< DB instance identifier: cluster_name
  bool tls = true;        ///< conf/server.crt and .key are there
  bool force_ssl = true;  ///< shown as rds.force_ssl; enforced by pg_hba
};

/// The parameters of the instance: `user` (from the parameter group, already resolved to plain values) with ours laid
/// over it: addresses, socket, TLS files, logging form, preload list (pg_stat_statements first, then the user's modules
/// that are installed).
Settings instance_settings(const Engine& engine, const Layout& layout, const ServerPlace& place, const Settings& user);

/// postgresql.conf. Refuses names that are no parameter names and values with control characters.
Result<std::string> render_conf(const Settings& settings);

/// A value as postgresql.conf wants it: 'it''s'. Backslashes are doubled.
std::string quote_conf(std::string_view value);

/// How clients may log in.
struct LoginRules {
  bool force_ssl = true;  ///< rds.force_ssl
  bool md5 = false;       ///< passwords that are stored as MD5 count, too: rds.accepted_password_auth_method
  bool operator==(const LoginRules&) const = default;
};

/// pg_hba.conf: the unix socket admits rdsadmin by peer and nobody else; rdsadmin is rejected over TCP; every CIDR may
/// log in with a password by `rules` (the method md5 means SCRAM where the password is stored so); physical replication
/// connections of users are not admitted; all else meets PostgreSQL's own "no pg_hba.conf entry". Fails on anything
/// that is not an IPv4 or IPv6 network.
Result<std::string> render_hba(const std::vector<std::string>& cidrs, const LoginRules& rules);

/// pg_ident.conf: map "howdah" from the operating system user we run as to rdsadmin.
Result<std::string> render_ident(const std::string& daemon_user);

}  // namespace howdah::pg
