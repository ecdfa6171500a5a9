#pragma once
#include <string>

#include "util/result.h"

namespace howdah::cli {

/// Where `db connect WORD` goes, in libpq's key=value words: WORD_CONNECTION_URL when that is set, else the DB instance
/// of that name, which the daemon is asked for. `role` "" is readonly, "admin" the master user; the password comes from
/// PGPASSWORD, ~/.pgpass or psql's prompt.
Result<std::string> connection_of(const std::string& word, const std::string& role);

}  // namespace howdah::cli
