#pragma once
#include <string>

#include "os/identity.h"
#include "pg/engine.h"

namespace howdah::pg {

/// A cluster that initdb and our bootstrap have been through once, stopped cleanly; instances are copies of it.
inline constexpr const char* kVaultSlot = "howdah_vault";  ///< a template's physical slot: WAL is kept from byte one

struct Template {
  std::string plain;     ///< data directory with databases postgres and rdsadmin
  std::string spare;     ///< the same plus the empty database kSpareDatabase
  std::string settings;  ///< JSON: the engine's pg_settings (parameters.h)
};

/// Returns <state>/templates/<version>-<hash>/, building it when it is not there (about 2 s). `engine` should be a
/// prepared one. Restartable and safe to call from several threads: one builds, the others wait; appears by rename.
/// The tools run as identity.service in single-user mode: no server is ever started, so none can be left behind, and
/// they hold the lock themselves, so that a daemon killed meanwhile does not meet its own orphans.
/// WAL segments of a template are cut after their last used page: create_volume() allocates the rest.
Result<Template> ensure_template(const Engine& engine, const std::string& state, const os::Identity& identity);

}  // namespace howdah::pg
