#pragma once
#include <string>
#include <tl/expected.hpp>

namespace howdah {

/// What went wrong, for code that will branch or retry. What the API caller is told is a Fault (util/fault.h).
struct Error {
  std::string message;  ///< what went wrong, with the value, and what to do about it
  bool retry = false;   ///< true when the same call may succeed later without anybody's help
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string message) { return tl::unexpected(Error{std::move(message), false}); }
inline tl::unexpected<Error> fail_for_now(std::string message) {
  return tl::unexpected(Error{std::move(message), true});
}

}  // namespace howdah
