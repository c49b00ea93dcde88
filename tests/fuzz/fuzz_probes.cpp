// Every probe on anything that two sides may say. Input: a byte of transport and port, then pieces, each a byte of
// direction, a byte of length, its bytes.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <vector>

#include "parsers/api.hpp"
#include "tests/fuzz/check.hpp"

namespace {

using namespace iris;

// A copy of its own size, so that a sanitizer sees who reads beyond.
struct Side {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint16_t> datagrams;

  void add(std::span<const std::uint8_t> piece) {
    std::vector<std::uint8_t> all;
    all.reserve(bytes.size() + piece.size());
    all.insert(all.end(), bytes.begin(), bytes.end());
    all.insert(all.end(), piece.begin(), piece.end());
    bytes.swap(all);
    datagrams.push_back(static_cast<std::uint16_t>(piece.size()));
  }
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer names it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::uint16_t ports[] = {50'000, 21, 25, 53, 67, 110, 123, 143, 389, 3306, 3389, 3478, 5353, 443, 80, 22};
  FiveTuple tuple;
  tuple.transport = (data[0] & 1U) != 0 ? Transport::Tcp : Transport::Udp;
  tuple.originator.port = 50'000;
  tuple.responder.port = ports[data[0] >> 4U];
  std::span<const std::uint8_t> input(data + 1, size - 1);
  std::array<Side, 2> sides;
  while (input.size() >= 2) {
    const auto direction = static_cast<Direction>(input[0] & 1U);
    const std::size_t length = std::min<std::size_t>(input[1], input.size() - 2);
    sides[static_cast<std::size_t>(direction)].add(input.subspan(2, length));
    input = input.subspan(2 + length);
    for (const parsers::Protocol& protocol : parsers::registry()) {
      if (!protocol.is_application()) continue;
      const bool other = tuple.transport == Transport::Tcp ? protocol.implies == "udp" : protocol.implies == "tcp";
      if (other) continue;
      const bool udp = tuple.transport == Transport::Udp;
      const parsers::Probe answer = protocol.probe(
          {.tuple = tuple,
           .sent = {std::span<const std::uint8_t>(sides[0].bytes), std::span<const std::uint8_t>(sides[1].bytes)},
           .datagrams = {udp ? std::span<const std::uint16_t>(sides[0].datagrams) : std::span<const std::uint16_t>{},
                         udp ? std::span<const std::uint16_t>(sides[1].datagrams) : std::span<const std::uint16_t>{}},
           .latest = direction});
      IRIS_FUZZ_CHECK(answer == parsers::Probe::match || answer == parsers::Probe::no_match ||
                      answer == parsers::Probe::not_yet);
    }
  }
  return 0;
}
