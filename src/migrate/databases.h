#pragma once
#include "migrate/report.h"

/// Whole databases: what the runbooks' db-* scripts do, without their traps.
namespace howdah::migrate {

struct DatabaseCommand {
  Target target;      ///< names the database, which may not exist
  bool prod = false;  ///< the URL is the production one
  bool if_not_exists = false, if_exists = false, force = false;
  std::string confirmed;  ///< --yes-name: the database's name, typed out
  std::string owner, from_template;
};

int create_database(const DatabaseCommand& c, Report& report);
/// Refuses a production database (by `prod`, or marked so: see mark_environment) without `confirmed`, and a database in
/// use without `force`.
int drop_database(const DatabaseCommand& c, Report& report);
/// Why `what` must not be done to it: it is production, by `prod` or marked so, and `confirmed` is not its name.
std::optional<Problem> production_guard(Database& db, const DatabaseCommand& c, const std::string& what);
/// Stores the environment in the database itself ("production" protects it from drop, load and seed).
int mark_environment(const DatabaseCommand& c, const std::string& environment, Report& report);
/// Loads an SQL file in one transaction. `schema`: the database must be empty, or `force`.
int load_file(const DatabaseCommand& c, const std::string& file, bool schema, Report& report);
/// Creates it if missing; loads schema and seed in one transaction if it has no tables. Never drops.
int setup_database(const DatabaseCommand& c, const std::string& schema_file, const std::string& seed_file,
                   Report& report);

struct SessionFilter {
  int kill = 0, cancel = 0;      ///< a pid
  int idle_in_transaction = -1;  ///< seconds; only sessions that idle in a transaction for longer
};
int sessions(const DatabaseCommand& c, const SessionFilter& filter, Report& report);

/// Extensions that are older than what the server has: an upgrade of the server leaves them as they were. kDrift when
/// there are any. `all`: in every database of the server.
int extensions(const DatabaseCommand& c, bool all, Report& report);

/// The schema as SQL that load_file() and psql read, the same bytes for the same schema, with the rows of the migration
/// histories. Written by the pg_dump that suits the server.
int dump_schema(const DatabaseCommand& c, const std::string& file, Report& report);

/// A dump of the database for elsewhere, in pg_dump's custom format. Such a file names the owners: pg_restore
/// --no-owner leaves them out. The names are patterns of pg_dump.
struct DumpOptions {
  std::string file;  ///< must not exist; it appears when it is complete
  std::vector<std::string> without_data, without_tables, without_schemas;
  int top_tables = 0;  ///< leave out the rows of the largest tables, so many
  int jobs = 0;        ///< write a directory with so many connections, 0 = one file
  bool without_extension_schemas = false;
  bool privileges = false;  ///< keep grants
};
int dump_database(const DatabaseCommand& c, const DumpOptions& options, Report& report);

/// Replaces this process by `command` (psql when empty) with the connection in PG* variables: no password in the
/// process list. Returns only when that fails.
int connect_with(const DatabaseCommand& c, std::vector<std::string> command, Report& report);

}  // namespace howdah::migrate
