// Content coding of a message's body (RFC 9110, 8.4): gzip and deflate by zlib, br by Brotli, both with the
// connection's memory. Begun when somebody asks for the first time.
#pragma once

#include <cstdint>
#include <string_view>

#include <iris/session_data.hpp>

#include "parsers/recycler.hpp"

namespace iris::parsers::http {

class Decoder;

// One message's. Trivially destructible: clear() gives everything back.
struct MessageBody {
  std::uint64_t seen = 0;     // bytes of it so far, missing ones included
  std::uint64_t decoded = 0;  // up to there
  std::string_view encoding;  // Content-Encoding
  Recycler* memory = nullptr;
  Decoder* decoder = nullptr;
  Decoding status = Decoding::ok;  // for good, unless ok
  // What the piece at hand decodes to.
  bool asked = false;
  DecodedData current;
  std::uint8_t* output = nullptr;
  std::size_t room = 0;

  [[nodiscard]] const DecodedData& decode(const SessionData& piece) noexcept;
  void forget_piece() noexcept;
  void clear() noexcept;
};

}  // namespace iris::parsers::http
