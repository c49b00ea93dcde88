#include "parsers/ssh/reader.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "parsers/bytes.hpp"
#include "parsers/text.hpp"

namespace iris::parsers::ssh {
namespace {

constexpr std::string_view prefix = "SSH-";
constexpr std::size_t first_room = 256;

bool is_kept(Message type) noexcept {
  return type == Message::kexinit || type == Message::kexdh_reply || type == Message::gex_reply;
}

// Those that come in clear.
bool is_plausible(std::uint8_t type) noexcept {
  const bool transport = type >= 1 && type <= 7 && type != 5 && type != 6;
  return transport || (type >= 20 && type <= static_cast<std::uint8_t>(Message::kex_last));
}

}  // namespace

Reader::Outcome Reader::read(std::span<const std::uint8_t>& bytes, Arena& arena) noexcept {
  while (!bytes.empty()) {
    const Outcome outcome = identified_ ? read_packet(bytes, arena) : read_line(bytes, arena);
    if (outcome != Outcome::more) return outcome;
  }
  return Outcome::more;
}

bool Reader::keep(std::uint8_t byte, Arena& arena) noexcept {
  if (size_ == room_) {
    const std::uint32_t room = std::max<std::uint32_t>(first_room, 2 * room_);
    auto* grown = static_cast<std::uint8_t*>(arena.allocate(room, 1));
    if (grown == nullptr) return false;
    if (size_ != 0) std::memcpy(grown, buffer_, size_);
    buffer_ = grown;
    room_ = room;
  }
  buffer_[size_++] = byte;
  return true;
}

// Up to the identification; lines before it are passed over.
Reader::Outcome Reader::read_line(std::span<const std::uint8_t>& bytes, Arena& arena) noexcept {
  while (!bytes.empty()) {
    const std::uint8_t byte = bytes.front();
    bytes = bytes.subspan(1);
    if (byte != '\n') {
      if (size_ == max_line || ++preamble_ > max_preamble) return Outcome::failed;
      if (!keep(byte, arena)) return Outcome::out_of_memory;
      continue;
    }
    if (size_ != 0 && buffer_[size_ - 1] == '\r') --size_;
    const std::span<const std::uint8_t> line(buffer_, size_);
    if (as_text(line).starts_with(prefix)) {
      identified_ = true;
      body_ = line;
      buffer_ = nullptr;
      size_ = room_ = 0;
      return Outcome::identification;
    }
    size_ = 0;
  }
  return Outcome::more;
}

// False when it is no packet in clear.
bool Reader::begin_packet() noexcept {
  const std::uint32_t length = load32(header_.data());
  padding_ = header_[4];
  type_ = Message{header_[5]};
  if (!is_plausible(header_[5]) || length < 2U + padding_ || length > max_packet || padding_ < 4) return false;
  left_ = length - 2;
  kept_ = is_kept(type_);
  buffer_ = nullptr;
  size_ = room_ = 0;
  return true;
}

Reader::Outcome Reader::read_packet(std::span<const std::uint8_t>& bytes, Arena& arena) noexcept {
  if (header_size_ < header_.size()) {
    const std::size_t taken = std::min(header_.size() - header_size_, bytes.size());
    std::memcpy(header_.data() + header_size_, bytes.data(), taken);
    header_size_ = static_cast<std::uint8_t>(header_size_ + taken);
    bytes = bytes.subspan(taken);
    if (header_size_ < header_.size()) return Outcome::more;
    if (!begin_packet()) return Outcome::failed;
    // A length that is only claimed costs what came: at most 40,000 bytes, once.
    if (kept_) {
      room_ = left_ - padding_;
      buffer_ = static_cast<std::uint8_t*>(arena.allocate(room_, 1));
      if (buffer_ == nullptr) return Outcome::out_of_memory;
    }
  }
  const auto piece = bytes.first(std::min<std::size_t>(left_, bytes.size()));
  bytes = bytes.subspan(piece.size());
  left_ -= static_cast<std::uint32_t>(piece.size());
  if (kept_) {
    const std::size_t wanted = std::min<std::size_t>(piece.size(), room_ - size_);
    if (wanted != 0) std::memcpy(buffer_ + size_, piece.data(), wanted);
    size_ += static_cast<std::uint32_t>(wanted);
  }
  if (left_ != 0) return Outcome::more;
  header_size_ = 0;
  body_ = {buffer_, kept_ ? size_ : 0U};
  return Outcome::packet;
}

}  // namespace iris::parsers::ssh
