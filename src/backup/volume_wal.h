#pragma once
#include <string>

#include "backup/restore.h"
#include "os/identity.h"
#include "util/result.h"

namespace howdah::backup {

/// False for a cleanly stopped base that nothing is added to: it starts as it is, on its old timeline.
bool needs_recovery(const Plan& plan);

/// Puts the plan's WAL into the copy `data` of its base, cut at the target, and recovery.signal, so that nobody starts
/// the copy without its target. Reads every record of it: an error says where the first damage is.
Result<void> set_up_recovery(const Plan& plan, const std::string& data, os::Owner owner);

}  // namespace howdah::backup
