#pragma once
#include <string>

#include "os/identity.h"

namespace howdah::pg {

/// Removes what a killed postmaster of the data directory `data` left in the kernel: the small System V segment that
/// postmaster.pid names, and its dynamic shared memory, a megabyte and more in /dev/shm. The next start does the same,
/// so this is for a server that does not start again. Nobody of the server may run, and nobody may start it meanwhile.
/// postmaster.pid is the instance's own file: only what belongs to `owner` and says that it was made for this very
/// directory is touched, and nothing that a process uses. Best effort.
void remove_shared_memory(const std::string& data, os::Owner owner);

}  // namespace howdah::pg
