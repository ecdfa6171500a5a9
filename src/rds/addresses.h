#pragma once
#include <string>

#include "domain/instance.h"
#include "rds/rds.h"

/// Which address an instance listens on. Where clients are told addresses instead of names (configuration `names`) the
/// address is the endpoint, and an endpoint belongs to the identifier: whichever instance gets the identifier, by a
/// rename or a creation, gets the address that it led to before. Where there are names, addresses stay with servers.
namespace howdah::rds {

/// Slot and address of a new instance. Throws InsufficientDBInstanceCapacity when there are no more.
void choose_address(const Rds& rds, store::Tx& tx, Instance& i);

/// Of an instance that is `before` still and shall be `now`, under another identifier; it needs a restart.
void move_address(const Rds& rds, store::Tx& tx, const Instance& before, Instance& now);

/// Of an instance that is being deleted.
void keep_address(const Rds& rds, store::Tx& tx, const Instance& i);

/// Whether nobody on this machine (an instance, another daemon, a container) listens there.
bool can_listen(const std::string& address, int32_t port);

}  // namespace howdah::rds
