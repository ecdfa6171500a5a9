#include "pg/roles.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

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

std::string master_grants(const Client& client, const std::string& name) {
  const std::string role = client.quote_identifier(name);
  std::string sql = fmt::format("GRANT rds_superuser TO {} WITH ADMIN OPTION;", role);
  // Members of rds_iam log in with a token instead of a password, so the master is none. From 16 on nobody can grant a
  // role without ADMIN on it, which counts as membership; that form at least passes nothing on.
  if (client.server_version() >= 160000) {
    sql += fmt::format("GRANT rds_iam TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;", role);
  }
  return sql;
}

std::string master_statements(const Client& client, const std::string& name, const std::string& verifier, bool there) {
  const std::string role = client.quote_identifier(name);
  std::string sql;
  if (!there) sql += fmt::format("CREATE ROLE {};", role);
  sql += fmt::format(
      "ALTER ROLE {} LOGIN INHERIT CREATEDB CREATEROLE NOSUPERUSER NOREPLICATION NOBYPASSRLS PASSWORD {} VALID "
      "UNTIL 'infinity';",
      role, client.quote_literal(verifier));
  return sql + master_grants(client, name) + fmt::format("ALTER DATABASE postgres OWNER TO {};", role);
}

/// An array for a parameter of type text[]; names of ours need no quotes.
std::string array_of(const std::vector<std::string>& names) { return fmt::format("{{{}}}", fmt::join(names, ",")); }

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

Result<void> follow_read_all(Client& client) {
  if (client.server_version() < 140000) return {};
  // The server's own setting: a session of ours sees postgresql.conf's value, since nobody can SET it for us.
  auto found = ask(client,
                   "SELECT coalesce(current_setting('rds.superuser_read_all', true), '0') IN ('1', 'on', 'true'), "
                   "pg_has_role('rds_superuser', 'pg_read_all_data', 'MEMBER')");
  if (!found) return tl::unexpected(found.error());
  if (found->get(0, 0) == found->get(0, 1)) return {};
  return act(client, found->get(0, 0) == "t" ? "GRANT pg_read_all_data TO rds_superuser"
                                             : "REVOKE pg_read_all_data FROM rds_superuser");
}

Result<void> reconcile_roles(Client& client) {
  for (const auto& sql : bootstrap_statements(client.server_version() / 10000)) {
    if (auto done = act(client, sql); !done) return done;
  }
  return follow_read_all(client);
}

Result<std::vector<std::string>> missing_roles(Client& client) {
  auto rows =
      ask(client,
          "SELECT 'role ' || name FROM unnest($1::text[]) name WHERE NOT EXISTS (SELECT FROM pg_roles WHERE "
          "rolname = name AND NOT (rolcanlogin OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR "
          "rolbypassrls)) UNION ALL "
          "SELECT 'rds_superuser in ' || name FROM unnest($2::text[]) name WHERE NOT EXISTS (SELECT FROM "
          "pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member WHERE "
          "g.rolname = name AND r.rolname = 'rds_superuser' AND m.admin_option)",
          {array_of(reserved_roles()), array_of(superuser_memberships(client.server_version() / 10000))});
  if (!rows) return tl::unexpected(rows.error());
  std::vector<std::string> out;
  for (int n = 0; n < rows->size(); n++) out.emplace_back(rows->get(n, 0));
  return out;
}

Result<void> restore_roles(Client& client, const std::string& master) {
  const auto before = ask(client, "SELECT count(*) FROM pg_roles WHERE rolname IN ('rds_superuser', 'rds_iam')");
  if (!before) return tl::unexpected(before.error());
  if (auto done = reconcile_roles(client); !done) return done;
  if (before->get(0, 0) == "2") return {};  // whose members they are is the users' own business
  const auto there = ask(client, "SELECT FROM pg_roles WHERE rolname = $1", {master});
  if (!there) return tl::unexpected(there.error());
  return there->empty() ? Result<void>() : act(client, master_grants(client, master));
}

Result<bool> follow_replication(Client& client) {
  const auto rows =
      ask(client,
          "SELECT logical, rolname, wanted FROM (SELECT current_setting('wal_level') = 'logical' AS "
          "logical) l LEFT JOIN LATERAL (SELECT rolname, rolreplication, l.logical AND rolcanlogin AND "
          "pg_has_role(oid, 'rds_replication', 'MEMBER') AS wanted FROM pg_roles WHERE NOT rolsuper) r ON "
          "rolreplication <> wanted");
  if (!rows) return tl::unexpected(rows.error());
  for (int n = 0; n < rows->size() && !rows->is_null(n, 1); n++) {
    const char* attribute = rows->get(n, 2) == "t" ? "REPLICATION" : "NOREPLICATION";
    const auto sql = fmt::format("ALTER ROLE {} {}", client.quote_identifier(rows->get(n, 1)), attribute);
    if (auto done = act(client, sql); !done) return tl::unexpected(done.error());
  }
  return rows->get(0, 0) == "t";
}

}  // namespace howdah::pg
