// What random rounds found, as small as it can be.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <limits>
#include <optional>

#include "tests/oracle/round.hpp"
#include "tests/oracle/traffic.hpp"

namespace iris::oracle {
namespace {

constexpr FiveTuple tcp{{IpAddress::v4({10, 1, 0, 1}), 1024}, {IpAddress::v4({192, 0, 2, 1}), 8080}, Transport::Tcp};
constexpr FiveTuple udp{{IpAddress::v4({10, 1, 0, 1}), 1024}, {IpAddress::v4({192, 0, 2, 1}), 53}, Transport::Udp};

// A query and its answer, neither truncated: packets of 58 bytes.
const std::string question = std::string("\1a\0\0\1\0\1", 7);
const Dialogue lookup{{true, std::string("\0\1\1\0\0\1\0\0\0\0\0\0", 12) + question},
                      {false, std::string("\0\1\x81\x80\0\1\0\0\0\0\0\0", 12) + question}};

// The parameter: whether straight-line code decides.
class Findings : public testing::TestWithParam<bool> {
 protected:
  Findings() { spdlog::set_level(spdlog::level::warn); }

  // Of the round's one filter: what the engine emits is what the interpreter expects, and as many rows.
  void expect(const Round& round, std::size_t rows) {
    const Rows actual = player_.play(round, {0}).front();
    EXPECT_EQ(actual, expected_of(round, round.candidates.front()).certain);
    EXPECT_EQ(actual.size(), rows);
  }

  Player player_{GetParam() ? control::Straighten::at_once : control::Straighten::never};
};

TEST_P(Findings, WhatNeverTurnsOutToBeAProtocolIsNone) {
  const Capture undecided = capture_of(tcp, {{true, "\x16\x03"}});
  expect(round_of(undecided, "", "not tls"), 1);
  expect(round_of(undecided, "", "not (tls.sni = 'x')"), 1);
}

TEST_P(Findings, AtTheEndThereWasNoSession) {
  const std::string begun("\x16\x03\x01\0\xc8\1\0\0\xc4\3\3", 11);
  expect(round_of(capture_of(tcp, {{true, begun}}), "", "tls and not (tls.sni = 'x')"), 1);
}

TEST_P(Findings, NegationsAboutSessionsOfTwoProtocols) {
  for (const std::string_view protocol : {"", "dns"}) {
    expect(round_of(capture_of(udp, lookup), protocol, "not dns.truncated and not mqtt.retain"), 1);
    expect(round_of(capture_of(udp, lookup), protocol, "not mqtt.retain and not dns.truncated and not http.status"), 1);
  }
}

TEST_P(Findings, TheTransportDecidesAtTheFirstPacket) {
  for (const char* filter : {"not quic", "not (quic.sni = 'x')", "not (udp.src_port and quic.ech)"}) {
    Round round = round_of(capture_of(tcp, {{true, "x"}}), "", filter);
    round.candidates.front().subscription.removed = at_packet(1);
    EXPECT_EQ(player_.play(round, {0}).front().size(), 1U) << filter;
  }
}

// The first alternative is true of the first session at once, the second a packet later.
TEST_P(Findings, ASessionMatchesOnceThoughACounterSaysSoAgain) {
  Dialogue twice = lookup;
  twice.insert(twice.end(), lookup.begin(), lookup.end());
  expect(round_of(capture_of(udp, twice), "dns", "udp or conn.packets > 3"), 2);
}

// Of the three, the first two come while the counter is open, the third when it has decided.
TEST_P(Findings, SessionsBeforeAndAfterACounterDecides) {
  Dialogue thrice;
  for (int i = 0; i < 3; ++i) thrice.insert(thrice.end(), lookup.begin(), lookup.end());
  expect(round_of(capture_of(udp, thrice), "dns", "conn.packets > 3"), 3);
}

// Both are open until the end: the first is pending from the first packet on, and the sessions that come meanwhile are
// not looked at again when it turns out to be true, because only what is behind the second wants sessions.
TEST_P(Findings, SessionsBehindTwoCounters) {
  expect(round_of(capture_of(udp, lookup), "dns", "conn.packets < 9 and conn.resp_packets < 9"), 1);
}

TEST_P(Findings, AuthorsFiltersOfSessions) {
  const auto get = [](const std::string& host) {
    return Dialogue{{true, "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"}, {false, "HTTP/1.1 204 No Content\r\n\r\n"}};
  };
  Dialogue both = get("short");
  for (const Said& said : get("quite.long.test")) both.push_back(said);
  for (const std::string_view protocol : {"", "http"}) {
    expect(round_of(capture_of(tcp, get("short")), protocol, "long_host"), 0);
    expect(round_of(capture_of(tcp, get("short")), protocol, "not long_host"), 1);
    expect(round_of(capture_of(tcp, both), protocol, "long_host"), 1);
    expect(round_of(capture_of(tcp, both), protocol, "http and not long_host and tcp.port = 8080"), 1);
    expect(round_of(capture_of(tcp, both), protocol, "long_host or not long_host and http.method = 'GET'"),
           protocol.empty() ? 1 : 2);
  }
}

class Tunnels : public Findings {
 protected:
  // `packets`: after so many the subscription goes.
  void expect_rows(std::string_view protocol, const std::string& filter, std::size_t rows,
                   std::optional<std::size_t> packets = {}) {
    SCOPED_TRACE(filter);
    Random random(1);
    Dialogue dialogue{{true, "CONNECT inside.test:443 HTTP/1.1\r\nHost: inside.test:443\r\n\r\n"},
                      {false, "HTTP/1.1 200 OK\r\n\r\n"}};
    for (const Said& said : tls_dialogue(random)) dialogue.push_back(said);
    Round round = round_of(capture_of(tcp, dialogue), protocol, filter);
    if (packets) round.candidates.front().subscription.removed = at_packet(*packets);
    expect(round, rows);
  }
};

TEST_P(Tunnels, AConnectionMatchesOnceThoughTwoProtocolsSaySo) {
  for (const char* filter : {"not ssh", "not ssh and conn.packets > 9", "not ssh and conn.packets > 3"}) {
    expect_rows("", filter, 1);
  }
}

TEST_P(Tunnels, SessionsOfBothProtocolsWaitForCounters) {
  for (const char* filter : {"conn.packets > 7", "conn.packets > 2", "conn.packets < 99 and conn.resp_packets < 99",
                             "conn.packets > 8 and conn.resp_packets < 99"}) {
    for (const std::string_view protocol : {"http", "tls"}) expect_rows(protocol, filter, 1);
  }
}

// The first protocol makes it true as soon as the second is known; a session of the second once more.
TEST_P(Tunnels, AConnectionMatchesOnceThoughItHadToWait) {
  expect_rows("", "none(dns.query = 'x') and not tls.sni = 'x'", 1);
}

// What may still come inside matters, not what the connection spoke first.
TEST_P(Tunnels, NoSessionOfEitherProtocol) {
  expect_rows("", "none(tls.version)", 0);
  expect_rows("", "none(tls.sni = 'x')", 1);
  expect_rows("", "none(http.method = 'CONNECT')", 0);
  expect_rows("", "none(ssh.client_version)", 1);
}

// QUIC is nothing that TCP carries, whatever comes inside; behind the CONNECT, in the fourth packet, SSH may come.
TEST_P(Tunnels, NoSessionOfWhatTheTransportRulesOut) {
  constexpr std::size_t with_connect = 4;
  expect_rows("", "none(quic.ech) and http", 1, with_connect);
  expect_rows("", "none(ssh.client_version) and http", 0, with_connect);
}

// The last comes with the packet that decides.
TEST_P(Findings, SoManySessionsWaitAndNoMore) {
  Dialogue many;
  for (int i = 0; i < 70; ++i) many.insert(many.end(), lookup.begin(), lookup.end());
  const Round round = round_of(capture_of(udp, many), "dns", "conn.packets > 139");
  EXPECT_EQ(player_.play(round, {0}).front().size(), 65U);
}

std::string name_of(const testing::TestParamInfo<bool>& info) {
  return info.param ? "ByStraightLineCode" : "ByLookUps";
}
INSTANTIATE_TEST_SUITE_P(Each, Findings, testing::Bool(), name_of);
INSTANTIATE_TEST_SUITE_P(Each, Tunnels, testing::Bool(), name_of);

}  // namespace
}  // namespace iris::oracle
