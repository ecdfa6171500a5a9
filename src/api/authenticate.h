#pragma once
#include <string>

#include "api/context.h"
#include "wire/http.h"
#include "wire/route.h"

namespace howdah::store {
class Store;
}

namespace howdah::api {

struct Signer {
  Caller caller;
  std::string region;  ///< of the credential scope
};

/// Verifies the request's signature with the key in the store. A request without one is answered with an empty Signer
/// when its operation may be called unsigned. Otherwise throws the fault that AWS gives in the request's protocol.
Signer authenticate(const store::Store& store, const Clock& wall, const wire::Route& route,
                    const wire::HttpRequest& request);

}  // namespace howdah::api
