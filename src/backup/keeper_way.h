#pragma once
#include <string>

#include "util/result.h"

namespace howdah::backup {

/// How WAL gets into a vault; the file `way` in it. A keeper that runs with another one is replaced by ensure_keeper().
enum class Way {
  tail,    ///< the keeper reads pg_wal
  stream,  ///< it receives WAL as a standby does, and reads what is left in pg_wal when the server is gone
  only_stream
};
const char* word_of(Way way);
Way way_of(const std::string& state, const std::string& resource_id);
Result<void> set_way(const std::string& state, const std::string& resource_id, Way way);

/// True = a keeper runs that receives a stream.
bool keeper_streams(const std::string& state, const std::string& resource_id);

}  // namespace howdah::backup
