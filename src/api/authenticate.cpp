#include "api/authenticate.h"

#include "domain/principal.h"
#include "store/store.h"
#include "util/fault.h"
#include "wire/sigv4.h"

namespace howdah::api {
namespace {

std::optional<wire::Secret> secret_of(const store::Store& store, const std::string& access_key) {
  const auto key = store.get<AccessKey>(access_key);
  if (!key || !key->active) return std::nullopt;
  return wire::Secret{.key = key->secret};
}

Caller caller_of(const store::Store& store, const std::string& access_key) {
  const auto key = store.get<AccessKey>(access_key);
  const auto owner = key ? store.get<Principal>(key->principal) : nullptr;
  if (!owner) return {};
  return {.account = owner->account,
          .arn = owner->arn(),
          .user_id = owner->user_id,
          .access_key = access_key,
          .administrator = owner->administrator};
}

}  // namespace

Signer authenticate(const store::Store& store, const Clock& wall, const wire::Route& route,
                    const wire::HttpRequest& request) {
  wire::Verification v = wire::verify(
      request, [&](const std::string& key) { return secret_of(store, key); }, wall.now());
  const bool may_be_unsigned = route.operation && route.operation->unsigned_allowed;
  if (v.verdict == wire::Verdict::NotSigned && may_be_unsigned) return {};
  if (!v) throw wire::auth_fault(v, route.protocol);
  Signer out{caller_of(store, v.scope.access_key), v.scope.region};
  if (out.caller.arn.empty()) {  // its user was deleted between the two reads
    v.verdict = wire::Verdict::UnknownKey;
    throw wire::auth_fault(v, route.protocol);
  }
  return out;
}

}  // namespace howdah::api
