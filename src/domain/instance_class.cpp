#include "domain/instance_class.h"

#include <algorithm>
#include <cstdint>

namespace howdah {
namespace {

struct Size {
  const char* name;
  int vcpus;
};
constexpr Size kSizes[] = {{"large", 2},    {"xlarge", 4},    {"2xlarge", 8},   {"4xlarge", 16},
                           {"8xlarge", 32}, {"12xlarge", 48}, {"16xlarge", 64}, {"24xlarge", 96}};

struct Family {
  const char* name;
  int gib_per_vcpu;
  const char* largest;
};
constexpr Family kFamilies[] = {{"m5", 4, "24xlarge"},   {"m5d", 4, "24xlarge"}, {"m6g", 4, "16xlarge"},
                                {"m6gd", 4, "16xlarge"}, {"m6i", 4, "24xlarge"}, {"m7g", 4, "16xlarge"},
                                {"m7i", 4, "24xlarge"},  {"r5", 8, "24xlarge"},  {"r6g", 8, "16xlarge"},
                                {"r6gd", 8, "16xlarge"}, {"r6i", 8, "24xlarge"}, {"r7g", 8, "16xlarge"},
                                {"r7i", 8, "24xlarge"}};

std::vector<InstanceClass> build() {
  std::vector<InstanceClass> all;
  for (const char* t : {"t3", "t4g"}) {
    const std::string prefix = std::string("db.") + t + ".";
    all.push_back({prefix + "micro", 2, 1024});
    all.push_back({prefix + "small", 2, 2048});
    all.push_back({prefix + "medium", 2, 4096});
    all.push_back({prefix + "large", 2, 8192});
    all.push_back({prefix + "xlarge", 4, 16384});
    all.push_back({prefix + "2xlarge", 8, 32768});
  }
  for (const auto& f : kFamilies) {
    for (const auto& s : kSizes) {
      all.push_back({std::string("db.") + f.name + "." + s.name, s.vcpus, int64_t{1024} * f.gib_per_vcpu * s.vcpus});
      if (std::string_view(s.name) == f.largest) break;
    }
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

}  // namespace

const std::vector<InstanceClass>& instance_classes() {
  static const auto all = build();
  return all;
}

const InstanceClass* find_instance_class(std::string_view name) {
  const auto& all = instance_classes();
  const auto it = std::lower_bound(all.begin(), all.end(), name, [](const auto& c, auto n) { return c.name < n; });
  return it != all.end() && it->name == name ? &*it : nullptr;
}

}  // namespace howdah
