#pragma once
#include <string>
#include <string_view>

#include "util/clock.h"

/// Backup and maintenance windows, UTC, in AWS's text forms "hh24:mi-hh24:mi" and "ddd:hh24:mi-ddd:hh24:mi".
namespace howdah::window {

/// Minutes of the week (Monday 00:00 = 0); a daily window has length and begin within one day.
struct Daily {
  int begin = 0, length = 30;
};
struct Weekly {
  int begin = 0, length = 30;
};

/// Both throw InvalidParameterValue for another form or a window shorter than 30 minutes (weekly: longer than 24
/// hours).
Daily parse_daily(std::string_view text);
Weekly parse_weekly(std::string_view text);
/// Lower-case canonical texts; AWS answers "sun:05:00-sun:06:00" whatever the case of the request.
std::string text(const Daily& w);
std::string text(const Weekly& w);

bool overlap(const Daily& backup, const Weekly& maintenance);
bool contains(const Weekly& w, Time now);

/// Default windows, drawn from `seed`: 30 minutes that do not overlap, within the 8 hours from 22:00 UTC unless the
/// other window leaves no room there, and none that an instance made at `now` would soon be in: it has its first
/// backup (2 hours), and what its user leaves to the maintenance window waits at first (a day).
/// InvalidParameterValue where a window that was given leaves no half-hour of the day (maintenance: of the week).
std::pair<Daily, Weekly> choose(std::string_view seed, Time now);
Weekly choose_weekly(std::string_view seed, const Daily& apart_from, Time now);
Daily choose_daily(std::string_view seed, const Weekly& apart_from, Time now);

}  // namespace howdah::window
