#pragma once
#include <string>

#include "repository/format.h"
#include "util/result.h"

namespace howdah::repository {

/// Adds the directories and files below `root`, parents first, in an order that is always the same. Anything else that
/// lies there is an error.
Result<void> list_tree(const std::string& root, Manifest& m);

}  // namespace howdah::repository
