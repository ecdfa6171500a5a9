#include "net/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <thread>

#include "net/http_server.h"
#include "os/fd.h"
#include "os/files.h"

namespace howdah::net {
namespace {

using namespace std::chrono_literals;

/// What a server does with the connection of one client, byte by byte.
class Talk {
 public:
  explicit Talk(int fd) : fd_(fd) {}

  /// The request's head and, by its Content-Length, its body.
  std::string request() {
    std::string seen;
    for (;;) {
      const size_t head = seen.find("\r\n\r\n"), length = seen.find("Content-Length: ");
      const size_t body = length == seen.npos ? 0 : std::stoul(seen.substr(length + 16));
      if (head != seen.npos && seen.size() >= head + 4 + body) return seen;
      char buffer[65536];
      const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return seen;
      seen.append(buffer, static_cast<size_t>(n));
    }
  }
  void say(std::string_view text) { (void)!::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  /// Until the client has gone.
  void wait() {
    char byte;
    while (recv(fd_, &byte, 1, 0) > 0) {
    }
  }

 private:
  int fd_;
};

/// Listens on loopback and talks as told to one client after the other; `clients` says how many there were.
class Server {
 public:
  explicit Server(std::function<void(Talk&)> talk) : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), size) != 0 || listen(listener_.get(), 8) != 0 ||
        getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(at.sin_port);
    thread_ = std::jthread([this, talk = std::move(talk)] {
      for (;;) {
        const os::Fd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!client) return;
        clients++;
        Talk one(client.get());
        talk(one);
      }
    });
  }
  ~Server() { shutdown(listener_.get(), SHUT_RDWR); }
  Server(const Server&) = delete;

  HttpTarget target() const { return {.host = "127.0.0.1", .port = std::to_string(port_)}; }

  std::atomic<int> clients{0};

 private:
  os::Fd listener_;
  uint16_t port_ = 0;
  std::jthread thread_;
};

/// What the client makes of these bytes, after which the server closes.
Result<wire::HttpResponse> answer_to(const std::string& bytes) {
  Server server([&](Talk& talk) {
    (void)talk.request();
    talk.say(bytes);
  });
  return send_request(server.target(), {}, 2s);
}

TEST(HttpClient, SendsMethodHeadersAndBody) {
  std::string seen;
  Server server([&](Talk& talk) {
    seen = talk.request();
    talk.say("HTTP/1.1 201 Created\r\nETag: \"x\"\r\nContent-Length: 2\r\n\r\nok");
  });
  const std::string body(3'000'000, 'b');
  const auto answer = send_request(
      server.target(),
      {.method = "PUT", .raw_path = "/a%20b", .raw_query = "c=d", .headers = {{"x-one", "1"}}, .body = body}, 5s);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->header("ETag"), "\"x\"");
  EXPECT_EQ(answer->body, "ok");
  EXPECT_TRUE(seen.starts_with("PUT /a%20b?c=d HTTP/1.1\r\n")) << seen.substr(0, 200);
  EXPECT_NE(seen.find("x-one: 1\r\n"), seen.npos);
  EXPECT_TRUE(seen.ends_with(body));
}

TEST(HttpClient, ReadsChunkedAnswersAndThoseThatEndWithTheConnection) {
  EXPECT_EQ(
      answer_to("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n")
          ->body,
      "hello, world");
  EXPECT_EQ(answer_to("HTTP/1.1 200 OK\r\n\r\nuntil the end")->body, "until the end");
  EXPECT_EQ(answer_to("HTTP/1.1 204 No Content\r\n\r\n")->status, 204);
}

TEST(HttpClient, ACutAnswerIsNone) {
  for (const char* bytes : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nhello"}) {
    const auto answer = answer_to(bytes);
    ASSERT_FALSE(answer) << bytes;
    EXPECT_TRUE(answer.error().retry) << bytes;
    EXPECT_NE(answer.error().message.find("no answer from 127.0.0.1 port"), std::string::npos);
  }
  EXPECT_FALSE(answer_to("SSH-2.0-OpenSSH_9.2\r\n"));
}

TEST(HttpClient, FollowsNoRedirect) {
  Server server([&](Talk& talk) {
    (void)talk.request();
    talk.say("HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
  });
  const auto answer = send_request(server.target(), {}, 2s);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 307);
  EXPECT_EQ(server.clients, 1);
}

TEST(HttpClient, EveryRequestHasAConnectionOfItsOwn) {
  std::string seen;
  Server server([&](Talk& talk) {
    seen = talk.request();
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    talk.wait();  // the server would keep it
  });
  for (int i = 1; i <= 3; i++) {
    ASSERT_TRUE(send_request(server.target(), {}, 2s));
    EXPECT_EQ(server.clients, i);
  }
  EXPECT_NE(seen.find("Connection: close\r\n"), seen.npos) << seen;
  EXPECT_NE(seen.find("Host: " + server.target().host + ":" + server.target().port + "\r\n"), seen.npos) << seen;
  ASSERT_TRUE(send_request(server.target(), {.headers = {{"host", "another"}}}, 2s));
  EXPECT_NE(seen.find("another\r\n"), seen.npos) << seen;
  EXPECT_EQ(seen.find(server.target().host), seen.npos) << seen;
}

TEST(HttpClient, GivesUpOnSilence) {
  Server silent([](Talk& talk) { talk.wait(); });
  Server stops([](Talk& talk) {
    (void)talk.request();
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    talk.wait();
  });
  for (const auto& target : {silent.target(), stops.target()}) {
    const auto begin = std::chrono::steady_clock::now();
    const auto answer = send_request(target, {}, 200ms);
    const auto took = std::chrono::steady_clock::now() - begin;
    ASSERT_FALSE(answer);
    EXPECT_TRUE(answer.error().retry);
    EXPECT_GE(took, 200ms);
    EXPECT_LT(took, 5s);
  }
}

/// A slow line is no silence, in either direction.
TEST(HttpClient, WaitsForWhoGoesOnSlowly) {
  Server server([](Talk& talk) {
    (void)talk.request();
    talk.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
    for (int i = 0; i < 10; i++) {
      std::this_thread::sleep_for(100ms);
      talk.say("x");
    }
  });
  const auto answer = send_request(server.target(), {}, 700ms);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, std::string(10, 'x'));
}

TEST(HttpClient, NobodyThereIsTriedAgainLater) {
  HttpTarget target;
  {
    const Server gone([](Talk&) {});
    target = gone.target();
  }
  const auto answer = send_request(target, {}, 2s);
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().retry);
  EXPECT_NE(answer.error().message.find("cannot connect to 127.0.0.1 port"), std::string::npos);
}

TEST(HttpClient, ReadsUrls) {
  const auto parts = [](const char* url) {
    const auto t = parse_url(url).value();
    return std::tuple(t.tls, t.host, t.port);
  };
  EXPECT_EQ(parts("http://h"), std::tuple(false, "h", "80"));
  EXPECT_EQ(parts("https://h.example/"), std::tuple(true, "h.example", "443"));
  EXPECT_EQ(parts("https://10.0.0.1:9000"), std::tuple(true, "10.0.0.1", "9000"));
  EXPECT_EQ(parts("http://[::1]:9000"), std::tuple(false, "::1", "9000"));
  for (const char* url : {"", "h", "ftp://h", "http://", "http://h:", "http://h/path"}) EXPECT_FALSE(parse_url(url));
}

/// A certificate for `name` that signs itself, so that it is its own CA; and its key. Two PEM files, gone afterwards.
class Certificate {
 public:
  explicit Certificate(const std::string& name) {
    std::string path = "/var/tmp/howdah-test-http-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("cannot make " + path);
    directory_ = path;
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> x(X509_new(), X509_free);
    X509_set_version(x.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(x.get()), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const uint8_t*>("a test"), -1, -1, 0);
    X509_set_issuer_name(x.get(), X509_get_subject_name(x.get()));
    X509_set_pubkey(x.get(), key.get());
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str());
    X509_add_ext(x.get(), names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x.get(), key.get(), EVP_sha256());
    const std::unique_ptr<FILE, int (*)(FILE*)> c(fopen(certificate().c_str(), "w"), fclose);
    const std::unique_ptr<FILE, int (*)(FILE*)> k(fopen(private_key().c_str(), "w"), fclose);
    PEM_write_X509(c.get(), x.get());
    PEM_write_PrivateKey(k.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }
  ~Certificate() { (void)os::remove_tree(directory_); }
  Certificate(const Certificate&) = delete;
  std::string certificate() const { return directory_ + "/certificate.pem"; }
  std::string private_key() const { return directory_ + "/key.pem"; }

 private:
  std::string directory_;
};

TEST(HttpClient, TrustsOnlyTheGivenCaAndTheRightName) {
  const Certificate ours("localhost"), others("localhost");
  const auto server =
      HttpServer::start({.port = 0, .tls_certificate = ours.certificate(), .tls_key = ours.private_key(), .workers = 1},
                        [](const wire::HttpRequest&) { return wire::HttpResponse{.body = "secret"}; });
  ASSERT_TRUE(server) << server.error().message;
  HttpTarget target{.tls = true, .host = "localhost", .port = std::to_string((*server)->port())};
  target.ca = ours.certificate();
  const auto answer = send_request(target, {}, 5s);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "secret");

  target.host = "127.0.0.1";  // the same server, but not what its certificate says
  const auto wrong_name = send_request(target, {}, 5s);
  ASSERT_FALSE(wrong_name);
  EXPECT_FALSE(wrong_name.error().retry);
  EXPECT_NE(wrong_name.error().message.find("no TLS with 127.0.0.1"), std::string::npos);

  target.host = "localhost";
  for (const std::string& ca : {others.certificate(), std::string()}) {
    target.ca = ca;
    EXPECT_FALSE(send_request(target, {}, 5s)) << ca;
  }
  target.ca = "/nowhere.pem";
  const auto no_file = send_request(target, {}, 5s);
  ASSERT_FALSE(no_file);
  EXPECT_NE(no_file.error().message.find("/nowhere.pem"), std::string::npos);
}

}  // namespace
}  // namespace howdah::net
