#pragma once
#include "api/api.h"

namespace howdah::api {

/// The 29 RDS operations that have no meaning for PostgreSQL outside AWS. Lists are truthfully empty, the rest is
/// refused with the reason.
void register_never(Api& api);

}  // namespace howdah::api
