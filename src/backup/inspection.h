#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "pg/layout.h"
#include "util/result.h"

namespace howdah::backup {

/// What a look at everything in a restored cluster found.
struct Inspection {
  uint64_t bytes = 0;  ///< read, page checksums verified where the cluster has them
  int databases = 0, tables = 0, indexes = 0;
  uint64_t rows = 0;
  std::string fingerprint;            ///< over the rows of all tables, whatever their order
  std::vector<std::string> problems;  ///< empty = sound; at most ten
  std::vector<std::string> notes;     ///< what could not be looked at, and why
};

/// Reads every file of the stopped cluster in `layout` and verifies its pages.
Result<Inspection> inspect_files(const pg::Layout& layout);

/// In every database of the server that listens in `layout` alone, counts and hashes the rows of every table and checks
/// the structure of every B-tree index with amcheck; adds it to `out`. Writes into the cluster, which must be thrown
/// away afterwards. No code of the cluster's users is run. Errors are those that prevent a verdict.
Result<void> inspect_server(const pg::Layout& layout, int port, Inspection& out);

}  // namespace howdah::backup
