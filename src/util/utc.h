#pragma once
#include <string>

#include "util/clock.h"

namespace howdah {

/// 2026-11-20T10:05:00Z, as messages name an instant; what is left of its second is cut off.
std::string utc_text(Time t);

}  // namespace howdah
