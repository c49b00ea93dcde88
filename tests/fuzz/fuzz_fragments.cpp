// Fragments of any kind and in any order. The first byte says how the rest is read. Even: as frames, each after two
// bytes of its length and one of how much of it the capture lacks; they hold whatever they hold. Odd: as fragments of a
// few datagrams, five bytes each, and what comes out is compared with the reference.
#include <cstddef>
#include <cstdint>

#include "daemon/worker/fragments.hpp"
#include "parsers/bytes.hpp"
#include "tests/fuzz/check.hpp"
#include "tests/support/fragment_reference.hpp"

namespace {

using namespace iris;
using fragments::Bytes;
using fragments::Holder;
using parsers::Reader;
using parsers::packet::Decoded;
using parsers::packet::DecodeStatus;

constexpr worker::FragmentLimits limits{.datagrams = 5, .packets = 20, .timeout = {500}, .seed = 1};

std::optional<source::PacketRef> add(worker::Fragments& reassembly, Holder& holder, const source::PacketRef& packet) {
  Decoded decoded;
  std::optional<source::PacketRef> whole;
  if (decode({packet.bytes(), packet.wire_length}, decoded) == DecodeStatus::fragment) {
    whole = reassembly.add(packet, decoded);
  }
  holder.release({&packet, 1});
  return whole;
}

void check(const worker::Fragments& reassembly, const Holder& holder) {
  const worker::FragmentCounters& c = reassembly.counters();
  IRIS_FUZZ_CHECK(c.fragments == c.used + c.duplicates + c.malformed + c.lost + reassembly.held());
  IRIS_FUZZ_CHECK(reassembly.held() <= limits.packets);
  IRIS_FUZZ_CHECK(holder.in_use() == reassembly.held());
}

void check_whole(const source::PacketRef& whole) {
  IRIS_FUZZ_CHECK(whole.link == parsers::packet::LinkType::raw_ip);
  IRIS_FUZZ_CHECK(whole.length >= 20 && whole.length <= whole.wire_length);
  IRIS_FUZZ_CHECK(whole.wire_length <= source::longest_composed);
  const bool v4 = whole.data[0] >> 4U == 4;
  if (!v4) IRIS_FUZZ_CHECK(whole.data[0] >> 4U == 6 && whole.length >= 40);
  const std::uint32_t stated = parsers::load16(whole.data + (v4 ? 2 : 4)) + (v4 ? 0U : 40U);
  IRIS_FUZZ_CHECK(stated == whole.wire_length);
  if (v4) IRIS_FUZZ_CHECK((parsers::load16(whole.data + 6) & 0x3fffU) == 0);
}

void fuzz_frames(Reader reader) {
  Holder holder;
  worker::Fragments reassembly(limits, holder);
  Timestamp now{};
  while (!reader.empty()) {
    const std::size_t length = reader.u16();
    const std::uint8_t cut = reader.u8();
    const std::span<const std::uint8_t> frame = reader.take(std::min(length, reader.remaining()));
    now.nanoseconds += cut;
    const auto whole = add(reassembly, holder, holder.make(frame, cut % 16, now));
    if (whole) {
      check_whole(*whole);
      holder.release({&*whole, 1});
    }
    check(reassembly, holder);
  }
}

void fuzz_against_reference(Reader reader) {
  Holder holder;
  worker::Fragments reassembly(limits, holder);
  fragments::Reference reference(limits);
  Timestamp now{};
  while (reader.remaining() >= 5) {
    const std::uint8_t which = reader.u8();
    const std::uint8_t offset = reader.u8();
    const std::uint8_t length = reader.u8();
    const std::uint8_t cut = reader.u8();
    const std::uint8_t rest = reader.u8();
    now.nanoseconds += rest >> 2U;
    if (which >= 0xf0) {
      const auto pressure = static_cast<source::Pressure>(rest % 3);
      holder.set_pressure(pressure);
      holder.set_rooms(SIZE_MAX);
      reassembly.expire(now);
      reference.expire(now);
      reference.set_pressure(pressure);
      continue;
    }
    fragments::Piece piece{.version = (which & 1U) != 0 ? IpVersion::V6 : IpVersion::V4, .id = which >> 1U & 7U};
    piece.offset = (offset & 31U) * std::size_t{8};
    piece.more = (rest & 1U) != 0;
    piece.bytes.assign(piece.more ? 8 * (1 + length % 8U) : 1 + length % 64U, rest & 2U);
    if (!piece.more && piece.offset == 0) continue;  // not a fragment
    const std::size_t lacks = cut < 0xe0 ? 0 : std::min<std::size_t>(cut & 31U, piece.bytes.size());
    const auto expected = reference.add(which & 15U, piece, lacks, now);
    const auto whole = add(reassembly, holder, holder.make(fragments::frame_of(piece), lacks, now));
    IRIS_FUZZ_CHECK(whole.has_value() == expected.has_value());
    if (whole) {
      check_whole(*whole);
      const std::size_t header = piece.version == IpVersion::V4 ? 20 : 40;
      IRIS_FUZZ_CHECK(Bytes(whole->data + header, whole->data + whole->length) == *expected);
      holder.release({&*whole, 1});
    }
    check(reassembly, holder);
    IRIS_FUZZ_CHECK(reassembly.held() == reference.held());
    IRIS_FUZZ_CHECK(reassembly.counters().evicted == reference.counters().evicted);
    IRIS_FUZZ_CHECK(reassembly.counters().expired == reference.counters().expired);
    IRIS_FUZZ_CHECK(reassembly.counters().overlapping == reference.counters().overlapping);
    IRIS_FUZZ_CHECK(reassembly.counters().cut_off == reference.counters().cut_off);
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer names it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Reader reader({data, size});
  if (reader.u8() % 2 == 0) {
    fuzz_frames(reader);
  } else {
    fuzz_against_reference(reader);
  }
  return 0;
}
