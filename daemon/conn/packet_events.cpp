#include "daemon/conn/packet_events.hpp"

#include <algorithm>

#include "daemon/conn/on_behalf.hpp"
#include "parsers/bytes.hpp"
#include "parsers/packet/facts.hpp"
#include "parsers/packet/headers.hpp"

namespace iris::conn {
namespace {

using parsers::packet::Decoded;
using parsers::packet::DecodeStatus;
using parsers::packet::PacketFacts;

// What authors see is numbered for good; what the decoder says may grow.
FrameStatus status_of(DecodeStatus status) {
  switch (status) {
    case DecodeStatus::ok:
      return FrameStatus::transport;
    case DecodeStatus::other_transport:
      return FrameStatus::ip;
    case DecodeStatus::fragment:
      return FrameStatus::fragment;
    case DecodeStatus::not_ip:
      return FrameStatus::not_ip;
    case DecodeStatus::truncated:
      return FrameStatus::truncated;
    case DecodeStatus::malformed:
      break;
  }
  return FrameStatus::malformed;
}

LinkType link_of(parsers::packet::LinkType link) {
  using From = parsers::packet::LinkType;
  static_assert(static_cast<int>(From::ethernet) == static_cast<int>(LinkType::ethernet) &&
                static_cast<int>(From::raw_ip) == static_cast<int>(LinkType::raw_ip) &&
                static_cast<int>(From::linux_sll) == static_cast<int>(LinkType::linux_sll) &&
                static_cast<int>(From::linux_sll2) == static_cast<int>(LinkType::linux_sll2) &&
                static_cast<int>(From::null_loopback) == static_cast<int>(LinkType::null_loopback) &&
                static_cast<int>(From::ppp) == static_cast<int>(LinkType::ppp) &&
                static_cast<int>(From::pppoe) == static_cast<int>(LinkType::pppoe) &&
                static_cast<int>(From::mpls) == static_cast<int>(LinkType::mpls));
  return static_cast<LinkType>(link);
}

// The first fragment of a datagram has its transport's header, which the decoder leaves alone.
void add_first_fragment(Frame& frame) {
  constexpr std::size_t tcp_flags_at = 13;
  const auto header = frame.payload;
  if (frame.fragment_offset != 0 || !has_ports(frame.transport) || header.size() < 4) return;
  frame.src_port = parsers::load16(header.data());
  frame.dst_port = parsers::load16(header.data() + 2);
  if (frame.transport == Transport::Tcp && header.size() > tcp_flags_at) frame.tcp_flags = header[tcp_flags_at];
}

PacketFacts facts_of(const Frame& frame) {
  PacketFacts facts;
  facts.tuple.originator.ip.version = facts.tuple.responder.ip.version = IpVersion{};
  facts.tuple.transport = Transport{};
  if (const auto tuple = frame.tuple()) facts.tuple = *tuple;
  if (const auto icmp = frame.icmp()) {
    facts.icmp_type = icmp->type;
    facts.icmp_code = icmp->code;
  }
  return facts;
}

void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

Frame frame_of(const source::PacketRef& packet, DecodeStatus status, const Decoded& decoded) noexcept {
  Frame frame;
  frame.bytes = packet.bytes();
  frame.ts = packet.ts;
  frame.wire_length = packet.wire_length;
  frame.link = link_of(packet.link);
  frame.status = status_of(status);
  if (frame.status > FrameStatus::not_ip) return frame;
  frame.vlans = decoded.vlan_ids();
  frame.tunnel = decoded.tunnel;
  frame.depth = decoded.depth;
  if (!frame.has_ip()) return frame;
  frame.src_ip = {decoded.src_ip, decoded.version};
  frame.dst_ip = {decoded.dst_ip, decoded.version};
  frame.transport = decoded.transport;
  frame.payload = decoded.payload(frame.bytes);
  frame.network_offset = decoded.network;
  if (const auto header = read_ip_header(frame.bytes.subspan(decoded.network))) {
    const bool agreed = header->transport == decoded.transport;
    if (agreed) frame.transport_offset = static_cast<std::uint16_t>(decoded.network + header->length);
    frame.fragment_offset = header->fragment_offset;
  }
  if (status == DecodeStatus::fragment) {
    add_first_fragment(frame);
    return frame;
  }
  frame.src_port = decoded.src_port;
  frame.dst_port = decoded.dst_port;
  frame.tcp_flags = decoded.flags;
  return frame;
}

void PacketEvents::use(const Pipeline& pipeline) noexcept {
  merged_ = pipeline.packets ? &*pipeline.packets : nullptr;
  epoch_ = pipeline.epoch;
  if (merged_ == nullptr) return;
  progress_.use(*merged_->plan, merged_->straight.get());
  evaluator_.use(*merged_);
}

void PacketEvents::take(const Arrival& layer, DecodeStatus status) noexcept {
  if (merged_ == nullptr) return;
  sink_.position = abi::Position::at(layer.number, abi::Position::Phase::by_itself);
  const Occurring occurring(meter_);
  const Frame frame = frame_of(layer.packet, status, layer.decoded);
  const PacketFacts packet_facts = facts_of(frame);
  parsers::packet::Headers headers;
  if (merged_->needs_headers) {
    const parsers::packet::Frame bytes{layer.packet.bytes(), layer.packet.wire_length, layer.packet.link};
    headers = read_headers(bytes, status, layer.decoded);
  }
  const Truths truths = evaluator_.of_tuple({.subject = &packet_facts, .headers = &headers});
  {
    const Doing doing(meter_, Work::plan);
    progress_.on_tuple(truths, {{}, &packet_facts, epoch_});
  }
  for (const Match& match : progress_.matches()) call(*merged_->callees[match.action], frame);
}

// A packet's callback is one function, and all it can take is the packet (frontend::from_text sees to that).
void PacketEvents::call(const Callee& callee, const Frame& frame) noexcept {
  const void* arguments[max_arguments];
  std::ranges::fill(arguments, &frame);
  count(callee.counters.matched);
  count(callee.counters.calls);
  const OnBehalf on_behalf(sink_, callee.subscription, frame.ts);
  Doing doing(meter_, Work::callbacks);
  try {
    (void)callee.functions.front().invoke(nullptr, arguments);
  } catch (...) {
    count(callee.counters.faults);
  }
  callee.counters.spend(doing.done());
}

}  // namespace iris::conn
