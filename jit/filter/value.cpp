#include "jit/filter/value.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <system_error>

#include <fmt/format.h>

namespace iris::filter {
namespace {

using Parsed = std::expected<Written, FilterError>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::expected<Quantity, FilterError> parse_hexadecimal(std::string_view word, const Span& span) {
  Quantity quantity;
  const char* end = word.data() + word.size();
  const auto [behind, code] = std::from_chars(word.data() + 2, end, quantity.digits, 16);
  if (code == std::errc::result_out_of_range)
    return fail_at(span, fmt::format("number {} is too large", quoted(word)), "the largest is 0xffffffffffffffff");
  if (code != std::errc{} || behind != end)
    return fail_at(span, fmt::format("{} is not a number", quoted(word)), "hexadecimal digits follow 0x, as in 0x1bb");
  return quantity;
}

// Digits, perhaps a point and more of them, perhaps a unit.
std::expected<Quantity, FilterError> parse_quantity(std::string_view word, const Span& span) {
  if (word.starts_with("0x") || word.starts_with("0X")) return parse_hexadecimal(word, span);
  Quantity quantity;
  bool point = false;
  std::size_t i = 0;
  for (; i < word.size() && (is_digit(word[i]) || (word[i] == '.' && !point && i > 0)); ++i) {
    if (word[i] == '.') {
      point = true;
      continue;
    }
    const auto digit = static_cast<std::uint64_t>(word[i] - '0');
    if (quantity.digits > (std::numeric_limits<std::uint64_t>::max() - digit) / 10)
      return fail_at(span, fmt::format("number {} is too large", quoted(word)), "the largest is 18446744073709551615");
    quantity.digits = quantity.digits * 10 + digit;
    quantity.decimals += point ? 1 : 0;
  }
  quantity.unit = word.substr(i);
  const bool ends_in_point = i > 0 && word[i - 1] == '.';
  const bool odd_unit = std::ranges::any_of(quantity.unit, [](char c) { return is_digit(c) || c == '.' || c == '_'; });
  if (i == 0 || ends_in_point || odd_unit)
    return fail_at(span, fmt::format("{} is not a number", quoted(word)),
                   "numbers are decimal or hexadecimal, as in 443 or 0x1bb");
  return quantity;
}

// Whether the word is a number in its form: digits with at most one point between them, then letters.
bool looks_like_quantity(std::string_view word) {
  return word.find(':') == std::string_view::npos && std::ranges::count(word, '.') <= 1;
}

// Which of two quantities is more, where that does not depend on a unit.
bool is_empty_range(const Quantity& first, const Quantity& last) {
  return first.unit == last.unit && first.decimals == last.decimals && first.digits > last.digits;
}

Parsed parse_range(std::string_view word, const Span& span) {
  const std::size_t dots = word.find("..");
  const std::string_view first_text = word.substr(0, dots);
  const std::string_view last_text = word.substr(dots + 2);
  if (first_text.empty() || last_text.empty())
    return fail_at(span, fmt::format("range {} lacks an end", quoted(word)),
                   "a range is written without spaces, as in 1024..65535");
  const auto first = parse_quantity(first_text, {span.offset, first_text.size()});
  if (!first) return std::unexpected(first.error());
  const auto last = parse_quantity(last_text, {span.offset + dots + 2, last_text.size()});
  if (!last) return std::unexpected(last.error());
  if (is_empty_range(*first, *last))
    return fail_at(span, fmt::format("range {} is empty: its first number is greater than its last", quoted(word)),
                   fmt::format("did you mean {}..{}?", last_text, first_text));
  return QuantityRange{*first, *last};
}

int hexadecimal_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Six bytes in hexadecimal, as in 00:1b:21:3c:4d:5e.
std::optional<Mac> parse_mac(std::string_view word) {
  constexpr std::size_t length = 17;
  if (word.size() != length) return std::nullopt;
  Mac mac;
  for (std::size_t i = 0; i < length; i += 3) {
    const int high = hexadecimal_digit(word[i]);
    const int low = hexadecimal_digit(word[i + 1]);
    if (high < 0 || low < 0 || (i + 2 < length && word[i + 2] != ':')) return std::nullopt;
    mac.number = mac.number << 8U | static_cast<std::uint64_t>(high * 16 + low);
  }
  return mac;
}

std::optional<IpAddress> parse_address(std::string_view word) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (word.empty() || word.size() >= buffer.size()) return std::nullopt;
  std::ranges::copy(word, buffer.begin());
  if (std::array<std::uint8_t, 4> octets{}; inet_pton(AF_INET, buffer.data(), octets.data()) == 1)
    return IpAddress::v4(octets);
  if (std::array<std::uint8_t, 16> octets{}; inet_pton(AF_INET6, buffer.data(), octets.data()) == 1)
    return IpAddress::v6(octets);
  return std::nullopt;
}

Parsed parse_subnet(std::string_view word, const Span& span) {
  const std::size_t slash = word.find('/');
  const std::string_view address_text = word.substr(0, slash);
  const std::string_view length_text = word.substr(slash + 1);
  const auto address = parse_address(address_text);
  if (!address)
    return fail_at({span.offset, address_text.size()}, fmt::format("{} is not an IP address", quoted(address_text)));
  const unsigned longest = address->is_v4() ? 32 : 128;
  unsigned length = 0;
  const auto [end, code] = std::from_chars(length_text.data(), length_text.data() + length_text.size(), length);
  if (code != std::errc{} || end != length_text.data() + length_text.size() || length > longest)
    return fail_at({span.offset + slash + 1, length_text.size()},
                   fmt::format("{} is not a prefix length", quoted(length_text)),
                   fmt::format("IPv{} prefixes are 0 to {} bits long", address->is_v4() ? 4 : 6, longest));
  const Subnet subnet{*address, static_cast<std::uint8_t>(length)};
  if (const Subnet block = masked(subnet); block != subnet)
    return fail_at(span, fmt::format("{} is not a block: its address has bits set after the prefix", quoted(word)),
                   fmt::format("write {} for the block, or {} for the address", to_text(block), to_text(*address)));
  return subnet;
}

// The byte that the escape at `text[offset]`, a backslash, stands for; moves `offset` behind it.
std::expected<char, FilterError> parse_escape(std::string_view text, std::size_t& offset) {
  const std::size_t begin = offset;
  const char letter = begin + 1 < text.size() ? text[begin + 1] : '\0';
  offset += 2;
  switch (letter) {
    case '\\':
    case '\'':
    case '"':
      return letter;
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'x': {
      const int high = offset < text.size() ? hexadecimal_digit(text[offset]) : -1;
      const int low = offset + 1 < text.size() ? hexadecimal_digit(text[offset + 1]) : -1;
      if (high < 0 || low < 0) return fail_at({begin, 2}, "escape '\\x' needs two hexadecimal digits", "as in '\\x1f'");
      offset += 2;
      return static_cast<char>(high * 16 + low);
    }
    default:
      return fail_at({begin, std::min<std::size_t>(2, text.size() - begin)},
                     fmt::format("unknown escape {}", quoted(text.substr(begin, 2))),
                     R"(write '\\' for a backslash; the other escapes are \' \" \n \t \xNN)");
  }
}

}  // namespace

std::string quoted(std::string_view written) {
  constexpr std::size_t longest = 48;
  std::string result = "'";
  for (const char c : written.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f)
      result += fmt::format("\\x{:02x}", byte);
    else
      result += c;
  }
  if (written.size() > longest) result += "...";
  return result + "'";
}

std::expected<Written, FilterError> parse_value(std::string_view word, const Span& span) {
  if (word.find("..") != std::string_view::npos) return parse_range(word, span);
  if (word.find('/') != std::string_view::npos) return parse_subnet(word, span);
  if (looks_like_quantity(word)) {
    auto quantity = parse_quantity(word, span);
    if (!quantity) return std::unexpected(std::move(quantity.error()));
    return *quantity;
  }
  if (const auto mac = parse_mac(word)) return *mac;
  if (const auto address = parse_address(word)) return *address;
  return fail_at(span, fmt::format("{} is not an IP address", quoted(word)));
}

std::expected<TextLiteral, FilterError> parse_string(std::string_view text, std::size_t offset) {
  const std::size_t begin = offset;
  const char quote = text[offset++];
  TextLiteral literal;
  while (offset < text.size() && text[offset] != quote) {
    if (text[offset] != '\\') {
      literal.text.bytes += text[offset++];
      continue;
    }
    const auto byte = parse_escape(text, offset);
    if (!byte) return std::unexpected(byte.error());
    literal.text.bytes += *byte;
  }
  if (offset >= text.size())
    return fail_at({begin, text.size() - begin}, "string is not terminated", fmt::format("close it with {}", quote));
  const std::size_t behind = ++offset;
  while (offset < text.size() && ((text[offset] >= 'a' && text[offset] <= 'z') || text[offset] == '_')) ++offset;
  literal.text.flags = text.substr(behind, offset - behind);
  // `'a'and …` is not written with flags.
  if (literal.text.flags == "and" || literal.text.flags == "or") {
    literal.text.flags = {};
    offset = behind;
  }
  literal.span = {begin, offset - begin};
  return literal;
}

std::expected<TextLiteral, FilterError> parse_bytes(std::string_view text, std::size_t offset) {
  const std::size_t begin = offset++;
  TextLiteral literal;
  literal.text.in_hexadecimal = true;
  const auto digit = [&](std::size_t at) { return at < text.size() ? hexadecimal_digit(text[at]) : -1; };
  for (; offset < text.size() && text[offset] != '|'; ++offset) {
    if (text[offset] == ' ') continue;
    if (digit(offset) < 0 || digit(offset + 1) < 0)
      return fail_at({begin, offset + 1 - begin}, "bytes are two hexadecimal digits each", "as in |16 03 01|");
    literal.text.bytes += static_cast<char>(digit(offset) * 16 + digit(offset + 1));
    ++offset;
  }
  if (offset >= text.size())
    return fail_at({begin, text.size() - begin}, "bytes are not terminated", "close them with |");
  literal.span = {begin, offset + 1 - begin};
  return literal;
}

std::string to_text(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  const bool v4 = address.is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, address.bytes.data() + (v4 ? 12 : 0), buffer.data(), buffer.size());
  return buffer.data();
}

std::string to_text(const Subnet& subnet) { return fmt::format("{}/{}", to_text(subnet.address), subnet.length); }

std::string mac_text(std::uint64_t number) {
  std::string result;
  for (int shift = 40; shift >= 0; shift -= 8) {
    result += fmt::format("{}{:02x}", result.empty() ? "" : ":", (number >> static_cast<unsigned>(shift)) & 0xffU);
  }
  return result;
}

std::string quote_string(std::string_view value) {
  std::string result = "'";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == '\'') {
      result += '\\';
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (byte < 0x20 || byte >= 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result + "'";
}

Subnet masked(const Subnet& subnet) { return Endpoint{subnet.address}.subnet(subnet.length, subnet.length); }

}  // namespace iris::filter
