// What the fuzzers (*_fuzz.cpp) and their replay in the unit tests check. Every function takes any bytes and aborts
// when a promise of the wire layer is broken: nothing but Fault leaves a decoder, no bad input is answered 5xx, and
// what was decoded survives another trip through the codecs.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "wire/codec_parts.h"
#include "wire/gunzip.h"
#include "wire/pattern.h"
#include "wire/services_for_test.h"
#include "wire/sigv4.h"
#include "wire/text.h"
#include "wire/timestamp.h"

namespace howdah::wire::fuzz {

inline void promise(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

/// "rds CreateDBInstance\n<rest>": the operation of the first line, or one that the line's bytes select.
struct Input {
  const Service* service;
  const Operation* operation;
  std::string rest;
};

inline Input split_input(std::string_view data, Protocol protocol) {
  const size_t end = data.find('\n');
  const std::string_view line = data.substr(0, end);
  std::vector<const Service*> candidates;
  for (const Service* s : all_services().services())
    if (s->speaks(protocol)) candidates.push_back(s);
  size_t hash = 5381;
  for (char c : line) hash = hash * 33 + uint8_t(c);
  const Service* service = candidates[hash % candidates.size()];
  const std::string_view name = line.substr(0, line.find(' '));
  for (const Service* s : candidates)
    if (name == s->name) service = s;
  const Operation* op = name.size() < line.size() ? service->find(line.substr(name.size() + 1)) : nullptr;
  if (!op) op = &service->operations[hash / 31 % service->operations.size()];
  return {service, op, end == data.npos ? std::string() : std::string(data.substr(end + 1))};
}

inline std::string again(const Shape& shape, const std::string& bytes,
                         void (*decoder)(const Shape&, void*, std::string_view, Issues&)) {
  BoxBase box;
  Issues issues;
  decoder(shape, box.make(shape.box), bytes, issues);
  promise(issues.empty(), "what was encoded can be decoded");
  return dump(shape, box.raw(), true);
}

/// The request's whole way: route, decode, dump, encode as JSON and CBOR and XML, decode again.
inline void whole_way(const HttpRequest& request) {
  const Route route = all_services().route(request);
  promise(bool(route.operation) != bool(route.fault), "a route has either an operation or a fault");
  auto answer_with = [&](const Fault& fault) {
    const HttpResponse r = encode_error(route, fault, "id");
    promise(r.status >= 400 && r.status < 500, "bad input is answered 4xx");
    if (route.protocol != Protocol::Cbor) promise(is_utf8(r.body), "an error is UTF-8");
  };
  if (!route.operation) return answer_with(*route.fault);
  try {
    const BoxBase in = decode(route, request);
    if (!in) return;
    const Shape& shape = *route.operation->in;
    const std::string text = dump(shape, in.raw(), true);
    promise(is_utf8(text), "a dump is UTF-8");
    std::string json, cbor, xml;
    encode_json(shape, in.raw(), json);
    encode_cbor(shape, in.raw(), cbor);
    encode_xml_members(shape, in.raw(), xml);
    promise(again(shape, json, decode_json) == text, "JSON round trip");
    promise(again(shape, cbor, decode_cbor) == text, "CBOR round trip");
  } catch (const Fault& fault) {
    answer_with(fault);
  }
}

inline void form(std::string_view data, Protocol protocol) {
  const Input in = split_input(data, protocol);
  whole_way(form_request(in.service->signing_name, std::string("Action=") + in.operation->name + "&" + in.rest));
}
inline void query(std::string_view data) { form(data, Protocol::Query); }
inline void ec2(std::string_view data) { form(data, Protocol::Ec2); }

inline void json(std::string_view data) {
  const Input in = split_input(data, Protocol::Json);
  whole_way(json_request(in.service->signing_name, std::string(in.service->target_prefix) + "." + in.operation->name,
                         in.rest));
}

inline void cbor(std::string_view data) {
  const Input in = split_input(data, Protocol::Cbor);
  HttpRequest r = signed_request(in.service->signing_name, in.rest);
  r.raw_path = std::string("/service/") + in.service->target_prefix + "/operation/" + in.operation->name;
  r.headers.emplace_back("smithy-protocol", "rpc-v2-cbor");
  whole_way(r);
}

/// "METHOD /path?query\nheader: value\n...\n\nbody"
inline HttpRequest parse_http(std::string_view data) {
  HttpRequest r;
  auto line = [&] {
    const size_t end = data.find('\n');
    const std::string_view l = data.substr(0, end);
    data = end == data.npos ? std::string_view{} : data.substr(end + 1);
    return l;
  };
  const std::string_view first = line();
  const size_t space = first.find(' ');
  r.method = first.substr(0, space);
  const std::string_view target = space == first.npos ? std::string_view("/") : first.substr(space + 1);
  const size_t mark = target.find('?');
  r.raw_path = target.substr(0, mark);
  if (mark != target.npos) r.raw_query = target.substr(mark + 1);
  for (std::string_view l = line(); !l.empty(); l = line()) {
    const size_t colon = l.find(": ");
    if (colon != l.npos) r.headers.emplace_back(l.substr(0, colon), l.substr(colon + 2));
  }
  r.body = data;
  return r;
}

inline void http(std::string_view data) { whole_way(parse_http(data)); }

inline void rest_xml(std::string_view data) {
  HttpRequest r = parse_http(data);
  r.headers.emplace_back("authorization", signed_request("route53").headers[0].second);
  whole_way(r);
}

inline void sigv4(std::string_view data) {
  const HttpRequest r = parse_http(data);
  const Time now = to_time(parse_timestamp(r.header("x-amz-date")).value_or(Timestamp{0}));
  const auto any_key = [](const std::string& key) { return Secret{"secret of " + key, ""}; };
  const Verification v = verify(r, any_key, now);
  promise(!v, "no signature is valid by chance");
  promise(is_utf8(auth_fault(v, Protocol::Query).what()) || !is_utf8(data), "the message is UTF-8");
  credential_scope(r);
  const std::string host(data.substr(0, data.find("/?")));
  promise(!verify_db_token(data, {host}, "alice", any_key, now), "no token is valid by chance");
}

inline void text(std::string_view data) {
  if (const auto t = parse_timestamp(data)) {
    promise(parse_timestamp(format_iso8601(*t)) == t, "ISO 8601 round trip");
    promise(timestamp_of_seconds(*parse_double(format_epoch_seconds(*t))) == t, "epoch round trip");
  }
  promise(base64_decode(base64_encode(data)) == data, "base64 round trip");
  promise(percent_decode(percent_encode(data), true) == data, "percent round trip");
  promise(is_utf8(to_utf8(data)), "to_utf8 makes UTF-8");
  std::string escaped;
  append_xml_text(escaped, data);
  append_json_string(escaped, data);
  promise(is_utf8(escaped), "escaped text is UTF-8");
  base64_decode(data);
  gunzip(data, 1 << 20);
  gunzip_start(data, 1 << 16);
  static constexpr char kPattern[] = "(([a-z0-9]+-?)*|[\\w+=,.@-]{1,8})+";
  matches(kPattern, data);
}

struct Target {
  const char* name;
  void (*run)(std::string_view);
};
inline constexpr Target kTargets[] = {{"query", query}, {"ec2", ec2},           {"json", json},   {"cbor", cbor},
                                      {"http", http},   {"rest_xml", rest_xml}, {"sigv4", sigv4}, {"text", text}};

}  // namespace howdah::wire::fuzz
