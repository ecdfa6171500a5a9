#pragma once

namespace howdah::api {
class Api;
}

namespace howdah::rds {

/// Resources that this version can't make: their lists are truthfully empty, asking for one by name gives AWS's
/// NotFound, and what PostgreSQL here never needs is refused with the reason. A line goes away when its feature comes.
/// What is neither here nor served is answered by dispatch; what RDS for PostgreSQL never means by api/never.h.
void register_absent(api::Api& api);

}  // namespace howdah::rds
