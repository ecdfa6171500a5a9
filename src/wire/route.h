// Which service, operation and protocol a request is for. One port serves every service, so this is read from the
// credential scope, or for unsigned requests from Action and Version, X-Amz-Target, the path or the host name.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "util/fault.h"
#include "wire/http.h"
#include "wire/shape.h"

namespace howdah::wire {

struct Route {
  const Service* service = nullptr;      ///< null: not one of ours
  const Operation* operation = nullptr;  ///< null: see `fault`
  Protocol protocol = Protocol::Query;   ///< the answer's too, also of an error
  std::string operation_name;            ///< as the client wrote it
  std::string json_type;                 ///< the request's content type, echoed in JSON answers
  std::optional<Fault> fault;            ///< why there is no operation
};

class Router {
 public:
  /// The services must outlive the router (generated tables do).
  explicit Router(std::vector<const Service*> services);

  /// Never throws. Thread-safe.
  Route route(const HttpRequest& request) const;

  const Service* service_signed_as(std::string_view signing_name) const;
  const std::vector<const Service*>& services() const { return services_; }

 private:
  const Service* find_service(const HttpRequest& request, std::string_view action, std::string_view version) const;
  void find_operation(Route& r, const HttpRequest& request, std::string_view action) const;

  std::vector<const Service*> services_;
};

/// Whether `path` is the operation's URI; `labels` gets the percent-decoded labels ("{Id}") in order. Trailing slashes
/// do not matter.
bool match_uri(const Operation& operation, std::string_view path, std::vector<std::string>& labels);

/// The value of a parameter of a query string or form, decoded; "" when absent.
std::string form_parameter(std::string_view form, std::string_view name);

}  // namespace howdah::wire
