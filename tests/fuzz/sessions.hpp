// What the targets of parsers with many sessions have in common: both directions of a connection, in segments and with
// gaps of any size. Input: segments, each a byte of direction, of whether there is a gap and whether sessions are kept,
// two bytes of length, its bytes. What both sides sent is probed, too. `wrap` makes bytes on the wire of some
// segments'.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "tests/fuzz/check.hpp"
#include "tests/unit/parsers/session_run.hpp"

namespace iris::fuzz {

using Wrap = parsers::test::Bytes (*)(Direction direction, const parsers::test::Bytes& bytes);

template <class Session>
int run_sessions(const parsers::Protocol& protocol, const FiveTuple& tuple,
                 typename parsers::test::SessionRun<Session>::Describe describe, std::span<const std::uint8_t> input,
                 Wrap wrap = nullptr) {
  using namespace parsers;
  constexpr std::size_t cap = std::size_t{256} << 10U;
  test::SessionRun<Session> run(protocol, tuple, describe, cap);
  // What sessions carry is read and decoded.
  run.want_data([](const Session&, const SessionData& data) {
    std::uint64_t sum = 0;
    for (const std::uint8_t byte : data.bytes) sum += byte;
    for (const std::uint8_t byte : data.decoded().bytes) sum += byte;
    IRIS_FUZZ_CHECK(sum <= 255U * (data.bytes.size() + data.decoded().bytes.size()));
  });
  std::array<test::Bytes, 2> sent;
  std::array<std::vector<std::uint16_t>, 2> datagrams;
  Probe decided = Probe::not_yet;
  const bool udp = tuple.transport == Transport::Udp;
  while (input.size() >= 3) {
    const auto direction = static_cast<Direction>(input[0] & 1U);
    if ((input[0] & 2U) != 0) run.keep_sessions();
    if ((input[0] & 4U) != 0) run.wait({700'000'000});
    const bool gap = (input[0] & 0xf0U) == 0xf0U;
    const bool wrapped = wrap != nullptr && (input[0] & 8U) != 0;
    const std::size_t length = std::min<std::size_t>(std::size_t{input[1]} << 8U | input[2], input.size() - 3);
    const auto piece = input.subspan(3, length);
    test::Bytes bytes(piece.begin(), piece.end());
    if (wrapped) bytes = wrap(direction, bytes);
    input = input.subspan(3 + length);

    const auto index = static_cast<std::size_t>(direction);
    sent[index].insert(sent[index].end(), bytes.begin(), bytes.end());
    datagrams[index].push_back(static_cast<std::uint16_t>(bytes.size()));
    const Beginning beginning{
        .tuple = tuple, .sent = {sent[0], sent[1]}, .datagrams = {datagrams[0], datagrams[1]}, .latest = direction};
    const Probe probe = protocol.probe(beginning);
    // Over TCP a match stays one as bytes of the same side follow.
    if (!udp && index == 0 && decided == Probe::match && sent[1].empty()) IRIS_FUZZ_CHECK(probe == Probe::match);
    if (index == 0 && sent[1].empty()) decided = probe;
    run.feed(direction, bytes, gap ? 1000 : 0);
    IRIS_FUZZ_CHECK(run.arena().used() <= cap);
  }
  run.finish();
  return 0;
}

}  // namespace iris::fuzz
