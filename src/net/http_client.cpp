#include "net/http_client.h"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include "net/http_messages.h"
#include "net/stream.h"

namespace howdah::net {
namespace {

using tcp = asio::ip::tcp;
using asio::awaitable;

constexpr size_t kLongestAnswer = 256 * 1024 * 1024;

std::string authority(const HttpTarget& target) {
  const std::string host = target.host.find(':') == std::string::npos ? target.host : "[" + target.host + "]";
  return target.port == (target.tls ? "443" : "80") ? host : host + ":" + target.port;
}

std::string head_of(const HttpTarget& target, const wire::HttpRequest& in) {
  http::fields fields;
  fields.set(http::field::host, authority(target));
  for (const auto& [name, value] : in.headers) fields.set(name, value);
  fields.set(http::field::connection, "close");
  if (!in.body.empty() || in.method == "POST" || in.method == "PUT") {
    fields.set(http::field::content_length, std::to_string(in.body.size()));
  }
  std::string out = in.method + " " + in.raw_path;
  if (!in.raw_query.empty()) out += "?" + in.raw_query;
  out += " HTTP/1.1\r\n";
  append_fields(out, fields);
  return out;
}

/// In parts, each with the whole timeout: a slow line is no silence.
awaitable<error_code> send(Stream& stream, std::string_view text, std::chrono::milliseconds timeout) {
  while (!text.empty()) {
    stream.expires_after(timeout);
    const Stream::Got sent = co_await stream.write_some(text);
    if (sent.ec) co_return sent.ec;
    text.remove_prefix(sent.bytes);
  }
  co_return error_code();
}

awaitable<error_code> exchange(Stream& stream, const HttpTarget& target, const wire::HttpRequest& request,
                               std::chrono::milliseconds timeout, wire::HttpResponse& out) {
  const std::string head = head_of(target, request);
  error_code ec = co_await send(stream, head, timeout);
  if (!ec) ec = co_await send(stream, request.body, timeout);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kLongestAnswer);
  parser.eager(true);
  while (!ec && !parser.is_done()) {
    stream.expires_after(timeout);
    ec = co_await read_some(stream, buffer, parser);
  }
  if (ec) co_return ec;
  auto answer = parser.release();
  out.status = static_cast<int>(answer.result_int());
  for (const auto& field : answer)
    out.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  out.body = std::move(answer.body());
  co_return error_code();
}

awaitable<void> ask(const HttpTarget& target, const wire::HttpRequest& request, std::chrono::milliseconds timeout,
                    tcp::resolver::results_type addresses, Stream& stream, Result<wire::HttpResponse>& out) {
  const std::string where = target.host + " port " + target.port;
  stream.expires_after(timeout);
  error_code ec = co_await stream.connect(std::move(addresses));
  if (ec) {
    out = fail_for_now("cannot connect to " + where + ": " + ec.message());
    co_return;
  }
  if (target.tls) {
    ec = co_await stream.start_tls(target.host);
    if (ec) {
      out = fail("no TLS with " + where + ": " + ec.message());
      co_return;
    }
  }
  ec = co_await exchange(stream, target, request, timeout, *out);
  if (ec) out = fail_for_now("no answer from " + where + ": " + ec.message());
}

}  // namespace

Result<HttpTarget> parse_url(const std::string& url) {
  HttpTarget out;
  std::string rest;
  if (url.starts_with("http://")) {
    rest = url.substr(7);
    out.port = "80";
  } else if (url.starts_with("https://")) {
    rest = url.substr(8);
    out.tls = true;
    out.port = "443";
  } else {
    return fail("'" + url + "' is not a URL that begins with http:// or https://");
  }
  while (rest.ends_with('/')) rest.pop_back();
  const size_t bracket = rest.find(']');
  const size_t colon = rest.find(':', bracket == rest.npos ? 0 : bracket);
  out.host = rest.substr(0, colon);
  if (colon != rest.npos) out.port = rest.substr(colon + 1);
  if (out.host.starts_with('[') && out.host.ends_with(']')) out.host = out.host.substr(1, out.host.size() - 2);
  if (out.host.empty() || out.port.empty() || rest.find('/') != rest.npos) {
    return fail("'" + url + "' is not a URL of a host and a port");
  }
  return out;
}

Result<wire::HttpResponse> send_request(const HttpTarget& target, const wire::HttpRequest& request,
                                        std::chrono::milliseconds timeout) {
  const std::string where = target.host + " port " + target.port;
  asio::io_context io;
  tcp::resolver resolver(io);
  error_code ec;
  const auto found = resolver.resolve(target.host, target.port, ec);
  if (ec) return fail_for_now("cannot find " + where + ": " + ec.message());
  asio::ssl::context tls(asio::ssl::context::tls_client);
  if (target.tls) {
    tls.set_verify_mode(asio::ssl::verify_peer);
    if (target.ca.empty()) {
      tls.set_default_verify_paths(ec);
    } else {
      tls.load_verify_file(target.ca, ec);
    }
    if (ec) return fail("cannot read the certificates in " + target.ca + ": " + ec.message());
  }
  Stream stream(tcp::socket(io), target.tls ? &tls : nullptr);
  Result<wire::HttpResponse> out;
  asio::co_spawn(io, ask(target, request, timeout, found, stream, out), asio::detached);
  io.run();
  return out;
}

}  // namespace howdah::net
