// Zeek's history letters of a connection, each once a direction.
#pragma once

#include <cstdint>

#include <iris/conn_record.hpp>
#include <iris/l4_pdu.hpp>

namespace iris::conn {

// Remembers which letters were written. Part of a connection's cold part.
class History {
 public:
  // Adds the letter of one packet to `record`, in order of arrival. As in Zeek, SYN, FIN and RST go before data, and a
  // packet with more than one of the three has none of these letters. For UDP `flags` is 0.
  void note(std::uint8_t flags, std::uint32_t payload_length, Direction direction, ConnRecord& record) noexcept {
    const unsigned letter = letter_of(flags, payload_length);
    if (letter == none) return;
    const bool responder = direction == Direction::FromResponder;
    const unsigned bit = 1U << (letter + (responder ? letter_count : 0));
    if ((written_ & bit) != 0 || record.history_length >= record.history_letters.size()) return;
    written_ = static_cast<std::uint16_t>(written_ | bit);
    record.history_letters[record.history_length++] = (responder ? "shadfr" : "SHADFR")[letter];
  }

 private:
  static constexpr unsigned letter_count = 6;
  static constexpr unsigned none = letter_count;

  // Position in "SHADFR".
  static constexpr unsigned letter_of(std::uint8_t flags, std::uint32_t payload_length) {
    const bool acknowledges = (flags & tcp_flag::ack) != 0;
    switch (flags & (tcp_flag::syn | tcp_flag::fin | tcp_flag::rst)) {
      case tcp_flag::syn:
        return acknowledges ? 1 : 0;
      case tcp_flag::fin:
        return 4;
      case tcp_flag::rst:
        return 5;
      case 0:
        break;
      default:
        return none;
    }
    if (payload_length > 0) return 3;
    return acknowledges ? 2 : none;
  }

  std::uint16_t written_ = 0;
};

}  // namespace iris::conn
