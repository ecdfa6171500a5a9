#include "rds/resource_name.h"

#include <fmt/format.h>

#include "util/fault.h"
#include "util/text.h"

namespace howdah::rds {
namespace {

[[noreturn]] void invalid(const char* message, std::string_view arn) {
  throw Fault("InvalidParameterValue", fmt::format(fmt::runtime(message), arn));
}

}  // namespace

ResourceName parse_resource_name(const Scope& scope, std::string_view arn) {
  // arn:aws:rds:<region>:<account>:<type>:<name>
  std::string_view rest = arn;
  std::string_view part[6];
  for (auto& p : part) {
    const auto colon = rest.find(':');
    if (colon == std::string_view::npos) invalid("Invalid resource name: {}", arn);
    p = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
  }
  if (part[0] != "arn" || part[1] != "aws" || part[2] != "rds" || part[5].empty() || rest.empty()) {
    invalid("Invalid resource name: {}", arn);
  }
  if (part[3] != scope.region || part[4] != scope.account) {
    invalid("The specified resource name does not match an RDS resource in this region: {}", arn);
  }
  return {std::string(part[5]), lower_case(rest)};
}

}  // namespace howdah::rds
