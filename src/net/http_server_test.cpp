#include "net/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <future>
#include <semaphore>
#include <thread>

namespace howdah::net {
namespace {

using namespace std::chrono_literals;

/// A blocking client that shows exactly the bytes of both sides.
class Wire {
 public:
  explicit Wire(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{5, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) ADD_FAILURE() << strerror(errno);
  }
  ~Wire() { close(fd_); }
  Wire(const Wire&) = delete;

  void say(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      text.remove_prefix(static_cast<size_t>(n));
    }
  }
  /// Reads until `end` has been seen; what follows stays for the next call.
  std::string until(std::string_view end) {
    for (;;) {
      const size_t at = seen_.find(end);
      if (at != std::string::npos) {
        std::string out = seen_.substr(0, at + end.size());
        seen_.erase(0, at + end.size());
        return out;
      }
      if (!more()) return std::exchange(seen_, {});
    }
  }
  std::string to_end() {
    while (more()) {
    }
    return std::exchange(seen_, {});
  }

 private:
  bool more() {
    char buffer[4096];
    const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
    if (n > 0) seen_.append(buffer, static_cast<size_t>(n));
    return n > 0;
  }
  int fd_;
  std::string seen_;
};

HttpServerOptions quick() {
  HttpServerOptions o;
  o.port = 0;
  o.workers = 2;
  return o;
}

wire::HttpResponse echo(const wire::HttpRequest& in) {
  wire::HttpResponse out;
  out.body = in.method + " " + in.raw_path + "?" + in.raw_query + " " + in.body + " from " + in.source_ip + "\n";
  return out;
}

std::unique_ptr<HttpServer> start(HttpServerOptions options, HttpHandler handler = echo) {
  auto server = HttpServer::start(std::move(options), std::move(handler));
  if (!server) throw std::runtime_error(server.error().message);
  return std::move(*server);
}

/// Returns when all that clients have sent so far has been read: what is not HTTP is answered without a worker.
void settle(uint16_t port) {
  Wire c(port);
  c.say("\x16\r\n\r\n");
  EXPECT_TRUE(c.to_end().starts_with("HTTP/1.1 400"));
}

constexpr std::string_view kGet = "GET /a/b%20c?x=1&y HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(HttpServer, AnswersWithTheFieldsThatClientsRelyOn) {
  auto server = start(quick());
  Wire c(server->port());
  c.say(kGet);
  const std::string got = c.until("127.0.0.1\n");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\n")) << got;
  EXPECT_NE(got.find("\r\nDate: "), std::string::npos);
  EXPECT_NE(got.find("\r\nServer: howdah\r\n"), std::string::npos);
  EXPECT_NE(got.find("\r\nConnection: keep-alive\r\n"), std::string::npos);
  EXPECT_TRUE(got.ends_with("\r\n\r\nGET /a/b%20c?x=1&y  from 127.0.0.1\n")) << got;
}

TEST(HttpServer, KeepsConnectionsAndAnswersPipelinedRequestsInOrder) {
  auto server = start(quick());
  Wire c(server->port());
  c.say("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\noneGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(c.until("from 127.0.0.1\n").ends_with("POST /1? one from 127.0.0.1\n"));
  EXPECT_TRUE(c.until("from 127.0.0.1\n").ends_with("GET /2?  from 127.0.0.1\n"));
  c.say("GET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_NE(c.to_end().find("Connection: close"), std::string::npos);
}

TEST(HttpServer, Http10EndsTheConnection) {
  auto server = start(quick());
  Wire c(server->port());
  c.say("GET / HTTP/1.0\r\n\r\n");
  const std::string got = c.to_end();
  EXPECT_TRUE(got.starts_with("HTTP/1.0 200")) << got;
  EXPECT_NE(got.find("Connection: close"), std::string::npos);
}

TEST(HttpServer, ARequestNamesItsHostOnce) {
  auto server = start(quick());
  for (const char* fields : {"", "Host: a\r\nHost: a\r\n", "Host: a\r\nX: y\r\nhost: b\r\n", "Host: a/b\r\n",
                             "Host: u@a\r\n", "Host: a b\r\n", "Expect: 100-continue\r\nContent-Length: 9\r\n"}) {
    Wire c(server->port());
    c.say(std::string("GET / HTTP/1.1\r\n") + fields + "\r\n" + std::string(kGet));
    const std::string got = c.to_end();
    EXPECT_TRUE(got.starts_with("HTTP/1.1 400 ")) << fields << ": " << got;
    EXPECT_NE(got.find("Host field"), std::string::npos) << got;
    EXPECT_EQ(got.find("from 127.0.0.1"), std::string::npos) << "what follows is not answered either";
  }
  for (const char* host : {"", "localhost", "127.0.0.1:4566", "[::1]:4566", "rds.eu-west-2.amazonaws.com", "a_b"}) {
    Wire c(server->port());
    c.say(std::string("GET / HTTP/1.1\r\nHost: ") + host + "\r\n\r\n");
    EXPECT_TRUE(c.until("127.0.0.1\n").starts_with("HTTP/1.1 200 ")) << host;
  }
  Wire old(server->port());
  old.say("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n");
  EXPECT_TRUE(old.to_end().starts_with("HTTP/1.1 400 "));
}

TEST(HttpServer, AHeadRequestGetsNoBody) {
  auto server = start(quick());
  Wire c(server->port());
  c.say("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::string got = c.to_end();
  EXPECT_TRUE(got.ends_with("\r\n\r\n")) << got;
  EXPECT_NE(got.find("Content-Length: 24"), std::string::npos) << got;
}

TEST(HttpServer, SaysContinueBeforeTheBody) {
  auto server = start(quick());
  Wire c(server->port());
  c.say("PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_TRUE(c.until("\r\n\r\n").starts_with("HTTP/1.1 100 "));
  c.say("hi");
  EXPECT_TRUE(c.until("from 127.0.0.1\n").ends_with("PUT /x? hi from 127.0.0.1\n"));
}

TEST(HttpServer, ReadsChunkedBodies) {
  auto server = start(quick());
  Wire c(server->port());
  c.say("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n");
  EXPECT_TRUE(c.until("from 127.0.0.1\n").ends_with("POST /x? hi! from 127.0.0.1\n"));
}

TEST(HttpServer, RefusesWhatIsTooLong) {
  auto options = quick();
  options.max_body_bytes = 1000;
  auto server = start(options);
  Wire announced(server->port());
  announced.say("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_TRUE(announced.to_end().starts_with("HTTP/1.1 413"));
  Wire chunked(server->port());
  chunked.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2000, 'x'));
  EXPECT_TRUE(chunked.to_end().starts_with("HTTP/1.1 413"));
  Wire headers(server->port());
  headers.say("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(17 * 1024, 'x') + "\r\n\r\n");
  EXPECT_TRUE(headers.to_end().starts_with("HTTP/1.1 431"));
}

TEST(HttpServer, ABodyWhoseEndIsUnknownIsNoRequest) {
  auto server = start(quick());
  for (const char* encoding : {"gzip", "chunked, identity", "identity"}) {
    Wire c(server->port());
    c.say(std::string("POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: ") + encoding + "\r\n\r\n" +
          std::string(kGet));
    const std::string got = c.to_end();
    EXPECT_TRUE(got.starts_with("HTTP/1.1 400")) << encoding << ": " << got;
    EXPECT_EQ(got.find("from 127.0.0.1"), std::string::npos) << "the body was taken for a request";
  }
}

TEST(HttpServer, ChunkExtensionsAndTrailersHaveALimit) {
  auto server = start(quick());
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string much(1 << 20, 'x');
  for (const auto& [what, begun] : {std::pair("extension", "1;a="), {"size", ""}, {"trailer", "0\r\nX: "}}) {
    Wire c(server->port());
    c.say(head + begun + (*begun == '\0' ? std::string(1 << 20, '0') : much));
    EXPECT_TRUE(c.to_end().starts_with("HTTP/1.1 431")) << what;
  }
  Wire c(server->port());
  c.say(head + "1;a=" + much.substr(0, 2000) + "\r\n!\r\n0\r\nX: " + much.substr(0, 2000) + "\r\n\r\n");
  EXPECT_TRUE(c.until("from 127.0.0.1\n").ends_with("POST /? ! from 127.0.0.1\n"));
}

TEST(HttpServer, BodiesOfAllConnectionsTogetherHaveALimit) {
  HttpServerOptions o = quick();
  o.max_bodies_bytes = 1000;
  auto server = HttpServer::start(o, echo);
  ASSERT_TRUE(server);
  Wire first((*server)->port());
  first.say("POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 800\r\n\r\n");
  EXPECT_NE(first.until("\r\n\r\n").find("100 Continue"), std::string::npos);
  Wire second((*server)->port());
  second.say("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 800\r\n\r\n");
  const std::string refused = second.to_end();
  EXPECT_NE(refused.find("503"), std::string::npos) << refused;
  first.say(std::string(800, 'x'));
  EXPECT_NE(first.until("from 127.0.0.1").find("200 OK"), std::string::npos);
  Wire third((*server)->port());  // what the first had claimed is free again
  third.say("POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 800\r\n\r\n" + std::string(800, 'y'));
  EXPECT_NE(third.until("from 127.0.0.1").find("200 OK"), std::string::npos);
}

TEST(HttpServer, RefusesWhatIsNotHttp) {
  auto server = start(quick());
  Wire c(server->port());
  c.say("\x16\x03\x01 hello\r\n\r\n");
  EXPECT_TRUE(c.to_end().starts_with("HTTP/1.1 400"));
}

TEST(HttpServer, IdleAndSlowClientsDoNotDelayOthers) {
  auto server = start(quick());
  std::vector<std::unique_ptr<Wire>> held;
  for (int i = 0; i < 20; ++i) {
    held.push_back(std::make_unique<Wire>(server->port()));
    held.back()->say(i % 2 ? kGet : std::string_view("GET / HTTP/1.1\r\nHost:"));
  }
  const auto before = std::chrono::steady_clock::now();
  Wire c(server->port());
  c.say(kGet);
  EXPECT_TRUE(c.until("127.0.0.1\n").starts_with("HTTP/1.1 200"));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 500ms);
}

TEST(HttpServer, ClosesIdleConnectionsAndHalfSentHeaders) {
  auto options = quick();
  options.idle_timeout = 100ms;
  options.header_timeout = 150ms;
  auto server = start(options);
  Wire idle(server->port());
  Wire slow(server->port());
  const auto before = std::chrono::steady_clock::now();
  std::jthread drip([&] {
    for (const char c : std::string_view("GET / HTTP/1.1\r\nHost: hhhhhhhhhhhhhhhhhhhhhhhhh")) {
      slow.say(std::string_view(&c, 1));
      std::this_thread::sleep_for(20ms);
    }
  });
  EXPECT_EQ(idle.to_end(), "");
  EXPECT_EQ(slow.to_end(), "");  // dripping bytes does not extend the deadline
  EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
}

TEST(HttpServer, TurnsAwayConnectionsBeyondTheLimit) {
  auto options = quick();
  options.max_connections = 2;
  auto server = start(options);
  Wire a(server->port()), b(server->port());
  a.say(kGet);
  b.say(kGet);
  a.until("127.0.0.1\n");
  b.until("127.0.0.1\n");
  Wire c(server->port());
  c.say(kGet);
  EXPECT_TRUE(c.to_end().starts_with("HTTP/1.1 503"));
  a.say(kGet);
  EXPECT_TRUE(a.until("127.0.0.1\n").starts_with("HTTP/1.1 200"));
}

TEST(HttpServer, EvenThoseThatAreTurnedAwayHaveALimit) {
  auto options = quick();
  options.max_connections = 1;
  auto server = start(options);
  Wire first(server->port());
  first.say(kGet);
  first.until("127.0.0.1\n");
  std::vector<std::unique_ptr<Wire>> beyond;
  for (int n = 0; n < 200; n++) beyond.push_back(std::make_unique<Wire>(server->port()));
  size_t told = 0;
  for (auto& c : beyond) told += c->to_end().starts_with("HTTP/1.1 503") ? 1 : 0;
  EXPECT_GE(told, 64U);
  EXPECT_LT(told, 200U) << "all of them were kept for a while";
}

TEST(HttpServer, AFullQueueAnswers503AtOnce) {
  auto options = quick();
  options.workers = 1;
  options.max_queued = 1;
  std::promise<void> go;
  std::counting_semaphore<> begun(0);
  auto gate = go.get_future().share();
  auto server = start(options, [&begun, gate](const wire::HttpRequest& in) {
    begun.release();
    gate.wait();
    return echo(in);
  });
  Wire running(server->port());
  running.say(kGet);
  begun.acquire();
  Wire waiting(server->port());
  waiting.say(kGet);
  settle(server->port());
  Wire third(server->port());
  third.say(kGet);
  EXPECT_TRUE(third.until("later.\n").starts_with("HTTP/1.1 503"));
  go.set_value();
  EXPECT_TRUE(running.until("127.0.0.1\n").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(waiting.until("127.0.0.1\n").starts_with("HTTP/1.1 200"));
}

TEST(HttpServer, StopFinishesRunningRequestsAndClosesIdleOnes) {
  auto server = start(quick(), [](const wire::HttpRequest& in) {
    std::this_thread::sleep_for(200ms);
    return echo(in);
  });
  Wire idle(server->port());
  Wire busy(server->port());
  busy.say(kGet);
  settle(server->port());
  const auto before = std::chrono::steady_clock::now();
  server->stop(5s);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
  const std::string got = busy.to_end();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200")) << got;
  EXPECT_NE(got.find("Connection: close"), std::string::npos);
  EXPECT_EQ(idle.to_end(), "");
}

TEST(HttpServer, StopWaitsForNoConnectionWhoseAnswerIsStillBeingSent) {
  auto server = start(quick(), [](const wire::HttpRequest&) {
    wire::HttpResponse out;
    out.body = std::string(16 * 1024 * 1024, 'x') + "\n";  // more than a socket holds
    return out;
  });
  Wire c(server->port());
  c.say(kGet);
  EXPECT_NE(c.until("\r\n\r\n").find("200 OK"), std::string::npos);
  auto stopped = std::async(std::launch::async, [&] {
    const auto before = std::chrono::steady_clock::now();
    server->stop(10s);
    return std::chrono::steady_clock::now() - before;
  });
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(c.until("\n").size(), 16U * 1024 * 1024 + 1) << "cut short";
  EXPECT_LT(stopped.get(), 5s) << "the connection, which its head said is kept, waited for a next request";
}

TEST(HttpServer, AHandlerKnowsThatItsClientHasGone) {
  std::promise<bool> asked, saw;
  auto server = start(quick(), [&](const wire::HttpRequest& in) {
    asked.set_value(in.client_gone());
    for (int tries = 0; tries < 500 && !in.client_gone(); tries++) std::this_thread::sleep_for(10ms);
    saw.set_value(in.client_gone());
    return echo(in);
  });
  {
    Wire c(server->port());
    c.say(kGet);
    c.say("GET /next");  // also behind bytes that nobody has read
    EXPECT_FALSE(asked.get_future().get());
  }
  EXPECT_TRUE(saw.get_future().get());
}

TEST(HttpServer, AHandlerThatThrowsAnswers500WithoutDetails) {
  auto server = start(
      quick(), [](const wire::HttpRequest&) -> wire::HttpResponse { throw std::runtime_error("password=hunter2"); });
  Wire c(server->port());
  c.say(kGet);
  const std::string got = c.until("error.\n");
  EXPECT_TRUE(got.starts_with("HTTP/1.1 500")) << got;
  EXPECT_EQ(got.find("hunter2"), std::string::npos);
}

TEST(HttpServer, AHeaderValueCannotStartAnotherHeader) {
  auto server = start(quick(), [](const wire::HttpRequest&) {
    wire::HttpResponse out;
    out.headers.emplace_back("X-A", "1\r\nSet-Cookie: x");
    return out;
  });
  Wire c(server->port());
  c.say(kGet);
  EXPECT_EQ(c.until("\r\n\r\n").find("\r\nSet-Cookie"), std::string::npos);
}

TEST(HttpServer, SaysWhyItCannotListen) {
  auto first = start(quick());
  auto options = quick();
  options.port = first->port();
  auto second = HttpServer::start(options, echo);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(options.port)), std::string::npos);
  options.address = "0.0.0.0";
  auto open = HttpServer::start(options, echo);
  ASSERT_FALSE(open);
  EXPECT_NE(open.error().message.find("without TLS"), std::string::npos);
  options.address = "localhost";
  EXPECT_FALSE(HttpServer::start(options, echo));
}

}  // namespace
}  // namespace howdah::net
