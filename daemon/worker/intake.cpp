#include "daemon/worker/intake.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <optional>

namespace iris::worker {
namespace {

using parsers::packet::Decoded;
using parsers::packet::DecodeStatus;
using parsers::packet::Frame;
using parsers::packet::Inner;

Frame frame_of(const source::PacketRef& packet) noexcept {
  return {.bytes = packet.bytes(), .wire_length = packet.wire_length, .link = packet.link, .offset = 0};
}

// What a fragment's surroundings say of its datagram, which is decoded without them.
void carry(const Decoded& fragment, Decoded& datagram) noexcept {
  datagram.vlan_count = fragment.vlan_count;
  datagram.vlans = fragment.vlans;
  datagram.tunnel = fragment.tunnel;
  datagram.depth = fragment.depth;
}

}  // namespace

Intake::Intake(const IntakeOptions& options, source::PacketHolder& holder, const Neighbours& neighbours)
    : options_(options), neighbours_(neighbours), holder_(holder), fragments_(options.fragments, holder) {
  assert(options.tunnels.depth < conn::Arrival::layers);
  arrivals_.resize(conn::max_burst * (options.tunnels.depth + std::size_t{1}));
  layers_.reserve(arrivals_.size());
  released_.reserve(arrivals_.size() + conn::max_burst);
}

Intake::~Intake() { begin(false); }

void Intake::begin(bool show_layers) noexcept {
  holder_.release(released_);
  released_.clear();
  layers_.clear();
  show_layers_ = show_layers;
  count_ = 0;
}

std::span<const conn::Arrival> Intake::take(std::span<const source::PacketRef> burst, bool show_layers) noexcept {
  begin(show_layers);
  for (const auto& packet : burst) __builtin_prefetch(packet.data);
  std::uint64_t bytes = 0;
  for (const auto& packet : burst) {
    bytes += packet.wire_length;
    conn::Arrival& arrival = arrivals_[count_];
    const Frame frame = frame_of(packet);
    const DecodeStatus status = parsers::packet::decode(frame, arrival.decoded);
    arrival.packet = packet;
    arrival.number = ++frames_ * conn::Arrival::layers;
    show(arrival, status);
    if (status == DecodeStatus::ok && (arrival.decoded.transport == Transport::Tcp || !inner_of(frame, arrival))) {
      give(arrival);
    } else {
      unwrap(arrival, status);
    }
  }
  counters_.packets.add(burst.size());
  counters_.bytes.add(bytes);
  return std::span(arrivals_).first(count_);
}

std::span<const conn::Arrival> Intake::take_handed_over(bool show_layers) noexcept {
  begin(show_layers);
  if (neighbours_.mailboxes == nullptr) return {};
  Mailboxes& mailboxes = *neighbours_.mailboxes;
  const std::uint32_t workers = mailboxes.owner().workers();
  std::size_t taken = 0;
  Parcel parcel;
  // Another sender first each time, so that a busy one cannot starve the rest.
  for (std::uint32_t asked = 0; asked < workers && taken < conn::max_burst; ++asked) {
    next_sender_ = next_sender_ + 1 >= workers ? 0 : next_sender_ + 1;
    if (next_sender_ == neighbours_.worker) continue;
    for (; taken < conn::max_burst && mailboxes.take(neighbours_.worker, next_sender_, parcel); ++taken) {
      released_.push_back(parcel.arrival.packet);
      if (parcel.fragment) {
        unwrap(parcel.arrival, DecodeStatus::fragment);
      } else {
        arrivals_[count_++] = parcel.arrival;
      }
    }
  }
  return std::span(arrivals_).first(count_);
}

std::optional<Inner> Intake::inner_of(const Frame& frame, const conn::Arrival& layer) const noexcept {
  if (options_.layers == Layers::outer) return std::nullopt;
  return parsers::packet::find_inner(frame, layer.decoded, options_.tunnels);
}

// From the layer on that is decoded, with `status`, to the innermost.
void Intake::unwrap(conn::Arrival layer, DecodeStatus status) noexcept {
  bool gave = false;
  for (;;) {
    if (status == DecodeStatus::fragment) {
      if (neighbours_.mailboxes != nullptr) {
        const std::uint32_t receiver = neighbours_.mailboxes->owner().of_addresses(layer.decoded);
        if (receiver != neighbours_.worker) return send({.arrival = layer, .fragment = true}, receiver);
      }
      if (!put_together(layer, status)) {
        if (!gave) counters_.fragments.add(1);
        return;
      }
    }
    const Frame frame = frame_of(layer.packet);
    const bool may_be_tunnel = status == DecodeStatus::ok || status == DecodeStatus::other_transport;
    const std::optional<Inner> inner = may_be_tunnel ? inner_of(frame, layer) : std::nullopt;
    if (status == DecodeStatus::ok && (!inner || options_.layers == Layers::both)) {
      give(layer);
      gave = true;
    }
    if (!inner) break;
    status = parsers::packet::decode_inner(frame, *inner, layer.decoded, layer.decoded);
    ++layer.number;
    show(layer, status);
  }
  if (!gave) count_nothing(status);
}

// False while other fragments are missing. Otherwise the layer is the datagram's.
bool Intake::put_together(conn::Arrival& layer, DecodeStatus& status) noexcept {
  const std::optional<source::PacketRef> datagram = fragments_.add(layer.packet, layer.decoded);
  publish_fragments();
  if (!datagram) return false;
  released_.push_back(*datagram);
  layer.packet = *datagram;
  const Decoded fragment = layer.decoded;
  status = parsers::packet::decode(frame_of(*datagram), layer.decoded);
  carry(fragment, layer.decoded);
  if (status == DecodeStatus::fragment) status = DecodeStatus::malformed;  // a fragment of fragments
  return true;
}

// Whether a layer with ports is this worker's.
bool Intake::owned(const conn::Arrival& layer) const noexcept {
  if (neighbours_.mailboxes == nullptr) return true;
  const bool as_received = layer.decoded.depth == 0 && layer.packet.link != parsers::packet::LinkType::raw_ip;
  if (neighbours_.spread_by_owner && as_received) return true;
  return neighbours_.mailboxes->owner().of(layer.decoded) == neighbours_.worker;
}

void Intake::give(const conn::Arrival& layer) noexcept {
  if (owned(layer)) {
    conn::Arrival& arrival = arrivals_[count_++];
    if (&arrival != &layer) arrival = layer;
  } else {
    send({.arrival = layer, .fragment = false}, neighbours_.mailboxes->owner().of(layer.decoded));
  }
}

void Intake::send(const Parcel& parcel, std::uint32_t receiver) noexcept {
  const source::PacketRef& packet = parcel.arrival.packet;
  holder_.hold(packet);
  if (neighbours_.mailboxes->put(neighbours_.worker, receiver, parcel)) {
    counters_.handed_over.add(1);
  } else {
    holder_.release(std::span(&packet, 1));
    counters_.lost_in_hand_over.add(1);
  }
}

void Intake::count_nothing(DecodeStatus status) noexcept {
  switch (status) {
    case DecodeStatus::not_ip:
      return counters_.not_ip.add(1);
    case DecodeStatus::truncated:
      return counters_.truncated.add(1);
    case DecodeStatus::malformed:
      return counters_.malformed.add(1);
    case DecodeStatus::ok:
    case DecodeStatus::fragment:
    case DecodeStatus::other_transport:
      return counters_.other_transport.add(1);
  }
}

void Intake::expire(Timestamp now) noexcept {
  fragments_.expire(now);
  publish_fragments();
}

void Intake::publish_fragments() noexcept {
  if (fragments_.counters().fragments > 0) counters_.set_reassembled(fragments_.counters());
}

FragmentCounters IntakeCounters::reassembled() const noexcept {
  std::array<std::uint64_t, std::tuple_size_v<decltype(reassembled_)>> values{};
  std::ranges::transform(reassembled_, values.begin(), [](const Counter& counter) { return counter.load(); });
  return std::bit_cast<FragmentCounters>(values);
}

void IntakeCounters::set_reassembled(const FragmentCounters& counters) noexcept {
  const auto values = std::bit_cast<std::array<std::uint64_t, std::tuple_size_v<decltype(reassembled_)>>>(counters);
  for (std::size_t i = 0; i < values.size(); ++i) reassembled_[i].set(values[i]);
}

}  // namespace iris::worker
