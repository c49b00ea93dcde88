// What a session carries behind its headers: of HTTP transactions, the bodies.
#pragma once

#include <cstdint>
#include <span>

namespace iris {

enum class Decoding : std::uint8_t {
  ok,
  unknown,    // a content coding other than gzip, deflate and br, or several
  malformed,  // the data is not what the coding says
  missing,    // bytes before these were not seen, or not decoded: a decoder needs them all
  too_long,   // one piece decodes to more than 256 KiB, or the connection's memory is used up
};

// What a piece decodes to. Unless `status` is ok it is empty, and so is all that follows in that message.
struct DecodedData {
  std::span<const std::uint8_t> bytes;
  Decoding status = Decoding::ok;
};

struct SessionData;

namespace detail {
// Implemented by the host, parsers/http.
extern "C" const DecodedData* iris_session_data_decoded(const SessionData* data) noexcept;
}  // namespace detail

// Data type: a piece of a message's body, as it arrives: at L7InSession, between the session's L7EndHdrs and its
// L7EndSession, in order, each byte once. Where the tap missed some, or more than 64 KiB of a request's body came
// before the response's headers, `offset` leaps. Only HTTP has such pieces. Valid only during the call.
struct SessionData {
  std::span<const std::uint8_t> bytes;  // after transfer decoding, before content decoding (RFC 9110, 8.4)
  std::uint64_t offset = 0;             // of the first of them in the body
  bool of_request = false;              // else of the response
  void* message = nullptr;              // the parser's

  // After content decoding (Content-Encoding: gzip, deflate, br), which begins with a body's first piece: to be asked
  // of all pieces or none. The same for everybody who asks; a body that is not encoded is `bytes`.
  [[nodiscard]] const DecodedData& decoded() const { return *detail::iris_session_data_decoded(this); }
};

}  // namespace iris
