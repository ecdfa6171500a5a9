#include <fmt/format.h>

#include <thread>

#include "cli/cli.h"
#include "cli/control.h"

namespace howdah::cli {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(200);

void print(const nlohmann::json& drill) {
  fmt::print("{} {} {}: {}\n", drill.value("DrillId", "").substr(0, 13), drill.value("Identifier", ""),
             drill.value("Status", ""), drill.value("Message", ""));
}

}  // namespace

int drill(const Config& config, const std::string& instance) {
  const auto begun = call(config, "StartDrill", {{"Instance", instance}});
  if (!begun) return complain(begun.error());
  const std::string id = begun->at("Drill").value("DrillId", ""), resource = begun->at("Drill").value("ResourceId", "");
  for (;;) {
    const auto seen = call(config, "DescribeDrills", {{"Instance", resource}});
    if (!seen) return complain(seen.error());
    for (const auto& d : seen->value("Drills", nlohmann::json::array())) {
      if (d.value("DrillId", "") != id || d.value("Status", "") == "running") continue;
      fmt::print("{}\n", d.value("Message", ""));
      if (!d.value("Fingerprint", "").empty()) fmt::print("fingerprint of all rows: {}\n", d.value("Fingerprint", ""));
      return d.value("Status", "") == "passed" ? 0 : 1;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

int drills(const Config& config, const std::string& instance) {
  const auto seen = call(config, "DescribeDrills",
                         instance.empty() ? nlohmann::json::object() : nlohmann::json{{"Instance", instance}});
  if (!seen) return complain(seen.error());
  for (const auto& d : seen->value("Drills", nlohmann::json::array())) print(d);
  return 0;
}

}  // namespace howdah::cli
