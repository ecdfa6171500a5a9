#pragma once
#include "api/api.h"
#include "api/holds.h"
#include "store/store.h"
#include "util/clock.h"
#include "wire/http.h"
#include "wire/route.h"

namespace howdah::api {

/// One AWS request, from HTTP to HTTP: route, verify the signature, authorise, decode, call the handler, encode.
/// Every Fault becomes AWS's error in the request's protocol; any other exception a 500 that tells nothing but the
/// request id. Thread-safe. The Api, store and clocks outlive it.
class Dispatch {
 public:
  /// `wall` is the time that signatures are checked against: the clients' clocks do not jump when a test moves `clock`.
  Dispatch(const Api& api, store::Store& store, Holds& holds, const Clock& clock, const Clock& wall);

  wire::HttpResponse operator()(const wire::HttpRequest& request) const;

 private:
  wire::HttpResponse serve(const wire::Route& route, const wire::HttpRequest& request, const std::string& id) const;

  const Api& api_;
  store::Store& store_;
  Holds& holds_;
  const Clock& clock_;
  const Clock& wall_;
  const wire::Router router_;
};

}  // namespace howdah::api
