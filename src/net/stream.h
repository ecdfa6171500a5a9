#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace boost::asio::ssl {
class context;
}

namespace howdah::net {

namespace asio = boost::asio;
using boost::system::error_code;

/// A TCP connection, with TLS or without. What Asio makes of its templates for both is compiled in stream.cpp, once:
/// Beast's algorithms over two types of streams took two minutes.
///
/// Every operation ends by the deadline, with beast::error::timeout. One coroutine at a time reads or writes; cancel()
/// and close() end what it waits for.
class Stream {
 public:
  struct Got {
    error_code ec;
    size_t bytes = 0;
  };

  /// `tls`, when there is one, must outlive the stream.
  explicit Stream(asio::ip::tcp::socket socket, asio::ssl::context* tls = nullptr);
  ~Stream();

  asio::awaitable<error_code> connect(asio::ip::tcp::resolver::results_type addresses);
  asio::awaitable<error_code> accept_tls();
  /// The certificate must be for `host`, which is also the name that is asked for.
  asio::awaitable<error_code> start_tls(std::string host);
  asio::awaitable<void> end_tls();  ///< nothing without TLS

  asio::awaitable<Got> read_some(asio::mutable_buffer into);
  asio::awaitable<Got> write_some(std::string_view text);
  asio::awaitable<error_code> write(std::string_view text);  ///< all of it
  /// What arrives below TLS, to throw away.
  asio::awaitable<Got> drain(asio::mutable_buffer into);

  void expires_after(std::chrono::nanoseconds time);
  void expires_never();
  /// Whether neither side has closed, also behind bytes that nobody has read.
  bool established() const;
  void end_sending();  ///< of TCP
  void cancel();
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace howdah::net
