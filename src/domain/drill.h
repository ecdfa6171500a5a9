#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/scope.h"
#include "store/store.h"
#include "util/clock.h"

namespace howdah {

/// One restore drill: the newest restore point of an instance was restored aside, looked at and thrown away. The last
/// few of each instance are kept.
struct Drill {
  static constexpr std::string_view kKind = "drill";

  enum class State { running, passed, failed };

  Scope scope;
  std::string resource_id;  ///< of the instance
  std::string identifier;   ///< its name when the drill began
  std::string id;           ///< names the scratch directory
  State state = State::running;
  Time started{}, ended{};
  Time instant{};  ///< whose state was restored
  uint32_t timeline = 0;
  uint64_t lsn = 0;  ///< where the recovery ended, verified
  std::string base;  ///< that it began with
  uint64_t bytes = 0, rows = 0;
  int32_t databases = 0, tables = 0, indexes = 0;
  std::string fingerprint;
  std::vector<std::string> problems, notes;

  std::string key() const { return scope.key(resource_id + "/" + id); }
  std::vector<std::string> aliases() const { return {by_id(id)}; }
  static std::string by_id(std::string_view id) { return "id:" + std::string(id); }
  std::string sentence() const;  ///< what the event says

  std::string encode() const;
  static Drill decode(std::string_view text);
};
std::string_view status_word(Drill::State state);  ///< "running", "passed", "failed"

}  // namespace howdah
