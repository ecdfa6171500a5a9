#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace howdah::pg {

/// Raise with every change of bootstrap_statements(): templates are rebuilt, existing instances reconciled.
constexpr int kBootstrapVersion = 1;

constexpr const char* kAdminRole = "rdsadmin";       ///< bootstrap superuser; no password, unix socket only
constexpr const char* kAdminDatabase = "rdsadmin";   ///< ours; PUBLIC may not connect
constexpr const char* kSpareDatabase = "rds_spare";  ///< empty, renamed into DBName

/// The idempotent statements that make a stock cluster of `major` look like RDS from inside: roles, memberships, SET
/// rights. Run as rdsadmin in any database, at creation, after a restore or upgrade, and to repair. Each is one
/// statement without a final semicolon.
std::vector<std::string> bootstrap_statements(int major);

/// The roles that are made, and what rds_superuser is a member of with the right to grant it on.
std::vector<std::string> reserved_roles();
std::vector<std::string> superuser_memberships(int major);

/// Names that users may not create, alter or drop: rdsadmin, rdstopmgr, rds_*, pg_*.
bool is_reserved_role(std::string_view name);
bool is_reserved_database(std::string_view name);

}  // namespace howdah::pg
