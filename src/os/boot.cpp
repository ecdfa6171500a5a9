#include "os/boot.h"

#include "os/files.h"

namespace howdah::os {

Result<std::string> boot_id() { return read_file("/proc/sys/kernel/random/boot_id"); }

ClockReading read_clock(const Clock& clock) { return {clock.now(), clock.set_to(), boot_id().value_or("")}; }

}  // namespace howdah::os
