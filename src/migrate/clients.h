#pragma once
#include <map>
#include <string>

#include "migrate/database.h"

namespace howdah::migrate {

/// The connection as libpq's environment variables. Keywords without one are an error: leaving them out could weaken
/// the connection.
Result<std::map<std::string, std::string>> client_environment(const Target& target);

/// The oldest installed client that is not older than the server; "" when there is none.
std::string client_program(const std::string& name, int server_major);

/// What pg_dump of the server's version writes of the schema, without what differs from dump to dump.
Result<std::string> dumped_schema(const Target& target, int server_version);

/// The whole database as statements, rows as INSERT, with grants and without owners.
Result<std::string> dumped_statements(const Target& target, int server_version);

}  // namespace howdah::migrate
