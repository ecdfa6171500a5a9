// DescribeCertificates: the authority whose certificate clients verify servers with.
#include "rds/certificates.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>
#include <stdexcept>

#include "api/context.h"
#include "api/paginate.h"
#include "pg/tls.h"
#include "rds/filters.h"
#include "util/fault.h"

namespace howdah::rds {
namespace {

using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;

X509Ptr parse(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                      BIO_free);
  return {bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr, X509_free};
}

std::string thumbprint(const X509& certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (X509_digest(&certificate, EVP_sha1(), digest, &length) != 1) throw std::runtime_error("SHA-1 is not available");
  std::string out;
  for (unsigned i = 0; i < length; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

wire::Timestamp to_wire(const ASN1_TIME& t) {
  std::tm utc{};
  if (ASN1_TIME_to_tm(&t, &utc) != 1) throw std::runtime_error("a certificate holds no readable date");
  return {static_cast<int64_t>(timegm(&utc)) * 1000};
}

aws::rds::Certificate to_wire(const pg::Ca& ca, std::string_view region) {
  const X509Ptr certificate = parse(ca.certificate);
  if (!certificate) throw std::runtime_error("the certificate of authority " + ca.identifier + " can't be read");
  aws::rds::Certificate out;
  out.certificate_identifier = ca.identifier;
  out.certificate_type = "CA";
  out.thumbprint = thumbprint(*certificate);
  out.valid_from = to_wire(*X509_get0_notBefore(certificate.get()));
  out.valid_till = to_wire(*X509_get0_notAfter(certificate.get()));
  out.certificate_arn = fmt::format("arn:aws:rds:{}::cert:{}", region, ca.identifier);
  out.customer_override = false;
  return out;
}

}  // namespace

aws::rds::CertificateMessage describe_certificates(Rds& rds, api::Context& ctx,
                                                   const aws::rds::DescribeCertificatesMessage& in) {
  api::rds_page(in.marker, in.max_records);
  const Filters none(in.filters, {});
  if (in.certificate_identifier && *in.certificate_identifier != kCertificateAuthority) {
    throw Fault("CertificateNotFound", fmt::format("Certificate {} not found. There is {}.", *in.certificate_identifier,
                                                   kCertificateAuthority));
  }
  aws::rds::CertificateMessage out;
  out.default_certificate_for_new_launches = kCertificateAuthority;
  out.certificates.add(to_wire(rds.ca, ctx.region));
  return out;
}

}  // namespace howdah::rds
