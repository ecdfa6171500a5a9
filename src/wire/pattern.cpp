#include "wire/pattern.h"

#include <mutex>
#include <optional>
#include <regex>
#include <shared_mutex>
#include <string>
#include <unordered_map>

namespace howdah::wire {
namespace {

constexpr size_t kMaxText = 1024;  ///< code points; longer ones are not checked

/// Java's syntax that ECMAScript lacks or reads differently, and what needs Unicode tables.
bool is_portable(std::string_view pattern) {
  for (std::string_view foreign :
       {"\\p", "\\P", "\\u", "\\x", "(?<", "(?i", "&&", "++", "*+", "?+", "\\z", "\\Z", "\\A", "\\h", "\\R", "[["})
    if (pattern.find(foreign) != pattern.npos) return false;
  for (char c : pattern)
    if (uint8_t(c) >= 0x80) return false;
  return true;
}

std::optional<std::regex> compile(const char* pattern) {
  if (!is_portable(pattern)) return std::nullopt;
  auto flags = std::regex::ECMAScript | std::regex::optimize;
#ifdef __GLIBCXX__
  flags |= std::regex_constants::__polynomial;  // no backtracking: neither deep stacks nor exponential time
#endif
  try {
    return std::regex(pattern, flags);
  } catch (const std::regex_error&) {
    return std::nullopt;
  }
}

const std::optional<std::regex>& compiled(const char* pattern) {
  static std::shared_mutex mutex;
  static std::unordered_map<const char*, std::optional<std::regex>> patterns;  // guarded by mutex; entries never move
  {
    std::shared_lock lock(mutex);
    if (const auto at = patterns.find(pattern); at != patterns.end()) return at->second;
  }
  auto fresh = compile(pattern);
  std::unique_lock lock(mutex);
  return patterns.try_emplace(pattern, std::move(fresh)).first->second;
}

/// One byte for each code point: patterns count characters, and none that is_portable() names one beyond ASCII.
std::string one_byte_each(std::string_view text) {
  std::string out;
  for (char c : text)
    if ((uint8_t(c) & 0xC0) != 0x80) out += uint8_t(c) < 0x80 ? c : '\xFF';
  return out;
}

}  // namespace

bool matches(const char* pattern, std::string_view text) {
  const auto& regex = compiled(pattern);
  if (!regex || text.size() > kMaxText * 4) return true;
  const std::string bytes = one_byte_each(text);
  if (bytes.size() > kMaxText) return true;
  return std::regex_match(bytes, *regex);
}

}  // namespace howdah::wire
