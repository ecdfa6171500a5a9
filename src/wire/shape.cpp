#include "wire/shape.h"

#include <algorithm>

namespace howdah::wire {
namespace {

const ErrorCode* find_error(Table<ErrorCode> errors, std::string_view code) {
  for (const ErrorCode& e : errors)
    if (code == e.code) return &e;
  for (const ErrorCode& e : errors)
    if (code == e.shape) return &e;
  return nullptr;
}

}  // namespace

const ErrorCode* Operation::error(std::string_view code) const { return find_error(errors, code); }

const ErrorCode* Service::error(std::string_view code) const { return find_error(errors, code); }

const Operation* Service::find(std::string_view operation) const {
  const Operation* at = std::lower_bound(operations.begin(), operations.end(), operation,
                                         [](const Operation& op, std::string_view n) { return op.name < n; });
  return at != operations.end() && at->name == operation ? at : nullptr;
}

bool Service::speaks(Protocol p) const { return std::find(protocols.begin(), protocols.end(), p) != protocols.end(); }

}  // namespace howdah::wire
