#pragma once
#include <string>
#include <vector>

#include "backup/position.h"
#include "util/result.h"

namespace howdah::backup {

/// Which timeline owns which stretch of WAL, as told by one timeline's history file.
class History {
 public:
  /// A timeline without ancestors that we know of.
  explicit History(uint32_t timeline) : spans_{{timeline, 0}} {}
  /// Of the text of `<timeline>.history`; an error names the line that is not understood.
  static Result<History> parse(uint32_t timeline, std::string_view text);

  uint32_t timeline() const { return spans_.back().timeline; }
  uint32_t at(Lsn lsn) const;  ///< the timeline that the byte at `lsn` was written on
  /// The timeline whose file holds the segment at `lsn`: the newest that owns a byte of it, since a server that begins
  /// a timeline copies the start of that segment from its parent.
  uint32_t of_segment(Lsn lsn) const { return at(lsn - lsn % kSegmentSize + kSegmentSize - 1); }
  /// True when `position` lies on this history: its timeline had not ended before it.
  bool contains(Position position) const;
  std::vector<uint32_t> ancestors() const;  ///< oldest first, without timeline()
  Lsn begin() const { return spans_.back().begin; }

 private:
  struct Span {
    uint32_t timeline;
    Lsn begin;
  };
  History() = default;
  std::vector<Span> spans_;  ///< ascending
};

}  // namespace howdah::backup
