#include "parsers/ssh/parser.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <type_traits>

#include "parsers/bytes.hpp"
#include "parsers/ssh/kexinit.hpp"
#include "parsers/text.hpp"

namespace iris::parsers::ssh {
namespace {

// "SSH-protocol-software comments"
SshIdentification split(std::string_view line) noexcept {
  SshIdentification parts{.line = line};
  std::string_view rest = line.substr(4);
  const std::size_t dash = rest.find('-');
  parts.protocol = rest.substr(0, dash);
  if (dash == std::string_view::npos) return parts;
  rest.remove_prefix(dash + 1);
  const std::size_t space = rest.find(' ');
  parts.software = rest.substr(0, space);
  if (space != std::string_view::npos) parts.comments = rest.substr(space + 1);
  return parts;
}

// Ciphers with a MAC of their own: where one is agreed on, no MAC is negotiated (RFC 5647, 5.1; OpenSSH's
// PROTOCOL 1.6).
bool authenticates(std::string_view cipher) noexcept {
  static constexpr std::array<std::string_view, 6> names{"chacha20-poly1305@openssh.com",
                                                         "aes128-gcm@openssh.com",
                                                         "aes256-gcm@openssh.com",
                                                         "AEAD_AES_128_GCM",
                                                         "AEAD_AES_256_GCM",
                                                         "chacha20-poly1305"};
  return std::ranges::find(names, cipher) != names.end();
}

}  // namespace

// Arenas run no destructors.
static_assert(std::is_trivially_destructible_v<SshHandshake> && std::is_trivially_destructible_v<Reader>);

Status SshParser::parse(const Segment& segment) noexcept {
  if (reported_ == Reported::end) return Status::done;
  const bool of_client = segment.direction == Direction::FromOriginator;
  Side& side = sides_[of_client ? 0 : 1];
  if (segment.gap != 0) side.over = true;
  if (!side.over) read(side, segment.bytes, of_client);
  const bool over = sides_[0].over && sides_[1].over;
  if (over && !any()) {
    reported_ = Reported::end;
    return Status::gave_up;
  }
  if (reported_ == Reported::session) return next();
  const bool all = sides_[0].has_kex && sides_[1].has_kex;
  return all || over ? report() : Status::more;
}

Status SshParser::next() noexcept {
  if (reported_ == Reported::end) return Status::done;
  const bool over = sides_[0].over && sides_[1].over;
  if (!over && !host_key_seen_) return Status::more;
  reported_ = Reported::end;
  return Status::session_end;
}

Status SshParser::finish() noexcept {
  if (reported_ == Reported::end || !any()) {
    reported_ = Reported::end;
    return Status::done;
  }
  sides_[0].over = sides_[1].over = true;
  return reported_ == Reported::session ? next() : report();
}

Status SshParser::report() noexcept {
  reported_ = Reported::session;
  handshake_.layout.complete = sides_[0].has_kex && sides_[1].has_kex;
  return Status::session;
}

void SshParser::read(Side& side, std::span<const std::uint8_t> bytes, bool of_client) noexcept {
  while (!side.over && !bytes.empty()) {
    switch (side.reader.read(bytes, arena_)) {
      case Reader::Outcome::more:
        break;
      case Reader::Outcome::identification:
        take_identification(side, of_client);
        break;
      case Reader::Outcome::packet:
        take_packet(side, of_client);
        break;
      case Reader::Outcome::failed:
      case Reader::Outcome::out_of_memory:
        side.over = true;
    }
  }
}

void SshParser::take_identification(Side& side, bool of_client) noexcept {
  side.identified = true;
  SshIdentification& told = of_client ? handshake_.layout.client : handshake_.layout.server;
  told = split(as_text(side.reader.body()));
  // Of version 1 there is no more to tell; 1.99 speaks 2.0 as well (RFC 4253, 5).
  if (!told.protocol.starts_with('2') && told.protocol != "1.99") side.over = true;
}

void SshParser::take_packet(Side& side, bool of_client) noexcept {
  switch (side.reader.type()) {
    case Message::kexinit: {
      SshKexInit& kex = of_client ? handshake_.layout.client_kex : handshake_.layout.server_kex;
      if (side.has_kex || !parse_kexinit(side.reader.body(), arena_, kex)) {
        side.over = true;
        return;
      }
      side.has_kex = true;
      if (sides_[0].has_kex && sides_[1].has_kex) negotiate();
      return;
    }
    case Message::newkeys:
      side.over = true;
      return;
    case Message::kexdh_reply:
    case Message::gex_reply: {
      // Of group exchange 31 is another message, without a key; its reply is 33.
      if (of_client || host_key_seen_) return;
      const auto body = side.reader.body();
      parsers::Reader reader(body);
      const std::size_t high = reader.u16();
      const auto key = reader.take(high << 16U | reader.u16());
      // A key begins with the name of its algorithm (RFC 4253, 6.6).
      constexpr std::size_t shortest = 12;
      if (!reader.ok() || key.size() < shortest || key[0] != 0 || key[1] != 0 || key[4] < 'a' || key[4] > 'z') return;
      handshake_.layout.host_key = key;
      host_key_seen_ = true;
      return;
    }
    default:
      return;
  }
}

void SshParser::negotiate() noexcept {
  SshHandshake::Layout& layout = handshake_.layout;
  const SshKexInit& client = layout.client_kex;
  const SshKexInit& server = layout.server_kex;
  layout.kex_algorithm = agreed(client.kex_algorithms, server.kex_algorithms);
  layout.host_key_algorithm = agreed(client.server_host_key_algorithms, server.server_host_key_algorithms);
  layout.cipher = agreed(client.encryption_client_to_server, server.encryption_client_to_server);
  if (!authenticates(layout.cipher)) layout.mac = agreed(client.mac_client_to_server, server.mac_client_to_server);
  layout.compression = agreed(client.compression_client_to_server, server.compression_client_to_server);
}

Parser* create(Arena& arena, const FiveTuple& /*tuple*/) noexcept {
  void* memory = arena.allocate(sizeof(SshParser), alignof(SshParser));
  return memory == nullptr ? nullptr : new (memory) SshParser(arena);
}

}  // namespace iris::parsers::ssh
