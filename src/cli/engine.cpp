#include <fmt/format.h>

#include "cli/cli.h"
#include "pg/engine.h"

namespace howdah::cli {

int list_engines(const Config& config) {
  const auto catalog = pg::Catalog::discover(config.state_dir, config.engines);
  if (catalog.engines().empty()) {
    fmt::print(stderr, "howdah: no PostgreSQL server is installed; howdah doctor says how to get one\n");
    return 1;
  }
  fmt::print("{:<10} {:<14} {:<12} {}\n", "VERSION", "FAMILY", "SUPPORTED TO", "PROGRAMS");
  for (const pg::Engine& e : catalog.engines()) {
    const std::string end = pg::dates_of(e.major).end_of_life;
    fmt::print("{:<10} {:<14} {:<12} {}\n", e.version, e.family, end.empty() ? "unknown" : end, e.bindir);
  }
  return 0;
}

}  // namespace howdah::cli
