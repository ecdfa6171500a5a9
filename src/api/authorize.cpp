#include "api/authorize.h"

#include <fmt/format.h>

#include "util/fault.h"

namespace howdah::api {
namespace {

/// How the service spells a refusal.
const char* denied_code(const wire::Service& service) {
  if (service.speaks(wire::Protocol::Ec2)) return "UnauthorizedOperation";
  const bool xml = service.speaks(wire::Protocol::Query) || service.speaks(wire::Protocol::RestXml);
  return xml ? "AccessDenied" : "AccessDeniedException";
}

}  // namespace

void authorize(const Context& ctx) {
  if (ctx.caller.administrator) return;
  const std::string action = fmt::format("{}:{}", ctx.service.signing_name, ctx.operation.name);
  if (action == "sts:GetCallerIdentity") return;
  throw Fault(
      denied_code(ctx.service),
      fmt::format("User: {} is not authorized to perform: {} because no identity-based policy allows the {} action",
                  ctx.caller.arn, action, action));
}

}  // namespace howdah::api
