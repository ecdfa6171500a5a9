#pragma once
#include <optional>
#include <string>
#include <vector>

#include "util/result.h"

namespace howdah::backup {

/// Reads every file that the base's backup_manifest lists and compares size and CRC-32C with what was written when the
/// base was made. The first difference, as a sentence that names base and file; nothing = sound. Errors are those that
/// prevent a verdict.
Result<std::optional<std::string>> damage_of(const std::string& state, const std::string& base_id);

/// The same of a base that was just cloned but for the files `copied`, whose names are those of its manifest: these are
/// read, while they are in memory, and of the others the size is looked at.
Result<std::optional<std::string>> damage_beside_clones(const std::string& state, const std::string& base_id,
                                                        const std::vector<std::string>& copied);

/// The same of a base of which `copy` is a copy or clone that is about to be used: that is read instead, and in memory
/// when its turn comes. Where it differs the base itself is read, too: a copy that differs from a sound base is an
/// error.
Result<std::optional<std::string>> damage_seen_in(const std::string& copy, const std::string& state,
                                                  const std::string& base_id);

/// Moves a damaged base out of the way of restores, to bases/<id>.damaged, which goes when remove_base() is called.
/// A base of that id can be made, or fetched from elsewhere, again. Nothing to do when it is not there.
Result<void> set_base_aside(const std::string& state, const std::string& base_id);

}  // namespace howdah::backup
