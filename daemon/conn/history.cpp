#include "daemon/conn/history.hpp"

namespace iris::conn {

void History::note_unusual(const HistoryPacket& packet, ConnRecord& record) noexcept {
  const Direction from = packet.direction;
  const Direction to = from == Direction::FromOriginator ? Direction::FromResponder : Direction::FromOriginator;
  if (packet.bad_checksum) write(C, from, record);
  if (packet.zero_window && (packet.flags & tcp_flag::rst) == 0 && !has(R, from) && !has(F, to)) {
    write(W, from, record);
  }
  if (packet.repeated) write(T, from, record);
}

void History::note_turned(ConnRecord& record) noexcept {
  if ((written_ & turned_bit) != 0) return;
  written_ |= turned_bit;
  record.history_letters[record.history_length++] = '^';
}

void History::note_gap(Direction sender, ConnRecord& record) noexcept { write(G, sender, record); }

}  // namespace iris::conn
