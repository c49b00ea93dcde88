#include "parsers/quic/parser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsers/quic/schema.hpp"
#include "tests/support/quic_initial.hpp"
#include "tests/unit/parsers/quic/describe.hpp"
#include "tests/unit/parsers/session_run.hpp"
#include "tests/unit/parsers/tls/hello_builder.hpp"

namespace iris::parsers::quic {
namespace {

using parsers::test::client;
using parsers::test::server;
using test::operator+;  // NOLINT(misc-unused-using-decls): it does not see operators
using test::Bytes;
using test::crypto;
using test::Initial;
using testing::ElementsAre;
using testing::IsEmpty;

const Bytes first_id{1, 2, 3, 4, 5, 6, 7, 8};
const Bytes server_id{7, 7, 7, 7};
const Bytes hello =
    tls::test::ClientHello{.extensions = tls::test::server_name("quic.example") + tls::test::alpn({"h3"})}.message();
const Bytes short_header = Bytes{0x41} + server_id + Bytes(30, 1);

class QuicRun : public parsers::test::SessionRun<QuicConnection> {
 public:
  explicit QuicRun(std::size_t cap = std::size_t{256} << 10U)
      : SessionRun(protocol, parsers::test::tuple_over(Transport::Udp, 443), &parsers::test::describe, cap) {}
};

Initial from_client() { return {.key_dcid = first_id, .dcid = first_id}; }
Initial from_server() {
  return {.key_dcid = first_id, .dcid = {9, 9}, .scid = server_id, .from_client = false, .pad_to = 0};
}

TEST(Quic, ClientHelloInOnePacket) {
  QuicRun run;
  run.feed(client, from_client().packet(crypto(0, hello)));
  EXPECT_THAT(run.begun(), ElementsAre("1 quic.example h3 8/2/0 q complete"));
  EXPECT_THAT(run.ended(), IsEmpty());
  run.feed(client, short_header);
  EXPECT_THAT(run.ended(), ElementsAre("1 quic.example h3 8/2/0 q complete"));
}

// RFC 9001, A.2: the client's Initial, as it is on the wire, begins like this; its keys are A.1's.
TEST(Quic, KeysOfRfc9001) {
  const InitialKeys keys = derive(*find_version(1), test::from_hex("8394c8f03e515708"));
  EXPECT_THAT(keys.client.key, testing::ElementsAreArray(test::from_hex("1f369613dd76d5467730efcbe3b1a22d")));
  EXPECT_THAT(keys.client.iv, testing::ElementsAreArray(test::from_hex("fa044b2f42a3fd3b46fb255c")));
  EXPECT_THAT(keys.client.header, testing::ElementsAreArray(test::from_hex("9f50449e04a0e810283a1e9933adedd2")));
  EXPECT_THAT(keys.server.key, testing::ElementsAreArray(test::from_hex("cf3a5331653c364c88f0f379b6067e37")));
}

// RFC 9369, A.1.
TEST(Quic, KeysOfRfc9369) {
  const InitialKeys keys = derive(*find_version(0x6b3343cf), test::from_hex("8394c8f03e515708"));
  EXPECT_THAT(keys.client.key, testing::ElementsAreArray(test::from_hex("8b1a0bc121284290a29e0971b5cd045d")));
  EXPECT_THAT(keys.client.header, testing::ElementsAreArray(test::from_hex("45b95e15235d6f45a6b19cbcb0294ba9")));
}

// A hello in three frames and as many packets, in each order, also twice.
TEST(Quic, CryptoFramesInAnyOrder) {
  const std::size_t third = hello.size() / 3;
  const auto part = [&](std::size_t i) {
    const auto begin = hello.begin() + static_cast<std::ptrdiff_t>(i * third);
    const auto end = i == 2 ? hello.end() : begin + static_cast<std::ptrdiff_t>(third);
    return crypto(i * third, Bytes(begin, end));
  };
  std::vector<std::size_t> order{0, 1, 2};
  do {
    QuicRun packets;
    QuicRun frames;
    Bytes all{1};  // a PING
    for (std::size_t i = 0; i < order.size(); ++i) {
      Initial initial = from_client();
      initial.number = static_cast<std::uint8_t>(i);
      packets.feed(client, initial.packet(Bytes{1} + part(order[i])));
      packets.feed(client, initial.packet(part(order[i])));
      all = all + part(order[i]) + Bytes(3, 0);
    }
    frames.feed(client, from_client().packet(all));
    EXPECT_THAT(packets.begun(), ElementsAre("1 quic.example h3 8/2/0 q complete"));
    EXPECT_EQ(frames.begun(), packets.begun());
  } while (std::ranges::next_permutation(order).found);
}

TEST(Quic, EverySplitOfTheHello) {
  for (std::size_t at = 1; at < hello.size(); ++at) {
    const auto middle = hello.begin() + static_cast<std::ptrdiff_t>(at);
    Initial second = from_client();
    second.number = 1;
    QuicRun run;
    run.feed(client, second.packet(crypto(at, Bytes(middle, hello.end()))));
    run.feed(client, from_client().packet(crypto(0, Bytes(hello.begin(), middle))));
    ASSERT_THAT(run.begun(), ElementsAre("1 quic.example h3 8/2/0 q complete")) << at;
  }
}

TEST(Quic, CoalescedWithZeroRttAndTheServersHello) {
  const Bytes answer = tls::test::ServerHello{.cipher = 0x1301}.message();
  const Bytes zero_rtt = Bytes{0xd0, 0, 0, 0, 1, 8} + first_id + Bytes{2, 9, 9} + test::integer(30) + Bytes(30, 5);
  QuicRun run;
  run.feed(client, from_client().packet(crypto(0, hello)) + zero_rtt);
  run.feed(server, from_server().packet(Bytes{2, 0, 0, 0, 0} + crypto(0, answer)));
  run.feed(client, short_header);
  EXPECT_THAT(run.ended(), ElementsAre("1 quic.example h3 8/2/4 0-RTT cipher 4865 q complete"));
}

// Two taps: what either side sent may come in any order. Whoever is seen first is the originator.
TEST(Quic, ServerMayBeSeenFirst) {
  const Bytes answer = tls::test::ServerHello{.cipher = 0x1301}.message();
  const std::size_t half = answer.size() / 2;
  const auto middle = answer.begin() + static_cast<std::ptrdiff_t>(half);
  Initial second = from_server();
  second.number = 1;
  const Bytes handshake = Bytes{0xe0, 0, 0, 0, 1, 2, 9, 9, 4} + server_id + test::integer(30) + Bytes(30, 5);
  const Bytes first_flight = from_server().packet(Bytes{2, 0, 0, 0, 0} + crypto(0, Bytes(answer.begin(), middle)));
  const Bytes second_flight = second.packet(crypto(half, Bytes(middle, answer.end()))) + handshake;
  for (const auto [first, other] : {std::pair{client, server}, std::pair{server, client}}) {
    QuicRun run;  // `first` is the server
    run.feed(first, handshake);
    run.feed(first, first_flight);
    run.feed(first, second_flight);
    EXPECT_THAT(run.begun(), IsEmpty());
    run.feed(other, from_client().packet(crypto(0, hello)));
    EXPECT_THAT(run.begun(), ElementsAre("1 quic.example h3 8/2/0 q complete"));
    run.feed(other, short_header);
    EXPECT_THAT(run.ended(), ElementsAre("1 quic.example h3 8/2/4 cipher 4865 q complete"));
  }
}

TEST(Quic, RetryMayBeSeenFirst) {
  const Bytes answer = tls::test::ServerHello{.cipher = 0x1301}.message();
  const Bytes retry_id{5, 5, 5, 5, 5};
  const Bytes retry = Bytes{0xf0, 0, 0, 0, 1, 2, 9, 9, 5} + retry_id + Bytes(40, 3);
  Initial again{.key_dcid = retry_id, .dcid = retry_id, .number = 1, .token = Bytes(24, 3)};
  Initial behind_retry = from_server();
  behind_retry.key_dcid = retry_id;
  QuicRun run;  // the server is the originator
  run.feed(client, retry);
  run.feed(client, behind_retry.packet(crypto(0, answer)));
  run.feed(server, from_client().packet(crypto(0, hello)));
  EXPECT_THAT(run.begun(), ElementsAre("1 quic.example h3 8/2/0 retry q complete"));
  run.feed(client, behind_retry.packet(crypto(0, answer)));
  run.feed(server, again.packet(crypto(0, hello)));
  run.feed(server, short_header);
  EXPECT_THAT(run.ended(), ElementsAre("1 quic.example h3 8/2/4 retry cipher 4865 q complete"));
}

TEST(Quic, VersionNegotiationMayBeSeenFirst) {
  const Bytes negotiation = Bytes{0x80, 0, 0, 0, 0, 2, 9, 9, 8} + first_id + Bytes{0, 0, 0, 1};
  QuicRun run;
  run.feed(client, negotiation);
  run.feed(server, from_client().packet(crypto(0, hello)));
  EXPECT_THAT(run.begun(), ElementsAre("1 quic.example h3 8/2/0 negotiated q complete"));
}

TEST(Quic, WhatIsKeptOfAServerSeenFirstIsBounded) {
  QuicRun run;
  for (std::uint8_t i = 0; i < 200; ++i) {
    Initial initial = from_server();
    initial.number = i;
    run.feed(client, initial.packet(crypto(0, Bytes(1000, i))));
  }
  EXPECT_LT(run.arena().used(), 6'000U);
  run.feed(server, from_client().packet(crypto(0, hello)));
  EXPECT_THAT(run.begun(), ElementsAre("1 quic.example h3 8/2/0 q complete"));
}

TEST(Quic, AServerAloneIsIncomplete) {
  QuicRun run;
  run.feed(client, from_server().packet(crypto(0, tls::test::ServerHello{.cipher = 0x1301}.message())));
  run.finish();
  EXPECT_THAT(run.ended(), ElementsAre("1 - 2/4/0 incomplete"));
}

TEST(Quic, RetryIsTheSameConnection) {
  const Bytes retry_id{5, 5, 5, 5, 5};
  const Bytes retry = Bytes{0xf0, 0, 0, 0, 1, 2, 9, 9, 5} + retry_id + Bytes(40, 3);
  Initial again{.key_dcid = retry_id, .dcid = retry_id, .number = 1, .token = Bytes(24, 3)};
  QuicRun run;
  run.feed(client, from_client().packet(crypto(0, hello)));
  run.feed(server, retry);
  run.feed(client, again.packet(crypto(0, hello)));
  run.feed(client, short_header);
  EXPECT_THAT(run.ended(), ElementsAre("1 quic.example h3 8/2/0 retry q complete"));
}

TEST(Quic, VersionNegotiation) {
  const Bytes negotiation = Bytes{0x80, 0, 0, 0, 0, 2, 9, 9, 8} + first_id + Bytes{0, 0, 0, 1};
  Initial unknown = from_client();
  unknown.version = 0x1a2a3a4a;
  unknown.salt = "0000000000000000000000000000000000000000";
  const Bytes other_id{6, 6, 6, 6, 6, 6, 6, 6};
  QuicRun run;
  run.feed(client, unknown.packet(crypto(0, hello)));
  EXPECT_THAT(run.begun(), IsEmpty());
  run.feed(server, negotiation);
  run.feed(client, Initial{.key_dcid = other_id, .dcid = other_id}.packet(crypto(0, hello)));
  EXPECT_THAT(run.begun(), ElementsAre("1 quic.example h3 8/2/0 negotiated q complete"));
}

TEST(Quic, AnotherConnectionBetweenTheSamePorts) {
  const Bytes other_id{6, 6, 6, 6, 6, 6, 6, 6};
  QuicRun run;
  run.feed(client, from_client().packet(crypto(0, hello)));
  run.feed(client, from_client().packet(crypto(0, hello)));  // retransmitted
  run.feed(client, Initial{.key_dcid = other_id, .dcid = other_id}.packet(crypto(0, hello)));
  run.finish();
  EXPECT_EQ(run.ended().size(), 2U);
}

TEST(Quic, OtherVersions) {
  Initial v2 = from_client();
  v2.version = 0x6b3343cf;
  v2.salt = "0dede3def700a6db819381be6e269dcbf9bd2ed9";
  v2.v2 = true;
  Initial draft = from_client();
  draft.version = 0xff00001d;
  draft.salt = "afbfec289993d24c9e9786f19c6111e04390a899";
  for (const auto& [initial, name] : {std::pair{v2, "2"}, std::pair{draft, "draft-29"}}) {
    QuicRun run;
    run.feed(client, initial.packet(crypto(0, hello)));
    EXPECT_THAT(run.begun(), ElementsAre(std::string(name) + " quic.example h3 8/2/0 q complete"));
  }
}

TEST(Quic, GooglesHello) {
  const auto tag = [](std::string_view name, std::uint8_t end) {
    return Bytes(name.begin(), name.end()) + Bytes{end, 0, 0, 0};
  };
  const std::string values = "example.orgChrome";
  const Bytes message = Bytes{'C', 'H', 'L', 'O', 2, 0, 0, 0} + tag(std::string_view("SNI\0", 4), 11) +
                        tag("UAID", 17) + Bytes(values.begin(), values.end());
  QuicRun run;
  run.feed(client,
           Bytes{0x09} + first_id + Bytes{'Q', '0', '4', '3', 1} + Bytes(12, 0) + Bytes{0xa0, 1, 0, 4} + message);
  EXPECT_THAT(run.begun(), ElementsAre("Q043 example.org 8/0/0 Chrome complete"));
}

// Its hello is encrypted, with keys that we do not have.
TEST(Quic, GooglesLatestIsIdentified) {
  QuicRun run;
  run.feed(client, Bytes{0xc3} + Bytes{'Q', '0', '5', '0', 8} + first_id + Bytes{0, 0} + test::integer(1000) +
                       Bytes(1000, 0x5a));
  run.feed(server, Bytes{0xc3} + Bytes{'Q', '0', '5', '0', 0, 8} + first_id + Bytes{0} + test::integer(1000) +
                       Bytes(1000, 0x5a));
  run.finish();
  EXPECT_THAT(run.ended(), ElementsAre("Q050 - 8/0/0 incomplete"));
}

TEST(Quic, GooglesServerMayBeSeenFirst) {
  const std::string values = "example.org";
  const Bytes message =
      Bytes{'C', 'H', 'L', 'O', 1, 0, 0, 0, 'S', 'N', 'I', 0, 11, 0, 0, 0} + Bytes(values.begin(), values.end());
  QuicRun run;
  run.feed(client, Bytes{0xe3} + Bytes{'Q', '0', '4', '6', 0x05} + first_id + Bytes(30, 0x5a));
  run.feed(server, Bytes{0xc3} + Bytes{'Q', '0', '4', '6', 0x50} + first_id + Bytes(20, 0) + message);
  EXPECT_THAT(run.begun(), ElementsAre("Q046 example.org 8/0/0 complete"));
}

TEST(Quic, WhatDoesNotAuthenticateIsPassedOver) {
  Bytes packet = from_client().packet(crypto(0, hello));
  packet[packet.size() / 2] ^= 1;
  QuicRun run;
  run.feed(client, packet);
  run.finish();
  EXPECT_THAT(run.ended(), ElementsAre("1 - 8/2/0 incomplete"));
}

TEST(Quic, AnyCapHolds) {
  for (std::size_t cap = 0; cap < 8000; cap += 29) {
    QuicRun run(cap);
    if (!run.created()) continue;
    run.feed(client, from_client().packet(crypto(0, hello)));
    run.feed(client, short_header);
    run.finish();
    EXPECT_LE(run.arena().used(), cap);
  }
  QuicRun hostile;
  for (std::uint8_t i = 0; i < 200; ++i) {
    Initial initial = from_client();
    initial.number = i;
    hostile.feed(client, initial.packet(crypto(i * 300U + 1, Bytes(10, i))));
  }
  EXPECT_LT(hostile.arena().used(), 200'000U);
}

TEST(QuicProbe, Decides) {
  const FiveTuple tuple = parsers::test::tuple_over(Transport::Udp, 443);
  const auto probe_of = [&](const Bytes& bytes) {
    const auto length = static_cast<std::uint16_t>(bytes.size());
    return protocol.probe({.tuple = tuple, .sent = {bytes}, .datagrams = {std::span(&length, 1)}, .latest = client});
  };
  EXPECT_EQ(probe_of(from_client().packet(crypto(0, hello))), Probe::match);
  EXPECT_EQ(probe_of(Bytes{0xc3} + Bytes{'Q', '0', '4', '6', 0x50} + first_id + Bytes(20, 0)), Probe::match);
  Bytes greased = from_client().packet(crypto(0, hello));
  greased[0] &= 0xbf;
  EXPECT_EQ(probe_of(greased), Probe::match) << "RFC 9287";
  Initial unpadded = from_client();
  unpadded.pad_to = 400;
  Bytes short_one = unpadded.packet(crypto(0, hello));
  EXPECT_EQ(probe_of(short_one), Probe::match);
  short_one[0] &= 0xbf;
  EXPECT_EQ(probe_of(short_one), Probe::no_match);
  EXPECT_EQ(probe_of(Bytes(1200, 0xff)), Probe::no_match);
  EXPECT_EQ(probe_of(Bytes(48, 0x23)), Probe::no_match);
  EXPECT_EQ(probe_of({}), Probe::no_match);
  EXPECT_EQ(probe_of(Bytes{0x80, 0x60} + Bytes(170, 1)), Probe::no_match) << "RTP";
}

}  // namespace
}  // namespace iris::parsers::quic
