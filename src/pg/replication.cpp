#include "pg/replication.h"

#include <libpq-fe.h>

#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "pg/bootstrap.h"

namespace howdah::pg {
namespace {

using Reply = std::unique_ptr<PGresult, void (*)(PGresult*)>;

uint64_t number_at(const char* bytes) {  // network byte order
  uint64_t out = 0;
  for (int i = 0; i < 8; i++) out = out << 8 | static_cast<unsigned char>(bytes[i]);
  return out;
}

void add_number(std::string& to, uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) to += static_cast<char>(number >> shift & 0xff);
}

template <class T>
T number_of(const char* text) {
  T out = 0;
  std::from_chars(text, text + std::char_traits<char>::length(text), out);
  return out;
}

constexpr size_t kWalHeader = 1 + 3 * 8;          // 'w', start, the server's end, its clock
constexpr size_t kKeepaliveSize = 1 + 2 * 8 + 1;  // 'k', the server's end, its clock, whether it wants an answer

}  // namespace

void Replication::Free::operator()(char* bytes) const { PQfreemem(bytes); }

Replication::Replication(pg_conn* conn) : conn_(conn, PQfinish) {}

Error Replication::error(const char* what) const {
  std::string why = PQerrorMessage(conn_.get());
  while (!why.empty() && why.back() == '\n') why.pop_back();
  return {fmt::format("cannot {}: {}", what, why), true};
}

Result<Replication> Replication::connect(const Layout& layout, int port, const std::string& name) {
  const std::string number = std::to_string(port);
  const char* keys[] = {
      "host",       "port",   "user", "replication", "passfile", "options", "application_name", "connect_timeout",
      "gssencmode", "dbname", nullptr};
  const char* values[] = {layout.run.c_str(), number.c_str(), kAdminRole, "true",        "/nonexistent", "",
                          name.c_str(),       "10",           "disable",  "replication", nullptr};
  Replication out(PQconnectdbParams(keys, values, 0));
  if (PQstatus(out.conn_.get()) != CONNECTION_OK) return tl::unexpected(out.error("receive WAL"));
  PQsetNoticeProcessor(
      out.conn_.get(), [](void*, const char*) {}, nullptr);
  return out;
}

Result<Replication::System> Replication::identify() {
  const Reply reply(PQexec(conn_.get(), "IDENTIFY_SYSTEM"), PQclear);
  if (PQresultStatus(reply.get()) != PGRES_TUPLES_OK) return tl::unexpected(error("identify the server"));
  return System{number_of<uint64_t>(PQgetvalue(reply.get(), 0, 0)), number_of<uint32_t>(PQgetvalue(reply.get(), 0, 1))};
}

Result<std::string> Replication::timeline_history(uint32_t timeline) {
  const Reply reply(PQexec(conn_.get(), fmt::format("TIMELINE_HISTORY {}", timeline).c_str()), PQclear);
  if (PQresultStatus(reply.get()) != PGRES_TUPLES_OK) return tl::unexpected(error("fetch the history of a timeline"));
  return std::string(PQgetvalue(reply.get(), 0, 1), static_cast<size_t>(PQgetlength(reply.get(), 0, 1)));
}

Result<void> Replication::start(const std::string& slot, uint64_t lsn, uint32_t timeline) {
  const std::string command = fmt::format("START_REPLICATION SLOT \"{}\" PHYSICAL {:X}/{:X} TIMELINE {}", slot,
                                          lsn >> 32, lsn & 0xffffffff, timeline);
  const Reply reply(PQexec(conn_.get(), command.c_str()), PQclear);
  if (PQresultStatus(reply.get()) != PGRES_COPY_BOTH) return tl::unexpected(error("begin to receive WAL"));
  return {};
}

Result<Replication::Message> Replication::receive() {
  char* raw = nullptr;
  int size = PQgetCopyData(conn_.get(), &raw, 1);
  if (size == 0) {
    if (PQconsumeInput(conn_.get()) == 0) return tl::unexpected(error("receive WAL"));
    size = PQgetCopyData(conn_.get(), &raw, 1);
  }
  held_.reset(raw);
  if (size == 0) return Message{};
  if (size == -1) return end_of_copy();
  if (size == -2) return tl::unexpected(error("receive WAL"));
  const auto length = static_cast<size_t>(size);
  Message out;
  if (raw[0] == 'w' && length >= kWalHeader) {
    out.kind = Message::Kind::wal;
    out.lsn = number_at(raw + 1);
    out.bytes = {raw + kWalHeader, length - kWalHeader};
  } else if (raw[0] == 'k' && length >= kKeepaliveSize) {
    out.kind = Message::Kind::keepalive;
    out.wants_answer = raw[kKeepaliveSize - 1] != 0;
  }
  return out;
}

/// The server has nothing more on this timeline, or ends.
Result<Replication::Message> Replication::end_of_copy() {
  Reply reply(PQgetResult(conn_.get()), PQclear);
  if (PQresultStatus(reply.get()) == PGRES_FATAL_ERROR) {
    const char* state = PQresultErrorField(reply.get(), PG_DIAG_SQLSTATE);
    removed_ = state != nullptr && std::string_view(state) == "58P01";
    return tl::unexpected(error("receive WAL"));
  }
  if (PQresultStatus(reply.get()) != PGRES_COPY_IN) return fail_for_now("the server ends its replication connections");
  if (PQputCopyEnd(conn_.get(), nullptr) <= 0 || PQflush(conn_.get()) != 0) {
    return tl::unexpected(error("end a timeline"));
  }
  Message out;
  out.kind = Message::Kind::end_of_timeline;
  for (;;) {
    reply.reset(PQgetResult(conn_.get()));
    if (!reply) break;
    const auto status = PQresultStatus(reply.get());
    if (status == PGRES_TUPLES_OK) out.next_timeline = number_of<uint32_t>(PQgetvalue(reply.get(), 0, 0));
    if (status == PGRES_FATAL_ERROR) return tl::unexpected(error("end a timeline"));
  }
  if (out.next_timeline == 0) return fail_for_now("the server ends its replication connections");
  return out;
}

Result<void> Replication::report(uint64_t received, uint64_t durable) {
  using namespace std::chrono;
  constexpr int64_t kPostgresEpoch = 946'684'800'000'000;  // 2000-01-01 in microseconds
  const auto now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count() - kPostgresEpoch;
  std::string message = "r";
  for (const uint64_t n : {received, durable, durable, static_cast<uint64_t>(now)}) add_number(message, n);
  message += '\0';
  if (PQputCopyData(conn_.get(), message.data(), static_cast<int>(message.size())) <= 0 || PQflush(conn_.get()) < 0) {
    return tl::unexpected(error("acknowledge WAL"));
  }
  return {};
}

int Replication::socket() const { return PQsocket(conn_.get()); }

}  // namespace howdah::pg
