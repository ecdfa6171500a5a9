#include "api/audit.h"

#include <algorithm>
#include <array>

#include "util/log.h"
#include "wire/dump.h"

namespace howdah::api {
namespace {

constexpr size_t kLongest = 4096;

std::string parameters(const Context& ctx, const void* in) {
  if (!ctx.operation.in || !in) return "{}";
  std::string text = wire::dump(*ctx.operation.in, in);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

}  // namespace

bool is_mutating(const wire::Operation& operation) {
  static constexpr std::array<std::string_view, 9> kReading = {"Describe", "List",   "Get",  "Download", "Lookup",
                                                               "Search",   "Filter", "Test", "Validate"};
  const std::string_view name = operation.name;
  return std::none_of(kReading.begin(), kReading.end(), [&](auto prefix) { return name.starts_with(prefix); });
}

void audit(const Context& ctx, const void* in, const Fault* fault) {
  if (!is_mutating(ctx.operation)) return;
  log::info("audit", {{"service", ctx.service.name},
                      {"event", ctx.operation.name},
                      {"outcome", fault ? fault->code() : std::string("ok")},
                      {"arn", ctx.caller.arn},
                      {"key", ctx.caller.access_key},
                      {"region", ctx.region},
                      {"source_ip", ctx.source_ip},
                      {"user_agent", ctx.user_agent},
                      {"request_id", ctx.request_id},
                      {"parameters", parameters(ctx, in)}});
}

}  // namespace howdah::api
