#include "pg/bootstrap.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "util/text.h"

namespace howdah::pg {

std::vector<std::string> reserved_roles() { return {"rds_superuser", "rds_replication", "rds_password", "rds_iam"}; }

std::vector<std::string> superuser_memberships(int major) {
  std::vector<std::string> out = {"pg_monitor", "pg_signal_backend", "rds_replication", "rds_password"};
  if (major >= 15) out.push_back("pg_checkpoint");
  if (major >= 16) out.insert(out.end(), {"pg_use_reserved_connections", "pg_create_subscription"});
  if (major >= 17) out.push_back("pg_maintain");
  return out;
}

std::vector<std::string> bootstrap_statements(int major) {
  std::vector<std::string> out;
  for (const auto& role : reserved_roles()) {
    out.push_back(
        fmt::format("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{0}') THEN "
                    "CREATE ROLE {0} NOLOGIN; END IF; END $$",
                    role));
    out.push_back(
        fmt::format("ALTER ROLE {} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS "
                    "PASSWORD NULL",
                    role));
  }
  for (const auto& role : superuser_memberships(major)) {
    out.push_back(fmt::format("GRANT {} TO rds_superuser WITH ADMIN OPTION", role));
  }
  if (major >= 15) {
    out.push_back(
        "DO $$ DECLARE p text; BEGIN FOR p IN SELECT name FROM pg_catalog.pg_settings WHERE context = "
        "'superuser' AND (name LIKE 'log\\_%' OR name = 'session_replication_role') LOOP EXECUTE "
        "pg_catalog.format('GRANT SET ON PARAMETER %I TO rds_superuser', p); END LOOP; END $$");
  }
  return out;
}

bool is_reserved_role(std::string_view name) {
  std::string n = lower_case(name);
  return n == "rdsadmin" || n == "rdstopmgr" || n == "public" || n == "none" || n.starts_with("rds_") ||
         n.starts_with("pg_");
}

bool is_reserved_database(std::string_view name) {
  std::string n = lower_case(name);
  return n == "rdsadmin" || n == "template0" || n == "template1" || n.starts_with("rds_");
}

}  // namespace howdah::pg
