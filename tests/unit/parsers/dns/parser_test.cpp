#include "parsers/dns/parser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsers/dns/schema.hpp"
#include "tests/unit/parsers/dns/describe.hpp"
#include "tests/unit/parsers/session_run.hpp"

namespace iris::parsers::dns {
namespace {

using test::Bytes;
using test::client;
using test::server;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
Bytes u16(unsigned value) { return {static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)}; }
Bytes u32(std::uint32_t value) { return u16(value >> 16U) + u16(value & 0xffffU); }
Bytes name(std::string_view text) {
  Bytes bytes;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('.'), text.size());
    bytes.push_back(static_cast<std::uint8_t>(end));
    bytes.insert(bytes.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  bytes.push_back(0);
  return bytes;
}
Bytes header(unsigned id, unsigned flags, unsigned questions, unsigned answers = 0, unsigned authorities = 0,
             unsigned additionals = 0) {
  return u16(id) + u16(flags) + u16(questions) + u16(answers) + u16(authorities) + u16(additionals);
}
Bytes question(const Bytes& about, unsigned type = 1, unsigned qclass = 1) { return about + u16(type) + u16(qclass); }
Bytes record(const Bytes& about, unsigned type, const Bytes& data, unsigned rclass = 1, std::uint32_t ttl = 60) {
  return about + u16(type) + u16(rclass) + u32(ttl) + u16(static_cast<unsigned>(data.size())) + data;
}
const Bytes to_question{0xc0, 12};  // a pointer

Bytes query(unsigned id, std::string_view about = "A.example", unsigned type = 1) {
  return header(id, 0x0100, 1) + question(name(about), type);
}
Bytes answer(unsigned id, std::string_view about = "a.example", const Bytes& data = {192, 0, 2, 1}) {
  return header(id, 0x8180, 1, 1) + question(name(about)) + record(to_question, 1, data);
}
Bytes framed(const Bytes& message) { return u16(static_cast<unsigned>(message.size())) + message; }

class DnsRun : public test::SessionRun<DnsTransaction> {
 public:
  explicit DnsRun(std::uint16_t port = 53, Transport transport = Transport::Udp,
                  std::size_t cap = std::size_t{256} << 10U)
      : SessionRun(protocol, test::tuple_over(transport, port), &test::describe, cap) {}
};

TEST(Dns, QueryAndAnswer) {
  DnsRun run;
  run.feed(client, query(7));
  EXPECT_THAT(run.begun(), IsEmpty());
  run.wait({5'000'000});
  run.feed(server, answer(7));
  EXPECT_THAT(run.begun(), ElementsAre("7 a.example 1? -> 0 [a.example 1 192.0.2.1] rtt"));
  EXPECT_EQ(run.ended(), run.begun());
}

TEST(Dns, ManyInFlightInAnyOrder) {
  DnsRun run;
  run.feed(client, query(1, "one"));
  run.feed(client, query(2, "two"));
  run.feed(client, query(2, "other"));  // the id again
  run.feed(server, answer(2, "other"));
  run.feed(server, answer(1, "one"));
  run.finish();
  EXPECT_THAT(run.ended(), ElementsAre("2 other 1? -> 0 [other 1 192.0.2.1] rtt", "1 one 1? -> 0 [one 1 192.0.2.1] rtt",
                                       "2 two 1?"));
}

TEST(Dns, AnswerMayBeSeenFirst) {
  DnsRun run;
  run.feed(server, answer(7));
  EXPECT_THAT(run.begun(), IsEmpty());
  run.feed(client, query(7));
  EXPECT_THAT(run.ended(), ElementsAre("7 a.example 1? -> 0 [a.example 1 192.0.2.1] rtt"));
}

TEST(Dns, WhatWaitsTooLongIsReported) {
  DnsRun run;
  run.feed(client, query(1));
  run.feed(server, answer(9));
  run.wait({1'000'000'000});
  run.feed(client, query(2));
  EXPECT_THAT(run.ended(), ElementsAre("9 a.example 1 -> 0 [a.example 1 192.0.2.1]"));
  run.wait({9'000'000'000});
  run.feed(client, query(3));
  EXPECT_THAT(run.ended(), SizeIs(2));
  EXPECT_EQ(run.ended().back(), "1 a.example 1?");
}

TEST(Dns, TypesAsZoneFilesWriteThem) {
  const Bytes about = name("t");
  const std::vector<std::pair<Bytes, std::string>> cases{
      {record(about, 28, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}), "28 2001:db8::1"},
      {record(about, 5, name("Other.Example")), "5 other.example"},
      {record(about, 15, u16(10) + name("mail")), "15 10 mail"},
      {record(about, 6, name("ns") + name("who") + u32(1) + u32(2) + u32(3) + u32(4) + u32(5)), "6 ns who 1 2 3 4 5"},
      {record(about, 16, Bytes{2, 'h', 'i', 3, 'a', '"', 1}), "16 \"hi\" \"a\\\"\\001\""},
      {record(about, 33, u16(1) + u16(2) + u16(443) + name("h")), "33 1 2 443 h"},
      {record(about, 257, Bytes{0, 5, 'i', 's', 's', 'u', 'e', 'c', 'a'}), "257 0 issue \"ca\""},
      {record(about, 43, u16(7) + Bytes{8, 2, 0xab, 0xcd}), "43 7 8 2 abcd"},
      {record(about, 47, name("n") + Bytes{0, 1, 0x40}), "47 n A"},
      {record(about, 65, u16(1) + Bytes{0} + u16(1) + u16(3) + Bytes{2, 'h', '2'}), "65 1 . alpn=h2"},
      {record(about, 1, {1, 2, 3}), "1 \\# 3 010203"},
      {record(about, 4711, {0xca, 0xfe}), "4711 \\# 2 cafe"},
      {record(about, 2, {0xc0, 0xff}), "2 \\# 2 c0ff"},
  };
  for (const auto& [bytes, expected] : cases) {
    DnsRun run;
    run.feed(server, header(1, 0x8400, 0, 1) + bytes);
    run.finish();
    EXPECT_THAT(run.ended(), ElementsAre("1 - - -> 0 [t " + expected + "]"));
  }
}

TEST(Dns, Edns) {
  const Bytes subnet = u16(8) + u16(7) + u16(1) + Bytes{24, 0, 192, 0, 2};
  const Bytes cookie = u16(10) + u16(8) + Bytes(8, 1);
  const Bytes error = u16(15) + u16(4) + u16(22) + Bytes{'n', 'o'};
  DnsRun run;
  run.feed(client,
           header(1, 0x0100, 1, 0, 0, 1) + question(name("a")) + record({0}, 41, subnet + cookie, 1232, 0x8000));
  run.feed(server, header(1, 0x8182, 1, 0, 0, 1) + question(name("a")) + record({0}, 41, error, 512, 0x01000000));
  EXPECT_THAT(run.ended(),
              ElementsAre("1 a 1? -> 18 edns 1232 do subnet 192.0.2.0/24 cookie 9 edns 512 error 22 no rtt"));
}

TEST(Dns, NamesThatLoopAreMalformed) {
  for (const Bytes& bad :
       {Bytes{0xc0, 12}, Bytes{1, 'a', 0xc0, 12}, Bytes{0xc0, 200}, Bytes{0x80, 1}, Bytes{64, 'a'}}) {
    DnsRun run;
    run.feed(client, header(1, 0x0100, 1) + question(bad));
    run.finish();
    EXPECT_THAT(run.ended(), IsEmpty());
  }
  Bytes endless;
  for (int i = 0; i < 30; ++i) endless = endless + Bytes{9, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'};
  DnsRun run;
  run.feed(client, header(1, 0x0100, 1) + question(endless + Bytes{0}));
  run.finish();
  EXPECT_THAT(run.ended(), IsEmpty()) << "longer than 255 octets";
}

TEST(Dns, WhatIsCutOffIsMalformedAndTheRestIsThere) {
  const Bytes whole = header(1, 0x8180, 1, 2) + question(name("a")) + record(to_question, 1, {1, 2, 3, 4}) +
                      record(to_question, 1, {5, 6, 7, 8});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    DnsRun run;
    run.feed(server, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    run.finish();
    if (run.ended().empty()) continue;
    EXPECT_THAT(run.ended().front(), testing::EndsWith("malformed")) << size;
  }
}

TEST(Dns, NamesAreEscaped) {
  DnsRun run;
  run.feed(client, header(1, 0x0100, 1) + question({3, 'a', '.', 1, 4, 0xe5, 0xb0, 0x8f, '\\', 2, 0xff, 'B', 0}));
  run.finish();
  EXPECT_THAT(run.ended(), ElementsAre("1 a\\.\\001.\xe5\xb0\x8f\\\\.\\255b 1?"));
}

TEST(Dns, MulticastMessagesAreByThemselves) {
  DnsRun run(5353);
  run.feed(client, header(0, 0, 1) + question(name("_http._tcp.local"), 12, 0x8001));
  EXPECT_THAT(run.ended(), ElementsAre("0 _http._tcp.local 12?"));
  run.feed(client, header(0, 0x8400, 0, 1) + record(name("h.local"), 1, {1, 2, 3, 4}, 0x8001));
  EXPECT_EQ(run.ended().back(), "0 - - -> 0 [h.local 1 1.2.3.4]");
}

TEST(DnsOverTcp, AnyCutSaysTheSame) {
  const std::vector<test::Sent> dialogue{{client, framed(query(1, "one")) + framed(query(2, "two"))},
                                         {server, framed(answer(2, "two")) + framed(answer(1, "one"))}};
  test::cut_everywhere<DnsTransaction>(
      protocol, test::tuple_over(Transport::Tcp, 53), &test::describe, dialogue, [](auto& run) {
        ASSERT_THAT(run.ended(),
                    ElementsAre("2 two 1? -> 0 [two 1 192.0.2.1] rtt", "1 one 1? -> 0 [one 1 192.0.2.1] rtt"));
      });
}

TEST(DnsOverTcp, AGapLosesADirection) {
  DnsRun run(53, Transport::Tcp);
  run.feed(client, framed(query(1)));
  run.feed(server, {}, 100);
  run.feed(server, framed(answer(1)));
  EXPECT_EQ(run.status(), Status::more);
  run.feed(client, {}, 1);
  EXPECT_EQ(run.status(), Status::gave_up);
  EXPECT_THAT(run.ended(), ElementsAre("1 a.example 1?"));
}

TEST(Dns, ManyTransactionsTakeNoMoreMemoryThanAFew) {
  DnsRun run(53, Transport::Udp, std::size_t{16} << 10U);
  for (unsigned i = 0; i < 200'000; ++i) {
    run.feed(client, query(i & 0xffffU));
    run.feed(server, answer(i & 0xffffU));
  }
  EXPECT_THAT(run.ended(), SizeIs(200'000));
  EXPECT_LT(run.arena().used(), 12'000U);
}

TEST(Dns, AnyCapHolds) {
  for (std::size_t cap = 0; cap < 30'000; cap += 61) {
    DnsRun run(53, Transport::Udp, cap);
    if (!run.created()) continue;
    for (unsigned i = 0; i < 200; ++i) run.feed(client, query(i));
    for (unsigned i = 0; i < 200; ++i) run.feed(server, answer(i));
    run.finish();
    EXPECT_LE(run.arena().used(), cap);
  }
}

Probe probe_of(const Bytes& bytes, std::uint16_t port, Transport transport = Transport::Udp) {
  const FiveTuple tuple = test::tuple_over(transport, port);
  const std::uint16_t length = static_cast<std::uint16_t>(bytes.size());
  return protocol.probe({.tuple = tuple, .sent = {bytes}, .datagrams = {std::span(&length, 1)}, .latest = client});
}

TEST(DnsProbe, Decides) {
  EXPECT_EQ(probe_of(query(1), 9999), Probe::match);
  EXPECT_EQ(probe_of(answer(1), 9999), Probe::match);
  EXPECT_EQ(probe_of(query(1) + Bytes{1}, 9999), Probe::no_match) << "something behind it";
  EXPECT_EQ(probe_of(header(1, 0x8183, 0), 53), Probe::match);
  EXPECT_EQ(probe_of(header(1, 0x8183, 0), 9999), Probe::no_match);
  EXPECT_EQ(probe_of(Bytes(48, 0x23), 123), Probe::no_match);
  EXPECT_EQ(probe_of(header(1, 0x0110, 1) + Bytes{32} + Bytes(32, 'C') + Bytes{0} + u16(32) + u16(1), 137),
            Probe::no_match)
      << "NetBIOS";
  EXPECT_EQ(probe_of(framed(query(1)), 9999, Transport::Tcp), Probe::match);
  const Bytes whole = framed(query(1));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(probe_of(cut, 9999, Transport::Tcp), Probe::not_yet) << size;
  }
}

}  // namespace
}  // namespace iris::parsers::dns
