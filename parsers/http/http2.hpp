// HTTP/2 in clear (RFC 9113): frames of both directions to transactions, one a stream. Header blocks are decoded by
// nghttp2's HPACK (RFC 7541), whose memory is the connection's.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstdint>
#include <span>

#include "parsers/http/transaction.hpp"
#include "parsers/recycler.hpp"

namespace iris::parsers::http {

class Http2 {
 public:
  Http2(Recycler& recycler, Transactions& transactions) noexcept;

  // What is left of the client's preface, once its beginning was read elsewhere.
  void expect_preface(std::uint32_t bytes) noexcept { sides_[0].skip = bytes; }

  // Takes all of it. False when the connection cannot be followed any more.
  [[nodiscard]] bool read(bool from_client, std::span<const std::uint8_t> bytes) noexcept;
  // As many bytes are missing. False when frames are not to be found behind them.
  [[nodiscard]] bool skip(bool from_client, std::uint32_t missing) noexcept;

 private:
  using Bytes = std::span<const std::uint8_t>;
  static constexpr std::size_t frame_header_length = 9;
  static constexpr std::size_t max_block = std::size_t{64} << 10U;

  struct Side {
    nghttp2_hd_inflater* inflater = nullptr;  // of what this side sends
    std::uint32_t skip = 0;                   // bytes of the preface still to come
    // The frame that is being read.
    std::array<std::uint8_t, frame_header_length> header{};
    std::uint32_t header_size = 0;
    std::uint32_t left = 0;  // of its payload
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;
    bool padding_known = false;  // DATA
    std::uint32_t padding = 0;
    // The payload that is kept: of a header block all fragments, of SETTINGS all of it.
    std::uint8_t* bytes = nullptr;
    std::uint32_t size = 0;
    std::uint32_t room = 0;
    // Of the header block that is open.
    std::uint32_t block_stream = 0;
    std::uint32_t block_begin = 0;  // of the fragment that the frame brings, in `bytes`
    bool block_ends_stream = false;
    bool block_promises = false;
  };

  [[nodiscard]] Side& side(bool from_client) noexcept { return sides_[from_client ? 0 : 1]; }
  [[nodiscard]] bool begin_frame(Side& side) noexcept;
  [[nodiscard]] bool take_payload(bool from_client, Bytes piece) noexcept;
  [[nodiscard]] bool end_frame(bool from_client) noexcept;
  [[nodiscard]] bool end_fragment(bool from_client) noexcept;
  [[nodiscard]] bool end_block(bool from_client) noexcept;
  [[nodiscard]] bool decode(bool from_client, Transaction* transaction) noexcept;
  void take_data(bool from_client, Bytes piece) noexcept;
  void take_settings(bool from_client) noexcept;
  void end_stream(bool from_client, std::uint32_t stream) noexcept;
  [[nodiscard]] bool keep(Side& side, Bytes piece) noexcept;
  [[nodiscard]] Transaction* find(std::uint32_t stream) const noexcept;
  [[nodiscard]] nghttp2_hd_inflater* inflater(Side& side) noexcept;

  Recycler& recycler_;
  Transactions& transactions_;
  nghttp2_mem memory_;              // the decoders refer to it
  std::array<Side, 2> sides_;       // the client's, the server's
  std::uint32_t last_request_ = 0;  // the highest stream that the client opened
};

}  // namespace iris::parsers::http
