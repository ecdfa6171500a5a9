#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "os/identity.h"
#include "util/result.h"

namespace howdah::os {

struct CopyStats {
  size_t files = 0, dirs = 0;
  uint64_t bytes = 0;
  bool reflinked = false;           ///< at least one file shares its extents with the source
  std::vector<std::string> copied;  ///< files that don't, below the root, in no order; only where others do
};

struct CopyOptions {
  Owner owner;           ///< of everything in the copy, when we are root
  bool program = false;  ///< directories 0755 and files 0644 or 0755 as in the source; else 0700 and 0600
  unsigned threads = 2;
  bool lazily = false;      ///< the disk is not asked to begin: for what changes again before it is synced
  bool leave_room = false;  ///< fails as room_for() does, before it takes the disk's last space; not for reflinks
  /// Leaves an entry of the source out; called with its path below `from`, before any thread starts. Null = nothing.
  std::function<bool(const std::string&)> skip;
};

/// Of a larger file system only so much is judged: it need not have a tenth of itself free.
inline constexpr uint64_t kMostOfDisk = 20ULL << 30;

/// What nobody takes for copies of a file system of `size` bytes: 7 % of it or of kMostOfDisk, 64 MiB at least. With
/// less than 5 % databases are read-only until there are 7 again (rds/storage_ladder).
uint64_t left_to_databases(uint64_t size);

/// An error that may pass when the file system of `path` has no room for `bytes` and what is left to the databases.
/// Whoever copies much must not be the one that fills the disk.
Result<void> room_for(uint64_t bytes, const std::string& path);

/// Asks the disk to begin with the file's dirty pages, so that a sync later finds few.
void start_writing(int fd);

/// Copies the tree `from` (which nobody writes to meanwhile) to `to`, which must not exist. Files are reflinked where
/// the filesystem can and they are not in so many extents that a copy is faster, else copied; symbolic links are copied
/// as they are; sockets and FIFOs are refused. Nothing is synced: the caller syncs once and publishes `to` by rename.
/// On an error `to` is left half made.
Result<CopyStats> copy_tree(const std::string& from, const std::string& to, const CopyOptions& options);

}  // namespace howdah::os
