#pragma once
#include <cstdint>
#include <string>

#include "domain/instance.h"
#include "rds/rds.h"
#include "rds/storage_use.h"
#include "util/clock.h"

namespace howdah::rds {

/// Keeps a disk from being filled by the databases on it: PostgreSQL panics when it cannot write WAL, and could not
/// even start again.
///
/// Judged is what the files of the data directory leave of AllocatedStorage, and what is free where they are and where
/// the vault is, of the file system or of 20 GiB, whichever is less; the scarcest counts. A tenth or less left is an
/// event, a twentieth or less left makes transactions read-only by default (status storage-full). Each heals by itself
/// a little later than it came. A session that is to make room says SET default_transaction_read_only = off. At half of
/// that, transactions that have written are cancelled: they began before. AllocatedStorage grows by itself up to
/// MaxAllocatedStorage before it is short. Beyond that, a file of no content is given up on each file system when
/// hardly anything is left, so that a server can always come back.
///
/// One thread.
class StorageLadder {
 public:
  StorageLadder(Rds& rds, const StorageUse& use) : rds_(rds), use_(use) {}
  Millis look();  ///< when to look again: before anybody can fill the disk, at most five seconds

 private:
  void grow(const Instance& instance);
  void move(const Instance& instance, int level, double free, uint64_t of);
  Rds& rds_;
  const StorageUse& use_;
};

/// Gives up the file `reserve` in the state directory when hardly anything is left there, and makes it again when there
/// is room. Also the daemon itself needs it to start.
void keep_reserve(const std::string& directory);

/// Whether a file system would have reached the ladder's first step with `taken` bytes less. No, where it can't be
/// asked.
bool little_is_left(const std::string& directory, uint64_t taken = 0);

inline constexpr double kStorageFull = 0.05;  ///< what is left at the last step

/// The step of the ladder at that free part of the storage; it goes down later than up.
int storage_level(int now, double free);

}  // namespace howdah::rds
