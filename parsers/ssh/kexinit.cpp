#include "parsers/ssh/kexinit.hpp"

#include <algorithm>
#include <new>

#include "parsers/bytes.hpp"
#include "parsers/text.hpp"

namespace iris::parsers::ssh {
namespace {

using Names = SshKexInit::Names;

// RFC 4251, 5: a length of four bytes, then names with commas between them.
bool read_names(parsers::Reader& body, Arena& arena, Names& names) noexcept {
  const std::size_t high = body.u16();
  const std::size_t length = high << 16U | body.u16();
  std::string_view text = as_text(body.take(length));
  names = {};
  if (!body.ok() || text.empty()) return body.ok();
  const auto count = static_cast<std::size_t>(std::ranges::count(text, ',')) + 1;
  void* memory = arena.allocate(count * sizeof(std::string_view), alignof(std::string_view));
  if (memory == nullptr) return false;
  auto* list = static_cast<std::string_view*>(memory);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t end = std::min(text.find(','), text.size());
    new (list + i) std::string_view(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  names = {list, count};
  return true;
}

}  // namespace

bool parse_kexinit(std::span<const std::uint8_t> body, Arena& arena, SshKexInit& kex) noexcept {
  constexpr std::size_t cookie_length = 16;
  parsers::Reader reader(body);
  SshKexInit filled;
  filled.cookie = reader.take(cookie_length);
  Names* const lists[] = {
      &filled.kex_algorithms,
      &filled.server_host_key_algorithms,
      &filled.encryption_client_to_server,
      &filled.encryption_server_to_client,
      &filled.mac_client_to_server,
      &filled.mac_server_to_client,
      &filled.compression_client_to_server,
      &filled.compression_server_to_client,
      &filled.languages_client_to_server,
      &filled.languages_server_to_client,
  };
  for (Names* list : lists) {
    if (!read_names(reader, arena, *list)) return false;
  }
  filled.first_kex_packet_follows = reader.u8() != 0;
  if (!reader.ok()) return false;
  kex = filled;
  return true;
}

std::string_view agreed(Names client, Names server) noexcept {
  for (const std::string_view name : client) {
    if (std::ranges::find(server, name) != server.end()) return name;
  }
  return {};
}

}  // namespace iris::parsers::ssh
