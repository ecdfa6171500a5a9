#pragma once
#include <string>

#include "wire/shape.h"

namespace howdah::wire {

/// A request or response as one line of JSON with the model's member names, for audit records and tests. Sensitive
/// members read "****" unless `reveal`. Blobs are base64, timestamps ISO 8601.
std::string dump(const Shape& shape, const void* value, bool reveal = false);

}  // namespace howdah::wire
