#include "pg/probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "os/fd.h"

namespace howdah::pg {
namespace {

constexpr uint32_t kSslRequest = 80877103, kProtocol3 = 196608, kAuthSasl = 10;

struct SslFree {
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
};

/// OpenSSL writes with write(2): a server that hangs up must not kill us.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    timespec none{};
    if (sigismember(&before_, SIGPIPE) == 0) sigtimedwait(&pipe_, nullptr, &none);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_, before_;
};

std::string big_endian(uint32_t v) {
  v = htonl(v);
  return {reinterpret_cast<const char*>(&v), 4};
}

uint32_t from_big_endian(const char* p) {
  uint32_t v;
  std::memcpy(&v, p, 4);
  return ntohl(v);
}

/// A connected stream, plain or TLS. Reads and writes everything or fails; the socket's own timeouts bound each call.
class Stream {
 public:
  explicit Stream(os::Fd fd) : fd_(std::move(fd)) {}

  Result<void> send_all(const std::string& bytes) {
    if (ssl_)
      return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0 ? Result<void>() : broken("send");
    ssize_t n = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return n == static_cast<ssize_t>(bytes.size()) ? Result<void>() : broken("send");
  }

  Result<std::string> read_exactly(size_t size) {
    std::string out(size, '\0');
    for (size_t done = 0; done < size;) {
      ssize_t n = ssl_ ? SSL_read(ssl_.get(), out.data() + done, static_cast<int>(size - done))
                       : recv(fd_.get(), out.data() + done, size - done, 0);
      if (n <= 0) return tl::unexpected(broken("receive").error());
      done += static_cast<size_t>(n);
    }
    return out;
  }

  Result<void> handshake(const ProbeSpec& spec) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (!context_) return fail("no TLS context");
    if (!spec.ca_certificate.empty()) {
      std::unique_ptr<BIO, int (*)(BIO*)> bio(
          BIO_new_mem_buf(spec.ca_certificate.data(), static_cast<int>(spec.ca_certificate.size())), BIO_free);
      while (X509* cert = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), cert);
        X509_free(cert);
      }
      ERR_clear_error();
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    }
    ssl_.reset(SSL_new(context_.get()));
    if (!ssl_ || SSL_set_fd(ssl_.get(), fd_.get()) != 1) return fail("no TLS session");
    if (!spec.verify_name.empty()) {
      X509_VERIFY_PARAM* param = SSL_get0_param(ssl_.get());
      if (X509_VERIFY_PARAM_set1_ip_asc(param, spec.verify_name.c_str()) != 1)
        SSL_set1_host(ssl_.get(), spec.verify_name.c_str());
    }
    if (SSL_connect(ssl_.get()) == 1) return {};
    long verdict = SSL_get_verify_result(ssl_.get());
    ERR_clear_error();
    if (verdict != X509_V_OK)
      return fail(fmt::format("the server's certificate is refused: {}", X509_verify_cert_error_string(verdict)));
    return fail_for_now("TLS handshake failed");
  }

 private:
  static Result<void> broken(const char* what) {
    ERR_clear_error();
    return fail_for_now(fmt::format("cannot {}: the server closed the connection or did not answer in time", what));
  }
  os::Fd fd_;
  std::unique_ptr<SSL_CTX, SslFree> context_;
  std::unique_ptr<SSL, SslFree> ssl_;
};

Result<os::Fd> connect_to(const ProbeSpec& spec) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  bool six = inet_pton(AF_INET6, spec.address.c_str(), &v6.sin6_addr) == 1;
  if (!six && inet_pton(AF_INET, spec.address.c_str(), &v4.sin_addr) != 1)
    return fail(spec.address + " is not an address");
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  v4.sin_port = v6.sin6_port = htons(static_cast<uint16_t>(spec.port));
  os::Fd fd(socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto ms = spec.timeout.count();
  timeval limit{ms / 1000, static_cast<suseconds_t>(ms % 1000 * 1000)};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);  // bounds connect(2), too
  const int one = 1;  // else the start-up message waits 40 ms for the acknowledgement of the handshake's last word
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  auto* to = six ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  if (!fd || ::connect(fd.get(), to, six ? sizeof v6 : sizeof v4) != 0) {
    return fail_for_now(fmt::format("cannot connect to {} port {}: {}", spec.address, spec.port, strerror(errno)));
  }
  return fd;
}

/// The M and C fields of an ErrorResponse.
Error server_error(const std::string& body) {
  std::string code, message;
  for (size_t at = 0; at < body.size() && body[at] != '\0';) {
    size_t end = std::min(body.find('\0', at), body.size());
    if (body[at] == 'M') message = body.substr(at + 1, end - at - 1);
    if (body[at] == 'C') code = body.substr(at + 1, end - at - 1);
    at = end + 1;
  }
  bool retry = code.starts_with("57P") || code == "53300";  // starting up, shutting down, too many connections
  return Error{fmt::format("the server answers {} ({})", message, code), retry};
}

Result<void> await_password_request(Stream& stream) {
  auto head = stream.read_exactly(5);
  if (!head) return tl::unexpected(head.error());
  uint32_t size = from_big_endian(head->data() + 1);
  if (size < 4 || size > 65536) return fail("the server does not speak PostgreSQL's protocol");
  auto body = stream.read_exactly(size - 4);
  if (!body) return tl::unexpected(body.error());
  if ((*head)[0] == 'E') return tl::unexpected(server_error(*body));
  if ((*head)[0] != 'R' || body->size() < 4) return fail("the server does not ask for authentication");
  uint32_t method = from_big_endian(body->data());
  if (method != kAuthSasl)
    return fail(fmt::format("the server asks for authentication method {}, not for SCRAM", method));
  return {};
}

}  // namespace

Result<void> probe(const ProbeSpec& spec) {
  NoSigpipe guard;
  auto fd = connect_to(spec);
  if (!fd) return tl::unexpected(fd.error());
  Stream stream(std::move(*fd));
  if (spec.tls) {
    if (auto sent = stream.send_all(big_endian(8) + big_endian(kSslRequest)); !sent) return sent;
    auto answer = stream.read_exactly(1);
    if (!answer) return tl::unexpected(answer.error());
    if (*answer != "S") return fail("the server does not offer TLS");
    if (auto done = stream.handshake(spec); !done) return done;
  }
  std::string body = big_endian(kProtocol3);
  for (const std::string& word : {std::string("user"), spec.user, std::string("database"), spec.database})
    body += word + '\0';
  body += '\0';
  if (auto sent = stream.send_all(big_endian(static_cast<uint32_t>(body.size() + 4)) + body); !sent) return sent;
  return await_password_request(stream);
}

}  // namespace howdah::pg
