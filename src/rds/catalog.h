#pragma once
#include "rds/rds.h"

namespace howdah::rds {

/// Every operation that tells what there is, and those on tags and parameter groups: all that touches no server.
void register_catalog(api::Api& api, Rds& rds);

}  // namespace howdah::rds
