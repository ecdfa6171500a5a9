#pragma once
#include <stdexcept>
#include <string>

namespace howdah {

/// An error that the API caller sees. Thrown by handlers and domain checks, caught in one place (api/dispatch).
/// `code` is the code on the wire (the model's `error.code`, e.g. "DBInstanceNotFound"), never the shape's name.
/// The HTTP status is looked up by code: first in the service's model, then in api/faults.cpp's table of common codes.
class Fault : public std::runtime_error {
 public:
  Fault(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

}  // namespace howdah
