#pragma once
#include <string_view>

#include "aws/rds.h"
#include "rds/rds.h"

namespace howdah::rds {

/// The one certificate authority there is: the root that signs every server's certificate.
inline constexpr std::string_view kCertificateAuthority = "rds-ca-rsa2048-g1";

aws::rds::CertificateMessage describe_certificates(Rds&, api::Context&, const aws::rds::DescribeCertificatesMessage&);

}  // namespace howdah::rds
