#pragma once
#include "api/api.h"

namespace howdah::sts {

/// Who signs: GetCallerIdentity and GetAccessKeyInfo. Sessions and roles are refused as not implemented.
void register_operations(api::Api& api);

}  // namespace howdah::sts
