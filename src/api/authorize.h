#pragma once
#include "api/context.h"

namespace howdah::api {

/// Decides whether the caller may do this, and throws AccessDenied (in the service's spelling) when not.
///
/// The one place where policies are evaluated, in AWS's order: explicit deny of a service control policy, explicit deny
/// of a resource's or identity's policy, allow, implicit deny. Today an administrator may do everything in its own
/// account and nobody else anything, but for what AWS lets every signer do (sts:GetCallerIdentity).
void authorize(const Context& ctx);

}  // namespace howdah::api
