#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "util/result.h"
#include "wire/http.h"

/// The HTTP/1.1 front of the daemon. Boost stays behind this header.
///
/// One I/O thread owns every socket and never blocks; whole requests go to a pool of workers, which run the handler as
/// plain blocking code. A client that is slow, idle or half-way through its headers costs memory, never a worker.
namespace howdah::net {

struct HttpServerOptions {
  std::string address = "127.0.0.1";  ///< an IP literal; anything but loopback needs TLS
  uint16_t port = 4566;               ///< 0 lets the kernel choose (tests)
  std::string tls_certificate;        ///< PEM file, chain included; empty = plain HTTP
  std::string tls_key;                ///< PEM file
  size_t workers = 12;
  size_t max_queued = 256;  ///< requests that wait for a worker; beyond: 503
  size_t max_connections = 1024;
  size_t max_header_bytes = 16 * 1024;
  size_t max_body_bytes = 10 * 1024 * 1024;
  size_t max_bodies_bytes = 256 * 1024 * 1024;       ///< of all requests that are being read or answered; beyond: 503
  std::chrono::milliseconds idle_timeout{75'000};    ///< between two requests of a connection
  std::chrono::milliseconds header_timeout{10'000};  ///< from the first byte of a request to the end of its headers
  std::chrono::milliseconds body_timeout{60'000};    ///< to receive the body, and to send an answer
};

/// Runs on a worker thread, several at a time. May block; an exception becomes a plain 500.
using HttpHandler = std::function<wire::HttpResponse(const wire::HttpRequest&)>;

class HttpServer {
 public:
  /// Binds and starts serving. Fails with a sentence that names the address when it is taken, not ours to use, or not
  /// loopback without TLS.
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, HttpHandler handler);
  ~HttpServer();  ///< stop() without grace
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  uint16_t port() const;

  /// Accepts nothing more, closes idle connections, lets running requests finish for at most `grace`. Idempotent.
  void stop(std::chrono::milliseconds grace);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace howdah::net
