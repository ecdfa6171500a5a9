#pragma once
#include "rds/steps.h"

namespace howdah::rds {

/// A step of the restore table, skipped unless args["identity"] (the system identifier to take) makes it a clone.
/// Before anybody reaches the copy it gets an identity of its own, subscriptions are disabled and let go of their
/// slots, pg_cron's jobs become inactive, statistics are forgotten, and the master gets its new password.
Outcome isolate_clone(Rds& rds, const Workflow& w);

}  // namespace howdah::rds
