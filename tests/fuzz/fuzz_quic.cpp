// Datagrams as they are; and frames, which the target itself protects as an Initial has them: a mutation of what is
// protected would never get past its authentication.
#include "parsers/quic/schema.hpp"
#include "tests/fuzz/sessions.hpp"
#include "tests/support/quic_initial.hpp"
#include "tests/unit/parsers/quic/describe.hpp"

namespace {

using namespace iris;
using parsers::quic::test::Bytes;
using parsers::quic::test::Initial;

// The first byte: which version, whose connection, and whether the side that is the server here is the originator.
Bytes protect(Direction direction, const Bytes& frames) {
  constexpr std::size_t most = 1400;
  if (frames.empty()) return {};
  const std::uint8_t choice = frames[0];
  const Bytes ids[] = {{1, 2, 3, 4, 5, 6, 7, 8}, {5, 5, 5, 5, 5}};
  Initial initial;
  initial.key_dcid = ids[choice & 1U];
  initial.from_client = (direction == Direction::FromOriginator) != ((choice & 2U) != 0);
  initial.dcid = initial.from_client ? initial.key_dcid : Bytes{9, 9};
  if (!initial.from_client) initial.scid = {7, 7, 7, 7};
  if ((choice & 4U) != 0) {
    initial.version = 0x6b3343cf;
    initial.salt = "0dede3def700a6db819381be6e269dcbf9bd2ed9";
    initial.v2 = true;
  }
  initial.number = static_cast<std::uint8_t>(choice >> 4U);
  initial.pad_to = 8;
  return initial.packet(
      {frames.begin() + 1, frames.begin() + static_cast<std::ptrdiff_t>(std::min(frames.size(), most))});
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer names it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run_sessions<QuicConnection>(parsers::quic::protocol, parsers::test::tuple_over(Transport::Udp, 443),
                                            &parsers::test::describe, {data, size}, &protect);
}
