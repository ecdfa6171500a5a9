#pragma once
#include "rds/rds.h"

namespace howdah::rds {

/// Removes the server logs that nobody wrote to for rds.log_retention_period, of every instance; the newest one of each
/// stays. Their directory is the server's own: no link in it is followed. O(instances + log files).
void remove_old_logs(const Rds& rds);

}  // namespace howdah::rds
