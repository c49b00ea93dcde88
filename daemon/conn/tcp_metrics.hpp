// Fills iris::TcpMetrics from a connection's packets, for as long as somebody needs it. What it keeps does not grow:
// one segment a direction is timed at a time.
//
// Round-trip times are from a segment to the acknowledgement that covers it, as seen at the tap. A segment that repeats
// anything takes the time of the one under way away, since its acknowledgement may be for either (Karn's algorithm,
// RFC 6298, 3).
#pragma once

#include <array>
#include <cstdint>

#include <iris/tcp_metrics.hpp>

#include "daemon/conn/coverage.hpp"
#include "daemon/conn/tcp_state.hpp"

namespace iris::conn {

class TcpMeter {
 public:
  // A packet of the connection, after advance() and Coverage::take().
  struct Packet {
    const TcpHeader& header;
    const Coverage::Verdict& verdict;
    Timestamp ts;
  };
  // In order of arrival. `sequences` are the connection's. A RST says nothing about a connection but that it is over.
  void note(const Packet& packet, const TcpSequences& sequences) noexcept;

  // Bytes that reassembly found to be repeated with another content.
  void note_inconsistent(Direction sender, std::uint64_t bytes) noexcept { of(sender).inconsistent_bytes += bytes; }

  [[nodiscard]] const TcpMetrics& metrics() const noexcept { return metrics_; }

 private:
  // A segment on its way.
  struct Probe {
    Timestamp sent;
    std::uint32_t end = 0;  // the acknowledgement that it waits for
    bool waiting = false;
  };
  enum class Handshake : std::uint8_t { none, syn_seen, answered, over };

  [[nodiscard]] TcpDirection& of(Direction direction) noexcept {
    return direction == Direction::FromOriginator ? metrics_.originator : metrics_.responder;
  }
  void note_payload(const Packet& packet) noexcept;
  void note_acknowledgement(const Packet& packet) noexcept;
  void note_window(const Packet& packet, const TcpSequences& sequences) noexcept;
  void note_flight(Direction sender, const TcpSequences& sequences) noexcept;
  void note_handshake(const Packet& packet) noexcept;

  TcpMetrics metrics_;
  std::array<Probe, 2> probes_;
  std::array<std::uint32_t, 2> data_end_{};  // after the highest payload byte
  std::array<bool, 2> has_data_{};
  std::array<bool, 2> window_known_{};
  Timestamp syn_at_;
  std::uint32_t after_syn_ = 0;
  std::uint32_t after_answer_ = 0;
  Handshake handshake_ = Handshake::none;
};

}  // namespace iris::conn
