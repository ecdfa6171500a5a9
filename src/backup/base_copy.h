#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backup/manifest.h"
#include "backup/position.h"
#include "util/result.h"

/// Copying a data directory file by file, with PostgreSQL's own rules of what belongs into a backup.
namespace howdah::backup {

struct CopyRules {
  /// Somebody writes while we read: files may vanish, shrink and grow, pages may be torn, unlogged relations keep their
  /// init forks only, temporary relations are left out.
  bool running = false;
  bool verify_pages = false;  ///< the cluster has page checksums
  Lsn start = 0;  ///< pages changed at or behind it are restored from the WAL: their checksum does not matter
  unsigned threads = 2;
  std::function<void(int)> progress;  ///< 0..100 of the bytes, from any thread; may be null
};

struct CopiedData {
  std::vector<FileEntry> files;
  uint64_t bytes = 0;
};

/// Copies `from` to `to` (which must not exist) byte by byte, never sharing blocks. pg_wal comes out empty and
/// global/pg_control is left out: it is the caller's, last. Directories that may be empty are there even when `from`
/// has lost them. Everything belongs to us, 0700/0600. Nothing is synced. Errors: a damaged page (file and block),
/// tablespaces, anything that is neither file nor directory.
Result<CopiedData> copy_data(const std::string& from, const std::string& to, const CopyRules& rules);

/// What copy_data() would copy from a running server's directory, in bytes.
Result<uint64_t> size_of_data(const std::string& from);

/// Reads everything below `data`, verifies pages and lists the files, without copying.
Result<CopiedData> inspect_data(const std::string& data, bool verify_pages);

/// The block of a relation that the file `path` ("base/5/16384.2") begins with; nothing when it holds no data pages.
std::optional<uint32_t> first_block(const std::string& path);

/// Writes one more file into the copy and lists it.
Result<void> add_file(const std::string& data, const std::string& path, const std::string& content, CopiedData& copied);

}  // namespace howdah::backup
