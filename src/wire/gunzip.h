#pragma once
#include <string>
#include <string_view>

#include "util/result.h"

namespace howdah::wire {

/// Content-Encoding: gzip of a request body (botocore and the Go SDK compress PutMetricData above 10 KB). Fails on
/// malformed input and when the result would be larger than `limit`.
Result<std::string> gunzip(std::string_view compressed, size_t limit);
/// The first `limit` bytes at most, as far as they can be read: enough to find the Action of a form.
std::string gunzip_start(std::string_view compressed, size_t limit);

}  // namespace howdah::wire
