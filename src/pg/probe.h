#pragma once
#include <chrono>
#include <string>

#include "util/result.h"

namespace howdah::pg {

struct ProbeSpec {
  std::string address;  ///< IP literal
  int port = 5432;
  std::string user, database;  ///< the user need not exist
  bool tls = true;
  std::string ca_certificate;  ///< PEM; "" = the server's certificate is not checked
  std::string verify_name;     ///< host name or address that the certificate must be for; "" = not checked
  std::chrono::milliseconds timeout = std::chrono::seconds(5);
};

/// Does what a client does until the server asks for a SCRAM password: TCP, SSLRequest, TLS handshake, startup packet.
/// Success proves without any secret that listener, TLS, pg_hba and authentication work from here. Errors carry the
/// server's own words; retry = true when nothing listens or the server is starting up or too busy.
Result<void> probe(const ProbeSpec& spec);

}  // namespace howdah::pg
