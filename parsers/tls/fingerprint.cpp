// Fingerprints of hellos: JA3 and JA3S (https://github.com/salesforce/ja3), JA4 (https://github.com/FoxIO-LLC/ja4,
// technical details of JA4).
#include <algorithm>
#include <array>
#include <cstring>

#include "parsers/tls/computed.hpp"

namespace iris::parsers::tls {
namespace {

using Layout = TlsHandshake::Layout;
using Computed = Layout::Computed;
using Numbers = std::span<const std::uint16_t>;

constexpr std::string_view absent;

// RFC 8701: 0x?a?a with both digits equal.
constexpr bool is_grease(std::uint16_t number) noexcept {
  return (number & 0x0f0fU) == 0x0a0a && number >> 8U == (number & 0xffU);
}

constexpr std::size_t decimal_room = 6;  // "65535-"

void append_list(ArenaText& text, Numbers numbers) noexcept {
  bool first = true;
  for (const std::uint16_t number : numbers) {
    if (is_grease(number)) continue;
    if (!first) text.append("-");
    text.append(number);
    first = false;
  }
}

std::string_view ja3_text_of(const TlsHandshake& tls) noexcept {
  const Layout& layout = tls.layout;
  if (!layout.client_version || layout.client_compressions.empty()) return {};  // not of SSLv2's form
  const std::size_t numbers = 5 + layout.client_ciphers.size() + layout.client_extensions.size() +
                              layout.client_groups.size() + layout.client_point_formats.size();
  ArenaText text(tls, numbers * decimal_room);
  text.append(*layout.client_version);
  for (const Numbers list : {layout.client_ciphers, layout.client_extensions, layout.client_groups}) {
    text.append(",");
    append_list(text, list);
  }
  text.append(",");
  for (std::size_t i = 0; i < layout.client_point_formats.size(); ++i) {
    if (i > 0) text.append("-");
    text.append(layout.client_point_formats[i]);
  }
  return text.text();
}

std::string_view ja3s_text_of(const TlsHandshake& tls) noexcept {
  const Layout& layout = tls.layout;
  if (!layout.server_version || !layout.cipher) return {};
  ArenaText text(tls, (3 + layout.server_extensions.size()) * decimal_room);
  text.append(*layout.server_version);
  text.append(",");
  text.append(*layout.cipher);
  text.append(",");
  append_list(text, layout.server_extensions);
  return text.text();
}

// ---- JA4 ----------------------------------------------------------------------------------------------------------

std::string_view ja4_version(const Layout& layout) noexcept {
  std::uint16_t latest = 0;
  for (const std::uint16_t version : layout.client_versions) {
    if (!is_grease(version)) latest = std::max(latest, version);
  }
  switch (latest) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    default:
      return "00";
  }
}

constexpr bool is_alphanumeric(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// First and last character of the first protocol; of other bytes the first and the last hex digit.
std::array<char, 2> ja4_alpn(const Layout& layout) noexcept {
  if (layout.client_alpn.empty() || layout.client_alpn[0].empty()) return {'0', '0'};
  const char first = layout.client_alpn[0].front();
  const char last = layout.client_alpn[0].back();
  if (is_alphanumeric(first) && is_alphanumeric(last)) return {first, last};
  constexpr std::string_view digits = "0123456789abcdef";
  return {digits[static_cast<std::uint8_t>(first) >> 4U], digits[static_cast<std::uint8_t>(last) & 15U]};
}

std::size_t count_of(Numbers numbers) noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(numbers, [](auto number) { return !is_grease(number); }));
}

constexpr std::size_t most_numbers = 1024;  // of what is sorted on the stack: more than a hello has in practice
constexpr std::size_t hash_length = 12;

// Comma-separated four-digit numbers.
class HexList {
 public:
  void append(Numbers numbers, char separator = ',') noexcept {
    for (const std::uint16_t number : numbers) {
      if (is_grease(number) || size_ + 5 > text_.size()) continue;
      if (size_ > 0) text_[size_++] = next_ == 0 ? separator : next_;
      next_ = 0;
      const std::array<std::uint8_t, 2> bytes{static_cast<std::uint8_t>(number >> 8U),
                                              static_cast<std::uint8_t>(number)};
      write_hex(bytes, text_.data() + size_);
      size_ += 4;
    }
  }
  void separate(char separator) noexcept { next_ = separator; }
  [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, most_numbers * 5> text_;
  std::size_t size_ = 0;
  char next_ = 0;
};

void append_hash(std::string_view of, char*& out) noexcept {
  if (of.empty()) {
    out = std::fill_n(out, hash_length, '0');
  } else {
    out = std::copy_n(sha256_hex(of).begin(), hash_length, out);
  }
}

// Ascending, without those that `leave_out` names.
Numbers sorted(Numbers numbers, std::span<std::uint16_t, most_numbers> room,
               std::initializer_list<std::uint16_t> leave_out) noexcept {
  std::size_t count = 0;
  for (const std::uint16_t number : numbers.first(std::min(numbers.size(), most_numbers))) {
    if (std::ranges::find(leave_out, number) == leave_out.end()) room[count++] = number;
  }
  std::ranges::sort(room.first(count));
  return room.first(count);
}

void append_two_digits(std::size_t number, char*& out) noexcept {
  const auto shown = static_cast<unsigned>(std::min<std::size_t>(number, 99));
  *out++ = static_cast<char>('0' + shown / 10);
  *out++ = static_cast<char>('0' + shown % 10);
}

std::string_view write_ja4(const Layout& layout, std::array<char, 36>& characters) noexcept {
  constexpr std::uint16_t server_name = 0;
  constexpr std::uint16_t alpn = 16;
  const Numbers extensions = layout.client_extensions;
  char* out = characters.data();
  *out++ = layout.quic ? 'q' : 't';
  out = std::ranges::copy(ja4_version(layout), out).out;
  *out++ = std::ranges::find(extensions, server_name) != extensions.end() ? 'd' : 'i';
  append_two_digits(count_of(layout.client_ciphers), out);
  append_two_digits(count_of(extensions), out);
  out = std::ranges::copy(ja4_alpn(layout), out).out;

  std::array<std::uint16_t, most_numbers> room;
  HexList ciphers;
  ciphers.append(sorted(layout.client_ciphers, room, {}));
  *out++ = '_';
  append_hash(ciphers.text(), out);
  HexList rest;
  rest.append(sorted(extensions, room, {server_name, alpn}));
  rest.separate('_');
  if (count_of(extensions) != 0) rest.append(layout.client_signature_algorithms);
  *out++ = '_';
  append_hash(rest.text(), out);
  return {characters.data(), characters.size()};
}

// Computes what `kept` keeps unless that was done.
template <class Compute>
const std::string_view* remember(const void* handshake, std::string_view Computed::* kept, Compute compute) noexcept {
  const auto& tls = *static_cast<const TlsHandshake*>(handshake);
  Computed* computed = computed_of(tls);
  if (computed == nullptr) return &absent;
  std::string_view& text = computed->*kept;
  if (text.data() == nullptr) text = compute(tls, *computed);
  return &text;
}

std::string_view hash(std::string_view text, Md5Text& digits) noexcept {
  if (text.data() == nullptr) return {};
  digits = md5_hex(text);
  return {digits.data(), digits.size()};
}

}  // namespace
}  // namespace iris::parsers::tls

namespace iris::detail {

using namespace iris::parsers::tls;  // NOLINT(google-build-using-namespace): its other half

const std::string_view* iris_tls_ja3_text(const void* handshake) noexcept {
  return remember(handshake, &Computed::ja3_text, [](const TlsHandshake& tls, Computed&) { return ja3_text_of(tls); });
}
const std::string_view* iris_tls_ja3s_text(const void* handshake) noexcept {
  return remember(handshake, &Computed::ja3s_text,
                  [](const TlsHandshake& tls, Computed&) { return ja3s_text_of(tls); });
}
const std::string_view* iris_tls_ja3(const void* handshake) noexcept {
  return remember(handshake, &Computed::ja3, [](const TlsHandshake& tls, Computed& computed) {
    return hash(tls.ja3_text(), computed.ja3_digits);
  });
}
const std::string_view* iris_tls_ja3s(const void* handshake) noexcept {
  return remember(handshake, &Computed::ja3s, [](const TlsHandshake& tls, Computed& computed) {
    return hash(tls.ja3s_text(), computed.ja3s_digits);
  });
}
const std::string_view* iris_tls_ja4(const void* handshake) noexcept {
  return remember(handshake, &Computed::ja4, [](const TlsHandshake& tls, Computed& computed) {
    return tls.layout.client_version ? write_ja4(tls.layout, computed.ja4_characters) : std::string_view();
  });
}

}  // namespace iris::detail
