#include "backup/inspection.h"

#include <fmt/format.h>

#include "backup/base_copy.h"
#include "backup/checksum.h"
#include "backup/control.h"
#include "pg/client.h"

namespace howdah::backup {
namespace {

constexpr std::chrono::hours kLongest(12);
constexpr size_t kMostProblems = 10;

void add_problem(Inspection& out, std::string problem) {
  if (out.problems.size() < kMostProblems) out.problems.push_back(std::move(problem));
}

/// A schema of our own with amcheck in it; its name, or "" where amcheck is not installed.
Result<std::string> install_amcheck(pg::Client& client) {
  const auto there = client.query("SELECT FROM pg_available_extensions WHERE name = 'amcheck'");
  if (!there) return tl::unexpected(Error{there.error()});
  if (there->empty()) return std::string();
  const auto placed = client.query(
      "DROP EXTENSION IF EXISTS amcheck CASCADE; DROP SCHEMA IF EXISTS howdah_drill CASCADE; "
      "CREATE SCHEMA howdah_drill; CREATE EXTENSION amcheck SCHEMA howdah_drill");
  if (!placed) return tl::unexpected(Error{placed.error()});
  return std::string("howdah_drill");
}

Result<void> check_indexes(pg::Client& client, const std::string& database, Inspection& out) {
  const auto schema = install_amcheck(client);
  if (!schema) return tl::unexpected(schema.error());
  if (schema->empty()) {
    if (out.databases == 0) out.notes.emplace_back("indexes were not checked: amcheck is not installed");
    return {};
  }
  const auto found = client.query(
      "SELECT c.oid, format('%I.%I', n.nspname, c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
      "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am a ON a.oid = c.relam "
      "WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p' AND i.indisvalid AND i.indisready "
      "ORDER BY c.oid");
  if (!found) return tl::unexpected(Error{found.error()});
  for (int n = 0; n < found->size(); n++) {
    const auto checked =
        client.query(fmt::format("SELECT {}.bt_index_check({}::oid::regclass)", *schema, found->get(n, 0)));
    if (checked) {
      out.indexes++;
      continue;
    }
    if (!client.alive()) return tl::unexpected(Error{checked.error()});
    add_problem(out, fmt::format("index {} of {}: {}", found->get(n, 1), database, checked.error().message));
  }
  return {};
}

/// Rows are turned into text by the output functions of their types, which only a superuser can make.
Result<void> read_rows(pg::Client& client, const std::string& database, Inspection& out, std::string& all) {
  const auto found = client.query(
      "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
      "WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND n.nspname <> 'information_schema' "
      "AND n.nspname !~ '^pg_' ORDER BY 1");
  if (!found) return tl::unexpected(Error{found.error()});
  for (int n = 0; n < found->size(); n++) {
    const std::string table(found->get(n, 0));
    const auto rows = client.query(
        "SELECT count(*), coalesce(sum(hashtextextended(textin(record_out(howdah_row.*)), 0)), 0) FROM ONLY " + table +
        " AS howdah_row");
    if (!rows) {
      if (!client.alive()) return tl::unexpected(Error{rows.error()});
      add_problem(out, fmt::format("table {} of {}: {}", table, database, rows.error().message));
      continue;
    }
    out.tables++;
    out.rows += std::stoull(std::string(rows->get(0, 0)));
    all += fmt::format("{} {} {} {}\n", database, table, rows->get(0, 0), rows->get(0, 1));
  }
  return {};
}

}  // namespace

Result<Inspection> inspect_files(const pg::Layout& layout) {
  Inspection out;
  const auto control = read_control(layout.data);
  if (!control) return tl::unexpected(control.error());
  if (!control->page_checksums) out.notes.emplace_back("the cluster has no page checksums");
  const auto read = inspect_data(layout.data, control->page_checksums);
  if (read) {
    out.bytes = read->bytes;
  } else {
    add_problem(out, read.error().message);  // a damaged or missing file is a finding, not a failure to look
  }
  return out;
}

Result<void> inspect_server(const pg::Layout& layout, int port, Inspection& out) {
  auto first = pg::Client::connect(layout, port);
  if (!first) return tl::unexpected(first.error());
  const auto databases = first->query("SELECT datname FROM pg_database WHERE datallowconn ORDER BY datname");
  if (!databases) return tl::unexpected(Error{databases.error()});
  std::string all;
  for (int n = 0; n < databases->size(); n++) {
    const std::string name(databases->get(n, 0));
    auto client = pg::Client::connect(layout, port, name, kLongest);
    if (!client) return tl::unexpected(client.error());
    if (auto r = read_rows(*client, name, out, all); !r) return r;
    if (auto r = check_indexes(*client, name, out); !r) return r;
    out.databases++;
  }
  out.fingerprint = sha256_hex(all).substr(0, 16);
  return {};
}

}  // namespace howdah::backup
