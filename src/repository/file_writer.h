#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "repository/format.h"
#include "util/result.h"

/// Fills the files of a tree that is brought back. What follows each other in a file is collected and written at once,
/// past the page cache where the file system can: the disk works from the first byte on, the last sync finds little,
/// and what running databases have in memory stays there.
namespace howdah::repository {

class FileWriter {
 public:
  static constexpr size_t kRun = 1 << 20;  ///< written at once; files that are smaller go through the page cache

  /// The manifest's files exist below `root`, with their sizes. `workers` threads write.
  FileWriter(const Manifest& m, std::string root, unsigned workers);

  /// Bytes, at most kRun, of the file with that number in the manifest. Each worker is one thread at a time.
  Result<void> write(unsigned worker, uint32_t file, uint64_t at, std::string_view bytes);
  /// Writes what is still collected; nothing is synced. Nobody else writes meanwhile.
  Result<void> finish();

 private:
  /// Bytes of one file that follow each other, not written yet.
  struct Run {
    Run();
    uint32_t file = UINT32_MAX;
    os::Fd cached, direct;  // of `file`; the second where that can be
    uint64_t at = 0;
    size_t size = 0;
    std::unique_ptr<char, void (*)(void*)> bytes;  // kRun, aligned
  };

  Result<void> open_file(Run& run, uint32_t file) const;
  Result<void> flush(Run& run) const;
  std::string path_of(uint32_t file) const { return root_ + "/" + m_.files[file].path; }

  const Manifest& m_;
  const std::string root_;
  std::vector<Run> runs_;  // one a worker
};

}  // namespace howdah::repository
