#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/boot.h"
#include "os/lock.h"
#include "repository/format.h"
#include "repository/storage.h"

/// The backup repository (docs/repository.md): trees of files and WAL segments, compressed, encrypted, each chunk once.
/// Everything of an instance lies under its resource id and depends on nothing of another. What is stored never
/// changes; a backup exists from the moment its manifest does. Thread-safe; several processes may use one repository.
namespace howdah::repository {

struct Options {
  std::unique_ptr<Storage> storage;
  std::string key_file;  ///< the key-encryption key, 64 hexadecimal digits, mode 0600; made with a new repository
  unsigned threads = 2;
};

/// A manifest's head and what it costs.
struct BackupInfo {
  std::string resource, id;
  Time created{};
  std::map<std::string, std::string> about;
  std::string wal_from;
  uint64_t bytes = 0, added = 0;
};

struct PutSpec {
  std::string resource, id;
  std::string directory;  ///< nobody writes to it meanwhile
  std::map<std::string, std::string> about;
  std::string wal_from;
  Time now{};
};
struct PutStats {
  uint64_t bytes = 0;  ///< of the tree
  uint64_t added = 0;  ///< written to packs by this call
  uint64_t chunks = 0, reused = 0;
  bool existed = false;  ///< the backup was there already: nothing was done
};

struct Damage {
  std::string object;                ///< a pack, a manifest, a WAL segment
  std::string what;                  ///< one sentence
  std::vector<std::string> affects;  ///< "<resource>/<backup>: <file>", at most kNamed a damage
};
struct Verified {
  uint64_t backups = 0, chunks = 0, bytes = 0, segments = 0;
  std::vector<Damage> damages;
  std::vector<std::string> unusable;  ///< "<resource>/<backup>": these can't be restored, all others can
};

struct Swept {
  uint64_t doomed = 0;  ///< objects that nothing needs, to be removed when they have been so for the grace time
  uint64_t removed = 0;
  uint64_t kept = 0;  ///< that the storage refused to remove (object lock)
};

class Repository {
 public:
  /// Makes the repository when the storage is empty, with a new data key, and a new key file when there is none.
  static Result<Repository> open(Options options);

  Result<PutStats> put(const PutSpec& spec) const;
  /// Writes the tree to `to`, which must not exist; appears by rename. Every chunk is authenticated.
  Result<void> restore(const std::string& resource, const std::string& id, const std::string& to) const;
  /// Removes the manifest: from now on there is no such backup. Its packs go with gc(). Missing is fine.
  Result<void> drop(const std::string& resource, const std::string& id) const;

  Result<std::vector<std::string>> resources() const;
  /// Oldest first. Damaged manifests are an error that names them all; see verify().
  Result<std::vector<BackupInfo>> list(const std::string& resource) const;
  Result<bool> has(const std::string& resource, const std::string& id) const;

  /// A complete WAL segment or history file, under its own name. True: stored now. Fails when another content is there.
  Result<bool> put_wal(const std::string& resource, const std::string& file) const;
  /// Nothing when it isn't there.
  Result<std::optional<std::string>> get_wal(const std::string& resource, const std::string& name) const;
  Result<std::vector<std::string>> list_wal(const std::string& resource) const;

  /// Reads, decrypts, decompresses and hashes all that the backups of `resource` (empty: of all) need.
  Result<Verified> verify(const std::string& resource) const;

  /// Notes what no manifest needs, and removes what was noted at least `grace` ago and still isn't needed: packs, and
  /// WAL before every backup. A put must not take longer than `grace`. Since the machine's last start that is time that
  /// has passed, whatever somebody did to the clock; before it, or on another machine, it is what clocks say. Where the
  /// clock is `doubted` they are not asked: the grace of what would have to go by them begins anew.
  Result<Swept> gc(const std::string& resource, const os::ClockReading& now, Millis grace, bool doubted = false) const;

  const std::string& about() const { return about_; }

 private:
  friend class Learning;
  friend class Putting;
  friend class Verifying;

  Repository(Options options, const Key& data_key);
  Result<os::LockFile> lock(const std::string& resource) const;
  Result<Manifest> manifest(const std::string& resource, const std::string& id, bool head_only = false) const;
  Result<std::vector<std::string>> backups(const std::string& resource) const;

  std::unique_ptr<Storage> storage_;
  unsigned threads_;
  Key data_key_;
  std::string about_;
};

}  // namespace howdah::repository
