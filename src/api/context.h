#pragma once
#include <functional>
#include <string>

#include "domain/scope.h"
#include "util/clock.h"
#include "wire/shape.h"

namespace howdah::store {
class Store;
}

namespace howdah::api {

class Holds;

/// Who signed the request. Empty for the few operations that AWS answers unsigned.
struct Caller {
  std::string account, arn, user_id, access_key;
  bool administrator = false;
};

/// What a handler knows besides its input. Lives for one request, on one worker thread.
struct Context {
  Caller caller;
  std::string region;  ///< from the signature's scope
  std::string request_id, source_ip, user_agent;
  const Clock& clock;
  store::Store& store;
  Holds& holds;
  const wire::Service& service;
  const wire::Operation& operation;
  std::function<bool()> client_gone = [] { return false; };  ///< nobody waits any more; asked by what takes long

  Scope scope() const { return {caller.account, region}; }
};

}  // namespace howdah::api
