// Which hosts cannot reach what, and who says so?
#include <iris/iris.hpp>

struct IcmpError {
  iris::IpAddress router;     // who says so: a router on the way, or the destination itself
  iris::IpAddress host;       // whose packet it was
  iris::Endpoint wanted;      // what it was sent to; port 0 where its protocol has none
  iris::Transport transport;  // of that packet
  std::uint8_t ip_version;
  std::uint8_t type;
  std::uint8_t code;
  std::optional<std::uint32_t> mtu;  // of the link that the packet was too big for
};

namespace {

// "Fragmentation needed" (RFC 1191, 4) and "packet too big" (RFC 4443, 3.2).
std::optional<std::uint32_t> mtu_of(const iris::Frame& frame, const iris::Icmp& icmp) {
  if (frame.transport == iris::Transport::Icmpv6) return icmp.type == 2 ? std::optional(icmp.rest) : std::nullopt;
  return icmp.type == 3 && icmp.code == 4 ? std::optional(icmp.rest & 0xffffU) : std::nullopt;
}

}  // namespace

IRIS_CALLBACK("icmp.type in {3, 11} or icmpv6.type in 1..3")
IRIS_ON(Packet) void icmp_errors(const iris::Frame& frame) {
  const auto icmp = frame.icmp();
  const auto about = frame.quoted();
  if (!icmp || !about) return;  // quotes less than an IP header
  iris::emit(IcmpError{frame.src_ip, about->originator.ip, about->responder, about->transport,
                       static_cast<std::uint8_t>(frame.src_ip.version), icmp->type, icmp->code, mtu_of(frame, *icmp)});
}
