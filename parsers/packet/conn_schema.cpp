// What filters may ask of a connection itself: what its first packet tells, what was identified, and counters.
#include <array>
#include <bit>
#include <cstddef>

#include <iris/conn_record.hpp>

#include "parsers/packet/facts.hpp"
#include "parsers/packet/schema.hpp"

namespace iris::parsers::packet {
namespace {

// ---- sample(…) --------------------------------------------------------------------------------------------------

// As wyhash does: all bits of both reach all bits of the result.
constexpr std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

constexpr std::uint64_t hash_of(const Endpoint& end) {
  constexpr std::uint64_t factor = 0x9e3779b97f4a7c15U;
  std::uint64_t halves[2] = {0, 0};
  for (std::size_t i = 0; i < 16; ++i) halves[i / 8] = halves[i / 8] << 8U | end.ip.bytes[i];
  const std::uint64_t address = fold(halves[0] ^ 0x243f6a8885a308d3U, halves[1] ^ factor);
  return fold(address ^ end.port, factor);
}

}  // namespace

// Of the five-tuple and nothing else, and alike for both directions: any machine takes the same sample.
extern "C" std::uint64_t iris_conn_sample(const void* base) noexcept {
  const FiveTuple& tuple = *static_cast<const FiveTuple*>(base);
  const std::uint64_t one = hash_of(tuple.originator);
  const std::uint64_t other = hash_of(tuple.responder);
  const std::uint64_t both = fold((one ^ other) | 1U, (one + other) ^ static_cast<std::uint64_t>(tuple.transport));
  return fold(both ^ 0xa0761d6478bd642fU, 0xe7037ed1a0b428dbU) >> 32U;
}

namespace {
static_assert(offsetof(ConnRecord, tuple) == 0 && offsetof(PacketFacts, tuple) == 0);

// ---- counters ---------------------------------------------------------------------------------------------------

constexpr std::uint16_t originator = offsetof(ConnRecord, originator);
constexpr std::uint16_t responder = offsetof(ConnRecord, responder);

constexpr Field counter(std::string_view name, std::size_t offset, std::string_view doc) {
  return {.name = name,
          .type = FieldType::number,
          .level = Level::stream,
          .width = sizeof(std::uint64_t),
          .offsets = {static_cast<std::uint16_t>(offset), 0},
          .doc = doc};
}
constexpr Field total(std::string_view name, std::size_t member, std::string_view doc) {
  Field field = counter(name, originator + member, doc);
  field.combination = Combination::sum;
  field.offsets[1] = static_cast<std::uint16_t>(responder + member);
  return field;
}
constexpr Field duration(std::string_view name, std::string_view doc) {
  Field field = counter(name, offsetof(ConnRecord, last), doc);
  field.combination = Combination::difference;
  field.notation = Notation::duration;
  field.offsets[1] = offsetof(ConnRecord, start);
  return field;
}

constexpr std::array fields{
    Field{.name = "midstream",
          .type = FieldType::number,
          .level = Level::tuple,
          .width = sizeof(ConnRecord::midstream),
          .truth = true,
          .offsets = {offsetof(ConnRecord, midstream), 0},
          .doc = "1 where a TCP connection began without its SYN; else 0"},
    Field{.name = "service",
          .type = FieldType::text,
          .level = Level::protocol,
          .names_protocol = true,
          .doc = "name of the identified protocol: conn.service = 'tls' is tls"},
    total("packets", offsetof(Flow, packets), "packets so far, of both sides"),
    counter("orig_packets", originator + offsetof(Flow, packets), "of the originator"),
    counter("resp_packets", responder + offsetof(Flow, packets), "of the responder"),
    total("bytes", offsetof(Flow, wire_bytes), "bytes on the wire so far, whole frames, of both sides"),
    counter("orig_bytes", originator + offsetof(Flow, wire_bytes), "of the originator"),
    counter("resp_bytes", responder + offsetof(Flow, wire_bytes), "of the responder"),
    total("payload_bytes", offsetof(Flow, payload_bytes), "payload so far; of TCP each sequence number once"),
    counter("orig_payload_bytes", originator + offsetof(Flow, payload_bytes), "of the originator"),
    counter("resp_payload_bytes", responder + offsetof(Flow, payload_bytes), "of the responder"),
    duration("duration", "time from the first packet to the latest"),
    Field{.name = "sample",
          .type = FieldType::number,
          .level = Level::tuple,
          .width = sizeof(std::uint32_t),
          .part = Part::sample,
          .computed = {.symbol = "iris_conn_sample", .number = &iris_conn_sample},
          .doc = "share of all connections, by their five-tuple"},
};

}  // namespace

constinit const Protocol conn{.name = "conn", .fields = fields, .occurrence = Occurrence::every_connection};

}  // namespace iris::parsers::packet
