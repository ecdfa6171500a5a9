#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace howdah {

/// A DB instance class: what AWS gives an instance of that name.
struct InstanceClass {
  std::string name;  ///< db.t3.micro
  int vcpus = 0;
  int64_t memory_mib = 0;
};

/// The class of that name, or null. The classes are those that RDS for PostgreSQL orders today (families t3 to r7g).
const InstanceClass* find_instance_class(std::string_view name);
/// All of them, by name.
const std::vector<InstanceClass>& instance_classes();

}  // namespace howdah
