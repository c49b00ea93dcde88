// How functions fail: by value, with a code that callers decide on and a message that users read.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace iris {

enum class ErrorCode : std::uint8_t {
  invalid,      // what was asked for is wrong: a source, a filter, a configuration, an argument
  not_found,    // it names something that is not there
  exists,       // it names something that is there already
  exhausted,    // a limit of time or memory was reached
  unavailable,  // something outside failed: a file, a socket, a port
  internal,     // our bug
};

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  // what happened, where, and what to do; no trailing full stop or newline
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace iris
