#include <fmt/format.h>

#include "cli/cli.h"
#include "cli/control.h"

namespace howdah::cli {

int swap(const Config& config, const std::string& first, const std::string& second, const std::string& sessions) {
  const auto begun = call(config, "SwapInstances", {{"First", first}, {"Second", second}, {"Sessions", sessions}});
  if (!begun) return complain(begun.error());
  for (const auto& warning : begun->value("Warnings", nlohmann::json::array())) {
    fmt::print(stderr, "note: {}\n", warning.get<std::string>());
  }
  int failed = 0;
  for (const auto& name : {first, second}) {
    const auto rests = await_rest(config, name);
    if (!rests) return complain(rests.error());
    const std::string status = rests->value("Status", "");
    fmt::print("{} is {} at {} port {}: {}{}{}\n", name, rests->value("ResourceId", ""), rests->value("Endpoint", ""),
               rests->value("Port", 0), status, rests->value("Reason", "").empty() ? "" : ": ",
               rests->value("Reason", ""));
    if (status != "available") failed = 1;
  }
  return failed;
}

}  // namespace howdah::cli
