#pragma once
#include <string_view>

namespace howdah::repository {

/// unpack.py: restores a backup without Howdah. A copy of it lies in every repository.
extern const std::string_view kReaderScript;

}  // namespace howdah::repository
