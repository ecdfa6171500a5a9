#pragma once
#include <string_view>

#include "rds/validate.h"
#include "util/fault.h"

namespace howdah::rds {

/// Throws for those members of a request about an instance (create, modify, both restores) that ask for what is not
/// there and that nothing else looks at: no member is ignored.
template <class In>
void refuse_common(const In& in) {
  const auto asked = [](const auto& text) { return text && !text->empty(); };
  if (in.domain || in.domain_fqdn || in.domain_auth_secret_arn || asked(in.domain_ou) || !in.domain_dns_ips.empty() ||
      asked(in.domain_iam_role_name)) {
    refuse("Domain", "directory logins are not there");
  }
  if (asked(in.master_user_secret_kms_key_id)) {
    throw Fault("InvalidParameterCombination",
                "You can't specify MasterUserSecretKmsKeyId without ManageMasterUserPassword.");
  }
  if (!in.tag_specifications.empty()) refuse("TagSpecifications", "automated backups have no tags of their own");
  if (in.enable_customer_owned_ip.value_or(false)) refuse("EnableCustomerOwnedIp", "there are no Outposts");
  if (in.dedicated_log_volume.value_or(false)) refuse("DedicatedLogVolume", "an instance has one volume");
  if (in.network_type.value_or("IPV4") != "IPV4") refuse("NetworkType DUAL", "instances have IPv4 addresses");
  if constexpr (requires { in.master_user_authentication_type; }) {
    if (in.master_user_authentication_type.value_or("password") != "password") {
      refuse("MasterUserAuthenticationType", "passwords are the only way to log in");
    }
  }
  if constexpr (requires { in.promotion_tier; }) {
    if (in.promotion_tier) {
      throw Fault("InvalidParameterCombination",
                  "PromotionTier applies to members of a DB cluster, and this instance is none.");
    }
  }
  if (asked(in.tde_credential_arn) || asked(in.tde_credential_password)) {
    throw Fault("InvalidParameterCombination",
                "TdeCredentialArn and TdeCredentialPassword do not apply to PostgreSQL.");
  }
}

}  // namespace howdah::rds
