// Zeek's history letters of a connection, each once a direction: what happened, in the order in which it first did.
//
// Unlike Zeek, no letter is written again: not those of a SYN, FIN or RST with another number, nor C, G, T and W at
// each power of ten. T is of payload that was seen before; Zeek also has it for payload that is merely out of order.
#pragma once

#include <cstdint>

#include <iris/conn_record.hpp>
#include <iris/l4_pdu.hpp>

namespace iris::conn {

// What of a packet is worth a letter.
struct HistoryPacket {
  std::uint32_t payload_length = 0;  // on the wire
  std::uint8_t flags = 0;            // tcp_flag bits; of UDP 0
  Direction direction = Direction::FromOriginator;
  bool zero_window = false;   // TCP only
  bool repeated = false;      // some of its payload was seen before
  bool bad_checksum = false;  // as the NIC found
};

// Remembers which letters were written. Part of a connection's cold part.
class History {
 public:
  // Adds the letters of one packet to `record`, in order of arrival. As in Zeek, SYN, FIN and RST go before data, and a
  // packet with more than one of the three has I or Q instead; a zero window counts unless it comes with or after a RST
  // of its sender, or after the other end's FIN, when nothing is to come any more.
  void note(const HistoryPacket& packet, ConnRecord& record) noexcept {
    write(letter_of(packet), packet.direction, record);
    if (packet.zero_window || packet.repeated || packet.bad_checksum) [[unlikely]] {
      note_unusual(packet, record);
    }
  }
  // The connection was turned round. Before its first packet is noted.
  void note_turned(ConnRecord& record) noexcept;
  // Bytes that `sender` sent were missed: they are acknowledged, or the connection has ended.
  void note_gap(Direction sender, ConnRecord& record) noexcept;

 private:
  // Positions in `letters`; `none` is one after.
  enum Letter : std::uint8_t { S, H, A, D, F, R, C, G, I, Q, T, W, none };
  static constexpr unsigned turned_bit = 1U << 31U;
  static_assert(2 * none + 1 == decltype(ConnRecord::history_letters){}.size());

  static constexpr unsigned bit_of(Letter letter, Direction direction) {
    return 1U << (letter + (direction == Direction::FromResponder ? unsigned{none} : 0U));
  }

  static constexpr Letter letter_of(const HistoryPacket& packet) {
    const bool acknowledges = (packet.flags & tcp_flag::ack) != 0;
    switch (packet.flags & (tcp_flag::syn | tcp_flag::fin | tcp_flag::rst)) {
      case 0:
        return packet.payload_length > 0 ? D : acknowledges ? A : none;
      case tcp_flag::syn:
        return acknowledges ? H : S;
      case tcp_flag::fin:
        return F;
      case tcp_flag::rst:
        return R;
      case tcp_flag::fin | tcp_flag::rst:
      case tcp_flag::syn | tcp_flag::fin | tcp_flag::rst:
        return I;
      default:
        return Q;
    }
  }

  [[nodiscard]] bool has(Letter letter, Direction direction) const {
    return (written_ & bit_of(letter, direction)) != 0;
  }
  void write(Letter letter, Direction direction, ConnRecord& record) noexcept {
    if (letter == none || has(letter, direction)) return;
    written_ |= bit_of(letter, direction);
    record.history_letters[record.history_length++] =
        (direction == Direction::FromResponder ? "shadfrcgiqtw" : "SHADFRCGIQTW")[letter];
  }
  void note_unusual(const HistoryPacket& packet, ConnRecord& record) noexcept;

  std::uint32_t written_ = 0;
};

}  // namespace iris::conn
