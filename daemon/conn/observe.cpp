#include "daemon/conn/observe.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "daemon/conn/connection.hpp"

namespace iris::conn {
namespace {

namespace bit = abi::observe;
using parsers::packet::LinkType;

template <class T, class... Arguments>
T* make(BlockCache& blocks, Arguments&&... arguments) {
  void* memory = blocks.take(std::bit_ceil(sizeof(T)));
  return memory == nullptr ? nullptr : new (memory) T(std::forward<Arguments>(arguments)...);
}

template <class T>
void unmake(T*& part, BlockCache& blocks) {
  if (part == nullptr) return;
  part->~T();
  blocks.give(part, std::bit_ceil(sizeof(T)));
  part = nullptr;
}

// ---- counters -----------------------------------------------------------------------------------------------------

Direction opposite(Direction direction) {
  return direction == Direction::FromOriginator ? Direction::FromResponder : Direction::FromOriginator;
}
Flow& flow_of(ConnRecord& record, Direction direction) {
  return direction == Direction::FromOriginator ? record.originator : record.responder;
}

// What the segment adds to its stream.
Coverage::Verdict cover(Connection& connection, const Sighting& seen) {
  const Direction from = seen.pdu.direction;
  const Direction to = opposite(from);
  std::array<Coverage, 2>& coverage = *connection.observed.coverage;
  Coverage& own = coverage[static_cast<std::size_t>(from)];
  const Coverage::Verdict verdict = own.take(seen.tcp, acknowledged_by(seen.sequences, to));
  Flow& flow = flow_of(connection.record, from);
  flow.payload_bytes = own.unique_bytes();
  flow.gap_bytes = own.gap_bytes();
  const bool acknowledges = (seen.pdu.flags & tcp_flag::ack) != 0;
  if (acknowledges && coverage[static_cast<std::size_t>(to)].lacks(seen.pdu.acknowledgement)) {
    connection.history.note_gap(to, connection.record);
  }
  return verdict;
}

void count(Connection& connection, const Sighting& seen, const Coverage::Verdict& verdict) {
  const std::uint32_t payload = seen.arrival.decoded.wire_payload_length;
  ConnRecord& record = connection.record;
  Flow& flow = flow_of(record, seen.pdu.direction);
  ++flow.packets;
  flow.wire_bytes += seen.pdu.wire_length;
  connection.observed.sent_payload[static_cast<std::size_t>(seen.pdu.direction)] += payload;
  if (connection.observed.coverage == nullptr) flow.payload_bytes += payload;
  connection.history.note({.payload_length = payload,
                           .flags = seen.pdu.flags,
                           .direction = seen.pdu.direction,
                           .zero_window = seen.pdu.transport == Transport::Tcp && seen.pdu.window == 0,
                           .repeated = verdict.repeated > 0},
                          record);
}

// ---- times between packets ----------------------------------------------------------------------------------------

// Welford's algorithm (Knuth, The Art of Computer Programming 2, 4.2.2).
void add(InterArrivals::Statistics& statistics, Duration gap) {
  if (statistics.count < InterArrivals::Statistics::kept) statistics.values[statistics.count] = gap;
  statistics.min = statistics.count == 0 ? gap : std::min(statistics.min, gap);
  statistics.max = statistics.count == 0 ? gap : std::max(statistics.max, gap);
  statistics.last = gap;
  ++statistics.count;
  const auto value = static_cast<double>(gap.nanoseconds);
  const double deviation = value - statistics.mean_nanoseconds;
  statistics.mean_nanoseconds += deviation / static_cast<double>(statistics.count);
  statistics.squares += deviation * (value - statistics.mean_nanoseconds);
}

void time(ArrivalTimes& arrivals, const Sighting& seen, Timestamp previous) {
  const auto direction = static_cast<std::size_t>(seen.pdu.direction);
  auto& own = seen.pdu.from_originator() ? arrivals.value.originator : arrivals.value.responder;
  if (!seen.first) add(arrivals.value.both, seen.pdu.ts - previous);
  if (arrivals.any[direction]) add(own, seen.pdu.ts - arrivals.latest[direction]);
  arrivals.any[direction] = true;
  arrivals.latest[direction] = seen.pdu.ts;
}

// ---- raw packets --------------------------------------------------------------------------------------------------

// Whether the list takes the packet.
bool takes(KeptPackets::List& list, std::uint8_t wanted, std::size_t bytes, ConnectionArena& memory) {
  if (wanted == 0 || list.over) return false;
  if (list.packets == nullptr) {
    list.packets = static_cast<KeptPacket*>(memory.allocate(wanted * sizeof(KeptPacket), alignof(KeptPacket)));
    list.room = list.packets == nullptr ? 0 : wanted;
    list.view.packets = list.packets;
  }
  list.over = list.view.count == list.room || bytes > KeptPackets::max_bytes - list.bytes;
  return !list.over;
}

void append(KeptPackets::List& list, const KeptPacket& packet) {
  new (&list.packets[list.view.count++]) KeptPacket(packet);
  list.bytes += static_cast<std::uint32_t>(packet.frame.size());
}

void keep(KeptPackets& kept, const Sighting& seen, const abi::Observation& wanted) {
  const bool from_originator = seen.pdu.from_originator();
  KeptPackets::List& own = from_originator ? kept.originator : kept.responder;
  const std::uint8_t wanted_own = from_originator ? wanted.originator_packets : wanted.responder_packets;
  const auto frame = seen.arrival.packet.bytes();
  const bool in_both = takes(kept.both, wanted.packets, frame.size(), kept.memory);
  const bool in_own = takes(own, wanted_own, frame.size(), kept.memory);
  if (!in_both && !in_own) return;
  auto* copy = static_cast<std::uint8_t*>(kept.memory.allocate(frame.size(), 1));
  if (copy == nullptr) {  // a list has no holes
    kept.both.over = kept.both.over || in_both;
    own.over = own.over || in_own;
    return;
  }
  if (!frame.empty()) std::memcpy(copy, frame.data(), frame.size());
  const KeptPacket packet{{copy, frame.size()}, seen.pdu.ts, seen.pdu.wire_length, seen.pdu.direction};
  if (in_both) append(kept.both, packet);
  if (in_own) append(own, packet);
}

// ---- what the first packet tells ----------------------------------------------------------------------------------

std::optional<MacAddress> mac_at(std::span<const std::uint8_t> frame, std::size_t offset) {
  MacAddress address;
  if (frame.size() < offset + address.bytes.size()) return std::nullopt;
  std::copy_n(frame.begin() + static_cast<std::ptrdiff_t>(offset), address.bytes.size(), address.bytes.begin());
  return address;
}

unsigned number_at(std::span<const std::uint8_t> frame, std::size_t offset) {
  return static_cast<unsigned>(frame[offset]) << 8 | frame[offset + 1];
}

constexpr unsigned hardware_ethernet = 1;  // ARPHRD_ETHER

EthAddr link_of(const source::PacketRef& packet) {
  const auto frame = packet.bytes();
  switch (packet.link) {
    case LinkType::ethernet:
      return {mac_at(frame, 6), mac_at(frame, 0)};
    case LinkType::linux_sll:
      if (frame.size() < 16 || number_at(frame, 2) != hardware_ethernet || number_at(frame, 4) != 6) break;
      return {mac_at(frame, 6), std::nullopt};
    case LinkType::linux_sll2:
      if (frame.size() < 20 || number_at(frame, 8) != hardware_ethernet || frame[11] != 6) break;
      return {mac_at(frame, 12), std::nullopt};
    default:
      return {};
  }
  return {};
}

void begin(Connection& connection, const Sighting& seen, BlockCache& blocks) {
  const auto vlans = seen.arrival.decoded.vlan_ids();
  static_assert(std::tuple_size_v<decltype(ConnRecord::vlan_ids)> == parsers::packet::Decoded::kept_vlans);
  std::ranges::copy(vlans, connection.record.vlan_ids.begin());
  connection.record.vlan_count = static_cast<std::uint8_t>(vlans.size());
  Observed& observed = connection.observed;
  if (observed.wanted.has(bit::link)) observed.link = make<EthAddr>(blocks, link_of(seen.arrival.packet));
  if (seen.pdu.transport != Transport::Tcp) return;
  if (observed.wanted.has(bit::coverage)) observed.coverage = make<std::array<Coverage, 2>>(blocks);
  if (observed.wanted.has(bit::metrics)) observed.meter = make<TcpMeter>(blocks);
}

}  // namespace

void observe(Connection& connection, const Sighting& seen, ObserverMemory memory) noexcept {
  Observed& observed = connection.observed;
  const abi::Observation& wanted = observed.wanted;
  if (seen.first) begin(connection, seen, memory.blocks);
  Coverage::Verdict verdict;
  if (observed.coverage != nullptr) verdict = cover(connection, seen);
  if (wanted.has(bit::counters)) count(connection, seen, verdict);
  if (observed.meter != nullptr) observed.meter->note({seen.tcp, verdict, seen.pdu.ts}, seen.sequences);
  if (wanted.has(bit::arrivals)) {
    if (seen.first) observed.arrivals = make<ArrivalTimes>(memory.blocks);
    if (observed.arrivals != nullptr) time(*observed.arrivals, seen, connection.record.last);
  }
  if (wanted.keeps_packets()) {
    if (seen.first) observed.packets = make<KeptPackets>(memory.blocks, memory.arenas);
    if (observed.packets != nullptr) keep(*observed.packets, seen, wanted);
  }
}

void note_gaps(Connection& connection) noexcept {
  if (connection.observed.coverage == nullptr) return;
  for (const Direction sender : {Direction::FromOriginator, Direction::FromResponder}) {
    if (flow_of(connection.record, sender).gap_bytes > 0) connection.history.note_gap(sender, connection.record);
  }
}

void narrow(Observed& observed, const abi::Observation& wanted, ObserverMemory memory) noexcept {
  abi::Observation& kept = observed.wanted;
  if (kept == wanted) return;
  kept.what &= wanted.what;
  kept.packets = std::min(kept.packets, wanted.packets);
  kept.originator_packets = std::min(kept.originator_packets, wanted.originator_packets);
  kept.responder_packets = std::min(kept.responder_packets, wanted.responder_packets);
  if (!kept.has(bit::coverage)) unmake(observed.coverage, memory.blocks);
  if (!kept.has(bit::metrics)) unmake(observed.meter, memory.blocks);
  if (!kept.has(bit::arrivals)) unmake(observed.arrivals, memory.blocks);
  if (!kept.has(bit::link)) unmake(observed.link, memory.blocks);
  if (!kept.keeps_packets()) unmake(observed.packets, memory.blocks);
}

void forget(Observed& observed, ObserverMemory memory) noexcept {
  narrow(observed, {}, memory);
  unmake(observed.headers, memory.blocks);
}

parsers::packet::Headers headers_of(const Arrival& arrival) noexcept {
  const source::PacketRef& packet = arrival.packet;
  return read_headers({packet.bytes(), packet.wire_length, packet.link}, parsers::packet::DecodeStatus::ok,
                      arrival.decoded);
}

void keep_headers(Observed& observed, const parsers::packet::Headers& headers, BlockCache& blocks) noexcept {
  observed.headers = make<parsers::packet::Headers>(blocks, headers);
}

}  // namespace iris::conn
