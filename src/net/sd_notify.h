#pragma once
#include <string_view>

namespace howdah::net {

/// Tells the service manager ("READY=1", "STOPPING=1") when there is one (NOTIFY_SOCKET); otherwise does nothing.
void sd_notify(std::string_view state);

}  // namespace howdah::net
