#include "parsers/dns/name.hpp"

namespace iris::parsers::dns {
namespace {

constexpr std::uint8_t pointer_bits = 0xc0;
constexpr std::size_t max_octets = 255;

// RFC 3629, without overlong forms and surrogates.
bool is_utf8(Message bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size();) {
    const std::uint8_t first = bytes[i];
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xc2 ? 0
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 0;
    if (length == 0 || length > bytes.size() - i) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((bytes[i + k] & 0xc0U) != 0x80) return false;
    }
    const std::uint8_t second = length > 1 ? bytes[i + 1] : std::uint8_t{0};
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool beyond = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
    if (overlong || beyond) return false;
    i += length;
  }
  return true;
}

// Calls `label` for each, with its bytes.
template <class Label>
bool walk(Message message, std::size_t& at, Label&& label) noexcept {
  std::size_t octets = 1;  // the root's
  std::size_t position = at;
  std::size_t begin = at;  // of the labels that are being read: pointers go further back only, so this ends
  bool jumped = false;
  for (;;) {
    if (position >= message.size()) return false;
    const std::uint8_t length = message[position];
    if ((length & pointer_bits) == pointer_bits) {
      if (position + 1 >= message.size()) return false;
      const std::size_t target = static_cast<std::size_t>(length & 0x3fU) << 8U | message[position + 1];
      if (target >= begin) return false;
      if (!jumped) at = position + 2;
      jumped = true;
      position = begin = target;
      continue;
    }
    if ((length & pointer_bits) != 0) return false;
    ++position;
    if (length == 0) break;
    octets += 1U + length;
    if (octets > max_octets || length > message.size() - position) return false;
    label(message.subspan(position, length));
    position += length;
  }
  if (!jumped) at = position;
  return true;
}

}  // namespace

void NameText::append(std::uint8_t byte, bool utf8) noexcept {
  if (byte >= 'A' && byte <= 'Z') byte = static_cast<std::uint8_t>(byte + ('a' - 'A'));
  if (byte == '.' || byte == '\\') characters_[size_++] = '\\';
  if ((byte > ' ' && byte < 0x7f) || (byte >= 0x80 && utf8)) {
    characters_[size_++] = static_cast<char>(byte);
    return;
  }
  characters_[size_++] = '\\';
  characters_[size_++] = static_cast<char>('0' + byte / 100);
  characters_[size_++] = static_cast<char>('0' + byte / 10 % 10);
  characters_[size_++] = static_cast<char>('0' + byte % 10);
}

bool read_name(Message message, std::size_t& at, NameText& name) noexcept {
  name.size_ = 0;
  const bool ok = walk(message, at, [&](Message label) {
    if (name.size_ != 0) name.separate();
    const bool utf8 = is_utf8(label);
    for (const std::uint8_t byte : label) name.append(byte, utf8);
  });
  if (ok && name.size_ == 0) name.separate();
  return ok;
}

bool skip_name(Message message, std::size_t& at) noexcept {
  return walk(message, at, [](Message) {});
}

}  // namespace iris::parsers::dns
