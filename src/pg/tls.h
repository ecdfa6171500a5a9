#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "util/clock.h"
#include "util/result.h"

/// Our own certificate authority: one self-signed root per CA identifier of AWS, and leaf certificates for servers.
/// Keys are made with OpenSSL in this process and touch nothing but the files named here.
namespace howdah::pg {

/// Names of AWS's certificate authorities, which say what key a server gets: RSA 2048, RSA 4096 or P-384.
constexpr const char* kDefaultCa = "rds-ca-rsa2048-g1";
std::vector<std::string> ca_identifiers();

struct Ca {
  std::string identifier;
  std::string certificate;  ///< PEM
  std::string key_file;     ///< 0600, read when a leaf is issued
};

/// Returns <state>/ca/<identifier>/, made at the first call (valid for 40 years). Restartable: appears by rename.
Result<Ca> ensure_ca(const std::string& state, const std::string& identifier = kDefaultCa);

/// The certificates of all authorities that exist: what clients download as the global bundle.
std::string ca_bundle(const std::string& state);

struct Leaf {
  std::string certificate, key;  ///< PEM; the key goes into conf/server.key and nowhere else
};

/// Issues a server certificate for `names` (DNS names and IP addresses, the endpoint first), valid for 13 months from
/// `now` and five minutes back. `key` is a PEM key from KeyStock; "" = make one now.
Result<Leaf> issue_leaf(const Ca& ca, const std::vector<std::string>& names, Time now, const std::string& key = "");

/// Keeps a few fresh keys ready for the next leaves: making an RSA key takes 50 to 500 ms, which nobody who creates an
/// instance should wait for. They are made by a thread of its own, while some are left a moment after the last was
/// taken: who takes one is about to start a server, which needs the processors. They live in memory only. Thread-safe.
class KeyStock {
 public:
  explicit KeyStock(std::string ca_identifier);
  ~KeyStock();
  KeyStock(const KeyStock&) = delete;
  /// A key as PEM that nobody else has: a spare one, or a new one when there is none at the moment.
  std::string take();

 private:
  void refill();

  const std::string ca_;
  std::mutex mu_;  // guards spares_, last_ and stopping_
  std::condition_variable changed_;
  std::vector<std::string> spares_;
  std::chrono::steady_clock::time_point last_;  // when one was taken
  bool stopping_ = false;
  std::thread maker_;
};

constexpr std::chrono::hours kRenewBefore{24 * 60};  ///< how long before its end a leaf is issued anew

/// When the first certificate in `pem` ends.
Result<Time> valid_till(const std::string& pem);

/// True when the certificate is not this authority's, ends within kRenewBefore, or is not exactly for `names`.
bool needs_renewal(const std::string& certificate, const Ca& ca, const std::vector<std::string>& names, Time now);

}  // namespace howdah::pg
