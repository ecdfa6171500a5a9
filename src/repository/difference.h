#pragma once
#include <string_view>

namespace howdah::repository {

/// Writes what `chunk` differs from `base` in, byte by byte: their exclusive or, of the chunk's length; a base that is
/// shorter is taken to go on with zeroes. Applied to the difference instead of the chunk, it gives the chunk. `out` may
/// be the chunk itself. Returns how many bytes lie in 8-byte words that differ.
size_t difference(std::string_view chunk, std::string_view base, char* out);

}  // namespace howdah::repository
