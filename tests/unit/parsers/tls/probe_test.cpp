#include "parsers/tls/probe.hpp"

#include <gtest/gtest.h>

#include "tests/unit/parsers/tls/hello_builder.hpp"

namespace iris::parsers::tls {
namespace {

using test::operator+;  // NOLINT(misc-unused-using-decls): it does not see operators
using test::Bytes;

Probe probe_client(std::span<const std::uint8_t> bytes) {
  const FiveTuple tuple;
  return probe({.tuple = tuple, .sent = {bytes}});
}

// Undecided up to some length, then a match for good.
std::size_t matches_from(const Bytes& bytes) {
  std::size_t decided = bytes.size() + 1;
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const Probe found = probe_client(std::span(bytes).first(length));
    EXPECT_NE(found, Probe::no_match) << length;
    if (found == Probe::match) decided = std::min(decided, length);
    if (length >= decided) EXPECT_EQ(found, Probe::match) << length;
  }
  return decided;
}

TEST(TlsProbe, Hellos) {
  EXPECT_EQ(matches_from(test::records(test::ClientHello{}.message())), 11U);
  EXPECT_EQ(matches_from(test::records(test::ServerHello{}.message())), 11U);
  EXPECT_EQ(matches_from(test::records(test::ClientHello{.version = 0x0300}.message())), 11U);
}

TEST(TlsProbe, HellosSplitIntoTinyRecords) {
  for (std::size_t size = 1; size < 8; ++size) {
    const Bytes bytes = test::records(test::ClientHello{}.message(), size);
    EXPECT_LE(matches_from(bytes), 6 * 6U) << size;
  }
}

TEST(TlsProbe, AlertsAheadOfTheServerHello) {
  const Bytes bytes = test::alert(1, 112) + test::records(test::ServerHello{}.message());
  EXPECT_EQ(matches_from(bytes), 7 + 11U);
}

TEST(TlsProbe, Sslv2ClientHello) {
  EXPECT_EQ(matches_from(test::sslv2_client_hello(0x0301, {0, 0, 0x2f})), 11U);
  EXPECT_EQ(matches_from(test::sslv2_client_hello(0x0002, {1, 0, 0x80})), 11U);
}

TEST(TlsProbe, OtherProtocols) {
  const std::vector<Bytes> others{
      test::text("GET / HTTP/1.1\r\n\r\n"),
      test::text("SSH-2.0-OpenSSH_9.2\r\n"),
      test::text("220 mail.example ESMTP\r\n"),
      Bytes(64, 0),
      Bytes(64, 0xff),
      Bytes(64, 22),
      Bytes{0, 43} + Bytes(43, 1),                 // DNS over TCP
      {0x80, 0x2e, 1, 3, 1, 0, 4, 0, 0, 0, 0x10},  // SSLv2 lengths that do not add up
      {0x80, 0x2c, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2},  // ONC RPC record mark
      test::record(23, Bytes(40, 1)),              // application data
      test::record(21, Bytes(40, 1)),              // encrypted alert
      {22, 3, 1, 0, 0, 1},                         // empty record
      {22, 3, 9, 0, 50, 1},                        // record version
      {22, 3, 1, 0x50, 0, 1, 0, 0x40, 0, 3, 3},    // record too long
      {22, 3, 1, 0, 50, 16, 0, 0, 46, 3, 3},       // another message
      {22, 3, 1, 0, 50, 1, 0, 0, 10, 3, 3},        // hello too short
      {22, 3, 1, 0, 50, 1, 9, 0, 46, 3, 3},        // hello too long
      {22, 3, 1, 0, 50, 1, 0, 0, 46, 9, 9},        // hello version
  };
  for (const Bytes& bytes : others) {
    EXPECT_EQ(probe_client(bytes), Probe::no_match) << testing::PrintToString(bytes);
    // Not even a prefix is claimed.
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_NE(probe_client(std::span(bytes).first(length)), Probe::match);
    }
  }
}

}  // namespace
}  // namespace iris::parsers::tls
