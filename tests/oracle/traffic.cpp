#include "tests/oracle/traffic.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <iris/l4_pdu.hpp>

#include "tests/oracle/recorded.hpp"

namespace iris::oracle {
namespace {

constexpr std::size_t most_in_a_packet = 600;

// A packet but for addresses and time.
struct Planned {
  bool by_client = true;
  std::uint8_t flags = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::string payload;
};

// What its packets have in common.
struct Route {
  std::size_t vlan = 0;  // 0: no tag
  std::size_t service = 0;
  std::size_t time_to_live = 64;
};

struct Conversation {
  std::vector<std::vector<std::uint8_t>> frames;
  std::size_t sent = 0;
};

void put16(std::vector<std::uint8_t>& to, std::size_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8 & 0xff));
  to.push_back(static_cast<std::uint8_t>(value & 0xff));
}
void put32(std::vector<std::uint8_t>& to, std::uint32_t value) {
  put16(to, value >> 16);
  put16(to, value & 0xffff);
}
void put_address(std::vector<std::uint8_t>& to, const IpAddress& address) {
  to.insert(to.end(), address.bytes.begin() + (address.is_v4() ? 12 : 0), address.bytes.end());
}

std::vector<std::uint8_t> frame_of(const FiveTuple& tuple, const Route& route, const Planned& packet) {
  const bool tcp = tuple.transport == Transport::Tcp;
  const Endpoint& source = packet.by_client ? tuple.originator : tuple.responder;
  const Endpoint& destination = packet.by_client ? tuple.responder : tuple.originator;
  const std::size_t length = packet.payload.size() + (tcp ? 20 : 8);
  std::vector<std::uint8_t> bytes(12, 2);
  bytes[packet.by_client ? 5 : 11] = static_cast<std::uint8_t>(tuple.responder.port);
  if (route.vlan != 0) {
    put16(bytes, 0x8100);
    put16(bytes, route.vlan);
  }
  if (source.ip.is_v4()) {
    put16(bytes, 0x0800);
    for (const std::size_t word :
         {0x4500U | route.service, 20 + length, std::size_t{0}, std::size_t{0},
          (route.time_to_live << 8) + static_cast<std::size_t>(tuple.transport), std::size_t{0}})
      put16(bytes, word);
  } else {
    put16(bytes, 0x86dd);
    put32(bytes, 0x60000000U | static_cast<std::uint32_t>(route.service << 20));
    put16(bytes, length);
    put16(bytes, (static_cast<std::size_t>(tuple.transport) << 8) + route.time_to_live);
  }
  put_address(bytes, source.ip);
  put_address(bytes, destination.ip);
  put16(bytes, source.port);
  put16(bytes, destination.port);
  if (tcp) {
    put32(bytes, packet.sequence);
    put32(bytes, packet.acknowledgement);
    put16(bytes, 0x5000U | packet.flags);
    put16(bytes, 65535);
    put32(bytes, 0);
  } else {
    put16(bytes, length);
    put16(bytes, 0);
  }
  bytes.insert(bytes.end(), packet.payload.begin(), packet.payload.end());
  return bytes;
}

// ---- one TCP connection -----------------------------------------------------------------------------------------

class TcpWriter {
 public:
  explicit TcpWriter(Random& random) : next_{random.below(UINT32_MAX), random.below(UINT32_MAX)} {}

  void send(bool by_client, unsigned flags, std::string payload = {}) {
    const std::size_t from = by_client ? 0 : 1;
    Planned packet{by_client, static_cast<std::uint8_t>(flags), static_cast<std::uint32_t>(next_[from]),
                   (flags & tcp_flag::ack) != 0 ? static_cast<std::uint32_t>(next_[1 - from]) : 0, std::move(payload)};
    next_[from] += packet.payload.size() + ((flags & (tcp_flag::syn | tcp_flag::fin)) != 0 ? 1 : 0);
    packets.push_back(std::move(packet));
  }

  std::vector<Planned> packets;

 private:
  std::size_t next_[2];
};

// In pieces of one to few packets; unless all is in `order`, neighbours change places now and then, and some come
// twice.
void say(Random& random, TcpWriter& writer, const Said& said, bool order) {
  using namespace tcp_flag;
  const std::size_t first = writer.packets.size();
  const std::size_t longest = random.one_in(3) ? random.between(1 + said.bytes.size() / 6, 200) : most_in_a_packet;
  for (std::size_t at = 0; at < said.bytes.size(); at += longest)
    writer.send(said.by_client, ack | psh, said.bytes.substr(at, longest));
  if (order) return;
  const std::size_t last = writer.packets.size() - 1;
  if (last > first && random.one_in(4)) {
    const std::size_t at = random.between(first, last - 1);
    std::swap(writer.packets[at], writer.packets[at + 1]);
  }
  if (random.one_in(12)) writer.packets.push_back(writer.packets[random.between(first, last)]);
}

Dialogue tcp_talk(Random& random) {
  Dialogue dialogue;
  switch (random.below(13)) {
    case 0:
      return {};
    case 12:
      return tunnel_dialogue(random, tcp_talk(random));
    case 1:
      dialogue = garbage(random);
      break;
    case 2:
      dialogue = stream_dialogue(random);
      break;
    case 3:
      dialogue = mqtt_dialogue(random);
      break;
    case 4:
    case 5:
      dialogue = ssh_dialogue(random);
      break;
    case 6:
    case 7:
    case 8:
      dialogue = http_dialogue(random);
      break;
    default:
      dialogue = tls_dialogue(random);
  }
  if (random.one_in(10)) spoil(random, dialogue);
  return dialogue;
}

// The tap misses some of what was said, or gets it late: behind other packets, or behind the end.
void lose(Random& random, std::vector<Planned>& packets, bool may_be_late) {
  for (std::size_t n = random.between(1, 3); n > 0; --n) {
    const std::size_t at = random.below(packets.size());
    if (packets[at].payload.empty() || packets.size() == 1) continue;
    Planned lost = std::move(packets[at]);
    packets.erase(packets.begin() + static_cast<std::ptrdiff_t>(at));
    if (!may_be_late || random.one_in(2)) continue;
    const std::size_t to = random.between(at, packets.size());
    packets.insert(packets.begin() + static_cast<std::ptrdiff_t>(to), std::move(lost));
  }
}

void open(TcpWriter& writer) {
  using namespace tcp_flag;
  writer.send(true, syn);
  writer.send(false, syn | ack);
  writer.send(true, ack);
}

void close(TcpWriter& writer, bool client) {
  using namespace tcp_flag;
  writer.send(client, fin | ack);
  writer.send(!client, fin | ack);
  writer.send(client, ack);
}

std::vector<Planned> tcp_packets(Random& random, bool order, bool& closed) {
  using namespace tcp_flag;
  TcpWriter writer(random);
  const bool midstream = random.one_in(15);
  if (!midstream) {
    open(writer);
    if (random.one_in(20)) writer.packets.resize(1);
    if (writer.packets.size() == 1) return writer.packets;
  }
  const Dialogue dialogue = tcp_talk(random);
  if (midstream && dialogue.empty()) writer.send(true, ack | psh, "x");
  // What is cut off ends with a whole piece, so that nothing is missing in between.
  const std::size_t heard = random.one_in(8) ? random.below(dialogue.size() + 1) : dialogue.size();
  for (std::size_t i = 0; i < heard; ++i) say(random, writer, dialogue[i], order || midstream);
  if (midstream && writer.packets.empty()) writer.send(true, ack | psh, "y");
  const bool client = random.one_in(2);
  closed = true;
  switch (random.below(4)) {
    case 0:
      closed = false;
      break;
    case 1:
      writer.send(client, rst | ack);
      break;
    default:
      close(writer, client);
  }
  if (random.one_in(6)) {
    lose(random, writer.packets, !midstream);
    closed = false;  // not to be begun anew: what is late would be the new one's
  }
  return writer.packets;
}

std::vector<Planned> udp_packets(Random& random) {
  Dialogue dialogue;
  switch (random.below(6)) {
    case 0:
      dialogue = garbage(random);
      break;
    case 1:
      dialogue = datagram_dialogue(random);
      break;
    case 2:
    case 3:
      dialogue = quic_dialogue(random);
      break;
    default:
      dialogue = dns_dialogue(random);
  }
  if (random.one_in(10)) spoil(random, dialogue);
  if (random.one_in(20)) dialogue = {{true, ""}};
  std::vector<Planned> packets;
  for (Said& said : dialogue) packets.push_back({said.by_client, 0, 0, 0, std::move(said.bytes)});
  packets.front().by_client = true;
  return packets;
}

// ---- many -------------------------------------------------------------------------------------------------------

IpAddress address(Random& random, bool v4, bool server) {
  const auto host = static_cast<std::uint8_t>(random.between(1, 3));
  const auto net = static_cast<std::uint8_t>(random.below(2));
  if (v4)
    return IpAddress::v4(
        {static_cast<std::uint8_t>(server ? 192 : 10), static_cast<std::uint8_t>(server ? 0 : 1), net, host});
  std::array<std::uint8_t, 16> octets{0x20, 0x01, 0x0d, 0xb8, 0, static_cast<std::uint8_t>(server ? 1 : 2), 0, net};
  octets[15] = host;
  return IpAddress::v6(octets);
}

Conversation conversation(Random& random, std::uint16_t client_port, bool order) {
  static const std::vector<std::uint16_t> ports{53, 80, 443, 8080, 22};
  const bool v4 = !random.one_in(3);
  const bool udp = random.one_in(3);
  FiveTuple tuple;
  tuple.originator = {address(random, v4, false), client_port};
  tuple.responder = {address(random, v4, true), random.of(ports)};
  tuple.transport = udp ? Transport::Udp : Transport::Tcp;
  Route route;
  route.vlan = random.one_in(3) ? random.between(100, 102) : 0;
  route.service = random.one_in(4) ? 0xb8 : 0;
  route.time_to_live = random.of(std::vector<std::size_t>{1, 63, 64, 128});
  bool closed = false;
  std::vector<Planned> packets = udp ? udp_packets(random) : tcp_packets(random, order, closed);
  if (!order && closed && random.one_in(8)) {
    // Begun anew: what came without a SYN would be late, and of the connection before.
    auto again = tcp_packets(random, order, closed);
    if ((again.front().flags & tcp_flag::syn) != 0) std::ranges::move(again, std::back_inserter(packets));
  }
  Conversation made;
  for (const Planned& packet : packets) made.frames.push_back(frame_of(tuple, route, packet));
  return made;
}

// What was recorded, but for its times. No two of the same ends.
void add_recorded(Random& random, std::vector<Conversation>& all) {
  auto recordings = recorded_conversations();
  for (std::size_t n = random.between(1, 4); n > 0 && !recordings.empty(); --n) {
    const std::size_t chosen = random.below(recordings.size());
    all.push_back({recordings[chosen], 0});
    recordings = recordings.subspan(chosen + 1);
  }
}

}  // namespace

Capture capture_of(const FiveTuple& tuple, const Dialogue& dialogue) {
  Random random(1);
  TcpWriter writer(random);
  std::vector<Planned> packets;
  if (tuple.transport == Transport::Tcp) {
    open(writer);
    for (const Said& said : dialogue) writer.send(said.by_client, tcp_flag::ack | tcp_flag::psh, said.bytes);
    close(writer, true);
    packets = std::move(writer.packets);
  } else {
    for (const Said& said : dialogue) packets.push_back({said.by_client, 0, 0, 0, said.bytes});
  }
  Capture capture;
  for (const Planned& packet : packets) {
    const Timestamp ts{1'000'000 * capture.frames.size()};
    capture.frames.push_back({frame_of(tuple, {}, packet), ts});
    capture.pauses.push_back(Pause::none);
  }
  return capture;
}

Capture random_capture(Random& random, std::size_t most, Timestamp start) {
  const bool with_pauses = random.one_in(3);
  std::vector<Conversation> all;
  for (std::size_t n = random.between(1, most); n > 0; --n)
    all.push_back(conversation(random, static_cast<std::uint16_t>(1024 + 7 * n), with_pauses));
  if (random.one_in(4)) add_recorded(random, all);
  Capture capture;
  Timestamp now = start;
  const std::size_t at_once = random.between(1, most);  // further ones begin when others are over
  std::size_t over = 0;
  while (over < all.size()) {
    Conversation& next = all[random.between(over, std::min(over + at_once, all.size()) - 1)];
    now = now + Duration{static_cast<std::int64_t>(random.between(1000, 1'000'000))};
    const Pause pause =
        with_pauses && random.one_in(40) ? random.of(std::vector{Pause::short_one, Pause::long_one}) : Pause::none;
    now = now + length_of(pause);
    capture.frames.push_back({next.frames[next.sent], now});
    capture.pauses.push_back(pause);
    if (++next.sent == next.frames.size()) std::swap(next, all[over++]);
  }
  return capture;
}

}  // namespace iris::oracle
