// Any frame, cut anywhere by the capture. Input: two bytes of how much longer the frame was on the wire, the frame.
#include <cstddef>
#include <cstdint>

#include "parsers/packet/decode.hpp"
#include "tests/fuzz/check.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer names it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace iris::parsers::packet;
  if (size < 2) return 0;
  const std::size_t cut = std::size_t{data[0]} << 8U | data[1];
  const std::span<const std::uint8_t> frame(data + 2, size - 2);
  Decoded decoded;
  const DecodeStatus status = decode({frame, frame.size() + cut}, decoded);
  if (cut == 0) IRIS_FUZZ_CHECK(status != DecodeStatus::truncated);
  if (status == DecodeStatus::ok || status == DecodeStatus::fragment || status == DecodeStatus::other_transport) {
    IRIS_FUZZ_CHECK(decoded.network + 20 <= frame.size());
  }
  if (status == DecodeStatus::ok) {
    IRIS_FUZZ_CHECK(decoded.payload_length <= decoded.wire_payload_length);
    IRIS_FUZZ_CHECK(decoded.missing() <= cut);
    IRIS_FUZZ_CHECK(decoded.payload_offset + std::size_t{decoded.payload_length} <= frame.size());
    IRIS_FUZZ_CHECK(decoded.payload(frame).size() == decoded.payload_length);
  }
  return 0;
}
