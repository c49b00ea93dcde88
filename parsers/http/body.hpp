// The body of a message: how long it is, and its bytes without what frames them (RFC 9112, 6 and 7).
#pragma once

#include <cstdint>
#include <span>

namespace iris::parsers::http {

class Body {
 public:
  enum class Framing : std::uint8_t { none, length, chunked, until_close };

  void begin(Framing framing, std::uint64_t length) noexcept;

  // Takes bytes off the front of `bytes` and returns the first run of the body among them; empty when there is none in
  // what was taken. Call it until `bytes` is empty or the body is done().
  [[nodiscard]] std::span<const std::uint8_t> read(std::span<const std::uint8_t>& bytes) noexcept;

  // As many bytes are missing. False when where the next message begins is lost with them.
  [[nodiscard]] bool skip(std::uint64_t missing) noexcept;

  // The last byte was read. Of a body until the close that is for others to say.
  [[nodiscard]] bool done() const noexcept { return state_ == State::done; }
  [[nodiscard]] bool until_close() const noexcept { return state_ == State::until_close; }
  // The chunks' framing made no sense: what follows is not to be found.
  [[nodiscard]] bool broken() const noexcept { return state_ == State::broken; }

 private:
  enum class State : std::uint8_t {
    done,
    data,        // `left_` bytes of it; then done
    chunk_size,  // a line: hexadecimal digits, perhaps extensions
    chunk_data,  // `left_` bytes of it; then chunk_end
    chunk_end,   // the line end behind a chunk
    trailers,    // lines up to an empty one
    until_close,
    broken,
  };

  void read_size(std::uint8_t byte) noexcept;
  void read_trailer(std::uint8_t byte) noexcept;

  State state_ = State::done;
  std::uint64_t left_ = 0;
  std::uint32_t line_ = 0;  // bytes of the line so far
  bool extension_ = false;  // the size is over
};

}  // namespace iris::parsers::http
