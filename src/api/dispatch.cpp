#include "api/dispatch.h"

#include <fmt/format.h>

#include "api/audit.h"
#include "api/authenticate.h"
#include "api/authorize.h"
#include "util/fault.h"
#include "util/id.h"
#include "util/log.h"
#include "wire/codec.h"

namespace howdah::api {
namespace {

constexpr const char* kInternal =
    "The request processing has failed because of an unknown error, exception or failure.";

Fault not_implemented(const wire::Route& route) {
  const bool json = route.protocol == wire::Protocol::Json || route.protocol == wire::Protocol::Cbor;
  const std::string text = fmt::format("{} is not implemented by Howdah yet.", route.operation->name);
  return Fault(json && !route.service->query_compatible ? "UnknownOperationException" : "InvalidAction", text);
}

}  // namespace

Dispatch::Dispatch(const Api& api, store::Store& store, Holds& holds, const Clock& clock, const Clock& wall)
    : api_(api), store_(store), holds_(holds), clock_(clock), wall_(wall), router_(api.services()) {}

wire::HttpResponse Dispatch::operator()(const wire::HttpRequest& request) const {
  const std::string id = id::uuid();
  const wire::Route route = router_.route(request);
  try {
    return serve(route, request, id);
  } catch (const Fault& fault) {
    return wire::encode_error(route, fault, id);
  } catch (const std::exception& e) {
    log::error("request failed", {{"request_id", id}, {"operation", route.operation_name}, {"error", e.what()}});
  }
  return wire::encode_error(route, Fault("InternalFailure", kInternal), id);
}

wire::HttpResponse Dispatch::serve(const wire::Route& route, const wire::HttpRequest& request,
                                   const std::string& id) const {
  Signer signer = authenticate(store_, wall_, route, request);
  if (!route.operation) throw *route.fault;
  const Api::Entry* entry = api_.find(*route.service, *route.operation);
  if (!entry || !entry->handler) throw not_implemented(route);
  Context ctx{.caller = std::move(signer.caller),
              .region = std::move(signer.region),
              .request_id = id,
              .source_ip = request.source_ip,
              .user_agent = std::string(request.header("user-agent")),
              .clock = clock_,
              .store = store_,
              .holds = holds_,
              .service = *route.service,
              .operation = *route.operation};
  if (request.client_gone) ctx.client_gone = request.client_gone;
  wire::BoxBase in;
  try {
    authorize(ctx);
    in = wire::decode(route, request);
    static const wire::Empty nothing;
    wire::BoxBase out = entry->handler(ctx, in ? in.raw() : &nothing);
    audit(ctx, in.raw(), nullptr);
    return wire::encode_response(route, std::move(out), id);
  } catch (const Fault& fault) {
    audit(ctx, in.raw(), &fault);
    throw;
  }
}

}  // namespace howdah::api
