// Every protocol that is only recognised, by how a conversation of it begins: found by its own probe, by no other, on
// ports that say nothing, and however the stream is cut.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "parsers/api.hpp"

namespace iris::parsers {
namespace {

using namespace std::string_literals;

constexpr Direction from_client = Direction::FromOriginator;
constexpr Direction from_server = Direction::FromResponder;

struct Said {
  Direction by;
  std::string bytes;
};

struct Conversation {
  std::string_view name;      // of the case
  std::string_view protocol;  // what it is; empty: none of ours
  Transport transport;
  std::vector<Said> said;
  std::uint16_t port = 4321;  // the server's

  friend void PrintTo(const Conversation& conversation, std::ostream* out) { *out << conversation.name; }
};

std::string repeated(std::size_t count, char c) { return std::string(count, c); }

// `text` in hexadecimal digits; spaces are for the reader.
std::string hex(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (const char c : text) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high >= 0) bytes += static_cast<char>(high * 16 + digit);
    high = high >= 0 ? -1 : digit;
  }
  return bytes;
}

std::string ntp(std::string_view first, std::string_view origin, std::string_view transmitted) {
  return hex(first) + repeated(22, '\x11') + hex(origin) + repeated(8, '\x22') + hex(transmitted);
}

std::string rtp(std::uint8_t sequence, std::size_t length) {
  return hex("80 00 12") + std::string(1, static_cast<char>(sequence)) + hex("00 00 0a") +
         std::string(1, static_cast<char>(sequence)) + hex("de ad be ef") + repeated(length, 'v');
}

const std::string openvpn_client = hex("0102030405060708");
const std::string openvpn_server = hex("1112131415161718");

std::string openvpn_crypted(std::string_view kind, const std::string& session) {
  return hex(kind) + session + hex("00000001 65000000") + repeated(32, 'm') + repeated(5, 'e');
}

std::string wireguard_data(std::uint8_t counter) {
  return hex("04000000 aabbccdd") + std::string(1, static_cast<char>(counter)) + repeated(7, '\0') + repeated(32, 'd');
}

std::vector<Conversation> conversations() {
  constexpr auto tcp = Transport::Tcp;
  constexpr auto udp = Transport::Udp;
  return {
      {"Mail", "smtp", tcp, {{from_server, "220 mx.example ready\r\n"}, {from_client, "EHLO me.example\r\n"}}},
      {"MailGreetingSaysSo", "smtp", tcp, {{from_server, "220 mx.example ESMTP Postfix\r\n"}}},
      {"MailOnItsPort", "smtp", tcp, {{from_server, "220-mx.example\r\n"}}, 25},
      {"MailRefused", "smtp", tcp, {{from_server, "554 no service\r\n"}}, 25},
      {"MailClientFirst", "smtp", tcp, {{from_client, "HELO me\r\n"}, {from_server, "220 there you are\r\n"}}},
      {"Files", "ftp", tcp, {{from_server, "220 (vsFTPd 3.0.3)\r\n"}}},
      {"FilesUser", "ftp", tcp, {{from_server, "220 welcome\r\n"}, {from_client, "USER anonymous\r\n"}}},
      {"FilesOverTls", "ftp", tcp, {{from_server, "220 welcome\r\n"}, {from_client, "AUTH TLS\r\n"}}},
      {"FilesOnTheirPort", "ftp", tcp, {{from_server, "220 welcome\r\n"}}, 21},
      {"Imap", "imap", tcp, {{from_server, "* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n"}}},
      {"ImapUnprintable", "", tcp, {{from_server, "* OK IMAP4rev1 rea\xfd\x08\r\n"}}},
      {"ImapClientOnly", "imap", tcp, {{from_client, "a001 CAPABILITY\r\n"}}},
      {"Pop", "pop3", tcp, {{from_server, "+OK Dovecot ready.\r\n"}, {from_client, "CAPA\r\n"}}},
      {"PopOnItsPort", "pop3", tcp, {{from_server, "+OK ready\r\n"}}, 110},
      {"Call", "sip", udp, {{from_client, "INVITE sip:bob@example.com SIP/2.0\r\nVia: x\r\n\r\n"}}},
      {"CallAnswered", "sip", udp, {{from_server, "SIP/2.0 180 Ringing\r\nVia: x\r\n\r\n"}}},
      {"CallOverTcp", "sip", tcp, {{from_client, "OPTIONS sips:example.com SIP/2.0\r\n"}}},
      {"RedisCommand", "redis", tcp, {{from_client, "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n"}}},
      {"RedisInline", "redis", tcp, {{from_client, "PING\r\n"}, {from_server, "+PONG\r\n"}}},
      {"RemoteDesktop", "rdp", tcp, {{from_client, hex("03 00 00 13 0e e0 0000 0000 00 01 00 0800 03000000")}}},
      {"RemoteDesktopCookie",
       "rdp",
       tcp,
       {{from_client, hex("03 00 00 25 20 e0 0000 0000 00") + "Cookie: mstshash=anna\r\n\r\n\r"}}},
      {"RemoteDesktopServer", "rdp", tcp, {{from_server, hex("03 00 00 13 0e d0 0000 1234 00 02 00 0800 02000000")}}},
      {"WindowsFiles", "smb", tcp, {{from_client, hex("00 000040 fe") + "SMB" + repeated(60, '\x01')}}},
      {"WindowsFilesOld", "smb", tcp, {{from_client, hex("00 000040 ff") + "SMB" + repeated(60, '\x01')}}},
      {"WindowsFilesOverNetbios",
       "smb",
       tcp,
       {{from_client, hex("81 000044 20") + repeated(32, 'C') + hex("00 20") + repeated(32, 'C') + hex("00")},
        {from_server, hex("82 000000")},
        {from_client, hex("00 000040 ff") + "SMB" + repeated(60, '\x01')}}},
      {"DirectoryBind", "ldap", tcp, {{from_client, hex("30 0c 02 01 01 60 07 02 01 03 04 00 80 00")}}},
      {"DirectorySearch",
       "ldap",
       udp,
       {{from_client, hex("30 25 02 01 01 63 20 04 00 0a 01 00 0a 01 00 02 01 00 02 01 00 01 01 00") + hex("87 0b") +
                          "objectClass" + hex("30 00")}}},
      {"DirectoryStartTls", "ldap", tcp, {{from_client, hex("30 1d 02 01 01 77 18 80 16") + "1.3.6.1.4.1.1466.20037"}}},
      {"PostgresTls", "postgresql", tcp, {{from_client, hex("00000008 04d2162f")}}},
      {"PostgresStart",
       "postgresql",
       tcp,
       {{from_client, hex("00000022 00030000") + "user\0anna\0database\0sales\0\0"s}}},
      {"PostgresCancel", "postgresql", tcp, {{from_client, hex("00000010 04d2162e 00000001 00000002")}}},
      {"Mysql",
       "mysql",
       tcp,
       {{from_server, hex("24 0000 00 0a") + "8.0.36\0"s + hex("01000000") + "abcdefgh" + repeated(1, '\0') +
                          repeated(15, '\x02')}}},
      {"MysqlRefuses", "mysql", tcp, {{from_server, hex("1a 0000 00 ff 6a04") + "Host 'x' is not allowed"}}, 3306},
      {"Swarm",
       "bittorrent",
       tcp,
       {{from_client,
         "\x13"
         "BitTorrent protocol" +
             repeated(48, '\x01')}}},
      {"SwarmTable", "bittorrent", udp, {{from_client, "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"}}},
      {"SwarmTracker", "bittorrent", udp, {{from_client, hex("0000041727101980 00000000 12345678")}}},
      {"Time",
       "ntp",
       udp,
       {{from_client, ntp("23 00", "0000000000000000", "e1e2e3e4e5e6e7e8")},
        {from_server, ntp("24 01", "e1e2e3e4e5e6e7e8", "f1f2f3f4f5f6f7f8")}}},
      {"TimeOnItsPort", "ntp", udp, {{from_client, ntp("1b 00", "0000000000000000", "0000000000000000")}}, 123},
      {"TimeControl", "ntp", udp, {{from_client, hex("16 02 0001 0000 0000 0000 0000")}}, 123},
      {"Lease", "dhcp", udp, {{from_client, hex("01 01 06 00") + repeated(232, '\0') + hex("63825363 350101 ff")}}},
      {"LeaseBootp", "dhcp", udp, {{from_client, hex("01 01 06 00") + repeated(296, '\0')}}, 67},
      {"Binding", "stun", udp, {{from_client, hex("0001 0000 2112a442") + repeated(12, 't')}}},
      {"BindingOverTcp",
       "stun",
       tcp,
       {{from_client, hex("0003 0008 2112a442") + repeated(12, 't') + repeated(8, 'a')}}},
      {"BindingOld",
       "stun",
       udp,
       {{from_server, hex("0101 000c") + repeated(16, 't') + hex("0001 0008 0001 1234 0a000001")}}},
      {"Voice", "rtp", udp, {{from_client, rtp(1, 160)}, {from_client, rtp(2, 160)}, {from_client, rtp(3, 160)}}},
      {"Video", "rtp", udp, {{from_client, rtp(1, 1460)}, {from_client, rtp(2, 1460)}, {from_client, rtp(3, 1460)}}},
      {"Vpn", "openvpn", udp, {{from_client, hex("38") + openvpn_client + hex("00 00000000")}}},
      {"VpnAnswerOnly",
       "openvpn",
       udp,
       {{from_server, hex("40") + openvpn_server + hex("01 00000000") + openvpn_client + hex("00000000")}}},
      {"VpnWithMac",
       "openvpn",
       udp,
       {{from_client, hex("38") + openvpn_client + repeated(20, 'm') + hex("00000001 65000000 00 00000000")}}},
      {"VpnWithMacAnswered",
       "openvpn",
       udp,
       {{from_client, hex("38") + openvpn_client + repeated(48, 'm') + hex("00000001 65000000 00 00000000")},
        {from_server, hex("40") + openvpn_server + repeated(48, 'm') + hex("00000001 65000000 01 00000000") +
                          openvpn_client + hex("00000000")}}},
      {"VpnCrypted",
       "openvpn",
       udp,
       {{from_client, openvpn_crypted("38", openvpn_client)}, {from_server, openvpn_crypted("40", openvpn_server)}}},
      {"VpnOverTcp", "openvpn", tcp, {{from_client, hex("000e 38") + openvpn_client + hex("00 00000000")}}},
      {"Tunnel", "wireguard", udp, {{from_client, hex("01000000") + repeated(128, 'x') + repeated(16, '\0')}}},
      {"TunnelAnswered",
       "wireguard",
       udp,
       {{from_client, hex("01000000 aabbccdd") + repeated(140, 'x')},
        {from_server, hex("02000000 11223344 aabbccdd") + repeated(80, 'y')}}},
      {"TunnelJoined", "wireguard", udp, {{from_client, wireguard_data(7)}, {from_client, wireguard_data(8)}}},

      {"Web", "http", tcp, {{from_client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"}}},
      {"Shell", "ssh", tcp, {{from_client, "SSH-2.0-OpenSSH_9.2\r\n"}}},
      {"Zeros", "", tcp, {{from_client, repeated(200, '\0')}}},
      {"ZerosUdp", "", udp, {{from_client, repeated(200, '\0')}, {from_server, repeated(200, '\0')}}},
      {"Ones", "", udp, {{from_client, repeated(200, '\xff')}, {from_server, repeated(200, '\xff')}}},
      {"Text", "", tcp, {{from_client, "hello there\r\n"}, {from_server, "and hello to you\r\n"}}},
      {"NumberedText", "", tcp, {{from_server, "220 volts\r\n"}, {from_client, "thank you\r\n"}}},
      {"Streaming", "", tcp, {{from_client, "OPTIONS rtsp://example.com RTSP/1.0\r\nCSeq: 1\r\n\r\n"}}},
      {"OtherTpkt", "", tcp, {{from_client, hex("03 00 00 16 11 e0 0000 0001 00 c1 02 0100 c2 02 0102 c0 01 0a")}}},
      {"NetworkManagement", "", udp, {{from_client, hex("30 26 02 01 01 04 06") + "public" + repeated(25, '\xa0')}}},
      {"LikeVoice", "", udp, {{from_client, rtp(1, 160)}, {from_client, rtp(200, 160)}, {from_client, rtp(3, 160)}}},
      {"UnansweredTime", "", udp, {{from_client, ntp("23 00", "0000000000000000", "e1e2e3e4e5e6e7e8")}}},
  };
}

// What the engine shows to probes, built piece by piece.
class Offered {
 public:
  Offered(Transport transport, std::uint16_t port) {
    tuple_.transport = transport;
    tuple_.originator.port = 50'000;
    tuple_.responder.port = port;
  }

  void say(Direction by, std::string_view bytes) {
    const auto side = static_cast<std::size_t>(by);
    sent_[side].insert(sent_[side].end(), bytes.begin(), bytes.end());
    if (tuple_.transport == Transport::Udp) lengths_[side].push_back(static_cast<std::uint16_t>(bytes.size()));
    latest_ = by;
  }

  [[nodiscard]] Probe to(const Protocol& protocol) const {
    return protocol.probe({.tuple = tuple_,
                           .sent = {std::span(sent_[0]), std::span(sent_[1])},
                           .datagrams = {std::span(lengths_[0]), std::span(lengths_[1])},
                           .latest = latest_});
  }

 private:
  FiveTuple tuple_;
  std::vector<std::uint8_t> sent_[2];
  std::vector<std::uint16_t> lengths_[2];
  Direction latest_ = from_client;
};

bool over(const Protocol& protocol, Transport transport) {
  if (!protocol.is_application()) return false;
  return transport == Transport::Tcp ? protocol.implies != "udp" : protocol.implies != "tcp";
}

// The protocol decided for what is said in pieces of `size` bytes; datagrams are never cut. As in the engine, a "no"
// is final.
std::string recognised(const Conversation& conversation, std::size_t size) {
  Offered offered(conversation.transport, conversation.port);
  std::vector<const Protocol*> candidates;
  for (const Protocol& protocol : registry()) {
    if (over(protocol, conversation.transport)) candidates.push_back(&protocol);
  }
  for (const Said& said : conversation.said) {
    const bool cut = conversation.transport == Transport::Tcp;
    for (std::string_view left = said.bytes; !left.empty();) {
      const std::string_view piece = left.substr(0, cut ? size : left.size());
      left.remove_prefix(piece.size());
      offered.say(said.by, piece);
      std::string matches;
      std::erase_if(candidates, [&](const Protocol* protocol) {
        const Probe answer = offered.to(*protocol);
        if (answer == Probe::match) matches += (matches.empty() ? "" : " ") + std::string(protocol->name);
        return answer == Probe::no_match;
      });
      if (!matches.empty()) return matches;
    }
  }
  return "";
}

class Recognised : public testing::TestWithParam<Conversation> {};

TEST_P(Recognised, ByItsOwnProbeAlone) { EXPECT_EQ(recognised(GetParam(), 65'536), GetParam().protocol); }

TEST_P(Recognised, HoweverItIsCut) {
  for (std::size_t size = 1; size < 32; ++size) EXPECT_EQ(recognised(GetParam(), size), GetParam().protocol) << size;
}

INSTANTIATE_TEST_SUITE_P(Conversations, Recognised, testing::ValuesIn(conversations()),
                         [](const auto& info) { return std::string(info.param.name); });

// Nor does it matter where it is cut when something in it is wrong.
TEST(Probes, SpoiledConversationsHoweverTheyAreCut) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    for (Conversation conversation : conversations()) {
      if (conversation.transport != Transport::Tcp) continue;
      std::string& bytes = conversation.said[random() % conversation.said.size()].bytes;
      const std::size_t first = random() % bytes.size();
      const std::size_t last = std::min(bytes.size(), first + 1 + random() % 8);
      for (std::size_t i = first; i < last; ++i) bytes[i] = static_cast<char>(random());
      const std::size_t size = 1 + random() % 40;
      EXPECT_EQ(recognised(conversation, size), recognised(conversation, 65'536))
          << conversation.name << " in pieces of " << size << ", round " << round;
    }
  }
}

// What could be told from the conversation's beginning can be told from any part of it, or not at all: no probe reads
// beyond what it is shown, whatever it is.
// The storage of `offered` ends where what was sent ends, so that a sanitizer sees who reads on.
TEST(Probes, EveryBeginningOfEveryConversationOnEveryPort) {
  for (const Conversation& conversation : conversations()) {
    for (const std::uint16_t port :
         std::initializer_list<std::uint16_t>{21, 25, 53, 67, 110, 123, 143, 389, 443, 3306, 3389, 3478}) {
      for (const Said& said : conversation.said) {
        for (std::size_t length = 0; length <= said.bytes.size(); ++length) {
          for (const Protocol& protocol : registry()) {
            if (!over(protocol, conversation.transport)) continue;
            Offered offered(conversation.transport, port);
            offered.say(said.by, std::string_view(said.bytes).substr(0, length));
            const Probe answer = offered.to(protocol);
            EXPECT_TRUE(answer == Probe::match || answer == Probe::no_match || answer == Probe::not_yet);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace iris::parsers
