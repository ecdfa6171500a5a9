#include "wire/codec.h"

#include <fmt/format.h>

#include "wire/codec_parts.h"
#include "wire/gunzip.h"
#include "wire/text.h"

namespace howdah::wire {
namespace {

constexpr size_t kMaxInflated = 16 * 1024 * 1024;

struct CommonError {
  std::string_view code;
  int status;
};
/// Codes that any operation may answer with and no model lists.
constexpr CommonError kCommonErrors[] = {
    {"AccessDenied", 403},
    {"AccessDeniedException", 403},
    {"AuthFailure", 401},
    {"DryRunOperation", 412},
    {"ExpiredToken", 403},
    {"ExpiredTokenException", 403},
    {"InternalError", 500},
    {"InternalFailure", 500},
    {"InternalServiceError", 500},
    {"InvalidClientTokenId", 403},
    {"InvalidSignatureException", 403},
    {"MissingAuthenticationToken", 403},
    {"MissingAuthenticationTokenException", 403},
    {"NotAuthorized", 403},
    {"OptInRequired", 403},
    {"RequestEntityTooLarge", 413},
    {"RequestExpired", 400},
    {"ServiceUnavailable", 503},
    {"SignatureDoesNotMatch", 403},
    {"UnauthorizedOperation", 403},
    {"UnrecognizedClientException", 403},
};

bool is_xml(Protocol p) { return p == Protocol::Query || p == Protocol::Ec2 || p == Protocol::RestXml; }

/// AWS's constraint messages start member names in lower case and mark list elements: tags.1.member.key.
std::string constraint_path(std::string_view path) {
  std::string out;
  while (true) {
    const size_t dot = path.find('.');
    const std::string_view part = path.substr(0, dot);
    const size_t from = out.size();
    out += to_utf8(part);
    if (out.size() > from && out[from] >= 'A' && out[from] <= 'Z') out[from] = char(out[from] + 32);
    if (!part.empty() && part.find_first_not_of("0123456789") == part.npos) out += ".member";
    if (dot == path.npos) return out;
    out += '.';
    path.remove_prefix(dot + 1);
  }
}

std::string quoted(const Issue& issue) {
  return issue.sensitive ? "****" : to_utf8(std::string_view(issue.detail).substr(0, 200));
}

/// The code of a value outside the model's limits.
const char* constraint_code(const Route& r) {
  if (r.protocol == Protocol::Ec2) return "InvalidParameterValue";
  const std::string_view service = r.service->name;
  if (service == "rds") return "InvalidParameterValue";
  if (service == "logs") return "InvalidParameterException";
  if (service == "route53") return "InvalidInput";
  if (r.protocol == Protocol::Query || r.service->query_compatible) return "ValidationError";
  return "ValidationException";
}

std::string constraint_message(const Issues& issues) {
  std::string out = fmt::format("{} validation error{} detected: ", issues.count(), issues.count() == 1 ? "" : "s");
  const char* separator = "";
  for (const Issue& i : issues.kept()) {
    if (i.kind == Issue::Kind::Missing) {
      out += fmt::format("{}Value null at '{}' failed to satisfy constraint: Member must not be null", separator,
                         constraint_path(i.path));
    } else {
      out +=
          fmt::format("{}Value at '{}' failed to satisfy constraint: {}", separator, constraint_path(i.path), i.detail);
    }
    separator = "; ";
  }
  return out;
}

Fault malformed(const Route& r, const Issue& issue) {
  const std::string message = "The request cannot be read: " + issue.detail + ".";
  if (r.protocol == Protocol::RestXml) return Fault("MalformedXML", message);
  return Fault(is_xml(r.protocol) ? "MalformedInput" : "SerializationException", message);
}

Fault wrong_type(const Route& r, const Issue& issue) {
  if (!is_xml(r.protocol))
    return Fault("SerializationException", issue.path.empty() ? "The body must be " + issue.detail + "."
                                                              : to_utf8(issue.path) + " must be " + issue.detail + ".");
  return Fault(r.protocol == Protocol::RestXml ? "InvalidInput" : "InvalidParameterValue",
               "Invalid value '" + quoted(issue) + "' for parameter " + to_utf8(issue.path) + ".");
}

Fault missing(const Route& r, const Issues& issues) {
  const std::string text = "The request must contain the parameter " + to_utf8(issues.kept().front().path);
  if (r.protocol == Protocol::Query || r.protocol == Protocol::Ec2) return Fault("MissingParameter", text);
  if (r.service->query_compatible) return Fault("MissingParameter", text);
  return Fault(constraint_code(r), constraint_message(issues));
}

/// One fault for everything found; the first issue decides the code.
Fault fault_of(const Route& r, const Issues& issues) {
  const Issue& first = issues.kept().front();
  for (const Issue& i : issues.kept())
    if (i.kind == Issue::Kind::Malformed) return malformed(r, i);
  switch (first.kind) {
    case Issue::Kind::WrongType:
      return wrong_type(r, first);
    case Issue::Kind::Missing:
      return missing(r, issues);
    case Issue::Kind::Unknown:
      return Fault("UnknownParameter", "The parameter " + to_utf8(first.path) + " is not recognized");
    default:
      return Fault(constraint_code(r), constraint_message(issues));
  }
}

void decode_body(const Route& r, void* value, const HttpRequest& request, Issues& issues) {
  switch (r.protocol) {
    case Protocol::Query:
      return decode_form(*r.operation->in, value, request, false, issues);
    case Protocol::Ec2:
      return decode_form(*r.operation->in, value, request, true, issues);
    case Protocol::Json:
      return decode_json(*r.operation->in, value, request.body, issues);
    case Protocol::Cbor:
      return decode_cbor(*r.operation->in, value, request.body, issues);
    case Protocol::RestXml:
      return decode_rest_xml(*r.operation, value, request, issues);
  }
}

/// A pagination result that the handler left absent is an empty list, not nothing.
void make_results_present(const Operation& op, void* value) {
  if (!op.page) return;
  for (const char* key : op.page->result_keys)
    for (const Member& m : op.out->members)
      if (std::string_view(key) == m.name && m.shape->kind == Kind::List) emplace(*m.shape, slot_of(value, m));
}

std::string query_body(const Route& r, const void* value, std::string_view id) {
  const Operation& op = *r.operation;
  std::string out = fmt::format("<{}Response xmlns=\"{}\">", op.name, r.service->xmlns);
  if (op.out) {
    if (*op.wrapper) out += fmt::format("<{}>", op.wrapper);
    encode_xml_members(*op.out, value, out);
    if (*op.wrapper) out += fmt::format("</{}>", op.wrapper);
  }
  out += fmt::format("<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{}Response>", id, op.name);
  return out;
}

std::string ec2_body(const Route& r, const void* value, std::string_view id) {
  const Operation& op = *r.operation;
  std::string out =
      fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{}Response xmlns=\"{}/\"><requestId>{}</requestId>",
                  op.name, r.service->xmlns, id);
  if (op.out)
    encode_xml_members(*op.out, value, out);
  else
    out += "<return>true</return>";
  out += fmt::format("</{}Response>", op.name);
  return out;
}

HttpResponse start(const Route& r, std::string_view request_id) {
  HttpResponse response;
  response.headers.emplace_back("x-amzn-RequestId", request_id);
  if (r.protocol == Protocol::Cbor) response.headers.emplace_back("smithy-protocol", "rpc-v2-cbor");
  return response;
}

/// The modelled error behind a code; null for AWS's common ones.
const ErrorCode* modelled(const Route& r, std::string_view code) {
  const ErrorCode* e = r.operation ? r.operation->error(code) : nullptr;
  return e || !r.service ? e : r.service->error(code);
}

std::string xml_error(const Route& r, std::string_view code, std::string_view message, bool sender,
                      std::string_view id) {
  std::string escaped_code, escaped_message;
  append_xml_text(escaped_code, code);
  append_xml_text(escaped_message, message);
  if (r.protocol == Protocol::Ec2)
    return fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{}</Code><Message>{}"
        "</Message></Error></Errors><RequestID>{}</RequestID></Response>",
        escaped_code, escaped_message, id);
  return fmt::format(
      "<ErrorResponse xmlns=\"{}\"><Error><Type>{}</Type><Code>{}</Code><Message>{}</Message></Error>"
      "<RequestId>{}</RequestId></ErrorResponse>",
      r.service ? r.service->xmlns : "", sender ? "Sender" : "Receiver", escaped_code, escaped_message, id);
}

}  // namespace

BoxBase decode(const Route& r, const HttpRequest& request) {
  BoxBase box;
  if (!r.operation->in) return box;
  void* value = box.make(r.operation->in->box);
  Issues issues;
  if (request.header("content-encoding") == "gzip") {
    auto body = gunzip(request.body, kMaxInflated);
    if (!body) throw Fault(is_xml(r.protocol) ? "MalformedInput" : "SerializationException", body.error().message);
    HttpRequest inflated = request;
    inflated.body = std::move(*body);
    decode_body(r, value, inflated, issues);
  } else {
    decode_body(r, value, request, issues);
  }
  if (issues.empty()) validate(*r.operation->in, value, issues);
  if (!issues.empty()) throw fault_of(r, issues);
  return box;
}

HttpResponse encode_response(const Route& r, BoxBase out, std::string_view request_id) {
  HttpResponse response = start(r, request_id);
  const Operation& op = *r.operation;
  if (op.out && !out) out.make(op.out->box);
  if (op.out) make_results_present(op, out.raw());
  switch (r.protocol) {
    case Protocol::Query:
      response.headers.emplace_back("Content-Type", "text/xml");
      response.body = query_body(r, out.raw(), request_id);
      break;
    case Protocol::Ec2:
      response.headers.emplace_back("Content-Type", "text/xml;charset=UTF-8");
      response.body = ec2_body(r, out.raw(), request_id);
      break;
    case Protocol::Json:
      response.headers.emplace_back("Content-Type", r.json_type);
      if (op.out) encode_json(*op.out, out.raw(), response.body);
      break;
    case Protocol::Cbor:
      if (!op.out) break;
      response.headers.emplace_back("Content-Type", "application/cbor");
      encode_cbor(*op.out, out.raw(), response.body);
      break;
    case Protocol::RestXml:
      encode_rest_xml(*r.service, op, out.raw(), response);
      break;
  }
  return response;
}

int fault_status(const Route& r, std::string_view code) {
  if (const ErrorCode* e = modelled(r, code)) return e->status;
  for (const CommonError& e : kCommonErrors)
    if (e.code == code) return e.status;
  return 400;
}

HttpResponse encode_error(const Route& r, const Fault& fault, std::string_view request_id) {
  HttpResponse response = start(r, request_id);
  const ErrorCode* known = modelled(r, fault.code());
  const std::string code = known ? known->code : fault.code(), type = known ? known->shape : fault.code();
  response.status = fault_status(r, fault.code());
  const bool sender = response.status < 500;
  if (is_xml(r.protocol)) {
    response.headers.emplace_back("Content-Type", r.protocol == Protocol::Ec2 ? "text/xml;charset=UTF-8" : "text/xml");
    response.body = xml_error(r, code, fault.what(), sender, request_id);
    return response;
  }
  response.headers.emplace_back("x-amzn-ErrorType", type);
  if (r.service && r.service->query_compatible)
    response.headers.emplace_back("x-amzn-query-error", code + (sender ? ";Sender" : ";Receiver"));
  if (r.protocol == Protocol::Cbor) {
    response.headers.emplace_back("Content-Type", "application/cbor");
    encode_cbor_error(type, fault.what(), response.body);
    return response;
  }
  response.headers.emplace_back("Content-Type", r.json_type);
  response.body = "{\"__type\":";
  append_json_string(response.body, type);
  response.body += ",\"message\":";
  append_json_string(response.body, fault.what());
  response.body += '}';
  return response;
}

}  // namespace howdah::wire
