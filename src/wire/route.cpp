#include "wire/route.h"

#include <algorithm>

#include "wire/gunzip.h"
#include "wire/sigv4.h"
#include "wire/text.h"

namespace howdah::wire {
namespace {

std::string_view first_of(std::string_view text, char separator) { return text.substr(0, text.find(separator)); }

std::string_view after_last(std::string_view text, char separator) {
  const size_t at = text.rfind(separator);
  return at == text.npos ? text : text.substr(at + 1);
}

std::string_view without_trailing_slashes(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

/// "/service/GraniteServiceVersion20100801/operation/ListMetrics" -> the part between "/service/" and "/operation/".
std::string_view cbor_target(std::string_view path) {
  constexpr std::string_view kService = "/service/", kOperation = "/operation/";
  const size_t from = path.find(kService), to = path.find(kOperation);
  if (from == path.npos || to == path.npos || to < from + kService.size()) return {};
  return path.substr(from + kService.size(), to - from - kService.size());
}

/// Parameters of a form that routing needs, from the body, else from the query string.
class Form {
 public:
  explicit Form(const HttpRequest& request) : query_(request.raw_query) {
    const std::string_view type = request.header("content-type");
    if (!type.empty() && !type.starts_with("application/x-www-form-urlencoded")) return;
    body_ = request.body;
    if (request.header("content-encoding") != "gzip") return;
    inflated_ = gunzip_start(request.body, kStartOfForm);
    body_ = inflated_;
  }
  std::string get(std::string_view name) const {
    std::string value = form_parameter(body_, name);
    return value.empty() ? form_parameter(query_, name) : value;
  }

 private:
  static constexpr size_t kStartOfForm = 64 * 1024;
  std::string_view query_, body_;
  std::string inflated_;
};

/// A name from the request, fit to be shown.
std::string describe(std::string_view name) { return to_utf8(name.substr(0, 128)); }

Fault unknown_operation(const Route& r) {
  const std::string name = describe(r.operation_name);
  if (r.protocol == Protocol::Json || r.protocol == Protocol::Cbor)
    return Fault("UnknownOperationException", "The operation " + name + " is not one of this service.");
  if (name.empty()) return Fault("MissingAction", "The request must contain the parameter Action.");
  return Fault("InvalidAction", "The action " + name + " is not valid for this web service.");
}

Fault unknown_service(const HttpRequest& request, Protocol protocol) {
  const auto scope = credential_scope(request);
  return Fault(protocol == Protocol::Json ? "UnknownOperationException" : "InvalidAction",
               scope ? "The service " + describe(scope->service) + " is not served here."
                     : "The request names neither a known service nor an action of one.");
}

/// Headers decide first: one service may speak several protocols.
Protocol protocol_of(const HttpRequest& request, const Service* service) {
  if (!request.header("smithy-protocol").empty()) return Protocol::Cbor;
  if (!request.header("x-amz-target").empty()) return Protocol::Json;
  if (!service)
    return request.header("content-type").starts_with("application/json") ? Protocol::Json : Protocol::Query;
  for (Protocol p : {Protocol::Ec2, Protocol::Query, Protocol::RestXml})
    if (service->speaks(p)) return p;
  return Protocol::Json;
}

/// The content type of a JSON answer: the request's own.
std::string json_type_of(const HttpRequest& request, const Service* service) {
  const std::string type(first_of(request.header("content-type"), ';'));
  if (type == "application/x-amz-json-1.0" || type == "application/x-amz-json-1.1") return type;
  return std::string("application/x-amz-json-") + (service && *service->json_version ? service->json_version : "1.0");
}

}  // namespace

std::string form_parameter(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const size_t amp = form.find('&');
    const std::string_view pair = form.substr(0, amp);
    form = amp == form.npos ? std::string_view{} : form.substr(amp + 1);
    const size_t eq = pair.find('=');
    if (eq != pair.npos && pair.substr(0, eq) == name) return percent_decode(pair.substr(eq + 1), true);
  }
  return {};
}

bool match_uri(const Operation& op, std::string_view path, std::vector<std::string>& labels) {
  labels.clear();
  std::string_view pattern = without_trailing_slashes(first_of(op.uri, '?'));
  path = without_trailing_slashes(path);
  while (!pattern.empty() && !path.empty()) {
    if (pattern[0] != '/' || path[0] != '/') return false;
    pattern.remove_prefix(1);
    path.remove_prefix(1);
    const std::string_view want = first_of(pattern, '/');
    const bool greedy = want.ends_with("+}");
    const std::string_view got = greedy ? path : first_of(path, '/');
    if (want.starts_with('{')) {
      if (got.empty()) return false;
      labels.push_back(percent_decode(got, false));
    } else if (want != got) {
      return false;
    }
    pattern.remove_prefix(want.size());
    path.remove_prefix(got.size());
  }
  return pattern.empty() && path.empty();
}

Router::Router(std::vector<const Service*> services) : services_(std::move(services)) {}

const Service* Router::service_signed_as(std::string_view signing_name) const {
  for (const Service* s : services_)
    if (signing_name == s->signing_name) return s;
  return nullptr;
}

const Service* Router::find_service(const HttpRequest& request, std::string_view action,
                                    std::string_view version) const {
  if (const auto scope = credential_scope(request)) return service_signed_as(scope->service);
  const std::string_view target = first_of(request.header("x-amz-target"), '.');
  const std::string_view cbor = cbor_target(request.raw_path);
  for (const Service* s : services_) {
    const std::string_view prefix = s->target_prefix;
    if (!prefix.empty() && (prefix == target || prefix == cbor)) return s;
  }
  if (!action.empty()) {
    for (const Service* s : services_)
      if (version == s->version && s->find(action)) return s;
    for (const Service* s : services_)
      if (version == s->version && (s->speaks(Protocol::Query) || s->speaks(Protocol::Ec2))) return s;
  }
  std::vector<std::string> labels;
  for (const Service* s : services_)
    if (s->speaks(Protocol::RestXml) && request.raw_path.starts_with("/" + std::string(s->version) + "/")) return s;
  const std::string_view label = first_of(request.header("host"), '.');
  for (const Service* s : services_)
    if (label == s->name || label == s->signing_name) return s;
  return nullptr;
}

void Router::find_operation(Route& r, const HttpRequest& request, std::string_view action) const {
  if (r.protocol != Protocol::RestXml) {
    r.operation_name = r.protocol == Protocol::Json   ? after_last(request.header("x-amz-target"), '.')
                       : r.protocol == Protocol::Cbor ? after_last(without_trailing_slashes(request.raw_path), '/')
                                                      : action;
    r.operation = r.service->find(r.operation_name);
    return;
  }
  r.operation_name = request.method + " " + request.raw_path;
  size_t fewest = SIZE_MAX;
  std::vector<std::string> labels;
  for (const Operation& op : r.service->operations) {
    if (request.method != op.method || !match_uri(op, request.raw_path, labels) || labels.size() >= fewest) continue;
    fewest = labels.size();
    r.operation = &op;
    r.operation_name = op.name;
  }
}

Route Router::route(const HttpRequest& request) const {
  Route r;
  const Form form(request);
  const std::string action = form.get("Action");
  r.service = find_service(request, action, form.get("Version"));
  r.protocol = protocol_of(request, r.service);
  r.json_type = json_type_of(request, r.service);
  if (!r.service) {
    r.operation_name = action;
    r.fault = unknown_service(request, r.protocol);
    return r;
  }
  if (r.service->speaks(r.protocol)) find_operation(r, request, action);
  if (!r.operation) r.fault = unknown_operation(r);
  return r;
}

}  // namespace howdah::wire
