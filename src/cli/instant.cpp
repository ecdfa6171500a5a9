#include "cli/instant.h"

#include <fmt/format.h>

#include <ctime>
#include <optional>
#include <regex>
#include <string>

namespace howdah::cli {
namespace {

tl::unexpected<Error> unreadable(std::string_view text) {
  return fail(
      fmt::format("'{}' is no time. Write 2026-11-20 10:05, 2026-11-20 10:05:30 or 2026-11-20T10:05:30Z.", text));
}

bool same(const std::tm& a, const std::tm& b) {
  return a.tm_year == b.tm_year && a.tm_mon == b.tm_mon && a.tm_mday == b.tm_mday && a.tm_hour == b.tm_hour &&
         a.tm_min == b.tm_min && a.tm_sec == b.tm_sec;
}

/// The local time as winter or as summer time, if the zone's clocks showed it then.
std::optional<std::time_t> local(std::tm wanted, int summer) {
  std::tm tm = wanted;
  tm.tm_isdst = summer;
  const std::time_t t = std::mktime(&tm);
  std::tm shown{};
  localtime_r(&t, &shown);
  return t != -1 && same(shown, wanted) ? std::optional(t) : std::nullopt;
}

Result<std::time_t> in_local_zone(const std::tm& tm, std::string_view text) {
  const auto winter = local(tm, 0), summer = local(tm, 1);
  if (!winter && !summer) return fail(fmt::format("clocks here skipped {}: give an offset, as in {}Z", text, text));
  if (winter && summer && *winter != *summer) {
    return fail(fmt::format("clocks here showed {} twice: give an offset, as in {}Z", text, text));
  }
  return winter ? *winter : *summer;
}

constexpr size_t kLongest = 64;  // std::regex_match takes some stack for every character

int number(const std::csub_match& m) { return m.matched ? std::atoi(m.str().c_str()) : 0; }

}  // namespace

Result<Time> parse_instant(std::string_view text) {
  static const std::regex form(
      R"((\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(?:(Z|z|UTC)|([+-])(\d\d):?(\d\d)?)?)");
  std::cmatch m;
  if (text.size() > kLongest || !std::regex_match(text.data(), text.data() + text.size(), m, form)) {
    return unreadable(text);
  }
  std::tm tm{};
  tm.tm_year = number(m[1]) - 1900;
  tm.tm_mon = number(m[2]) - 1;
  tm.tm_mday = number(m[3]);
  tm.tm_hour = number(m[4]);
  tm.tm_min = number(m[5]);
  tm.tm_sec = number(m[6]);
  std::tm back = tm;
  const std::time_t as_utc = timegm(&back);
  if (!same(back, tm)) return unreadable(text);  // the 31st of February
  std::time_t seconds = as_utc;
  if (m[9].matched) {
    const int offset = (number(m[10]) * 60 + number(m[11])) * 60;
    seconds = m[9].str() == "+" ? as_utc - offset : as_utc + offset;
  } else if (!m[8].matched) {
    const auto found = in_local_zone(tm, text);
    if (!found) return tl::unexpected(found.error());
    seconds = *found;
  }
  const int millis = m[7].matched ? std::atoi((m[7].str() + "000").substr(0, 3).c_str()) : 0;
  return Time(std::chrono::seconds(seconds)) + Millis(millis);
}

}  // namespace howdah::cli
