#pragma once
#include <string>

#include "pg/layout.h"

namespace howdah::pg {

/// Which indexes were made by collations of another version of ICU or of the C library than the server has, as after a
/// restore onto another machine: they may miss rows until they are built again. One sentence a database and collation,
/// with the statement that does it; "" when there are none. What can't be looked at is said, too.
///
/// PostgreSQL records the version of a collation from 10 on, that of a database's default from 15 on. Databases that we
/// make sort by bytes, which is the same everywhere.
std::string foreign_collations(const Layout& layout, int port);

}  // namespace howdah::pg
