#pragma once
#include <cstdint>
#include <string>

#include "util/result.h"

namespace howdah::pg {

/// CRC-32C (Castagnoli), as pg_control and WAL use it. `before`: of the bytes that go ahead of these.
uint32_t crc32c(const void* data, size_t size, uint32_t before = 0);

/// What global/pg_control says about itself.
struct ControlFile {
  uint64_t system_identifier = 0;
  uint32_t format = 0;  ///< 1300 for PostgreSQL 13 to 15
  uint32_t catalog_version = 0;
  size_t crc_offset = 0;  ///< found by trial, so no layout of a major version is built in
};

/// Parses the content of a pg_control file; fails when no checksum fits (damaged, or not a control file).
Result<ControlFile> parse_control_file(const std::string& content);

/// Gives the stopped cluster in `data` an identity of its own: a system identifier (`id`, else a fresh one) in
/// global/pg_control and in the long header of every WAL segment, and a fresh nonce for mock authentication. Does in a
/// millisecond what `pg_resetwal` does not do at all. Not atomic: for a directory that is not published yet, or with an
/// `id` that the caller has recorded, so that a call that was interrupted can be made again.
Result<uint64_t> renew_identity(const std::string& data, uint64_t id = 0);

/// A system identifier as initdb makes it: time in the upper half, microseconds and 12 random bits below.
uint64_t new_system_identifier();

/// The identifier of the cluster in `data`.
Result<uint64_t> system_identifier_of(const std::string& data);

}  // namespace howdah::pg
