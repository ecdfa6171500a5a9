#pragma once
#include <map>
#include <string>

#include "backup/position.h"
#include "os/fd.h"
#include "util/result.h"

namespace howdah::backup {

/// Received WAL in files as those of a pg_wal directory, whole pages with zeros behind what has come. Not synced: who
/// needs it again receives it again.
class Inbox {
 public:
  explicit Inbox(const std::string& root) : data_(root + "/inbox") {}
  const std::string& data() const { return data_; }  ///< what a Tail takes for a data directory

  Result<void> clear();
  Result<void> add_history(uint32_t timeline, const std::string& text);
  Result<void> add(uint32_t timeline, Lsn lsn, std::string_view bytes);
  void forget(Lsn before);  ///< segments that end at or before it

 private:
  Result<void> add_in_segment(uint32_t timeline, Lsn lsn, std::string_view bytes);
  std::string path(const std::string& name) const { return data_ + "/pg_wal/" + name; }
  std::string data_;
  os::Fd file_;
  Position open_{};  ///< start of file_'s segment
  std::map<Position, std::string> segments_;
};

}  // namespace howdah::backup
