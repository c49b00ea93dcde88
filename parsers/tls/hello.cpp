#include "parsers/tls/hello.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "parsers/bytes.hpp"
#include "parsers/text.hpp"
#include "parsers/tls/wire.hpp"

namespace iris::parsers::tls {
namespace {

using Bytes = std::span<const std::uint8_t>;
using Layout = TlsHandshake::Layout;

// Extension types.
enum class ExtensionType : std::uint16_t {
  server_name = 0,            // RFC 6066, 3
  supported_groups = 10,      // RFC 8446, 4.2.7
  ec_point_formats = 11,      // RFC 8422, 5.1.2
  signature_algorithms = 13,  // RFC 8446, 4.2.3
  alpn = 16,                  // RFC 7301, 3.1
  pre_shared_key = 41,        // RFC 8446, 4.2.11
  early_data = 42,            // RFC 8446, 4.2.10
  supported_versions = 43,    // RFC 8446, 4.2.1
  key_share = 51,             // RFC 8446, 4.2.8
  encrypted_client_hello = 0xfe0d,
};

// ServerHello.random of a HelloRetryRequest: SHA-256 of its name (RFC 8446, 4.1.3).
constexpr std::array<std::uint8_t, 32> retry_random{0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                                    0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                                    0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

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

// The extensions of a hello: nothing (hellos before RFC 3546), or a vector of them that fills the rest of it.
struct Extensions {
  Bytes list;
  std::size_t count = 0;

  [[nodiscard]] bool read(Reader& hello) noexcept {
    if (hello.empty()) return hello.ok();
    list = hello.vector16();
    Reader reader(list);
    for (; reader.ok() && !reader.empty(); ++count) {
      reader.u16();
      reader.vector16();
    }
    return reader.ok() && hello.ok() && hello.empty();
  }
  // The contents of the first of its type. data() == nullptr: absent.
  [[nodiscard]] Bytes find(ExtensionType wanted) const noexcept {
    Reader reader(list);
    while (!reader.empty()) {
      const std::uint16_t type = reader.u16();
      const Bytes contents = reader.vector16();
      if (type == static_cast<std::uint16_t>(wanted)) {
        return contents.data() != nullptr ? contents : list.first(0);
      }
    }
    return {};
  }
  [[nodiscard]] bool has(ExtensionType wanted) const noexcept { return find(wanted).data() != nullptr; }
  // False when out of memory.
  [[nodiscard]] bool copy_types(Arena& arena, std::span<const std::uint16_t>& types) const noexcept {
    types = {};
    if (count == 0) return true;
    const auto copy = allocate<std::uint16_t>(arena, count);
    Reader reader(list);
    for (std::uint16_t& type : copy) {
      type = reader.u16();
      reader.vector16();
    }
    types = copy;
    return !copy.empty();
  }
};

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

// A list of two-byte numbers behind its length, which is all that the extension has; empty when it is malformed.
Bytes number_list(Bytes contents, bool short_length) noexcept {
  Reader outer(contents);
  const Bytes list = short_length ? outer.vector8() : outer.vector16();
  return outer.ok() && outer.empty() && list.size() % 2 == 0 ? list : Bytes{};
}

Bytes byte_list(Bytes contents) noexcept {
  Reader outer(contents);
  const Bytes list = outer.vector8();
  return outer.ok() && outer.empty() ? list : Bytes{};
}

// The groups of a client's key shares. False when out of memory.
bool read_key_shares(Bytes contents, Arena& arena, std::span<const std::uint16_t>& groups) noexcept {
  groups = {};
  Reader outer(contents);
  const Bytes list = outer.vector16();
  std::size_t count = 0;
  Reader shares(list);
  for (; !shares.empty(); ++count) {
    shares.u16();
    shares.vector16();
  }
  if (!outer.ok() || !shares.ok() || count == 0) return true;
  const auto copy = allocate<std::uint16_t>(arena, count);
  shares = Reader(list);
  for (std::uint16_t& group : copy) {
    group = shares.u16();
    shares.vector16();
  }
  groups = copy;
  return !copy.empty();
}

bool plausible_version(std::uint16_t version) noexcept { return version >> 8U == 3 || is_draft(version); }

}  // namespace

HelloStatus parse_client_hello(Bytes body, Arena& arena, Layout& layout) noexcept {
  using enum ExtensionType;
  Reader hello(body);
  const Bytes version = hello.take(2);
  const Bytes random = hello.take(random_length);
  const Bytes session_id = hello.vector8();
  const Bytes ciphers = hello.vector16();
  const Bytes compressions = hello.vector8();
  Extensions extensions;
  if (!hello.ok() || !plausible_version(load16(version.data())) || session_id.size() > max_session_id ||
      ciphers.empty() || ciphers.size() % 2 != 0 || compressions.empty() || !extensions.read(hello)) {
    return HelloStatus::malformed;
  }

  Layout filled = layout;
  filled.client_version = load16(version.data());
  filled.client_random = random;
  filled.client_session_id = session_id;
  filled.client_compressions = compressions;
  filled.client_point_formats = byte_list(extensions.find(ec_point_formats));
  filled.sni = read_server_name(extensions.find(server_name));
  filled.psk_offered = extensions.has(pre_shared_key);
  filled.early_data = extensions.has(early_data);
  filled.ech = extensions.has(encrypted_client_hello);
  const Bytes offered = number_list(extensions.find(supported_versions), true);
  const Bytes groups = number_list(extensions.find(supported_groups), false);
  const Bytes signatures = number_list(extensions.find(signature_algorithms), false);
  if (!copy_numbers(ciphers, arena, filled.client_ciphers) ||
      !copy_numbers(offered.empty() ? version : offered, arena, filled.client_versions) ||
      !copy_numbers(groups, arena, filled.client_groups) ||
      !copy_numbers(signatures, arena, filled.client_signature_algorithms) ||
      !read_key_shares(extensions.find(key_share), arena, filled.client_key_shares) ||
      !extensions.copy_types(arena, filled.client_extensions) ||
      !read_protocols(extensions.find(alpn), arena, filled.client_alpn)) {
    return HelloStatus::out_of_memory;
  }
  layout = filled;
  return HelloStatus::ok;
}

HelloStatus parse_server_hello(Bytes body, Arena& arena, Layout& layout) noexcept {
  using enum ExtensionType;
  Reader hello(body);
  const std::uint16_t version = hello.u16();
  const Bytes random = hello.take(random_length);
  // Drafts of TLS 1.3 up to the 21st had neither session id nor compression.
  const bool short_form = is_draft(version);
  const Bytes session_id = short_form ? Bytes{} : hello.vector8();
  const std::uint16_t cipher = hello.u16();
  const std::uint8_t compression = short_form ? std::uint8_t{0} : hello.u8();
  Extensions extensions;
  if (!hello.ok() || !plausible_version(version) || session_id.size() > max_session_id || !extensions.read(hello)) {
    return HelloStatus::malformed;
  }
  if (std::ranges::equal(random, retry_random)) return HelloStatus::retry;

  Layout filled = layout;
  if (!extensions.copy_types(arena, filled.server_extensions)) return HelloStatus::out_of_memory;
  filled.server_version = version;
  filled.server_random = random;
  filled.server_session_id = session_id;
  filled.cipher = cipher;
  filled.compression = compression;
  const Bytes selected = extensions.find(supported_versions);
  filled.version = selected.size() == 2 ? load16(selected.data()) : version;
  const Bytes share = extensions.find(key_share);
  if (share.size() >= 2) filled.group = load16(share.data());
  filled.resumed = extensions.has(pre_shared_key);
  const Bytes protocol = extensions.find(alpn);
  filled.alpn = {};
  if (count_protocols(protocol) == 1) {
    filled.alpn = as_text(protocol.subspan(sizeof(std::uint16_t) + sizeof(std::uint8_t)));
  }
  layout = filled;
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
  const Bytes session_id = hello.take(session_id_length);
  const Bytes challenge = hello.take(challenge_length);
  if (!hello.ok() || !hello.empty() || type != static_cast<std::uint8_t>(MessageType::client_hello) || specs.empty() ||
      specs.size() % sslv2_spec_length != 0) {
    return HelloStatus::malformed;
  }

  Layout filled = layout;
  filled.client_version = load16(version.data());
  filled.client_session_id = session_id;
  filled.client_random = challenge;
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
