// AWS's wire protocols: an HTTP request -> a filled request struct, a response struct or a Fault -> an HTTP response.
//
//   Route r = router.route(http);                          // which service, protocol, operation (wire/route.h)
//   if (!r.operation) return encode_error(r, *r.fault, id);
//   BoxBase in = decode(r, http);                          // throws Fault: malformed, missing, out of limits
//   BoxBase out = handler(in);
//   return encode_response(r, std::move(out), id);
//
// All functions are pure and thread-safe. Nothing here answers 5xx to bad input.
#pragma once
#include "util/fault.h"
#include "wire/http.h"
#include "wire/route.h"
#include "wire/shape.h"

namespace howdah::wire {

/// The operation's input, decoded and validated against the model. The box holds a value of `operation->in`, or nothing
/// when the operation has no input. `route.operation` must be set. Throws Fault with the code AWS uses in that
/// protocol.
BoxBase decode(const Route& route, const HttpRequest& request);

/// `out` holds a value of `operation->out`, or nothing when the operation has no output. Lists that the operation
/// paginates over are sent even when the handler left them absent: clients index them without looking.
HttpResponse encode_response(const Route& route, BoxBase out, std::string_view request_id);

/// Works with whatever of the route is known; the status comes from fault_status().
HttpResponse encode_error(const Route& route, const Fault& fault, std::string_view request_id);

/// The HTTP status of a code: from the operation's errors, else the service's, else AWS's common errors, else 400.
int fault_status(const Route& route, std::string_view code);

}  // namespace howdah::wire
