#pragma once
#include <string>

#include "util/result.h"

namespace howdah::cli {

/// The URL of `howdah migrate` and `howdah db`: what was said, or PROD_CONNECTION_URL when `prod`, or CONNECTION_URL or
/// DATABASE_URL, which must not contradict each other.
Result<std::string> database_url(const std::string& said, bool prod);

}  // namespace howdah::cli
