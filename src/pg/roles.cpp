#include "pg/roles.h"

#include <fmt/format.h>

#include "pg/scram.h"

namespace howdah::pg {
namespace {

Result<Rows> ask(Client& client, const std::string& sql, const std::vector<std::string>& params = {}) {
  auto rows = client.query(sql, params);
  if (!rows) return tl::unexpected(Error{rows.error().message, rows.error().retry});
  return std::move(*rows);
}

Result<void> act(Client& client, const std::string& sql) {
  auto done = client.query(sql);
  if (!done) return tl::unexpected(Error{done.error().message, done.error().retry});
  return {};
}

Result<bool> has(Client& client, const std::string& sql, const std::string& name) {
  auto rows = ask(client, sql, {name});
  if (!rows) return tl::unexpected(rows.error());
  return !rows->empty();
}

}  // namespace

Result<void> ensure_master(Client& client, const std::string& name, const std::string& verifier) {
  if (is_reserved_role(name)) return fail(fmt::format("{} is a reserved name", name));
  if (!is_scram_verifier(verifier)) return fail("not a SCRAM-SHA-256 verifier");
  std::string role = client.quote_identifier(name);
  auto exists = has(client, "SELECT FROM pg_roles WHERE rolname = $1", name);
  if (!exists) return tl::unexpected(exists.error());
  std::string sql = "BEGIN;";
  if (!*exists) sql += fmt::format("CREATE ROLE {};", role);
  sql += fmt::format(
      "ALTER ROLE {} LOGIN INHERIT CREATEDB CREATEROLE NOSUPERUSER NOREPLICATION NOBYPASSRLS PASSWORD {} VALID "
      "UNTIL 'infinity';",
      role, client.quote_literal(verifier));
  sql += fmt::format("GRANT rds_superuser TO {} WITH ADMIN OPTION;", role);
  // Members of rds_iam log in with a token instead of a password, so the master is none. From 16 on nobody can grant a
  // role without ADMIN on it, which counts as membership; that form at least passes nothing on.
  if (client.server_version() >= 160000) {
    sql += fmt::format("GRANT rds_iam TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;", role);
  }
  sql += fmt::format("ALTER DATABASE postgres OWNER TO {}; COMMIT", role);
  auto done = act(client, sql);
  if (!done) client.query("ROLLBACK").has_value();
  return done;
}

Result<void> set_password(Client& client, const std::string& role, const std::string& verifier) {
  if (!is_scram_verifier(verifier)) return fail("not a SCRAM-SHA-256 verifier");
  return act(client,
             fmt::format("ALTER ROLE {} PASSWORD {}", client.quote_identifier(role), client.quote_literal(verifier)));
}

Result<void> ensure_database(Client& client, const std::string& name, const std::string& owner) {
  if (is_reserved_database(name)) return fail(fmt::format("{} is a reserved database name", name));
  std::string database = client.quote_identifier(name), role = client.quote_identifier(owner);
  auto rows =
      ask(client,
          "SELECT datname = $1, datdba = (SELECT oid FROM pg_roles WHERE rolname = 'rdsadmin') FROM pg_database "
          "WHERE datname IN ($1, $2) ORDER BY 1 DESC",
          {name, kSpareDatabase});
  if (!rows) return tl::unexpected(rows.error());
  const std::string give = fmt::format("ALTER DATABASE {} OWNER TO {}", database, role);
  if (!rows->empty() && rows->get(0, 0) == "t") return rows->get(0, 1) == "t" ? act(client, give) : Result<void>();
  if (!rows->empty()) {  // one transaction: one flush
    return act(client, fmt::format("ALTER DATABASE {} RENAME TO {}; {}", kSpareDatabase, database, give));
  }
  return act(client, fmt::format("CREATE DATABASE {} OWNER {}", database, role));
}

Result<void> reconcile_roles(Client& client) {
  for (const auto& sql : bootstrap_statements(client.server_version() / 10000)) {
    if (auto done = act(client, sql); !done) return done;
  }
  if (client.server_version() < 140000) return {};
  // The server's own setting: a session of ours sees postgresql.conf's value, since nobody can SET it for us.
  auto read_all =
      ask(client, "SELECT coalesce(current_setting('rds.superuser_read_all', true), '0') IN ('1', 'on', 'true')");
  if (!read_all) return tl::unexpected(read_all.error());
  return act(client, read_all->get(0, 0) == "t" ? "GRANT pg_read_all_data TO rds_superuser"
                                                : "REVOKE pg_read_all_data FROM rds_superuser");
}

}  // namespace howdah::pg
