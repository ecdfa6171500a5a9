#pragma once
// Between Beast's messages and ours. Only files of this folder include it: Boost is slow to compile.
#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <ctime>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "net/stream.h"
#include "util/text.h"
#include "wire/http.h"

namespace howdah::net {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr size_t kReadAtOnce = 64 * 1024;
// The parser wants these whole, and has a limit of its own for headers only.
constexpr size_t kLongestExtensions = 64 * 1024;  // of one chunk, or trailers

/// What has arrived goes to the parser, and what arrives next when that is not enough for it to get anywhere: what
/// http::async_read_some() does.
template <class Parser>
asio::awaitable<error_code> read_some(Stream& stream, beast::flat_buffer& buffer, Parser& parser) {
  error_code ec = http::error::need_more;
  if (buffer.size() > 0) buffer.consume(parser.put(buffer.data(), ec));
  while (ec == http::error::need_more) {
    if (buffer.size() > kLongestExtensions) co_return http::error::buffer_overflow;
    ec = {};
    const Stream::Got got = co_await stream.read_some(buffer.prepare(kReadAtOnce));
    if (got.ec == asio::error::eof) {
      if (!parser.got_some()) co_return http::error::end_of_stream;
      parser.put_eof(ec);
      co_return ec;
    }
    if (got.ec) co_return got.ec;
    buffer.commit(got.bytes);
    buffer.consume(parser.put(buffer.data(), ec));
  }
  co_return ec;
}

/// Appends the fields of a message and the empty line, after its first line.
inline void append_fields(std::string& text, const http::fields& fields) {
  for (const auto& field : fields) {
    text.append(field.name_string()).append(": ").append(field.value()).append("\r\n");
  }
  text += "\r\n";
}

inline std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm tm{};
  gmtime_r(&now, &tm);
  char text[40];
  const size_t n = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
  return std::string(text, n);
}

/// A header value must not be able to start another header.
inline std::string one_line(std::string value) {
  for (char& c : value) {
    if (c == '\r' || c == '\n' || c == '\0') c = ' ';
  }
  return value;
}

/// The head of an answer: everything but its body.
inline std::string head_of(wire::HttpResponse& response, unsigned version, bool keep_alive) {
  http::fields fields;
  for (auto& [name, value] : response.headers) fields.set(name, one_line(std::move(value)));
  fields.set(http::field::date, http_date());
  fields.set(http::field::server, "howdah");
  fields.set(http::field::connection, keep_alive ? "keep-alive" : "close");
  if (response.status != 204 && response.status != 304 && response.status >= 200) {
    fields.set(http::field::content_length, std::to_string(response.body.size()));
  }
  std::string out = version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ";
  out += std::to_string(response.status) + " ";
  out.append(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response.status)))).append("\r\n");
  append_fields(out, fields);
  return out;
}

inline wire::HttpRequest from_beast(http::request<http::string_body>&& in, const std::string& peer) {
  wire::HttpRequest out;
  out.method = std::string(in.method_string());
  const std::string_view target(in.target().data(), in.target().size());
  const size_t mark = target.find('?');
  out.raw_path = std::string(target.substr(0, mark));
  if (mark != std::string_view::npos) out.raw_query = std::string(target.substr(mark + 1));
  for (const auto& field : in) {
    out.headers.emplace_back(lower_case(field.name_string()), std::string(field.value()));
  }
  out.body = std::move(in.body());
  out.source_ip = peer;
  return out;
}

constexpr auto kNoHost = boost::system::errc::destination_address_required;

/// Whether a request names its host as RFC 9112 (3.2) wants it: HTTP/1.1 once, others at most once, and nothing in it
/// that ends a host's name, so that whoever stands between cannot take it for another one.
inline bool names_host(const http::request_header<>& in) {
  constexpr std::string_view kPunctuation = "-._~!$&'()*+,;=%:[]";
  const auto found = in.equal_range(http::field::host);
  if (found.first == found.second) return in.version() != 11;
  if (std::next(found.first) != found.second) return false;
  const auto value = found.first->value();
  return std::all_of(value.begin(), value.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || kPunctuation.find(c) != kPunctuation.npos;
  });
}

inline wire::HttpResponse plain(int status, std::string text) {
  wire::HttpResponse r;
  r.status = status;
  r.headers.emplace_back("Content-Type", "text/plain");
  r.body = std::move(text) + "\n";
  return r;
}

/// What a client that sent something unreadable is told; status 0 = nothing, the connection just ends.
inline wire::HttpResponse refusal(const error_code& ec, const HttpServerOptions& o) {
  if (ec == http::error::end_of_stream || ec == asio::error::eof || ec == asio::error::operation_aborted ||
      ec == asio::error::connection_reset || ec.category() == asio::error::get_ssl_category()) {
    return {.status = 0};
  }
  if (ec == beast::error::timeout) return {.status = 0};  // the stream is closed by then
  if (ec == http::error::buffer_overflow) {
    return plain(431, "A chunk's extensions, or the trailers, are longer than " + std::to_string(kLongestExtensions) +
                          " bytes.");
  }
  if (ec == http::error::header_limit) {
    return plain(431, "The headers are longer than " + std::to_string(o.max_header_bytes) + " bytes.");
  }
  if (ec == http::error::body_limit) {
    return plain(413, "The body is longer than " + std::to_string(o.max_body_bytes) + " bytes.");
  }
  if (ec == kNoHost) return plain(400, "A request must have exactly one Host field, with the name of a host.");
  if (ec == asio::error::no_buffer_space) return plain(503, "Too much is being sent at once, try again later.");
  if (ec.category() == http::make_error_code(http::error::bad_method).category()) {
    return plain(400, "Not an HTTP request: " + ec.message() + ".");
  }
  return {.status = 0};
}

}  // namespace howdah::net
