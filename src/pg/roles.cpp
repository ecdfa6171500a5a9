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

/// What of it is there.
struct Found {
  bool role = false, database = false, spare = false;
  bool unclaimed = false;  ///< the database is rdsadmin's still
};

Result<Found> look_for(Client& client, const std::string& role, const std::string& database) {
  auto rows = ask(client,
                  "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1), count(*) FILTER (WHERE datname = $2) > 0, "
                  "count(*) FILTER (WHERE datname = $3) > 0, coalesce(bool_or(datname = $2 AND datdba = (SELECT oid "
                  "FROM pg_roles WHERE rolname = 'rdsadmin')), false) FROM pg_database",
                  {role, database, kSpareDatabase});
  if (!rows) return tl::unexpected(rows.error());
  const auto is = [&](int column) { return rows->get(0, column) == "t"; };
  return Found{is(0), is(1), is(2), is(3)};
}

std::string master_statements(const Client& client, const std::string& name, const std::string& verifier, bool there) {
  const std::string role = client.quote_identifier(name);
  std::string sql;
  if (!there) sql += fmt::format("CREATE ROLE {};", role);
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
  return sql + fmt::format("ALTER DATABASE postgres OWNER TO {};", role);
}

}  // namespace

Result<void> ensure_set_up(Client& client, const SetUp& wanted) {
  const auto& [master, verifier, name] = wanted;
  if (!verifier.empty() && is_reserved_role(master)) return fail(fmt::format("{} is a reserved name", master));
  if (!verifier.empty() && !is_scram_verifier(verifier)) return fail("not a SCRAM-SHA-256 verifier");
  if (is_reserved_database(name)) return fail(fmt::format("{} is a reserved database name", name));
  if (verifier.empty() && name.empty()) return {};
  const auto found = look_for(client, master, name);
  if (!found) return tl::unexpected(found.error());
  const std::string database = client.quote_identifier(name), role = client.quote_identifier(master);
  // One string is one transaction, which is one flush.
  std::string sql = verifier.empty() ? "" : master_statements(client, master, verifier, found->role);
  const bool rename = !name.empty() && !found->database && found->spare;
  if (rename) sql += fmt::format("ALTER DATABASE {} RENAME TO {};", kSpareDatabase, database);
  if (rename || found->unclaimed) sql += fmt::format("ALTER DATABASE {} OWNER TO {};", database, role);
  if (!sql.empty()) {
    if (auto done = act(client, sql); !done) return done;
  }
  if (name.empty() || found->database || found->spare) return {};
  return act(client, fmt::format("CREATE DATABASE {} OWNER {}", database, role));
}

Result<void> ensure_master(Client& client, const std::string& name, const std::string& verifier) {
  if (verifier.empty()) return fail("not a SCRAM-SHA-256 verifier");
  return ensure_set_up(client, {name, verifier, {}});
}

Result<void> ensure_database(Client& client, const std::string& name, const std::string& owner) {
  return ensure_set_up(client, {owner, {}, name});
}

Result<void> set_password(Client& client, const std::string& role, const std::string& verifier) {
  if (!is_scram_verifier(verifier)) return fail("not a SCRAM-SHA-256 verifier");
  return act(client,
             fmt::format("ALTER ROLE {} PASSWORD {}", client.quote_identifier(role), client.quote_literal(verifier)));
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
