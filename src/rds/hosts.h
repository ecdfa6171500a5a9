#pragma once
#include <string>
#include <string_view>

#include "rds/rds.h"
#include "util/result.h"

namespace howdah::rds {

/// Whether endpoint names go into the hosts file (configuration `names`; automatic = when the file is ours to write).
bool keeps_hosts(const Rds& rds);

/// Brings our block of the hosts file up to date with all instances: one line each, nothing outside of the block is
/// touched. `without` leaves out the instance of that resource id (it is being deleted). Idempotent, serialised.
/// Cost O(instances), only when a name or address changes: that is what a hosts file is; the DNS driver is for fleets.
Result<void> write_hosts(Rds& rds, std::string_view without = {});

/// `text` with our block replaced by `lines` (or added, or removed when there are none). Pure.
std::string with_block(std::string_view text, std::string_view owner, std::string_view lines);

}  // namespace howdah::rds
