#pragma once
#include <cstdint>

namespace howdah::os {

/// Bytes that processes could take now without swapping: MemAvailable; at most our control group's limit and, where the
/// machine promises no more than it has (vm.overcommit_memory = 2), what is not promised yet. 0 when nobody says.
uint64_t available_memory();

}  // namespace howdah::os
