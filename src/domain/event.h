#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "domain/scope.h"
#include "store/store.h"

namespace howdah {

/// What DescribeEvents shows: something that happened to a resource. Kept 14 days (AWS's rule).
struct Event {
  std::string source_type;  ///< db-instance, db-snapshot, db-parameter-group, ...
  std::string source_id;    ///< the resource's name at that time
  std::string source_arn;
  std::string id;  ///< RDS-EVENT-nnnn; travels in notifications, DescribeEvents has no field for it
  std::vector<std::string> categories;
  std::string message;
  Time date{};

  std::string encode() const;
  static Event decode(std::string_view text);
};

inline constexpr std::string_view kEventLog = "event";
inline constexpr std::chrono::hours kEventRetention{14 * 24};

/// Records the event in the transaction that makes it true.
void append_event(store::Tx& tx, const Scope& scope, const Event& event);

/// One row of AWS's table of RDS events (user guide, "Amazon RDS event categories and event messages").
struct EventKind {
  const char* id;           ///< "RDS-EVENT-0005"
  const char* source_type;  ///< "db-instance"
  const char* category;     ///< "creation"
  const char* message;      ///< "DB instance created"; empty = the caller's own text
};

/// The number of our own kind n, "HOWDAH-EVENT-<n>". Where AWS has no kind n, plain n means the same.
constexpr int own_event(int n) { return 9000 + n; }

/// The kind with that number, e.g. 5; throws std::logic_error when the table has no such row.
const EventKind& event_kind(int number);

/// Categories of a source type in AWS's order, and the source types there are.
std::vector<std::string> event_categories(std::string_view source_type);
std::vector<std::string> event_source_types();

}  // namespace howdah
