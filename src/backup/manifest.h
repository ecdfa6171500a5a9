#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "backup/base.h"
#include "backup/position.h"
#include "util/clock.h"
#include "util/result.h"

/// The two manifests of a base: ours (what it is) and PostgreSQL's (what its files hold).
namespace howdah::backup {

/// manifest.json: a JSON object whose last line holds the SHA-256 of everything before it.
std::string render_base(const Base& base);
/// Refuses a text that was cut or changed, and a format of a later version.
Result<Base> parse_base(const std::string& text);

/// One file of data/, as it was copied.
struct FileEntry {
  std::string path;  ///< below data/
  uint64_t size = 0;
  Time modified{};
  std::string crc;  ///< CRC-32C, hexadecimal as Crc32c::hex
};

/// data/backup_manifest in PostgreSQL's own form (version 1): pg_verifybackup reads it.
std::string render_backup_manifest(std::vector<FileEntry> files, uint32_t timeline, Lsn start, Lsn end);
/// Its files, without their times. Refuses a text that was cut or changed.
Result<std::vector<FileEntry>> parse_backup_manifest(const std::string& text);

}  // namespace howdah::backup
