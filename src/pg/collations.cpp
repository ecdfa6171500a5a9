#include "pg/collations.h"

#include <fmt/format.h>

#include "pg/client.h"

namespace howdah::pg {
namespace {

constexpr int kDefaultSince = 150000;

/// Of one database: collation, its version when it was created, that of the server's library, indexes and the names of
/// the first twenty of them.
constexpr const char* kForeign =
    "WITH uses AS (SELECT DISTINCT indexrelid, unnest(indcollation) AS collid FROM pg_index), known AS ("
    "SELECT c.oid, quote_ident(nspname) || '.' || quote_ident(collname) AS name, collversion AS was, "
    "pg_collation_actual_version(c.oid) AS now FROM pg_collation c JOIN pg_namespace n ON n.oid = collnamespace "
    "WHERE collversion IS NOT NULL AND c.oid IN (SELECT collid FROM uses){}) "
    "SELECT name, was, coalesce(now, 'gone'), count(*), array_to_string((array_agg(indexrelid::regclass::text "
    "ORDER BY indexrelid))[1:20], ', ') FROM known JOIN uses ON collid = oid WHERE was IS DISTINCT FROM now "
    "GROUP BY name, was, now ORDER BY name";
constexpr const char* kDefault =
    " UNION ALL SELECT 100, 'its default collation', datcollversion, pg_database_collation_actual_version(oid) FROM "
    "pg_database WHERE datname = current_database() AND datcollversion IS NOT NULL";

std::string in_database(const Layout& layout, int port, const std::string& database) {
  const auto unseen = [&](const std::string& why) {
    return fmt::format("The collations in database {} could not be compared: {}. ", database, why);
  };
  auto client = Client::connect(layout, port, database);
  if (!client) return unseen(client.error().message);
  const auto rows =
      client->query(fmt::format(fmt::runtime(kForeign), client->server_version() >= kDefaultSince ? kDefault : ""));
  if (!rows) return unseen(rows.error().message);
  std::string out;
  for (int n = 0; n < rows->size(); n++) {
    out += fmt::format(
        "In database {}, {} was of version {} and is of version {} here. {} of its indexes may miss rows until they "
        "are built again, by REINDEX INDEX or REINDEX DATABASE {}: {}. ",
        database, rows->get(n, 0), rows->get(n, 1), rows->get(n, 2), rows->get(n, 3),
        client->quote_identifier(database), rows->get(n, 4));
  }
  return out;
}

}  // namespace

std::string foreign_collations(const Layout& layout, int port) {
  auto client = Client::connect(layout, port);
  if (!client) return "The collations could not be compared: " + client.error().message;
  const auto databases = client->query("SELECT datname FROM pg_database WHERE datallowconn ORDER BY datname");
  if (!databases) return "The collations could not be compared: " + databases.error().message;
  std::string out;
  for (int n = 0; n < databases->size(); n++) out += in_database(layout, port, std::string(databases->get(n, 0)));
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace howdah::pg
