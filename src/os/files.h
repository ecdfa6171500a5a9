#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "os/fd.h"
#include "os/identity.h"
#include "util/result.h"

/// Files that must survive a crash. The rules of the house: a file or directory that matters appears complete by
/// rename(2) after it has been synced, under a name derived from what it is; what is half made is called *.tmp and may
/// be removed by anybody who finds it. Blocking, thread-safe, no state.
namespace howdah::os {

bool exists(const std::string& path);  ///< lstat: a dangling symbolic link exists

/// The whole file. Never follows a symbolic link in the last component and never blocks on a FIFO: servers own some of
/// the directories we read from. Fails when it is larger than `limit`. A missing file is an error; see exists().
Result<std::string> read_file(const std::string& path, size_t limit = 16 << 20);
/// `name` in a directory that is open, for many files of one: the way there is not gone again for each.
Result<std::string> read_file(const Fd& directory, const std::string& name, size_t limit = 16 << 20);
Result<Fd> open_dir(const std::string& path);

/// From `offset` to the end, at most the last `limit` bytes of it; empty when the file is missing or shorter.
std::string read_tail(const std::string& path, off_t offset, size_t limit);

enum class Durable {
  now,   ///< on disk when the call returns
  later  ///< the caller calls sync_fs() before anything relies on it; until then a power cut may leave an empty file
};

/// Replaces the file: tmp, owner, mode, fsync, rename, fsync of the directory. Readers see the old or the new content.
Result<void> write_file_atomic(const std::string& path, std::string_view content, mode_t mode,
                               std::optional<Owner> owner = {}, Durable durable = Durable::now);

/// Makes one directory (its parent exists) or repairs owner and mode of the one that is there. `owner` is ignored when
/// we are not root.
Result<void> ensure_dir(const std::string& path, mode_t mode, std::optional<Owner> owner = {});

Result<void> link_file(const std::string& from, const std::string& to);  ///< a second name; nothing is synced

Result<void> move(const std::string& from, const std::string& to);  ///< rename(2); nothing is synced
/// rename(2) and fsync of both parents. Fails when `to` exists and is not empty.
Result<void> publish(const std::string& from, const std::string& to);

Result<void> sync_fs(const std::string& path);   ///< syncfs(2): all dirty data of that filesystem
Result<void> sync_dir(const std::string& path);  ///< fsync(2) of a directory

/// Removes a file or tree; missing is fine. Does not follow symbolic links.
Result<void> remove_tree(const std::string& path);

struct Space {
  uint64_t total = 0, free = 0;  ///< bytes; free = what a process that is not root may use
};
Result<Space> disk_space(const std::string& path);

/// Gives everything below `path` to `owner`, with mode 0700/0600. Symbolic links themselves change owner, not what
/// they point to. Returns how many entries differed.
Result<size_t> repair_tree(const std::string& path, Owner owner);

}  // namespace howdah::os
