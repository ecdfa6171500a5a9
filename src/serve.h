#pragma once
#include "domain/config.h"

namespace howdah {

/// The daemon: wires every part together, serves until SIGTERM or SIGINT, then finishes what runs. Returns the exit
/// code.
int serve(const Config& config);

}  // namespace howdah
