#include "rds/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "api/context.h"
#include "api/paginate.h"
#include "domain/event.h"
#include "rds/filters.h"
#include "util/text.h"
#include "wire/timestamp.h"

namespace howdah::rds {
namespace {

using Message = aws::rds::DescribeEventsMessage;

[[noreturn]] void invalid(const std::string& message) { throw Fault("InvalidParameterValue", message); }
[[noreturn]] void conflict(const std::string& message) { throw Fault("InvalidParameterCombination", message); }

/// Where a page begins. The window travels with the marker: "the last hour" must not move between two pages.
struct Cursor {
  Time from{}, to{};
  int64_t after = 0;  ///< sequence of the last event that was shown

  std::string text() const {
    return fmt::format("{}/{}/{}", from.time_since_epoch().count(), to.time_since_epoch().count(), after);
  }
};

Cursor parse_cursor(std::string_view text) {
  int64_t parts[3] = {};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int i = 0; i < 3; ++i) {
    const auto read = std::from_chars(at, end, parts[i]);
    const bool separated = i == 2 ? read.ptr == end : read.ptr != end && *read.ptr == '/';
    if (read.ec != std::errc() || !separated) invalid("Invalid marker: it does not come from DescribeEvents.");
    at = read.ptr + 1;
  }
  return {Time(Millis(parts[0])), Time(Millis(parts[1])), parts[2]};
}

Millis duration_of(const Message& in) {
  const int32_t minutes = in.duration.value_or(60);
  constexpr int32_t kMost = 14 * 24 * 60;
  if (minutes < 1 || minutes > kMost) {
    invalid(fmt::format("Invalid value {} for Duration. It is a number of minutes from 1 to {} (14 days).", minutes,
                        kMost));
  }
  return std::chrono::minutes(minutes);
}

/// The last hour, or what StartTime, EndTime and Duration say. Both ends are included.
Cursor window_of(const Message& in, Time now) {
  const Millis duration = duration_of(in);
  Cursor w;
  w.to = in.end_time                    ? wire::to_time(*in.end_time)
         : in.start_time && in.duration ? wire::to_time(*in.start_time) + duration
                                        : now;
  w.from = in.start_time ? wire::to_time(*in.start_time) : w.to - duration;
  if (w.from > w.to) conflict("StartTime must not be later than EndTime.");
  w.from = std::max(w.from, now - kEventRetention);
  w.to += Millis(1);
  return w;
}

void check_source(const Message& in) {
  if (in.source_identifier && !in.source_type) {
    conflict("If SourceIdentifier is supplied, SourceType must also be provided.");
  }
  if (!in.source_type) return;
  const auto types = event_source_types();
  if (std::find(types.begin(), types.end(), *in.source_type) == types.end()) {
    invalid(fmt::format("Invalid source type: {}", *in.source_type));
  }
}

/// Events are read in the order in which they were written; by how much their times may disagree with it.
constexpr std::chrono::minutes kClockSlack{5};

bool wanted(const Event& e, const Message& in) {
  if (in.source_type && e.source_type != *in.source_type) return false;
  if (in.event_categories.empty()) return true;
  return std::any_of(in.event_categories.begin(), in.event_categories.end(), [&](const std::string& c) {
    return std::find(e.categories.begin(), e.categories.end(), c) != e.categories.end();
  });
}

aws::rds::Event to_wire(const Event& e) {
  aws::rds::Event out;
  out.source_type = e.source_type;
  out.source_identifier = e.source_id;
  out.source_arn = e.source_arn;
  out.message = e.message;
  out.event_categories = e.categories;
  out.date = wire::to_timestamp(e.date);
  return out;
}

store::JournalQuery query_of(const Message& in, const Scope& scope) {
  store::JournalQuery q;
  q.log = kEventLog;
  q.scope = scope.account + "/" + scope.region;
  if (in.source_identifier) {
    q.subject = *in.source_type + "/" + lower_case(*in.source_identifier);
  }
  return q;
}

}  // namespace

aws::rds::EventsMessage describe_events(Rds& rds, api::Context& ctx, const Message& in) {
  const auto request = api::rds_page(in.marker, in.max_records);
  const Filters none(in.filters, {});
  check_source(in);
  Cursor at = request.after.empty() ? window_of(in, rds.clock.now()) : parse_cursor(request.after);
  store::JournalQuery q = query_of(in, ctx.scope());
  const bool exact = in.event_categories.empty() && (q.subject.size() || !in.source_type);
  q.limit = exact ? request.limit + 1 : 2000;

  aws::rds::EventsMessage out;
  out.events.present = true;
  q.to = at.to;
  q.from = at.from;
  q.after = at.after;
  for (;;) {
    const auto batch = rds.store.read(q);
    for (const auto& entry : batch) {
      q.after = entry.sequence;
      q.from = std::max(q.from, entry.time - kClockSlack);
      const Event e = Event::decode(entry.body);
      if (!wanted(e, in)) continue;
      if (out.events.size() == request.limit) {
        out.marker = api::make_marker(at.text());
        return out;
      }
      at = {q.from, at.to, entry.sequence};
      out.events.add(to_wire(e));
    }
    if (batch.size() < q.limit) return out;
  }
}

aws::rds::EventCategoriesMessage describe_event_categories(Rds&, api::Context&,
                                                           const aws::rds::DescribeEventCategoriesMessage& in) {
  const Filters none(in.filters, {});
  aws::rds::EventCategoriesMessage out;
  out.event_categories_map_list.present = true;
  for (const auto& type : event_source_types()) {
    if (in.source_type && !in.source_type->empty() && *in.source_type != type) continue;
    auto& row = out.event_categories_map_list.add();
    row.source_type = type;
    row.event_categories = event_categories(type);
  }
  if (out.event_categories_map_list.empty()) invalid(fmt::format("Invalid source type: {}", *in.source_type));
  return out;
}

}  // namespace howdah::rds
