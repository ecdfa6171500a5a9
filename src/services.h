#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "domain/config.h"
#include "util/clock.h"
#include "util/result.h"

namespace howdah {
namespace api {
class Api;
class Holds;
}  // namespace api
namespace store {
class Store;
}

/// Everything behind the API, put together: engines, certificates, workflows, the services and their supervisor.
/// The only place that knows all of them.
class Services {
 public:
  /// Declares records and registers handlers and step tables. Throws std::runtime_error when this machine can't run
  /// servers (no user to run them as, unreadable CA): the sentence says what to do.
  Services(const Config& config, store::Store& store, const Clock& clock, api::Api& api, api::Holds& holds);
  ~Services();

  void start();                ///< picks up every workflow, adopts every running server
  void stop();                 ///< running steps finish; servers stay
  void clock_moved();          ///< a test moved the clock
  std::string bundle() const;  ///< PEM of the certificate authorities

  // For tests only.
  std::vector<std::pair<std::string, std::vector<std::string>>> flows() const;  ///< every step table and its steps
  /// Records of stopped instances that never had a server.
  void register_instances(const std::string& region, int count);
  /// Deletes every instance, then every other record but principals; between the two calls `set_clock_back`. When an
  /// instance is still there after `patience`, says which and why, and leaves everything else and the clock as they
  /// are.
  Result<void> reset(Millis patience, const std::function<void()>& set_clock_back);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace howdah
