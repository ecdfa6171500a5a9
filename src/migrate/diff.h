#pragma once
#include "migrate/session.h"

namespace howdah::migrate {

/// Prints the SQL that turns the schema `from` into `to`. Each is "db" (the database of the options), "migrations"
/// (their directory), a URL, a directory of migrations or an SQL file. The SQL is tried on a scratch database: what it
/// could not express is a problem, and the exit code is kFailed. kDrift when they differ and `exit_code` is set.
int diff(const Options& options, const std::string& from, const std::string& to, bool exit_code, Report& report);

}  // namespace howdah::migrate
