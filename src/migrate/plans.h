#pragma once
#include "migrate/report.h"

/// How the server executes a list of queries, kept in a file and compared later: before and after an upgrade, a
/// migration, a change of parameters.
namespace howdah::migrate {

struct CapturePlans {
  Target target;
  std::string queries;           ///< an SQL file
  std::string file;              ///< written anew
  bool plan_only = false;        ///< EXPLAIN without ANALYZE: nothing is executed, nothing is timed
  int runs = 3;                  ///< the fastest counts
  std::string timeout = "1min";  ///< of each execution
};

/// Executes each query in a read-only transaction and keeps plan and time. What such a transaction refuses is planned
/// only.
int capture_plans(const CapturePlans& c, Report& report);

struct ComparePlans {
  std::string before, after;  ///< files that capture_plans() wrote
  double factor = 2;          ///< so many times as slow is a finding...
  double least_ms = 1;        ///< ...when it is so much more
};

/// kDrift when a query has another plan, fails now, or has become slower.
int compare_plans(const ComparePlans& c, Report& report);

}  // namespace howdah::migrate
