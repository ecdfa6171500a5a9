#pragma once
#include <string>

#include "repository/crypto.h"
#include "repository/storage.h"
#include "util/result.h"

/// The data key, which never leaves the repository but wrapped by the key-encryption key of the key file.
namespace howdah::repository {

/// Opens the repository's data key, or makes both when the storage holds no repository yet. A repository whose key file
/// is lost or of another repository is an error: without that key nobody can read it.
Result<Key> open_keys(Storage& storage, const std::string& key_file);

}  // namespace howdah::repository
