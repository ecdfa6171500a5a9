#pragma once
#include <string>
#include <vector>

#include "repository/crypto.h"
#include "repository/storage.h"
#include "util/result.h"

/// The data key, which never leaves the repository but wrapped by a key-encryption key: the one in the key file. There
/// may be several of these, each with an object of its own; a key's name tells it from others without giving it away.
namespace howdah::repository {

/// Opens the repository's data key, or makes both when the storage holds no repository yet. A repository whose key file
/// is lost, retired or of another repository is an error: without its key nobody can read it.
Result<Key> open_keys(Storage& storage, const std::string& key_file);

/// A repository of an older format gets the reader of today's beside its own, as unpack<format>.py.
Result<void> keep_reader(Storage& storage);

struct WrappingKey {
  std::string name;
  bool in_use = false;   ///< the key file holds it
  bool wrapped = false;  ///< its object is there
  bool retired = false;  ///< it is not taken any more, even where its object could not be removed
};
Result<std::vector<WrappingKey>> list_keys(Storage& storage, const std::string& key_file);

struct Rotated {
  std::string name, old_name;
  std::string old_file;  ///< where the old key is now
};
/// Wraps the data key by a new key, and puts that into the key file; the old one opens the repository until it is
/// retired. The new key is that of `<key_file>.next` when there is one (an interrupted call left it, or the operator).
/// At any instant the key file opens the repository.
Result<Rotated> rotate_key(Storage& storage, const std::string& key_file);

/// From now on the key `name` opens nothing: it is noted as retired, then its object and its file go. False: the
/// storage refused to remove the object.
Result<bool> retire_key(Storage& storage, const std::string& key_file, const std::string& name);

}  // namespace howdah::repository
