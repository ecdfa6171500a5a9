#pragma once
#include <string>

#include "util/result.h"

namespace howdah::cli {

/// The URL of `howdah migrate` and `howdah db`: what was said, or PROD_CONNECTION_URL when `prod`, or CONNECTION_URL or
/// DATABASE_URL, which must not contradict each other.
Result<std::string> database_url(const std::string& said, bool prod);

/// "staging" -> STAGING_CONNECTION_URL.
std::string url_variable(const std::string& word);

/// A URL as it stands, or the name of an environment: `prod` is PROD_CONNECTION_URL, `staging` STAGING_CONNECTION_URL.
Result<std::string> named_url(const std::string& word);

}  // namespace howdah::cli
