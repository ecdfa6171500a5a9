#include "sts/sts.h"

#include "aws/sts.h"
#include "domain/principal.h"

namespace howdah::sts {
namespace {

aws::sts::GetCallerIdentityResponse get_caller_identity(api::Context& ctx, const aws::sts::GetCallerIdentityRequest&) {
  aws::sts::GetCallerIdentityResponse out;
  out.account = ctx.caller.account;
  out.arn = ctx.caller.arn;
  out.user_id = ctx.caller.user_id;
  return out;
}

aws::sts::GetAccessKeyInfoResponse get_access_key_info(api::Context& ctx, const aws::sts::GetAccessKeyInfoRequest& in) {
  const auto key = ctx.store.get<AccessKey>(*in.access_key_id);
  const auto owner = key ? ctx.store.get<Principal>(key->principal) : nullptr;
  if (!owner) throw Fault("ValidationError", "There is no access key " + *in.access_key_id + ".");
  aws::sts::GetAccessKeyInfoResponse out;
  out.account = owner->account;
  return out;
}

}  // namespace

void register_operations(api::Api& api) {
  api.on(aws::sts::kService, "GetCallerIdentity", get_caller_identity);
  api.on(aws::sts::kService, "GetAccessKeyInfo", get_access_key_info);
}

}  // namespace howdah::sts
