// Timestamps as AWS's protocols write them.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "util/clock.h"
#include "wire/value.h"

namespace howdah::wire {

inline Timestamp to_timestamp(Time t) { return {t.time_since_epoch().count()}; }
inline Time to_time(Timestamp t) { return Time(Millis(t.ms)); }

std::string format_iso8601(Timestamp t);        ///< 2026-11-20T10:00:00.123Z, as XML answers have it
std::string format_epoch_seconds(Timestamp t);  ///< 1767225600.123, as JSON answers have it
std::string format_http_date(Timestamp t);      ///< Fri, 20 Nov 2026 10:00:00 GMT
std::string format_amz_date(Timestamp t);       ///< 20261120T100000Z, as signatures have it

/// Reads what AWS accepts: 2026-11-20T10:00:00Z with optional fraction and "+01:00" (no zone = UTC), 2026-11-20,
/// 20261120T100000Z, epoch seconds with optional fraction, and HTTP dates.
std::optional<Timestamp> parse_timestamp(std::string_view text);
/// Epoch seconds; nothing when outside the years 0001 to 9999.
std::optional<Timestamp> timestamp_of_seconds(double seconds);

}  // namespace howdah::wire
