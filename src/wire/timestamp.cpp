#include "wire/timestamp.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "wire/text.h"

namespace howdah::wire {
namespace {

namespace chr = std::chrono;

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr int64_t kFirstMs = -62135596800000;  // 0001-01-01
constexpr int64_t kLastMs = 253402300799999;   // 9999-12-31

struct Parts {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0, weekday = 0;
};

Parts split(Timestamp t) {
  const Time time(Millis(std::clamp(t.ms, kFirstMs, kLastMs)));
  const auto day = chr::floor<chr::days>(time);
  const chr::year_month_day date(day);
  const int64_t ms = (time - day).count();
  return {int(date.year()),
          int(unsigned(date.month())),
          int(unsigned(date.day())),
          int(ms / 3600000),
          int(ms / 60000 % 60),
          int(ms / 1000 % 60),
          int(ms % 1000),
          int(chr::weekday(day).c_encoding())};
}

std::optional<Timestamp> join(const Parts& p) {
  const chr::year_month_day date(chr::year(p.year), chr::month(unsigned(p.month)), chr::day(unsigned(p.day)));
  if (p.year < 1 || p.year > 9999 || !date.ok() || p.hour > 23 || p.minute > 59 || p.second > 60) return std::nullopt;
  const int64_t days = chr::sys_days(date).time_since_epoch().count();
  return Timestamp{(((days * 24 + p.hour) * 60 + p.minute) * 60 + p.second) * 1000 + p.ms};
}

/// Reads a text from left to right; `ok` turns false at the first thing that is not there.
struct Reader {
  std::string_view rest;
  bool ok = true;

  int digits(size_t n) {
    if (!ok || rest.size() < n) return ok = false, 0;
    int v = 0;
    for (char c : rest.substr(0, n)) {
      if (c < '0' || c > '9') return ok = false, 0;
      v = v * 10 + (c - '0');
    }
    rest.remove_prefix(n);
    return v;
  }
  bool take(char c) {
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok = take(c) && ok; }
};

/// [.fraction][Z|+hh:mm|-hhmm] -> milliseconds and minutes east of UTC.
void read_fraction_and_zone(Reader& r, Parts& p, int& zone) {
  if (r.take('.') || r.take(',')) {
    int scale = 100;
    bool any = false;
    while (r.ok && !r.rest.empty() && r.rest[0] >= '0' && r.rest[0] <= '9') {
      p.ms += (r.rest[0] - '0') * scale;
      scale /= 10;
      any = true;
      r.rest.remove_prefix(1);
    }
    r.ok = r.ok && any;
  }
  if (r.rest.empty() || r.take('Z') || r.take('z')) return;
  const bool west = r.rest[0] == '-';
  if (!west && r.rest[0] != '+') {
    r.ok = false;
    return;
  }
  r.rest.remove_prefix(1);
  const int hours = r.digits(2);
  if (r.take(':') || !r.rest.empty()) zone = r.digits(2);
  if (hours > 14 || zone > 59) r.ok = false;  // UTC+14 is the furthest
  zone = (west ? -1 : 1) * (hours * 60 + zone);
}

std::optional<Timestamp> parse_iso(std::string_view text) {
  Reader r{text};
  Parts p;
  int zone = 0;
  const bool dashes = text.size() > 4 && text[4] == '-';
  p.year = r.digits(4);
  if (dashes) r.expect('-');
  p.month = r.digits(2);
  if (dashes) r.expect('-');
  p.day = r.digits(2);
  if (r.ok && r.rest.empty()) return join(p);
  if (!r.take('T') && !r.take('t')) r.expect(' ');
  p.hour = r.digits(2);
  const bool colons = r.take(':');
  p.minute = r.digits(2);
  if (!colons || r.take(':')) p.second = r.digits(2);
  read_fraction_and_zone(r, p, zone);
  if (!r.ok || !r.rest.empty()) return std::nullopt;
  const auto t = join(p);
  if (!t) return std::nullopt;
  return Timestamp{t->ms - int64_t(zone) * 60000};
}

/// Fri, 20 Nov 2026 10:00:00 GMT
std::optional<Timestamp> parse_http_date(std::string_view text) {
  if (text.size() < 25 || text[3] != ',') return std::nullopt;
  Reader r{text.substr(4)};
  Parts p;
  r.expect(' ');
  p.day = r.digits(2);
  r.expect(' ');
  if (!r.ok || r.rest.size() < 3) return std::nullopt;
  for (size_t i = 0; i < kMonths.size(); i++)
    if (r.rest.substr(0, 3) == kMonths[i]) p.month = int(i) + 1;
  r.rest.remove_prefix(3);
  r.expect(' ');
  p.year = r.digits(4);
  r.expect(' ');
  p.hour = r.digits(2);
  r.expect(':');
  p.minute = r.digits(2);
  r.expect(':');
  p.second = r.digits(2);
  if (!r.ok || (r.rest != " GMT" && r.rest != " UTC" && r.rest != " +0000")) return std::nullopt;
  return join(p);
}

}  // namespace

std::string format_iso8601(Timestamp t) {
  const Parts p = split(t);
  std::string out = "0000-00-00T00:00:00.000Z";
  const auto put = [&out](size_t last, int value) {  // its last digit's place; what is left of it is zeros
    for (; value > 0; value /= 10) out[last--] = char('0' + value % 10);
  };
  put(3, p.year);
  put(6, p.month);
  put(9, p.day);
  put(12, p.hour);
  put(15, p.minute);
  put(18, p.second);
  put(22, p.ms);
  return out;
}

std::string format_epoch_seconds(Timestamp t) {
  const int64_t ms = std::clamp(t.ms, kFirstMs, kLastMs);
  const int64_t whole = std::abs(ms) / 1000, fraction = std::abs(ms) % 1000;
  return fmt::format("{}{}.{:03}", ms < 0 ? "-" : "", whole, fraction);
}

std::string format_http_date(Timestamp t) {
  const Parts p = split(t);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[size_t(p.weekday)], p.day,
                     kMonths[size_t(p.month - 1)], p.year, p.hour, p.minute, p.second);
}

std::string format_amz_date(Timestamp t) {
  const Parts p = split(t);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", p.year, p.month, p.day, p.hour, p.minute, p.second);
}

std::optional<Timestamp> timestamp_of_seconds(double seconds) {
  const double ms = std::round(seconds * 1000);
  if (!(ms >= double(kFirstMs) && ms <= double(kLastMs))) return std::nullopt;
  return Timestamp{int64_t(ms)};
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  if (text.empty() || text.size() > 64) return std::nullopt;
  if (text[0] >= 'A' && text[0] <= 'Z') return parse_http_date(text);
  if (const auto t = parse_iso(text)) return t;
  const auto seconds = parse_double(text);
  return seconds ? timestamp_of_seconds(*seconds) : std::nullopt;
}

}  // namespace howdah::wire
