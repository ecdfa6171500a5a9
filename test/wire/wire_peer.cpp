// The other end of test/wire/roundtrip.py: one JSON request a line on stdin, one JSON answer a line on stdout.
//   {"do":"decode","request":{...},"verify":true}            -> {"operation","protocol","input"} or {"fault"}
//   {"do":"encode","service","operation","protocol","output"} -> {"status","headers","body"}
//   {"do":"error","service","operation","protocol","code","message"} -> the same
//   {"do":"db_token","token","endpoint","user"}               -> {"verdict"}
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "wire/access.h"
#include "wire/services_for_test.h"
#include "wire/sigv4.h"
#include "wire/text.h"
#include "wire/timestamp.h"

namespace howdah::wire {
namespace {

using Json = nlohmann::json;

const std::map<std::string, Protocol> kProtocols = {{"query", Protocol::Query},
                                                    {"ec2", Protocol::Ec2},
                                                    {"json", Protocol::Json},
                                                    {"smithy-rpc-v2-cbor", Protocol::Cbor},
                                                    {"rest-xml", Protocol::RestXml}};

std::optional<Secret> secret_of(const std::string& access_key) {
  if (access_key == "AKIAROUNDTRIP") return Secret{"secret/+key", ""};
  if (access_key == "ASIAROUNDTRIP") return Secret{"temporary", "session/token+=="};
  return std::nullopt;
}

HttpRequest request_of(const Json& j) {
  HttpRequest r{.method = j["method"], .raw_path = j["path"], .raw_query = j["query"]};
  r.body = *base64_decode(j["body"].get<std::string>());
  for (const Json& h : j["headers"]) r.headers.emplace_back(h[0], h[1]);
  return r;
}

/// Fills a value from JSON with the model's member names.
void fill(const Shape& shape, void* value, const Json& j) {
  switch (shape.kind) {
    case Kind::Structure:
      for (const Member& m : shape.members)
        if (j.contains(m.name)) fill(*m.shape, emplace(*m.shape, slot_of(value, m)), j[m.name]);
      return;
    case Kind::List:
      for (const Json& e : j) fill(*shape.elem, append(shape, value), e);
      return;
    case Kind::Map:
      for (const auto& [k, e] : j.items()) fill(*shape.elem, insert(shape, value, k), e);
      return;
    case Kind::String:
      as<std::string>(value) = j.get<std::string>();
      return;
    default: {
      const std::string text = j.is_string() ? j.get<std::string>() : j.dump();
      if (!set_from_text(shape, value, text)) throw std::runtime_error(shape.name + (" cannot be " + text));
    }
  }
}

Json answer_of(const HttpResponse& r) {
  Json headers = Json::array();
  for (const auto& [k, v] : r.headers) headers.push_back({k, v});
  return {{"status", r.status}, {"headers", headers}, {"body", base64_encode(r.body)}};
}

Route route_of(const Json& j) {
  Route r;
  r.service = all_services().service_signed_as(j["service"].get<std::string>());
  r.operation = r.service->find(j["operation"].get<std::string>());
  r.protocol = kProtocols.at(j["protocol"]);
  r.json_type = std::string("application/x-amz-json-") + r.service->json_version;
  return r;
}

Json decode_line(const Json& j) {
  const HttpRequest request = request_of(j["request"]);
  const Verification v = verify(request, secret_of, SystemClock().now());
  if (!v) return {{"fault", "signature: " + v.message}};
  const Route route = all_services().route(request);
  if (!route.operation) return {{"fault", route.fault->code() + ": " + route.fault->what()}};
  std::string protocol;
  for (const auto& [name, p] : kProtocols)
    if (p == route.protocol) protocol = name;
  const BoxBase in = decode(route, request);
  return {{"operation", route.operation_name},
          {"service", route.service->name},
          {"protocol", protocol},
          {"input", in ? Json::parse(dump(*route.operation->in, in.raw(), true)) : Json::object()}};
}

Json line(const Json& j) {
  const std::string what = j["do"];
  if (what == "decode") return decode_line(j);
  if (what == "db_token") {
    const auto v = verify_db_token(j["token"].get<std::string>(), {j["endpoint"]}, j["user"].get<std::string>(),
                                   secret_of, SystemClock().now());
    return {{"ok", bool(v)}, {"message", v.message}};
  }
  const Route route = route_of(j);
  if (what == "error")
    return answer_of(encode_error(route, Fault(j["code"], j["message"].get<std::string>()), "request-id-1"));
  BoxBase out;
  if (route.operation->out) fill(*route.operation->out, out.make(route.operation->out->box), j["output"]);
  return answer_of(encode_response(route, std::move(out), "request-id-1"));
}

}  // namespace
}  // namespace howdah::wire

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string text; std::getline(std::cin, text);) {
    nlohmann::json answer;
    try {
      answer = howdah::wire::line(nlohmann::json::parse(text));
    } catch (const howdah::Fault& f) {
      answer = {{"fault", f.code() + ": " + f.what()}};
    } catch (const std::exception& e) {
      answer = {{"fault", std::string("exception: ") + e.what()}};
    }
    std::cout << answer.dump() << '\n' << std::flush;
  }
}
