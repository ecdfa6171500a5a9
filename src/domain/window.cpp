#include "domain/window.h"

#include <fmt/format.h>

#include <array>

#include "util/fault.h"
#include "util/id.h"
#include "util/text.h"

namespace howdah::window {
namespace {

constexpr int kDay = 24 * 60, kWeek = 7 * kDay;
constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/// Minutes of the day of "hh:mm", or -1.
int clock_minutes(std::string_view s) {
  if (s.size() != 5 || s[2] != ':') return -1;
  for (const size_t i : {0, 1, 3, 4}) {
    if (s[i] < '0' || s[i] > '9') return -1;
  }
  const int h = (s[0] - '0') * 10 + s[1] - '0', m = (s[3] - '0') * 10 + s[4] - '0';
  return h < 24 && m < 60 ? h * 60 + m : -1;
}

/// Minutes of the week of "ddd:hh:mm", or -1.
int week_minutes(std::string_view s) {
  if (s.size() != 9 || s[3] != ':') return -1;
  const int clock = clock_minutes(s.substr(4));
  for (size_t d = 0; d < kDays.size(); d++) {
    if (s.substr(0, 3) == kDays[d] && clock >= 0) return static_cast<int>(d) * kDay + clock;
  }
  return -1;
}

int span(int begin, int end, int period) { return ((end - begin) % period + period) % period; }

std::string clock_text(int minutes) { return fmt::format("{:02}:{:02}", minutes / 60 % 24, minutes % 60); }

int number(std::string_view seed, std::string_view purpose, int below) {
  const std::string hex = id::stable_hex(std::string(seed) + "/" + std::string(purpose), 8);
  return static_cast<int>(std::stoul(hex, nullptr, 16) % static_cast<unsigned long>(below));
}

int minute_of_week(Time now) {
  const auto minutes = std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count();
  return static_cast<int>((minutes + 3 * kDay) % kWeek);  // 1970-01-01 was a Thursday
}

int until(int begin, Time now, int period) { return span(minute_of_week(now) % period, begin, period); }

/// The first half-hour that `fits(begin, soon)`, from one drawn by `seed` on: of the nights, else of the days; where
/// none does, one that begins soon.
template <typename Fits>
int draw(std::string_view seed, std::string_view purpose, int days, const Fits& fits) {
  struct Block {
    int begin, half_hours;
  };
  for (const bool soon : {false, true}) {
    for (const Block block : {Block{22 * 60, 16}, Block{6 * 60, 32}}) {
      const int count = days * block.half_hours, first = number(seed, purpose, count);
      for (int i = first; i < first + count; i++) {
        const int day = i % count / block.half_hours, half_hour = i % block.half_hours;
        const int begin = (day * kDay + block.begin + half_hour * 30) % (days * kDay);
        if (fits(begin, soon)) return begin;
      }
    }
  }
  throw Fault(
      "InvalidParameterValue",
      "The backup window and maintenance window must not overlap: what was given for one of them leaves no half "
      "hour for the other. Make it shorter.");
}

}  // namespace

Daily parse_daily(std::string_view text) {
  const auto dash = text.find('-');
  const int begin = clock_minutes(text.substr(0, dash));
  const int end = dash == text.npos ? -1 : clock_minutes(text.substr(dash + 1));
  if (begin < 0 || end < 0) {
    throw Fault("InvalidParameterValue",
                fmt::format("Invalid backup window format: {}. Must be in the format hh24:mi-hh24:mi, in UTC.", text));
  }
  if (span(begin, end, kDay) < 30) {
    throw Fault("InvalidParameterValue", fmt::format("The backup window must be at least 30 minutes: {}", text));
  }
  return {begin, span(begin, end, kDay)};
}

Weekly parse_weekly(std::string_view raw) {
  const std::string text = lower_case(raw);
  const auto dash = text.find('-');
  const int begin = week_minutes(std::string_view(text).substr(0, dash));
  const int end = dash == text.npos ? -1 : week_minutes(std::string_view(text).substr(dash + 1));
  if (begin < 0 || end < 0) {
    throw Fault("InvalidParameterValue",
                fmt::format("Invalid maintenance window format: {}. Must be in the format ddd:hh24:mi-ddd:hh24:mi, "
                            "in UTC; days are mon, tue, wed, thu, fri, sat, sun.",
                            raw));
  }
  const int length = span(begin, end, kWeek);
  if (length < 30 || length > kDay) {
    throw Fault("InvalidParameterValue",
                fmt::format("The maintenance window must be at least 30 minutes and at most 24 hours: {}", raw));
  }
  return {begin, length};
}

std::string text(const Daily& w) { return clock_text(w.begin) + "-" + clock_text((w.begin + w.length) % kDay); }

std::string text(const Weekly& w) {
  const int end = (w.begin + w.length) % kWeek;
  return fmt::format("{}:{}-{}:{}", kDays[static_cast<size_t>(w.begin / kDay)], clock_text(w.begin % kDay),
                     kDays[static_cast<size_t>(end / kDay)], clock_text(end % kDay));
}

bool overlap(const Daily& backup, const Weekly& maintenance) {
  for (int day = -1; day < 8; day++) {
    const int begin = day * kDay + backup.begin;
    for (const int shift : {-kWeek, 0, kWeek}) {
      const int other = maintenance.begin + shift;
      if (begin < other + maintenance.length && other < begin + backup.length) return true;
    }
  }
  return false;
}

bool contains(const Weekly& w, Time now) { return span(w.begin, minute_of_week(now), kWeek) < w.length; }

Daily choose_daily(std::string_view seed, const Weekly& apart_from, Time now) {
  return {draw(seed, "backup", 1, [&](int begin, bool soon) {
    return !overlap({begin}, apart_from) && (soon || until(begin, now, kDay) >= 2 * 60);
  })};
}

Weekly choose_weekly(std::string_view seed, const Daily& apart_from, Time now) {
  return {draw(seed, "maintenance", 7, [&](int begin, bool soon) {
    const Weekly w{begin};
    return !overlap(apart_from, w) && (soon || (until(begin, now, kWeek) >= kDay && !contains(w, now)));
  })};
}

std::pair<Daily, Weekly> choose(std::string_view seed, Time now) {
  const Daily d = choose_daily(seed, {.begin = 0, .length = 0}, now);
  return {d, choose_weekly(seed, d, now)};
}

}  // namespace howdah::window
