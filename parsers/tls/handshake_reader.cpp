#include "parsers/tls/handshake_reader.hpp"

#include <algorithm>
#include <cstring>

#include "parsers/bytes.hpp"

namespace iris::parsers::tls {
namespace {

// The first piece of memory for a message, and by how much it grows: most fit, and a length that is only claimed costs
// little. The largest one wastes a third.
constexpr std::size_t first_capacity = 4096;
constexpr std::size_t growth = 4;

// Moves bytes from the front of `bytes` to `header` until it has `needed`. True when it has.
bool collect(std::span<const std::uint8_t>& bytes, std::uint8_t* header, std::uint8_t& size,
             std::size_t needed) noexcept {
  if (size < needed) {
    const std::size_t taken = std::min(needed - size, bytes.size());
    std::memcpy(header + size, bytes.data(), taken);
    size = static_cast<std::uint8_t>(size + taken);
    bytes = bytes.subspan(taken);
  }
  return size == needed;
}

}  // namespace

HandshakeReader::Outcome HandshakeReader::read(Bytes& bytes, Arena& arena) noexcept {
  while (!bytes.empty()) {
    if (record_left_ == 0) {
      if (const Outcome outcome = read_record_header(bytes); outcome != Outcome::more) return outcome;
      continue;
    }
    Bytes rest = bytes.first(std::min<std::size_t>(record_left_, bytes.size()));
    const std::size_t offered = rest.size();
    Outcome outcome = Outcome::more;
    if (content_ == ContentType::alert) {
      outcome = read_alert(rest);
    } else if (content_ != ContentType::handshake) {
      rest = {};
    } else if (!in_message_) {
      if (collect(rest, message_header_.data(), message_header_size_, message_header_length) && !begin_message()) {
        return Outcome::failed;
      }
    } else {
      const Bytes piece = rest.first(std::min<std::size_t>(length_ - read_, rest.size()));
      if (!append(piece, arena)) return Outcome::out_of_memory;
      rest = rest.subspan(piece.size());
    }
    const std::size_t taken = offered - rest.size();
    bytes = bytes.subspan(taken);
    record_left_ -= static_cast<std::uint32_t>(taken);
    if (outcome != Outcome::more) return outcome;
    if (in_message_ && read_ == length_) {
      in_message_ = false;
      return sslv2_ ? Outcome::sslv2_client_hello : Outcome::message;
    }
  }
  return Outcome::more;
}

HandshakeReader::Outcome HandshakeReader::read_record_header(Bytes& bytes) noexcept {
  if (!begun_) {
    begun_ = true;
    sslv2_ = is_sslv2_record(bytes[0]);
  } else if (record_header_size_ == 0) {
    sslv2_ = false;  // only the first
  }
  const std::size_t needed = sslv2_ ? sslv2_record_header_length : record_header_length;
  if (!collect(bytes, record_header_.data(), record_header_size_, needed)) return Outcome::more;
  record_header_size_ = 0;
  if (sslv2_) {
    content_ = ContentType::handshake;
    record_left_ = length_ = load16(record_header_.data()) & 0x7fffU;
    read_ = 0;
    in_message_ = kept_ = true;
    return length_ >= sslv2_hello_header_length ? Outcome::more : Outcome::failed;
  }
  content_ = ContentType{record_header_[0]};
  record_left_ = load16(record_header_.data() + 3);
  if (content_ == ContentType::application_data) return Outcome::application_data;
  if (!is_record_type(record_header_[0]) || record_header_[1] != 3 || record_left_ > max_record) return Outcome::failed;
  return content_ == ContentType::change_cipher_spec ? Outcome::change_cipher_spec : Outcome::more;
}

// One that is longer than two bytes is encrypted.
HandshakeReader::Outcome HandshakeReader::read_alert(Bytes& bytes) noexcept {
  if (alert_size_ == 0 && record_left_ != alert_length) return Outcome::failed;
  if (!collect(bytes, alert_.data(), alert_size_, alert_length)) return Outcome::more;
  alert_size_ = 0;
  return Outcome::alert;
}

// The message header is complete. False when this is no handshake message, or too long a one.
bool HandshakeReader::begin_message() noexcept {
  message_header_size_ = 0;
  length_ = load32(message_header_.data()) & 0xffffffU;
  read_ = 0;
  in_message_ = true;
  type_ = MessageType{message_header_[0]};
  buffer_ = nullptr;
  capacity_ = 0;
  kept_ = false;
  switch (type_) {
    case MessageType::client_hello:
    case MessageType::server_hello:
    case MessageType::certificate:
      kept_ = true;
      return length_ <= max_message;
    case MessageType::hello_request:
    case MessageType::hello_retry_request:
    case MessageType::new_session_ticket:
    case MessageType::server_key_exchange:
    case MessageType::certificate_request:
    case MessageType::server_hello_done:
    case MessageType::certificate_verify:
    case MessageType::client_key_exchange:
    case MessageType::finished:
    case MessageType::certificate_url:
    case MessageType::certificate_status:
    case MessageType::supplemental_data:
      return true;
  }
  return false;
}

// False when out of memory.
bool HandshakeReader::append(Bytes piece, Arena& arena) noexcept {
  if (kept_ && !piece.empty()) {
    if (!reserve(read_ + piece.size(), arena)) return false;
    std::memcpy(buffer_ + read_, piece.data(), piece.size());
  }
  read_ += static_cast<std::uint32_t>(piece.size());
  return true;
}

bool HandshakeReader::reserve(std::size_t size, Arena& arena) noexcept {
  if (size <= capacity_) return true;
  const std::size_t wanted = std::max({size, first_capacity, capacity_ * growth});
  const std::size_t capacity = std::min<std::size_t>(wanted, length_);
  auto* grown = static_cast<std::uint8_t*>(arena.allocate(capacity, 1));
  if (grown == nullptr) return false;
  if (read_ != 0) std::memcpy(grown, buffer_, read_);
  buffer_ = grown;
  capacity_ = static_cast<std::uint32_t>(capacity);
  return true;
}

}  // namespace iris::parsers::tls
