#pragma once
#include <string>

#include "domain/instance.h"
#include "rds/rds.h"

namespace howdah::rds {

/// A change of an instance in the making: the record as it shall be, and what that asks of the running server.
/// ModifyDBInstance and the maintenance window both end in begin_change().
struct Change {
  Instance before, now;
  bool password = false;  ///< a verifier is pending
  bool groups = false;    ///< security groups differ
  bool files = false;     ///< conf/ must be rendered again for another reason
  bool restart = false, new_class = false, port = false, renamed = false;
};

/// Moves everything queued in `change.now.pending` into effect. Throws DBInstanceAlreadyExists when the new identifier
/// is taken.
void apply_queue(Rds& rds, store::Tx& tx, Change& change);

/// Records the change and starts the workflow that carries it out, if the server is concerned at all.
void begin_change(Rds& rds, store::Tx& tx, const Change& change);

}  // namespace howdah::rds
