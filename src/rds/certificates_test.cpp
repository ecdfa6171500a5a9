#include "rds/certificates.h"

#include "pg/tls.h"
#include "rds/catalog_testing.h"

namespace howdah::rds {
namespace {

class Certificates : public testing::Catalogued {};

TEST_F(Certificates, IsTheRootThatSignsServers) {
  ca_ = *pg::ensure_ca(fake_.path());
  const auto out = call(describe_certificates, {});
  EXPECT_EQ(*out.default_certificate_for_new_launches, "rds-ca-rsa2048-g1");
  ASSERT_EQ(out.certificates.size(), 1u);
  const auto& c = out.certificates.front();
  EXPECT_EQ(*c.certificate_identifier, "rds-ca-rsa2048-g1");
  EXPECT_EQ(*c.certificate_type, "CA");
  EXPECT_EQ(*c.certificate_arn, "arn:aws:rds:eu-west-2::cert:rds-ca-rsa2048-g1");
  EXPECT_EQ(c.thumbprint->size(), 40u);
  EXPECT_LT(c.valid_from->ms, c.valid_till->ms);
  EXPECT_FALSE(*c.customer_override);
  EXPECT_EQ(Time(Millis(c.valid_till->ms)), *pg::valid_till(ca_.certificate));
}

TEST_F(Certificates, OthersDoNotExist) {
  EXPECT_EQ(fault(describe_certificates, {.certificate_identifier = "rds-ca-2019"}), "CertificateNotFound");
}

}  // namespace
}  // namespace howdah::rds
