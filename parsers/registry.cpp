// The one list of protocols. A protocol's number is its place in it.
#include <array>

#include "parsers/api.hpp"
#include "parsers/dns/schema.hpp"
#include "parsers/http/schema.hpp"
#include "parsers/identified/identified.hpp"
#include "parsers/mqtt/schema.hpp"
#include "parsers/packet/schema.hpp"
#include "parsers/quic/schema.hpp"
#include "parsers/ssh/schema.hpp"
#include "parsers/tls/schema.hpp"

namespace iris::parsers {

constinit const Field service_field{.name = "service",
                                    .type = FieldType::number,
                                    .level = Level::protocol,
                                    .width = sizeof(std::uint32_t),
                                    .doc = "number of the identified protocol"};

std::span<const Protocol> registry() noexcept {
  static const auto protocols = [] {
    // Of application protocols that recognise the same bytes the first counts. One a line.
    // clang-format off
    std::array list{
        Protocol{},
        packet::ip, packet::ipv4, packet::ipv6,
        packet::tcp, packet::udp, packet::conn, packet::ethernet, packet::vlan,
        packet::icmp, packet::icmpv6, packet::sctp, packet::esp, packet::gre,
        tls::protocol,
        http::protocol,
        ssh::protocol,
        quic::protocol,
        dns::protocol,
        mqtt::protocol,
        identified::smtp, identified::ftp, identified::imap, identified::pop3, identified::sip, identified::redis,
        identified::rdp, identified::smb, identified::ldap, identified::postgresql, identified::mysql,
        identified::bittorrent,
        identified::ntp, identified::dhcp, identified::stun, identified::openvpn, identified::wireguard,
        identified::rtp,
    };
    // clang-format on
    static_assert(list.size() <= 64, "sets of protocols are bits of a 64-bit number");
    for (std::size_t number = 0; number < list.size(); ++number) {
      if (!list[number].is_application()) continue;
      list[number].presence = &service_field;
      list[number].presence_value = number;
    }
    return list;
  }();
  return protocols;
}

const Protocol* find_protocol(std::string_view name) noexcept {
  if (name.empty()) return nullptr;
  for (const Protocol& protocol : registry()) {
    if (protocol.name == name) return &protocol;
  }
  return nullptr;
}

std::uint32_t protocol_number(std::string_view name) noexcept {
  const Protocol* protocol = find_protocol(name);
  return protocol == nullptr ? 0 : static_cast<std::uint32_t>(protocol - registry().data());
}

}  // namespace iris::parsers
