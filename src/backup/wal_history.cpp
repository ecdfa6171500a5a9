#include "backup/wal_history.h"

#include <charconv>

#include <fmt/format.h>

namespace howdah::backup {

Result<History> History::parse(uint32_t timeline, std::string_view text) {
  History history;
  Lsn begin = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || line[first] == '#') continue;
    line.remove_prefix(first);
    uint32_t parent = 0;
    const auto [rest, bad] = std::from_chars(line.data(), line.data() + line.size(), parent);
    std::string_view tail(rest, static_cast<size_t>(line.data() + line.size() - rest));
    const auto word = tail.find_first_not_of(" \t");
    if (word != std::string_view::npos) tail.remove_prefix(word);
    const auto lsn = parse_lsn(tail.substr(0, tail.find_first_of(" \t\r")));
    const bool ascends = history.spans_.empty() || (parent > history.spans_.back().timeline && lsn && *lsn >= begin);
    if (bad != std::errc() || word == std::string_view::npos || !lsn || parent == 0 || parent >= timeline || !ascends) {
      return fail(fmt::format("the history of timeline {} has a line that is no timeline and position: \"{}\"",
                              timeline, line));
    }
    history.spans_.push_back({parent, begin});
    begin = *lsn;
  }
  history.spans_.push_back({timeline, begin});
  return history;
}

uint32_t History::at(Lsn lsn) const {
  for (auto span = spans_.rbegin(); span != spans_.rend(); ++span) {
    if (span->begin <= lsn) return span->timeline;
  }
  return spans_.front().timeline;
}

bool History::contains(Position position) const {
  for (size_t i = 0; i < spans_.size(); i++) {
    if (spans_[i].timeline != position.timeline) continue;
    const bool begun = spans_[i].begin <= position.lsn;
    return begun && (i + 1 == spans_.size() || position.lsn <= spans_[i + 1].begin);
  }
  return false;
}

std::vector<uint32_t> History::ancestors() const {
  std::vector<uint32_t> out;
  for (size_t i = 0; i + 1 < spans_.size(); i++) out.push_back(spans_[i].timeline);
  return out;
}

}  // namespace howdah::backup
