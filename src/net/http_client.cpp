#include "net/http_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <optional>

namespace howdah::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr size_t kLongestAnswer = 256 * 1024 * 1024;

http::request<http::string_body> to_beast(const wire::HttpRequest& in) {
  const std::string target = in.raw_query.empty() ? in.raw_path : in.raw_path + "?" + in.raw_query;
  http::request<http::string_body> out{http::string_to_verb(in.method), target, 11};
  for (const auto& [name, value] : in.headers) out.set(name, value);
  out.set(http::field::connection, "close");
  out.body() = in.body;
  out.prepare_payload();
  return out;
}

/// Runs one asynchronous operation to its end, so that the stream's timeout counts.
template <class Start>
error_code run(asio::io_context& io, Start start) {
  error_code result;
  start([&](error_code ec, auto&&...) { result = ec; });
  io.restart();
  io.run();
  return result;
}

template <class Stream>
error_code exchange(asio::io_context& io, Stream& stream, beast::tcp_stream& lowest, const wire::HttpRequest& request,
                    std::chrono::milliseconds timeout, wire::HttpResponse& out) {
  const auto message = to_beast(request);
  http::request_serializer<http::string_body> rest(message);
  while (!rest.is_done()) {  // in parts, each with the whole timeout: a slow line is no silence
    lowest.expires_after(timeout);
    if (auto ec = run(io, [&](auto done) { http::async_write_some(stream, rest, done); })) return ec;
  }
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kLongestAnswer);
  parser.eager(true);
  while (!parser.is_done()) {
    lowest.expires_after(timeout);
    if (auto ec = run(io, [&](auto done) { http::async_read_some(stream, buffer, parser, done); })) return ec;
  }
  auto answer = parser.release();
  out.status = answer.result_int();
  for (const auto& field : answer)
    out.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  out.body = std::move(answer.body());
  return {};
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
  std::optional<beast::ssl_stream<beast::tcp_stream>> secure;
  std::optional<beast::tcp_stream> plain;
  if (target.tls) {
    tls.set_verify_mode(asio::ssl::verify_peer);
    if (target.ca.empty()) {
      tls.set_default_verify_paths(ec);
    } else {
      tls.load_verify_file(target.ca, ec);
    }
    if (ec) return fail("cannot read the certificates in " + target.ca + ": " + ec.message());
    secure.emplace(io, tls);
    secure->set_verify_callback(asio::ssl::host_name_verification(target.host));
    SSL_set_tlsext_host_name(secure->native_handle(), target.host.c_str());
  } else {
    plain.emplace(io);
  }
  beast::tcp_stream& lowest = target.tls ? secure->next_layer() : *plain;
  lowest.expires_after(timeout);
  ec = run(io, [&](auto done) { lowest.async_connect(found, done); });
  if (ec) return fail_for_now("cannot connect to " + where + ": " + ec.message());
  wire::HttpResponse out;
  if (target.tls) {
    ec = run(io, [&](auto done) { secure->async_handshake(asio::ssl::stream_base::client, done); });
    if (ec) return fail("no TLS with " + where + ": " + ec.message());
    ec = exchange(io, *secure, lowest, request, timeout, out);
  } else {
    ec = exchange(io, *plain, lowest, request, timeout, out);
  }
  if (ec) return fail_for_now("no answer from " + where + ": " + ec.message());
  return out;
}

}  // namespace howdah::net
