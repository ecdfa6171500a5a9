// The functions of libpq that we call, each found at its first use. libpq brings LDAP, Kerberos and GnuTLS with it, 17
// libraries: commands that ask no server do not wait until the system has loaded them, others do something meanwhile.
#include <dlfcn.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <sys/single_threaded.h>

#include <cstdlib>

namespace {

/// GnuTLS, which LDAP brings, prepares itself when it is loaded: half a millisecond that LDAP spends itself when it
/// needs it. Only where no other thread may be reading the environment.
void* load() {
  constexpr const char* kUnprepared = "GNUTLS_NO_IMPLICIT_INIT";
  const bool ours = __libc_single_threaded && std::getenv(kUnprepared) == nullptr;
  if (ours) setenv(kUnprepared, "1", 0);
  void* const library = dlopen("libpq.so.5", RTLD_LAZY | RTLD_LOCAL);
  if (ours) unsetenv(kUnprepared);
  return library;
}

void* function(const char* name) {
  // Never closed: libraries of its kind do not survive that.
  static void* const library = load();
  void* const found = library == nullptr ? nullptr : dlsym(library, name);
  if (found == nullptr) {
    fmt::print(stderr, "howdah: {}; install it with: apt-get install libpq5\n", dlerror());
    std::_Exit(2);
  }
  return found;
}

}  // namespace

#define LIBPQ(result, name, parameters, arguments)                                 \
  result name parameters {                                                         \
    static auto* const found = reinterpret_cast<decltype(&name)>(function(#name)); \
    return found arguments;                                                        \
  }

extern "C" {
// A connection
LIBPQ(PGconn*, PQconnectdbParams, (const char* const* keys, const char* const* values, int expand),
      (keys, values, expand))
LIBPQ(PGconn*, PQconnectStartParams, (const char* const* keys, const char* const* values, int expand),
      (keys, values, expand))
LIBPQ(PostgresPollingStatusType, PQconnectPoll, (PGconn * c), (c))
LIBPQ(PQconninfoOption*, PQconninfoParse, (const char* text, char** error), (text, error))
LIBPQ(void, PQconninfoFree, (PQconninfoOption * options), (options))
LIBPQ(void, PQfinish, (PGconn * c), (c))
LIBPQ(ConnStatusType, PQstatus, (const PGconn* c), (c))
LIBPQ(char*, PQerrorMessage, (const PGconn* c), (c))
LIBPQ(int, PQserverVersion, (const PGconn* c), (c))
LIBPQ(int, PQbackendPID, (const PGconn* c), (c))
LIBPQ(int, PQsocket, (const PGconn* c), (c))
LIBPQ(PQnoticeProcessor, PQsetNoticeProcessor, (PGconn * c, PQnoticeProcessor f, void* arg), (c, f, arg))
LIBPQ(char*, PQescapeLiteral, (PGconn * c, const char* text, size_t size), (c, text, size))
LIBPQ(char*, PQescapeIdentifier, (PGconn * c, const char* text, size_t size), (c, text, size))
LIBPQ(void, PQfreemem, (void* p), (p))

// Statements
LIBPQ(PGresult*, PQexec, (PGconn * c, const char* sql), (c, sql))
LIBPQ(PGresult*, PQexecParams,
      (PGconn * c, const char* sql, int n, const Oid* types, const char* const* values, const int* lengths,
       const int* formats, int format),
      (c, sql, n, types, values, lengths, formats, format))
LIBPQ(int, PQsendQuery, (PGconn * c, const char* sql), (c, sql))
LIBPQ(int, PQsendQueryParams,
      (PGconn * c, const char* sql, int n, const Oid* types, const char* const* values, const int* lengths,
       const int* formats, int format),
      (c, sql, n, types, values, lengths, formats, format))
LIBPQ(int, PQflush, (PGconn * c), (c))
LIBPQ(int, PQconsumeInput, (PGconn * c), (c))
LIBPQ(int, PQisBusy, (PGconn * c), (c))
LIBPQ(PGresult*, PQgetResult, (PGconn * c), (c))
LIBPQ(PGcancel*, PQgetCancel, (PGconn * c), (c))
LIBPQ(int, PQcancel, (PGcancel * cancel, char* error, int size), (cancel, error, size))
LIBPQ(void, PQfreeCancel, (PGcancel * cancel), (cancel))
LIBPQ(int, PQgetCopyData, (PGconn * c, char** row, int async), (c, row, async))
LIBPQ(int, PQputCopyData, (PGconn * c, const char* bytes, int size), (c, bytes, size))
LIBPQ(int, PQputCopyEnd, (PGconn * c, const char* error), (c, error))

// Results
LIBPQ(ExecStatusType, PQresultStatus, (const PGresult* r), (r))
LIBPQ(char*, PQresultErrorMessage, (const PGresult* r), (r))
LIBPQ(char*, PQresultErrorField, (const PGresult* r, int field), (r, field))
LIBPQ(char*, PQcmdStatus, (PGresult * r), (r))
LIBPQ(char*, PQcmdTuples, (PGresult * r), (r))
LIBPQ(int, PQntuples, (const PGresult* r), (r))
LIBPQ(int, PQnfields, (const PGresult* r), (r))
LIBPQ(char*, PQfname, (const PGresult* r, int column), (r, column))
LIBPQ(Oid, PQftype, (const PGresult* r, int column), (r, column))
LIBPQ(char*, PQgetvalue, (const PGresult* r, int row, int column), (r, row, column))
LIBPQ(int, PQgetlength, (const PGresult* r, int row, int column), (r, row, column))
LIBPQ(int, PQgetisnull, (const PGresult* r, int row, int column), (r, row, column))
LIBPQ(void, PQclear, (PGresult * r), (r))
}
