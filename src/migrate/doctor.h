#pragma once
#include "migrate/session.h"

namespace howdah::migrate {

struct Finding {
  Problem problem;
  std::string sql;  ///< for `repair --all`: finishes what is unfinished in the database; runs outside a transaction
};

/// What `doctor` finds, worst first.
struct Examination {
  std::vector<Finding> findings;
  bool looked = true;  ///< also for drift, where the history allows it
  int exit_code() const;
};
Examination examine(Session& s);

}  // namespace howdah::migrate
