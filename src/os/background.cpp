#include "os/background.h"

#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace howdah::os {

// Not the lowest priority of all: on a machine that is always busy the work must still come to its end.
void step_back() {
  constexpr int kNice = 10, kLastOfOrdinary = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7);
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
  (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, kLastOfOrdinary);
}

}  // namespace howdah::os
