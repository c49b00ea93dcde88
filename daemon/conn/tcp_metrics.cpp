#include "daemon/conn/tcp_metrics.hpp"

#include <algorithm>

namespace iris::conn {
namespace {

constexpr std::size_t index_of(Direction direction) { return static_cast<std::size_t>(direction); }
constexpr Direction opposite(Direction direction) {
  return direction == Direction::FromOriginator ? Direction::FromResponder : Direction::FromOriginator;
}
constexpr bool has_flag(const TcpHeader& header, std::uint8_t flag) { return (header.flags & flag) != 0; }

void add_sample(TcpDirection& direction, Duration rtt) {
  if (rtt < Duration{}) return;  // the capture's clock ran backwards
  if (direction.rtt_samples++ == 0) {
    direction.min_rtt = direction.max_rtt = direction.smoothed_rtt = rtt;
    return;
  }
  direction.min_rtt = std::min(direction.min_rtt, rtt);
  direction.max_rtt = std::max(direction.max_rtt, rtt);
  // RFC 6298, 2.3, with alpha = 1/8.
  direction.smoothed_rtt.nanoseconds += (rtt.nanoseconds - direction.smoothed_rtt.nanoseconds) / 8;
}

}  // namespace

void TcpMeter::note(const Packet& packet, const TcpSequences& sequences) noexcept {
  if (has_flag(packet.header, tcp_flag::rst)) return;
  if (handshake_ != Handshake::over) note_handshake(packet);
  note_payload(packet);
  if (has_flag(packet.header, tcp_flag::ack)) note_acknowledgement(packet);
  note_window(packet, sequences);
  note_flight(Direction::FromOriginator, sequences);
  note_flight(Direction::FromResponder, sequences);
}

void TcpMeter::note_payload(const Packet& packet) noexcept {
  const Coverage::Verdict& verdict = packet.verdict;
  const std::size_t from = index_of(packet.header.direction);
  TcpDirection& direction = of(packet.header.direction);
  if (verdict.keep_alive) ++direction.keep_alives;
  if (verdict.out_of_order) ++direction.out_of_order_packets;
  Probe& probe = probes_[from];
  if (verdict.repeated > 0) {
    ++direction.retransmitted_packets;
    direction.retransmitted_bytes += verdict.repeated;
    probe.waiting = false;
  }
  if (verdict.fresh == 0) return;
  const std::uint32_t end =
      packet.header.sequence + packet.header.payload_length + (has_flag(packet.header, tcp_flag::syn) ? 1U : 0U);
  if (!has_data_[from] || at_or_after(end, data_end_[from])) data_end_[from] = end;
  has_data_[from] = true;
  if (!probe.waiting && verdict.repeated == 0 && !verdict.out_of_order) probe = {packet.ts, end, true};
}

void TcpMeter::note_acknowledgement(const Packet& packet) noexcept {
  const Direction sender = opposite(packet.header.direction);
  Probe& probe = probes_[index_of(sender)];
  if (!probe.waiting || !at_or_after(packet.header.acknowledgement, probe.end)) return;
  probe.waiting = false;
  add_sample(of(sender), packet.ts - probe.sent);
}

void TcpMeter::note_window(const Packet& packet, const TcpSequences& sequences) noexcept {
  const TcpHeader& header = packet.header;
  const std::size_t from = index_of(header.direction);
  TcpDirection& direction = of(header.direction);
  direction.mss = sequences.mss[from];
  direction.window_scale =
      sequences.scale_option[from] > 1 ? static_cast<std::uint8_t>(sequences.scale_option[from] - 2) : std::uint8_t{0};
  // The window of a SYN is not scaled (RFC 7323, 2.2).
  const std::uint8_t shift =
      has_flag(header, tcp_flag::syn) ? std::uint8_t{0} : window_shift(sequences, header.direction).value_or(0);
  if (header.window == 0 && (direction.window != 0 || !window_known_[from])) ++direction.zero_windows;
  direction.window = std::uint32_t{header.window} << shift;
  window_known_[from] = true;
}

// Without acknowledgements, or with such as have nothing to do with the data, nothing can be said.
void TcpMeter::note_flight(Direction sender, const TcpSequences& sequences) noexcept {
  constexpr std::uint32_t largest_window = 1U << 30U;
  const std::size_t from = index_of(sender);
  const std::optional<std::uint32_t> acknowledged = acknowledged_by(sequences, opposite(sender));
  TcpDirection& direction = of(sender);
  direction.bytes_in_flight = 0;
  if (!has_data_[from] || !acknowledged) return;
  const std::uint32_t flight = data_end_[from] - *acknowledged;
  if (flight > largest_window) return;  // everything is acknowledged
  direction.bytes_in_flight = flight;
  direction.max_bytes_in_flight = std::max(direction.max_bytes_in_flight, flight);
}

// A SYN or SYN-ACK that is sent again spoils it, by Karn's rule.
void TcpMeter::note_handshake(const Packet& packet) noexcept {
  const TcpHeader& header = packet.header;
  const bool originator = header.direction == Direction::FromOriginator;
  const bool syn = has_flag(header, tcp_flag::syn);
  const bool ack = has_flag(header, tcp_flag::ack);
  if (handshake_ == Handshake::none && syn && !ack && originator) {
    handshake_ = Handshake::syn_seen;
    syn_at_ = packet.ts;
    after_syn_ = header.sequence + 1;
  } else if (handshake_ == Handshake::syn_seen && syn && ack && !originator &&
             at_or_after(header.acknowledgement, after_syn_)) {
    handshake_ = Handshake::answered;
    after_answer_ = header.sequence + 1;
  } else {
    const bool acknowledged = handshake_ == Handshake::answered && !syn && ack && originator &&
                              at_or_after(header.acknowledgement, after_answer_);
    if (acknowledged && packet.ts >= syn_at_) metrics_.handshake_rtt = packet.ts - syn_at_;
    handshake_ = Handshake::over;
  }
}

}  // namespace iris::conn
