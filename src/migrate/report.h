#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "migrate/database.h"

namespace howdah::migrate {

/// Exit codes, stable: scripts branch on them.
enum Exit : int {
  kOk = 0,
  kUsage = 1,
  kNoConnection = 2,
  kFailed = 3,
  kInconsistent = 4,
  kLint = 5,
  kLocked = 6,
  kDrift = 7,
  kPending = 8,
  kOverBudget = 9,
  kInterrupted = 130
};

/// Something that is wrong, and the command that mends it.
struct Problem {
  std::string code;     ///< "edited", "out-of-order", "sql", ...
  std::string version;  ///< "" when it is not about one migration
  std::string where;    ///< file:line:column
  std::string message, sqlstate, detail, hint;
  std::string fix;  ///< a command that can be run as it stands
};

struct Step {
  std::string version, name, direction, status;  ///< direction up|down; status applied|reverted|failed|pending|...
  double ms = 0;
  std::string detail;
};

/// What a command says: lines while it runs, or one JSON object at its end. Not thread-safe.
class Report {
 public:
  Report(std::string command, bool json) : command_(std::move(command)), json_(json) {}
  void about(const std::string& database, const std::string& dialect) { database_ = database, dialect_ = dialect; }
  void step(Step s);
  void note(const std::string& text);
  void problem(Problem p);
  /// Prints the JSON when asked for; returns the exit code.
  int finish(int code);
  bool json() const { return json_; }
  /// One more member of the JSON object.
  void attach(std::string key, std::string json_text) { attached_.emplace_back(std::move(key), std::move(json_text)); }
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::string command_, database_, dialect_;
  bool json_;
  std::vector<Step> steps_;
  std::vector<std::string> notes_;
  std::vector<std::pair<std::string, std::string>> attached_;
  std::vector<Problem> problems_;
};

/// A failure of the server as a problem, without a place.
Problem problem_of(const SqlFailure& f, const std::string& version = "");

}  // namespace howdah::migrate
