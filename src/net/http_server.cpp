#include "net/http_server.h"

#include <netinet/tcp.h>

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "net/http_messages.h"
#include "net/worker_pool.h"
#include "util/log.h"

namespace howdah::net {
namespace {

using tcp = asio::ip::tcp;
using Parser = http::request_parser<http::string_body>;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr auto kLinger = std::chrono::seconds(2);
constexpr size_t kLingerBytes = 32 * 1024 * 1024;

/// Whether neither side has closed, also behind bytes that nobody has read.
bool established(tcp::socket& socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return socket.is_open() && getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
         info.tcpi_state == TCP_ESTABLISHED;
}

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
  asio::awaitable<void> serve_plain(tcp::socket socket);
  asio::awaitable<void> serve_tls(tcp::socket socket);
  asio::awaitable<void> turn_away(tcp::socket socket);
  template <class Stream>
  asio::awaitable<void> serve(Stream& stream, std::string peer);
  template <class Stream>
  asio::awaitable<bool> first_byte(Stream& stream, beast::flat_buffer& buffer);
  template <class Stream>
  asio::awaitable<error_code> read_request(Stream& stream, beast::flat_buffer& buffer, Parser& parser, Claim& claim);
  template <class Stream>
  asio::awaitable<bool> send(Stream& stream, Answer answer);
  template <class Stream>
  asio::awaitable<void> refuse(Stream& stream, wire::HttpResponse response);
  asio::awaitable<wire::HttpResponse> on_worker(wire::HttpRequest request);
  wire::HttpResponse answer(const wire::HttpRequest& request) noexcept;
  bool gone(beast::tcp_stream& stream);

  /// Knows a connection for as long as its coroutine lives.
  struct Open {
    Open(Impl& s, beast::tcp_stream& t) : server(s), stream(t) { server.open.insert(&stream); }
    ~Open() {
      server.idle.erase(&stream);
      server.open.erase(&stream);
      if (server.open.empty() && server.stopping) server.report_drained();
    }
    Impl& server;
    beast::tcp_stream& stream;
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
  std::set<beast::tcp_stream*> open;
  std::set<beast::tcp_stream*> idle;  // those of `open` that wait for a request or a handshake

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
    for (beast::tcp_stream* stream : idle) stream->cancel();
    if (open.empty()) report_drained();
  });
  if (!wait_drained(grace)) {
    asio::post(io, [this] {
      for (beast::tcp_stream* stream : open) stream->close();
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
    if (open.size() >= options.max_connections) {
      asio::co_spawn(io, turn_away(std::move(socket)), asio::detached);
    } else if (tls) {
      asio::co_spawn(io, serve_tls(std::move(socket)), asio::detached);
    } else {
      asio::co_spawn(io, serve_plain(std::move(socket)), asio::detached);
    }
  }
}

asio::awaitable<void> HttpServer::Impl::turn_away(tcp::socket socket) {
  if (tls) co_return;  // nothing readable can be said before a handshake, which is what we cannot afford
  beast::tcp_stream stream(std::move(socket));
  co_await refuse(stream, plain(503, "Too many connections, try again later."));
}

asio::awaitable<void> HttpServer::Impl::serve_plain(tcp::socket socket) {
  error_code ec;
  const auto remote = socket.remote_endpoint(ec);
  if (ec) co_return;
  beast::tcp_stream stream(std::move(socket));
  Open counted(*this, stream);
  co_await serve(stream, remote.address().to_string());
}

asio::awaitable<void> HttpServer::Impl::serve_tls(tcp::socket socket) {
  error_code ec;
  const auto remote = socket.remote_endpoint(ec);
  if (ec) co_return;
  TlsStream stream(std::move(socket), *tls);
  auto& lowest = beast::get_lowest_layer(stream);
  Open counted(*this, lowest);
  idle.insert(&lowest);
  lowest.expires_after(options.header_timeout);
  auto [failed] = co_await stream.async_handshake(asio::ssl::stream_base::server, kAsTuple);
  idle.erase(&lowest);
  if (failed || stopping) co_return;
  co_await serve(stream, remote.address().to_string());
  lowest.expires_after(kLinger);
  co_await stream.async_shutdown(kAsTuple);
}

template <class Stream>
asio::awaitable<bool> HttpServer::Impl::first_byte(Stream& stream, beast::flat_buffer& buffer) {
  if (buffer.size() > 0) co_return true;  // pipelined
  auto& lowest = beast::get_lowest_layer(stream);
  lowest.expires_after(options.idle_timeout);
  idle.insert(&lowest);
  auto [ec, n] = co_await stream.async_read_some(buffer.prepare(4096), kAsTuple);
  idle.erase(&lowest);
  if (ec) co_return false;
  buffer.commit(n);
  co_return true;
}

template <class Stream>
asio::awaitable<error_code> HttpServer::Impl::read_request(Stream& stream, beast::flat_buffer& buffer, Parser& parser,
                                                           Claim& claim) {
  auto& lowest = beast::get_lowest_layer(stream);
  lowest.expires_after(options.header_timeout);
  auto [ec, n] = co_await http::async_read_header(stream, buffer, parser, kAsTuple);
  if (ec) co_return ec;
  const auto announced = parser.content_length();
  if (!claim.take(announced ? *announced : parser.chunked() ? options.max_body_bytes : 0)) {
    co_return asio::error::no_buffer_space;
  }
  lowest.expires_after(options.body_timeout);
  if (beast::iequals(parser.get()[http::field::expect], "100-continue") && !parser.is_done()) {
    http::response<http::empty_body> go_on{http::status::continue_, 11};
    auto [write_error, written] = co_await http::async_write(stream, go_on, kAsTuple);
    if (write_error) co_return write_error;
  }
  auto [body_error, m] = co_await http::async_read(stream, buffer, parser, kAsTuple);
  co_return body_error;
}

template <class Stream>
asio::awaitable<bool> HttpServer::Impl::send(Stream& stream, Answer answer) {
  beast::get_lowest_layer(stream).expires_after(options.body_timeout);
  auto [ec, n] = co_await http::async_write(stream, answer, kAsTuple);
  co_return !ec;
}

/// Says no and reads on for a moment: closing at once would reset the connection under the client's feet before it
/// has read why.
template <class Stream>
asio::awaitable<void> HttpServer::Impl::refuse(Stream& stream, wire::HttpResponse response) {
  Answer answer = to_beast(std::move(response), 11, false, false);
  if (!co_await send(stream, std::move(answer))) co_return;
  auto& lowest = beast::get_lowest_layer(stream);
  error_code ignored;
  lowest.socket().shutdown(tcp::socket::shutdown_send, ignored);
  lowest.expires_after(kLinger);
  std::vector<char> sink(64 * 1024);
  for (size_t total = 0; total < kLingerBytes;) {
    auto [ec, n] = co_await lowest.async_read_some(asio::buffer(sink), kAsTuple);
    if (ec) co_return;
    total += n;
  }
}

template <class Stream>
asio::awaitable<void> HttpServer::Impl::serve(Stream& stream, std::string peer) {
  beast::flat_buffer buffer;
  auto& lowest = beast::get_lowest_layer(stream);
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
    lowest.expires_never();
    wire::HttpRequest in = from_beast(std::move(request), peer);
    in.client_gone = [this, &lowest] { return gone(lowest); };
    wire::HttpResponse response = co_await on_worker(std::move(in));
    const bool keep_alive = wants_more && !stopping;
    const bool sent = co_await send(stream, to_beast(std::move(response), version, keep_alive, head));
    if (!sent) co_return;
    if (!keep_alive) break;
  }
  error_code ignored;
  if constexpr (std::is_same_v<Stream, beast::tcp_stream>)
    lowest.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

/// For workers: the stream, which is the I/O thread's, lives as long as its request is being answered.
bool HttpServer::Impl::gone(beast::tcp_stream& stream) {
  std::promise<bool> out;
  asio::post(io, [&] { out.set_value(!established(stream.socket())); });
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
