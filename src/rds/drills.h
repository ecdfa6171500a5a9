#pragma once
#include <string>
#include <vector>

#include "domain/drill.h"
#include "rds/rds.h"

/// Restore drills: the newest restore point of an instance is restored into a scratch directory, looked at and thrown
/// away. One at a time in the whole daemon, in the background.
namespace howdah::rds {

/// Begins a drill of `instance` and answers its record. Throws InvalidDBInstanceState while another drill runs or there
/// is nothing to restore yet.
Drill begin_drill(Rds& rds, store::Tx& tx, const Instance& instance);

/// Drills of one instance ("" = all of the scope), oldest first.
std::vector<std::shared_ptr<const Drill>> drills_of(const Rds& rds, const Scope& scope, const std::string& resource_id);

/// Begins the next drill that the configuration's schedule asks for, if none runs: after the day's automated backup.
/// Takes away what an earlier drill left when it was given up. O(instances).
void drill_if_due(Rds& rds);

}  // namespace howdah::rds
