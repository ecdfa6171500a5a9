#pragma once
#include "api/context.h"
#include "util/fault.h"

namespace howdah::api {

/// Whether the operation changes something, judged by its name as AWS's read-only policies do.
bool is_mutating(const wire::Operation& operation);

/// One log line for a mutating call: who, from where, what, with which parameters (what the model calls sensitive is
/// masked), and how it ended (`fault` null = well). `in` is null when the input could not be read or was not allowed.
void audit(const Context& ctx, const void* in, const Fault* fault);

}  // namespace howdah::api
