#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

/// Structured log lines on stderr: `2026-11-20T20:15:46.123Z INFO created instance id=db-ABC status=available`.
/// Values are quoted when they hold spaces. Secrets never go in: log an identifier, not a value. Thread-safe.
namespace howdah::log {

struct Field {
  std::string_view key;
  std::string value;
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  template <class N>
  Field(std::string_view k, N v) : key(k), value(std::to_string(v)) {}
};
using Fields = std::initializer_list<Field>;

void debug(std::string_view message, Fields fields = {});
void info(std::string_view message, Fields fields = {});
void warn(std::string_view message, Fields fields = {});
void error(std::string_view message, Fields fields = {});

/// `level` is one of debug, info, warn, error; anything else means info.
void set_level(std::string_view level);

}  // namespace howdah::log
