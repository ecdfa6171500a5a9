#include "net/http_server.h"

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "net/http_messages.h"
#include "net/stream.h"
#include "net/worker_pool.h"
#include "util/log.h"

namespace howdah::net {
namespace {

using tcp = asio::ip::tcp;
using Parser = http::request_parser<http::string_body>;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr auto kLinger = std::chrono::seconds(2);
constexpr size_t kLingerBytes = 32 * 1024 * 1024;
constexpr size_t kMostTurnedAway = 64;   // at a time; others are closed without a word
constexpr size_t kOneWrite = 64 * 1024;  // of a head and a body together

}  // namespace

// All members without a comment belong to the I/O thread once it runs.
struct HttpServer::Impl {
  Impl(HttpServerOptions o, HttpHandler h)
      : options(std::move(o)), handler(std::move(h)), acceptor(io), pool(options.workers, options.max_queued) {}

  /// A request's part of max_bodies_bytes, from its headers to its answer.
  struct Claim {
    explicit Claim(Impl& s) : server(s) {}
    ~Claim() { server.claimed -= bytes; }
    bool take(size_t size) {
      if (server.claimed + size > server.options.max_bodies_bytes) return false;
      server.claimed += size;
      bytes += size;
      return true;
    }
    Impl& server;
    size_t bytes = 0;
  };

  Result<void> listen();
  Result<void> use_tls();
  void run();
  void stop(std::chrono::milliseconds grace);

  asio::awaitable<void> accept_connections();
  asio::awaitable<void> serve_connection(tcp::socket socket);
  asio::awaitable<void> turn_away(tcp::socket socket);
  asio::awaitable<void> serve(Stream& stream, std::string peer);
  asio::awaitable<bool> first_byte(Stream& stream, beast::flat_buffer& buffer);
  asio::awaitable<error_code> read_request(Stream& stream, beast::flat_buffer& buffer, Parser& parser, Claim& claim);
  asio::awaitable<bool> send(Stream& stream, wire::HttpResponse response, unsigned version, bool keep_alive, bool head);
  asio::awaitable<void> refuse(Stream& stream, wire::HttpResponse response);
  asio::awaitable<wire::HttpResponse> on_worker(wire::HttpRequest request);
  wire::HttpResponse answer(const wire::HttpRequest& request) noexcept;
  bool gone(const Stream& stream);

  /// Knows a connection for as long as its coroutine lives.
  struct Open {
    Open(Impl& s, Stream& t) : server(s), stream(t) { server.open.insert(&stream); }
    ~Open() {
      server.idle.erase(&stream);
      server.open.erase(&stream);
      if (server.open.empty() && server.stopping) server.report_drained();
    }
    Impl& server;
    Stream& stream;
  };

  bool wait_drained(std::chrono::milliseconds limit) {
    std::unique_lock lock(mu);
    return all_done.wait_for(lock, limit, [this] { return drained; });
  }
  void report_drained() {
    std::lock_guard lock(mu);
    drained = true;
    all_done.notify_all();
  }

  const HttpServerOptions options;  // never changes
  const HttpHandler handler;        // called on workers
  uint16_t bound_port = 0;          // set by listen()
  bool stopping = false;
  size_t claimed = 0;
  size_t turned_away = 0;  // connections beyond the limit that are being told so
  std::set<Stream*> open;
  std::set<Stream*> idle;  // those of `open` that wait for a request or a handshake

  std::mutex mu;
  std::condition_variable all_done;
  bool drained = false;  // guarded by mu
  bool stopped = false;  // guarded by mu

  asio::io_context io{1};  // goes before the above, which coroutines use to their end
  tcp::acceptor acceptor;
  std::optional<asio::ssl::context> tls;
  WorkerPool pool;  // thread-safe; goes before `io`, to which its jobs post
  std::thread thread;
};

Result<void> HttpServer::Impl::use_tls() {
  tls.emplace(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  error_code ec;
  tls->use_certificate_chain_file(options.tls_certificate, ec);
  if (ec) return fail("cannot read the TLS certificate " + options.tls_certificate + ": " + ec.message());
  tls->use_private_key_file(options.tls_key, asio::ssl::context::pem, ec);
  if (ec) return fail("cannot use the TLS key " + options.tls_key + ": " + ec.message());
  return {};
}

Result<void> HttpServer::Impl::listen() {
  error_code ec;
  const auto address = asio::ip::make_address(options.address, ec);
  if (ec) return fail("listen address '" + options.address + "' is not an IP address, e.g. 127.0.0.1 or ::1");
  const bool secure = !options.tls_certificate.empty() || !options.tls_key.empty();
  if (!secure && !address.is_loopback()) {
    return fail("refusing to listen on " + options.address +
                " without TLS: only loopback may be plain HTTP; set tls_certificate and tls_key");
  }
  if (secure) {
    if (auto ok = use_tls(); !ok) return ok;
  }
  const tcp::endpoint endpoint(address, options.port);
  const std::string where =
      (address.is_v6() ? "[" + options.address + "]" : options.address) + ":" + std::to_string(options.port);
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec == asio::error::address_in_use) {
    return fail("cannot listen on " + where + ": another process uses that address (see: ss -ltnp)");
  }
  if (ec) return fail("cannot listen on " + where + ": " + ec.message());
  bound_port = acceptor.local_endpoint(ec).port();
  return {};
}

void HttpServer::Impl::run() {
  asio::co_spawn(io, accept_connections(), asio::detached);
  thread = std::thread([this] { io.run(); });
}

void HttpServer::Impl::stop(std::chrono::milliseconds grace) {
  {
    std::lock_guard lock(mu);
    if (std::exchange(stopped, true)) return;
  }
  asio::post(io, [this] {
    stopping = true;
    error_code ignored;
    acceptor.close(ignored);
    for (Stream* stream : idle) stream->cancel();
    if (open.empty()) report_drained();
  });
  if (!wait_drained(grace)) {
    asio::post(io, [this] {
      for (Stream* stream : open) stream->close();
    });
  }
  pool.stop();
  wait_drained(kLinger);
  io.stop();
  if (thread.joinable()) thread.join();
}

asio::awaitable<void> HttpServer::Impl::accept_connections() {
  asio::steady_timer pause(io);
  while (acceptor.is_open()) {
    auto [ec, socket] = co_await acceptor.async_accept(kAsTuple);
    if (ec == asio::error::operation_aborted) co_return;
    if (ec) {  // out of descriptors, mostly: others must close theirs first
      log::warn("cannot accept a connection", {{"error", ec.message()}});
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(kAsTuple);
      continue;
    }
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (open.size() < options.max_connections) {
      asio::co_spawn(io, serve_connection(std::move(socket)), asio::detached);
    } else if (!tls && turned_away < kMostTurnedAway) {
      asio::co_spawn(io, turn_away(std::move(socket)), asio::detached);
    }  // with TLS, nothing readable can be said before a handshake, which is what we cannot afford
  }
}

asio::awaitable<void> HttpServer::Impl::turn_away(tcp::socket socket) {
  turned_away++;
  Stream stream(std::move(socket));
  co_await refuse(stream, plain(503, "Too many connections, try again later."));
  turned_away--;
}

asio::awaitable<void> HttpServer::Impl::serve_connection(tcp::socket socket) {
  error_code ec;
  const auto remote = socket.remote_endpoint(ec);
  if (ec || stopping) co_return;
  Stream stream(std::move(socket), tls ? &*tls : nullptr);
  Open counted(*this, stream);
  if (tls) {
    idle.insert(&stream);
    stream.expires_after(options.header_timeout);
    const error_code failed = co_await stream.accept_tls();
    idle.erase(&stream);
    if (failed || stopping) co_return;
  }
  co_await serve(stream, remote.address().to_string());
  stream.expires_after(kLinger);
  co_await stream.end_tls();
}

asio::awaitable<bool> HttpServer::Impl::first_byte(Stream& stream, beast::flat_buffer& buffer) {
  if (buffer.size() > 0) co_return true;  // pipelined
  if (stopping) co_return false;          // since the last answer's head was written, or since accept()
  stream.expires_after(options.idle_timeout);
  idle.insert(&stream);
  const Stream::Got got = co_await stream.read_some(buffer.prepare(4096));
  idle.erase(&stream);
  if (got.ec) co_return false;
  buffer.commit(got.bytes);
  co_return true;
}

asio::awaitable<error_code> HttpServer::Impl::read_request(Stream& stream, beast::flat_buffer& buffer, Parser& parser,
                                                           Claim& claim) {
  stream.expires_after(options.header_timeout);
  while (!parser.is_header_done()) {
    const error_code ec = co_await read_some(stream, buffer, parser);
    if (ec) co_return ec;
  }
  if (!names_host(parser.get())) co_return make_error_code(kNoHost);
  if (!parser.chunked() && parser.get().count(http::field::transfer_encoding) > 0) {
    co_return http::error::bad_transfer_encoding;  // nobody could tell where the body ends and the next request begins
  }
  const auto announced = parser.content_length();
  if (!claim.take(announced ? *announced : parser.chunked() ? options.max_body_bytes : 0)) {
    co_return asio::error::no_buffer_space;
  }
  stream.expires_after(options.body_timeout);
  if (beast::iequals(parser.get()[http::field::expect], "100-continue") && !parser.is_done()) {
    const error_code ec = co_await stream.write("HTTP/1.1 100 Continue\r\n\r\n");
    if (ec) co_return ec;
  }
  parser.eager(true);
  while (!parser.is_done()) {
    const error_code ec = co_await read_some(stream, buffer, parser);
    if (ec) co_return ec;
  }
  co_return error_code();
}

asio::awaitable<bool> HttpServer::Impl::send(Stream& stream, wire::HttpResponse response, unsigned version,
                                             bool keep_alive, bool head) {
  std::string text = head_of(response, version, keep_alive);
  if (head) response.body.clear();
  if (text.size() + response.body.size() <= kOneWrite) text += std::exchange(response.body, {});
  stream.expires_after(options.body_timeout);
  error_code ec = co_await stream.write(text);
  if (!ec) ec = co_await stream.write(response.body);
  co_return !ec;
}

/// Says no and reads on for a moment: closing at once would reset the connection under the client's feet before it
/// has read why.
asio::awaitable<void> HttpServer::Impl::refuse(Stream& stream, wire::HttpResponse response) {
  const bool sent = co_await send(stream, std::move(response), 11, false, false);
  if (!sent) co_return;
  stream.end_sending();
  stream.expires_after(kLinger);
  std::vector<char> sink(64 * 1024);
  for (size_t total = 0; total < kLingerBytes;) {
    const Stream::Got got = co_await stream.drain(asio::buffer(sink));
    if (got.ec) co_return;
    total += got.bytes;
  }
}

asio::awaitable<void> HttpServer::Impl::serve(Stream& stream, std::string peer) {
  beast::flat_buffer buffer;
  for (;;) {
    const bool there = co_await first_byte(stream, buffer);
    if (!there) co_return;
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(options.max_header_bytes));
    parser.body_limit(options.max_body_bytes);
    Claim claim(*this);
    const error_code ec = co_await read_request(stream, buffer, parser, claim);
    if (ec) {
      wire::HttpResponse no = refusal(ec, options);
      if (no.status != 0) co_await refuse(stream, std::move(no));
      co_return;
    }
    auto request = parser.release();
    const unsigned version = request.version();
    if (version != 10 && version != 11) {
      co_await refuse(stream, plain(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here."));
      co_return;
    }
    const bool head = request.method() == http::verb::head;
    const bool wants_more = request.keep_alive();
    stream.expires_never();
    wire::HttpRequest in = from_beast(std::move(request), peer);
    in.client_gone = [this, &stream] { return gone(stream); };
    wire::HttpResponse response = co_await on_worker(std::move(in));
    const bool keep_alive = wants_more && !stopping;
    const bool sent = co_await send(stream, std::move(response), version, keep_alive, head);
    if (!sent) co_return;
    if (!keep_alive) break;
  }
  if (!tls) stream.end_sending();
}

/// For workers: the stream, which is the I/O thread's, lives as long as its request is being answered.
bool HttpServer::Impl::gone(const Stream& stream) {
  std::promise<bool> out;
  asio::post(io, [&] { out.set_value(!stream.established()); });
  return out.get_future().get();
}

wire::HttpResponse HttpServer::Impl::answer(const wire::HttpRequest& request) noexcept {
  try {
    return handler(request);
  } catch (const std::exception& e) {
    log::error("a request handler failed", {{"path", request.raw_path}, {"error", e.what()}});
  }
  return plain(500, "Internal error.");
}

asio::awaitable<wire::HttpResponse> HttpServer::Impl::on_worker(wire::HttpRequest request) {
  auto start = [this](auto resume, std::shared_ptr<wire::HttpRequest> in) {
    // shared: std::function wants copies, the continuation is move-only. Always resumed on the I/O thread.
    auto shared = std::make_shared<decltype(resume)>(std::move(resume));
    auto deliver = [this](auto continuation, wire::HttpResponse out) {
      asio::post(io, [continuation = std::move(continuation), out = std::move(out)]() mutable {
        (*continuation)(std::move(out));
      });
    };
    auto job = [this, shared, in, deliver] { deliver(shared, answer(*in)); };
    if (!pool.submit(std::move(job))) deliver(shared, plain(503, "The server is busy, try again later."));
  };
  auto in = std::make_shared<wire::HttpRequest>(std::move(request));
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(wire::HttpResponse)>(
      start, asio::use_awaitable, std::move(in));
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, HttpHandler handler) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
  if (auto ok = impl->listen(); !ok) return tl::unexpected(ok.error());
  impl->run();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { impl_->stop({}); }
uint16_t HttpServer::port() const { return impl_->bound_port; }
void HttpServer::stop(std::chrono::milliseconds grace) { impl_->stop(grace); }

}  // namespace howdah::net
