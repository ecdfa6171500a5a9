#pragma once
#include <set>
#include <string>

#include "os/identity.h"
#include "pg/engine.h"

namespace howdah::pg {

/// Makes our own copy of an installed engine, <state>/engines/<version>-<build>/, once, and returns the engine inside
/// it (already prepared ones are returned as they are). The copy is what instances run: a package upgrade cannot change
/// or remove it under them, and its extension directory follows our policy:
///  - extensions in trusted_extensions() get `trusted = true` (a master who is no superuser may create them), and their
///    scripts grant rds_superuser what AWS's master can do with them;
///  - those in absent_extensions() are left out, since they reach the server's files;
///  - rds_tools is there from 13 on (role_password_encryption_type() for rds_superuser, rds_version()).
/// PostgreSQL finds its share and module directories relative to its executable, so no configuration is needed.
/// Restartable: appears by rename; a half-made copy is removed by the next call.
Result<Engine> prepare_engine(const Engine& engine, const std::string& state);

const std::set<std::string>& trusted_extensions();
const std::set<std::string>& absent_extensions();

}  // namespace howdah::pg
