#include "net/stream.h"

#include <netinet/tcp.h>

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <optional>

namespace howdah::net {
namespace {

namespace ssl = asio::ssl;
using asio::awaitable;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

}  // namespace

struct Stream::Impl {
  Impl(asio::ip::tcp::socket socket, ssl::context* context) : tcp(std::move(socket)) {
    if (context != nullptr) tls.emplace(tcp, *context);
  }

  boost::beast::tcp_stream tcp;
  std::optional<ssl::stream<boost::beast::tcp_stream&>> tls;
};

Stream::Stream(asio::ip::tcp::socket socket, ssl::context* tls)
    : impl_(std::make_unique<Impl>(std::move(socket), tls)) {}
Stream::~Stream() = default;

awaitable<error_code> Stream::connect(asio::ip::tcp::resolver::results_type addresses) {
  auto [ec, endpoint] = co_await impl_->tcp.async_connect(addresses, kAsTuple);
  error_code ignored;
  if (!ec) impl_->tcp.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  co_return ec;
}

awaitable<error_code> Stream::accept_tls() {
  auto [ec] = co_await impl_->tls->async_handshake(ssl::stream_base::server, kAsTuple);
  co_return ec;
}

awaitable<error_code> Stream::start_tls(std::string host) {
  impl_->tls->set_verify_callback(ssl::host_name_verification(host));
  SSL_set_tlsext_host_name(impl_->tls->native_handle(), host.c_str());
  auto [ec] = co_await impl_->tls->async_handshake(ssl::stream_base::client, kAsTuple);
  co_return ec;
}

awaitable<void> Stream::end_tls() {
  if (impl_->tls) co_await impl_->tls->async_shutdown(kAsTuple);
}

awaitable<Stream::Got> Stream::read_some(asio::mutable_buffer into) {
  if (impl_->tls) {
    auto [ec, n] = co_await impl_->tls->async_read_some(into, kAsTuple);
    co_return Got{ec, n};
  }
  auto [ec, n] = co_await impl_->tcp.async_read_some(into, kAsTuple);
  co_return Got{ec, n};
}

awaitable<Stream::Got> Stream::write_some(std::string_view text) {
  const asio::const_buffer from(text.data(), text.size());
  if (impl_->tls) {
    auto [ec, n] = co_await impl_->tls->async_write_some(from, kAsTuple);
    co_return Got{ec, n};
  }
  auto [ec, n] = co_await impl_->tcp.async_write_some(from, kAsTuple);
  co_return Got{ec, n};
}

awaitable<error_code> Stream::write(std::string_view text) {
  while (!text.empty()) {
    const Got sent = co_await write_some(text);
    if (sent.ec) co_return sent.ec;
    text.remove_prefix(sent.bytes);
  }
  co_return error_code();
}

awaitable<Stream::Got> Stream::drain(asio::mutable_buffer into) {
  auto [ec, n] = co_await impl_->tcp.async_read_some(into, kAsTuple);
  co_return Got{ec, n};
}

void Stream::expires_after(std::chrono::nanoseconds time) { impl_->tcp.expires_after(time); }
void Stream::expires_never() { impl_->tcp.expires_never(); }
void Stream::cancel() { impl_->tcp.cancel(); }
void Stream::close() { impl_->tcp.close(); }

bool Stream::established() const {
  auto& socket = impl_->tcp.socket();
  tcp_info info{};
  socklen_t size = sizeof info;
  return socket.is_open() && getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
         info.tcpi_state == TCP_ESTABLISHED;
}

void Stream::end_sending() {
  error_code ignored;
  impl_->tcp.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

}  // namespace howdah::net
