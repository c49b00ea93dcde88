#include "parsers/tls/hello.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "parsers/bytes.hpp"
#include "parsers/tls/wire.hpp"

namespace iris::parsers::tls {
namespace {

using Bytes = std::span<const std::uint8_t>;
using Layout = TlsHandshake::Layout;

// Extension types.
constexpr std::uint16_t extension_server_name = 0;          // RFC 6066, 3
constexpr std::uint16_t extension_alpn = 16;                // RFC 7301, 3.1
constexpr std::uint16_t extension_supported_versions = 43;  // RFC 8446, 4.2.1

// ServerHello.random of a HelloRetryRequest: SHA-256 of its name (RFC 8446, 4.1.3).
constexpr std::array<std::uint8_t, 32> retry_random{0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                                    0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                                    0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

// Never with data() == nullptr, even when empty: in the SDK that means "absent".
std::string_view as_text(Bytes bytes) noexcept {
  return bytes.data() == nullptr ? std::string_view("")
                                 : std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

template <class Value>
std::span<Value> allocate(Arena& arena, std::size_t count) noexcept {
  void* memory = arena.allocate(count * sizeof(Value), alignof(Value));
  if (memory == nullptr) return {};
  auto* first = static_cast<Value*>(memory);
  std::uninitialized_value_construct_n(first, count);
  return {first, count};
}

// Numbers of two bytes each in host order; `bytes` has an even length. False when out of memory.
bool copy_numbers(Bytes bytes, Arena& arena, std::span<const std::uint16_t>& numbers) noexcept {
  numbers = {};
  if (bytes.empty()) return true;
  const auto copy = allocate<std::uint16_t>(arena, bytes.size() / 2);
  for (std::size_t i = 0; i < copy.size(); ++i) copy[i] = load16(bytes.data() + 2 * i);
  numbers = copy;
  return !copy.empty();
}

// The contents of the extensions that we read. data() == nullptr: absent.
struct Extensions {
  Bytes server_name;
  Bytes alpn;
  Bytes supported_versions;

  void keep(std::uint16_t type, Bytes contents) noexcept {
    Bytes* kept = type == extension_server_name          ? &server_name
                  : type == extension_alpn               ? &alpn
                  : type == extension_supported_versions ? &supported_versions
                                                         : nullptr;
    if (kept != nullptr && kept->data() == nullptr) *kept = contents;
  }
};

// The rest of a hello: nothing (hellos before RFC 3546), or a vector of extensions that fills it.
bool read_extensions(Reader& hello, Extensions& extensions) noexcept {
  if (hello.empty()) return hello.ok();
  Reader list(hello.vector16());
  while (list.ok() && !list.empty()) {
    const std::uint16_t type = list.u16();
    extensions.keep(type, list.vector16());
  }
  return list.ok() && hello.ok() && hello.empty();
}

// The first host_name in the list.
std::string_view read_server_name(Bytes extension) noexcept {
  constexpr std::uint8_t host_name = 0;
  Reader outer(extension);
  Reader list(outer.vector16());
  while (outer.ok() && !list.empty()) {
    const std::uint8_t type = list.u8();
    const Bytes name = list.vector16();
    if (list.ok() && type == host_name) return as_text(name);
  }
  return {};
}

// Number of protocol names; 0 when the extension is malformed.
std::size_t count_protocols(Bytes extension) noexcept {
  Reader outer(extension);
  Reader list(outer.vector16());
  std::size_t count = 0;
  while (!list.empty()) {
    if (list.vector8().empty()) return 0;
    ++count;
  }
  return list.ok() && outer.ok() && outer.empty() ? count : 0;
}

// False when out of memory.
bool read_protocols(Bytes extension, Arena& arena, std::span<const std::string_view>& protocols) noexcept {
  protocols = {};
  const std::size_t count = count_protocols(extension);
  if (count == 0) return true;
  const auto names = allocate<std::string_view>(arena, count);
  Reader list(extension.subspan(sizeof(std::uint16_t)));
  for (std::string_view& name : names) name = as_text(list.vector8());
  protocols = names;
  return !names.empty();
}

// The bytes of the list, of even length; empty when the extension is malformed.
Bytes read_supported_versions(Bytes extension) noexcept {
  Reader outer(extension);
  const Bytes list = outer.vector8();
  return outer.ok() && outer.empty() && list.size() % 2 == 0 ? list : Bytes{};
}

bool plausible_version(std::uint16_t version) noexcept { return version >> 8U == 3 || is_draft(version); }

}  // namespace

HelloStatus parse_client_hello(Bytes body, Arena& arena, Layout& layout) noexcept {
  Reader hello(body);
  const Bytes version = hello.take(2);
  hello.take(random_length);
  const Bytes session_id = hello.vector8();
  const Bytes ciphers = hello.vector16();
  const Bytes compressions = hello.vector8();
  Extensions extensions;
  if (!hello.ok() || !plausible_version(load16(version.data())) || session_id.size() > max_session_id ||
      ciphers.empty() || ciphers.size() % 2 != 0 || compressions.empty() || !read_extensions(hello, extensions)) {
    return HelloStatus::malformed;
  }

  Layout filled = layout;
  filled.client_version = load16(version.data());
  filled.sni = read_server_name(extensions.server_name);
  const Bytes offered = read_supported_versions(extensions.supported_versions);
  if (!copy_numbers(ciphers, arena, filled.client_ciphers) ||
      !copy_numbers(offered.empty() ? version : offered, arena, filled.client_versions) ||
      !read_protocols(extensions.alpn, arena, filled.client_alpn)) {
    return HelloStatus::out_of_memory;
  }
  layout = filled;
  return HelloStatus::ok;
}

HelloStatus parse_server_hello(Bytes body, Layout& layout) noexcept {
  Reader hello(body);
  std::uint16_t version = hello.u16();
  const Bytes random = hello.take(random_length);
  // Drafts of TLS 1.3 up to the 21st had neither session id nor compression.
  const bool short_form = is_draft(version);
  const Bytes session_id = short_form ? Bytes{} : hello.vector8();
  const std::uint16_t cipher = hello.u16();
  if (!short_form) hello.u8();
  Extensions extensions;
  if (!hello.ok() || !plausible_version(version) || session_id.size() > max_session_id ||
      !read_extensions(hello, extensions)) {
    return HelloStatus::malformed;
  }
  if (std::ranges::equal(random, retry_random)) return HelloStatus::retry;

  if (extensions.supported_versions.size() == 2) version = load16(extensions.supported_versions.data());
  layout.version = version;
  layout.cipher = cipher;
  layout.alpn = {};
  if (count_protocols(extensions.alpn) == 1) {
    layout.alpn = as_text(extensions.alpn.subspan(sizeof(std::uint16_t) + sizeof(std::uint8_t)));
  }
  return HelloStatus::ok;
}

HelloStatus parse_sslv2_client_hello(Bytes body, Arena& arena, Layout& layout) noexcept {
  Reader hello(body);
  const std::uint8_t type = hello.u8();
  const Bytes version = hello.take(2);
  const std::uint16_t specs_length = hello.u16();
  const std::uint16_t session_id_length = hello.u16();
  const std::uint16_t challenge_length = hello.u16();
  const Bytes specs = hello.take(specs_length);
  hello.take(session_id_length);
  hello.take(challenge_length);
  if (!hello.ok() || !hello.empty() || type != static_cast<std::uint8_t>(MessageType::client_hello) || specs.empty() ||
      specs.size() % sslv2_spec_length != 0) {
    return HelloStatus::malformed;
  }

  Layout filled = layout;
  filled.client_version = load16(version.data());
  const auto ciphers = allocate<std::uint16_t>(arena, specs.size() / sslv2_spec_length);
  if (ciphers.empty() || !copy_numbers(version, arena, filled.client_versions)) return HelloStatus::out_of_memory;
  std::size_t count = 0;
  for (std::size_t i = 0; i < specs.size(); i += sslv2_spec_length) {
    if (specs[i] == 0) ciphers[count++] = load16(specs.data() + i + 1);
  }
  filled.client_ciphers = ciphers.first(count);
  filled.sni = {};
  filled.client_alpn = {};
  layout = filled;
  return HelloStatus::ok;
}

}  // namespace iris::parsers::tls
