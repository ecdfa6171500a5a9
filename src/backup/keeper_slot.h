#pragma once
#include <memory>

#include "backup/position.h"
#include "pg/client.h"
#include "pg/layout.h"

namespace howdah::backup {

/// Makes the slot kSlot where it is missing, or was given up by the server since it held back too much. Where it
/// stands: from there on the server keeps its WAL.
Result<Lsn> hold_slot(pg::Client& client);

/// Moves the replication slot kSlot on, in a thread of its own: a server that does not answer must not keep the copying
/// waiting. Connects when there is something to do, at most once a second, and lets go of the connection after ten idle
/// seconds. That the server cannot be reached is normal and is tried again. Makes the slot where it is missing.
class Slot {
 public:
  Slot(const pg::Layout& layout, int port);
  ~Slot();  ///< does not wait for the server
  void advance(Lsn to);
  void check(Lsn to);  ///< the server was started: the slot may be missing or stand where it once stood

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace howdah::backup
