#include "parsers/tls/parser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsers/tls/schema.hpp"
#include "tests/unit/parsers/arena.hpp"
#include "tests/unit/parsers/tls/hello_builder.hpp"

namespace iris::parsers::tls {
namespace {

using parsers::test::BlockArena;
using test::operator+;  // NOLINT(misc-unused-using-decls): it does not see operators
using test::Bytes;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Direction client = Direction::FromOriginator;
constexpr Direction server = Direction::FromResponder;

// One connection's parser. Every segment is a copy that is gone when parse() returns.
class Connection {
 public:
  explicit Connection(std::size_t cap = std::size_t{1} << 20U) : arena(cap), parser(create(arena, tuple)) {}

  Status feed(Direction direction, const Bytes& bytes, std::uint32_t gap = 0) {
    const auto copy = std::make_unique<std::uint8_t[]>(bytes.size());
    std::ranges::copy(bytes, copy.get());
    return parser->parse({.bytes = {copy.get(), bytes.size()}, .ts = {}, .direction = direction, .gap = gap});
  }
  [[nodiscard]] const TlsHandshake& session() const { return *static_cast<const TlsHandshake*>(parser->session()); }

  FiveTuple tuple;
  BlockArena arena;
  Parser* parser;
};

Bytes slice(const Bytes& bytes, std::size_t from, std::size_t to) {
  return {bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.begin() + static_cast<std::ptrdiff_t>(to)};
}

const Bytes rich_client =
    test::ClientHello{.extensions = test::extension(0x1a1a, {}) + test::server_name("www.Example.org") +
                                    test::alpn({"h2", "http/1.1"}) +
                                    test::extension(43, test::vector(1, test::numbers({0x2a2a, 0x0304, 0x0303})))}
        .message();
const Bytes modern_server =
    test::ServerHello{.cipher = 0x1301, .extensions = test::extension(43, test::numbers({0x0304}))}.message();
const Bytes certificate = Bytes{11} + test::vector(3, Bytes(300, 7));

void expect_rich(const TlsHandshake& tls) {
  EXPECT_EQ(tls.sni(), "www.Example.org");
  EXPECT_EQ(tls.client_version(), 0x0303);
  EXPECT_THAT(tls.client_versions(), ElementsAre(0x2a2a, 0x0304, 0x0303));
  EXPECT_THAT(tls.client_ciphers(), ElementsAre(0x0a0a, 0x1301, 0xc02f));
  EXPECT_THAT(tls.client_alpn(), ElementsAre("h2", "http/1.1"));
}
void expect_modern(const TlsHandshake& tls) {
  expect_rich(tls);
  EXPECT_EQ(tls.version(), 0x0304);
  EXPECT_EQ(tls.cipher(), 0x1301);
  EXPECT_EQ(tls.alpn().data(), nullptr);
  EXPECT_TRUE(tls.complete());
}

TEST(TlsParser, BothHellosMakeOneSession) {
  Connection connection;
  EXPECT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
  EXPECT_EQ(connection.feed(server, test::records(modern_server + certificate)), Status::session);
  expect_modern(connection.session());
  EXPECT_EQ(connection.parser->next(), Status::more);
  EXPECT_EQ(connection.feed(server, test::record(20, {1}) + test::record(23, Bytes(100, 1))), Status::more);
  EXPECT_EQ(connection.feed(client, test::record(23, Bytes(100, 1))), Status::session_end);
  EXPECT_EQ(connection.parser->next(), Status::done);
  EXPECT_EQ(connection.feed(client, test::record(23, Bytes(100, 1))), Status::done);
  EXPECT_EQ(connection.parser->finish(), Status::done);
  expect_modern(connection.session());
}

TEST(TlsParser, SessionLivesInTheArena) {
  Connection connection;
  ASSERT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
  ASSERT_EQ(connection.feed(server, test::records(test::ServerHello{.extensions = test::alpn({"h2"})}.message())),
            Status::session);
  const TlsHandshake& tls = connection.session();
  EXPECT_EQ(tls.alpn(), "h2");
  const BlockArena& arena = connection.arena;
  EXPECT_TRUE(arena.holds(&tls, sizeof tls));
  EXPECT_TRUE(arena.holds(tls.sni().data(), tls.sni().size()));
  EXPECT_TRUE(arena.holds(tls.alpn().data(), tls.alpn().size()));
  EXPECT_TRUE(arena.holds(tls.client_versions().data(), tls.client_versions().size_bytes()));
  EXPECT_TRUE(arena.holds(tls.client_ciphers().data(), tls.client_ciphers().size_bytes()));
  EXPECT_TRUE(arena.holds(tls.client_alpn().data(), tls.client_alpn().size_bytes()));
  for (const std::string_view name : tls.client_alpn()) EXPECT_TRUE(arena.holds(name.data(), name.size()));
}

TEST(TlsParser, AnySplitIntoTwoSegments) {
  const Bytes from_client = test::records(rich_client);
  const Bytes from_server = test::alert(1, 112) + test::records(modern_server);
  for (std::size_t at = 0; at <= from_client.size(); ++at) {
    Connection connection;
    ASSERT_EQ(connection.feed(client, slice(from_client, 0, at)), Status::more);
    ASSERT_EQ(connection.feed(client, slice(from_client, at, from_client.size())), Status::more);
    ASSERT_EQ(connection.feed(server, from_server), Status::session) << at;
    expect_modern(connection.session());
  }
  for (std::size_t at = 0; at < from_server.size(); ++at) {
    Connection connection;
    ASSERT_EQ(connection.feed(client, from_client), Status::more);
    ASSERT_EQ(connection.feed(server, slice(from_server, 0, at)), Status::more);
    ASSERT_EQ(connection.feed(server, slice(from_server, at, from_server.size())), Status::session) << at;
    expect_modern(connection.session());
  }
}

TEST(TlsParser, AnySplitIntoRecordsByteByByte) {
  for (std::size_t size = 1; size < 70; ++size) {
    Connection connection;
    for (const std::uint8_t byte : test::records(rich_client, size)) {
      ASSERT_EQ(connection.feed(client, {byte}), Status::more);
    }
    const Bytes from_server = test::records(modern_server, size);
    for (std::size_t i = 0; i < from_server.size(); ++i) {
      ASSERT_EQ(connection.feed(server, {from_server[i]}), i + 1 == from_server.size() ? Status::session : Status::more)
          << size << ' ' << i;
    }
    expect_modern(connection.session());
  }
}

TEST(TlsParser, AlertsAndEmptyRecordsInBetween) {
  Connection connection;
  const Bytes interrupted = test::record(22, slice(rich_client, 0, 50)) + test::alert(1, 0) + test::record(22, {}) +
                            test::record(22, slice(rich_client, 50, rich_client.size()));
  EXPECT_EQ(connection.feed(client, interrupted), Status::more);
  EXPECT_EQ(connection.feed(server, test::record(22, {0, 0, 0, 0}) + test::record(20, {1}) + test::alert(1, 112) +
                                        test::records(modern_server)),
            Status::session);
  expect_modern(connection.session());
}

TEST(TlsParser, HellosWithoutExtensions) {
  Connection connection;
  const Bytes hello = test::ClientHello{.version = 0x0300, .extensions = std::nullopt}.message();
  EXPECT_EQ(connection.feed(client, test::records(hello)), Status::more);
  const Bytes answer = test::ServerHello{.version = 0x0300, .cipher = 5, .extensions = std::nullopt}.message();
  EXPECT_EQ(connection.feed(server, test::records(answer)), Status::session);
  const TlsHandshake& tls = connection.session();
  EXPECT_FALSE(tls.has_sni());
  EXPECT_THAT(tls.client_versions(), ElementsAre(0x0300));
  EXPECT_THAT(tls.client_alpn(), IsEmpty());
  EXPECT_EQ(tls.version(), 0x0300);
  EXPECT_EQ(tls.cipher(), 5);
  EXPECT_TRUE(tls.complete());
}

TEST(TlsParser, EmptyServerNameIsNotAnAbsentOne) {
  Connection connection;
  const Bytes hello = test::ClientHello{.extensions = test::server_name("")}.message();
  ASSERT_EQ(connection.feed(client, test::records(hello)), Status::more);
  ASSERT_EQ(connection.parser->finish(), Status::session);
  EXPECT_TRUE(connection.session().has_sni());
  EXPECT_EQ(connection.session().sni(), "");
}

TEST(TlsParser, HelloRetryRequestIsNotTheServerHello) {
  Connection connection;
  const Bytes retry =
      test::ServerHello{
          .cipher = 0x1302, .random = test::retry_random, .extensions = test::extension(43, test::numbers({0x0304}))}
          .message();
  const Bytes second = test::ClientHello{.extensions = test::server_name("second.example")}.message();
  EXPECT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
  EXPECT_EQ(connection.feed(server, test::records(retry) + test::record(20, {1})), Status::more);
  EXPECT_EQ(connection.feed(client, test::record(20, {1}) + test::records(second)), Status::more);
  EXPECT_EQ(connection.feed(server, test::records(modern_server)), Status::session);
  expect_modern(connection.session());
}

TEST(TlsParser, RetryAndServerHelloInOneSegment) {
  Connection connection;
  const Bytes retry = test::ServerHello{.random = test::retry_random}.message();
  EXPECT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
  EXPECT_EQ(connection.feed(server, test::records(retry + modern_server)), Status::session);
  expect_modern(connection.session());
}

TEST(TlsParser, Sslv2ClientHello) {
  const Bytes hello = test::sslv2_client_hello(0x0301, {0x01, 0x00, 0x80, 0x00, 0x00, 0x2f, 0x00, 0x00, 0x35});
  for (std::size_t at = 0; at <= hello.size(); ++at) {
    Connection connection;
    ASSERT_EQ(connection.feed(client, slice(hello, 0, at)), Status::more);
    ASSERT_EQ(connection.feed(client, slice(hello, at, hello.size())), Status::more);
    ASSERT_EQ(connection.feed(server, test::records(test::ServerHello{.version = 0x0301, .cipher = 0x2f}.message())),
              Status::session);
    const TlsHandshake& tls = connection.session();
    EXPECT_FALSE(tls.has_sni());
    EXPECT_EQ(tls.client_version(), 0x0301);
    EXPECT_THAT(tls.client_versions(), ElementsAre(0x0301));
    EXPECT_THAT(tls.client_ciphers(), ElementsAre(0x002f, 0x0035));  // SSLv2's own kind left out
    EXPECT_EQ(tls.version(), 0x0301);
    EXPECT_TRUE(tls.complete());
  }
}

TEST(TlsParser, DraftServerHelloWithoutSessionId) {
  Connection connection;
  const Bytes body = test::number(0x7f12, 2) + Bytes(32, 1) + test::number(0x1301, 2) + test::vector(2, {});
  EXPECT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
  EXPECT_EQ(connection.feed(server, test::records(Bytes{2} + test::vector(3, body))), Status::session);
  EXPECT_EQ(connection.session().version(), 0x7f12);
  EXPECT_EQ(connection.session().cipher(), 0x1301);
}

TEST(TlsParser, EndAfterClientHello) {
  Connection connection;
  ASSERT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
  ASSERT_EQ(connection.feed(server, test::alert(2, 40)), Status::more);
  ASSERT_EQ(connection.parser->finish(), Status::session);
  expect_rich(connection.session());
  EXPECT_FALSE(connection.session().complete());
  EXPECT_EQ(connection.session().version(), std::nullopt);
  EXPECT_EQ(connection.session().cipher(), std::nullopt);
  EXPECT_EQ(connection.parser->next(), Status::session_end);
  EXPECT_EQ(connection.parser->next(), Status::done);
  EXPECT_EQ(connection.parser->finish(), Status::done);
}

TEST(TlsParser, EndBeforeAnyHello) {
  Connection connection;
  ASSERT_EQ(connection.feed(client, slice(test::records(rich_client), 0, 80)), Status::more);
  EXPECT_EQ(connection.parser->finish(), Status::done);
}

TEST(TlsParser, ServerHelloAloneIsReportedWhenTheServerGoesOn) {
  Connection connection;
  ASSERT_EQ(connection.feed(server, test::records(modern_server)), Status::more);
  for (int i = 0; i < 15; ++i) ASSERT_EQ(connection.feed(server, Bytes(100)), Status::more);
  ASSERT_EQ(connection.feed(server, Bytes(100)), Status::session);
  const TlsHandshake& tls = connection.session();
  EXPECT_FALSE(tls.complete());
  EXPECT_FALSE(tls.has_sni());
  EXPECT_EQ(tls.client_version(), std::nullopt);
  EXPECT_THAT(tls.client_ciphers(), IsEmpty());
  EXPECT_EQ(tls.version(), 0x0304);
}

TEST(TlsParser, ServerHelloAloneIsReportedAtTheEnd) {
  Connection connection;
  ASSERT_EQ(connection.feed(server, test::records(modern_server)), Status::more);
  EXPECT_EQ(connection.parser->finish(), Status::session);
  EXPECT_FALSE(connection.session().complete());
}

TEST(TlsParser, ServerHelloMayBeSeenFirst) {
  Connection connection;
  ASSERT_EQ(connection.feed(server, test::records(modern_server)), Status::more);
  ASSERT_EQ(connection.feed(client, test::records(rich_client)), Status::session);
  EXPECT_TRUE(connection.session().complete());
  EXPECT_TRUE(connection.session().has_sni());
}

TEST(TlsParser, ServerHelloWaitsForAClientHelloThatHasBegun) {
  const Bytes from_client = test::records(rich_client);
  Connection connection;
  ASSERT_EQ(connection.feed(client, slice(from_client, 0, 80)), Status::more);
  ASSERT_EQ(connection.feed(server, test::records(modern_server)), Status::more);
  ASSERT_EQ(connection.feed(client, slice(from_client, 80, from_client.size())), Status::session);
  expect_modern(connection.session());

  Connection lost;
  ASSERT_EQ(lost.feed(client, slice(from_client, 0, 80)), Status::more);
  ASSERT_EQ(lost.feed(server, test::records(modern_server)), Status::more);
  ASSERT_EQ(lost.feed(client, slice(from_client, 90, from_client.size()), 10), Status::session);
  EXPECT_FALSE(lost.session().complete());
  EXPECT_FALSE(lost.session().has_sni());
  EXPECT_EQ(lost.session().version(), 0x0304);
}

TEST(TlsParser, GapBeforeTheServerHelloIsDone) {
  Connection connection;
  ASSERT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
  ASSERT_EQ(connection.feed(server, slice(test::records(modern_server), 0, 20)), Status::more);
  ASSERT_EQ(connection.feed(server, {}, 1460), Status::session);
  expect_rich(connection.session());
  EXPECT_FALSE(connection.session().complete());
}

TEST(TlsParser, GapAfterTheClientHelloIsOfNoConcern) {
  Connection connection;
  ASSERT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
  ASSERT_EQ(connection.feed(client, {1, 2, 3}, 1000), Status::more);
  ASSERT_EQ(connection.feed(server, test::records(modern_server)), Status::session);
  expect_modern(connection.session());
}

TEST(TlsParser, GapsOnBothSidesGiveUp) {
  Connection connection;
  EXPECT_EQ(connection.feed(client, {}, 1), Status::more);
  EXPECT_EQ(connection.feed(server, {}, 1), Status::gave_up);
  EXPECT_EQ(connection.feed(client, test::records(rich_client)), Status::done);
  EXPECT_EQ(connection.parser->finish(), Status::done);
}

TEST(TlsParser, RolesFollowTheHellosNotTheOriginator) {
  Connection connection;
  EXPECT_EQ(connection.feed(server, test::records(rich_client)), Status::more);
  EXPECT_EQ(connection.feed(client, test::records(modern_server)), Status::session);
  expect_modern(connection.session());
}

TEST(TlsParser, TwoClientHellosAreNoHandshake) {
  Connection connection;
  EXPECT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
  EXPECT_EQ(connection.feed(server, test::records(test::ClientHello{}.message())), Status::session);
  expect_rich(connection.session());
  EXPECT_FALSE(connection.session().complete());
}

TEST(TlsParser, GarbageGivesUp) {
  const std::vector<Bytes> garbage{
      test::text("GET / HTTP/1.1\r\n"),
      test::record(23, Bytes(50, 1)),                                     // the hello was before
      test::record(22, Bytes{16} + test::vector(3, Bytes(40, 1))),        // ClientKeyExchange: likewise
      {22, 3, 1, 0xff, 0xff, 1},                                          // record too long
      {22, 2, 1, 0, 5, 1},                                                // version
      {0x80, 3, 1, 3, 1},                                                 // SSLv2 hello too short
      test::records(Bytes{1} + test::number(0xffffff, 3) + Bytes(9, 1)),  // message too long
      test::records(Bytes{1} + test::vector(3, {})),                      // empty hello
  };
  for (const Bytes& bytes : garbage) {
    Connection connection;
    EXPECT_EQ(connection.feed(client, bytes), Status::more);
    EXPECT_EQ(connection.feed(server, bytes), Status::gave_up);
  }
}

// Every length in a hello that is too short or too long by one makes it malformed, and never reads beyond it.
TEST(TlsParser, TruncatedBodiesAreMalformed) {
  const Bytes body = slice(rich_client, 4, rich_client.size());
  const std::size_t before_extensions = 2 + 32 + 33 + 8 + 2;
  for (std::size_t length = 0; length < body.size(); ++length) {
    Connection connection;
    const Bytes cut = Bytes{1} + test::vector(3, slice(body, 0, length));
    ASSERT_EQ(connection.feed(client, test::records(cut)), Status::more);
    EXPECT_EQ(connection.parser->finish(), length == before_extensions ? Status::session : Status::done) << length;
  }
  Connection connection;
  ASSERT_EQ(connection.feed(client, test::records(Bytes{1} + test::vector(3, body + Bytes{0}))), Status::more);
  EXPECT_EQ(connection.parser->finish(), Status::done);
}

TEST(TlsParser, MalformedExtensionsAreAbsent) {
  Connection connection;
  const Bytes extensions = test::extension(0, {0, 9, 0, 0, 9, 'x'}) + test::extension(16, {0, 3, 0, 1, 'x'}) +
                           test::extension(43, {3, 3, 4, 3});
  const Bytes hello = test::ClientHello{.extensions = extensions}.message();
  ASSERT_EQ(connection.feed(client, test::records(hello)), Status::more);
  ASSERT_EQ(connection.parser->finish(), Status::session);
  EXPECT_FALSE(connection.session().has_sni());
  EXPECT_THAT(connection.session().client_alpn(), IsEmpty());
  EXPECT_THAT(connection.session().client_versions(), ElementsAre(0x0303));
}

TEST(TlsParser, HugeClientHello) {
  const auto hello_with = [](std::size_t filler) {
    return test::ClientHello{.extensions = test::extension(21, Bytes(filler, 0)) + test::server_name("huge.example")}
        .message();
  };
  Connection connection;
  const Bytes bytes = test::records(hello_with(60000));
  for (std::size_t at = 0; at < bytes.size(); at += 1400) {
    ASSERT_EQ(connection.feed(client, slice(bytes, at, std::min(at + 1400, bytes.size()))), Status::more);
  }
  ASSERT_EQ(connection.feed(server, test::records(modern_server)), Status::session);
  EXPECT_EQ(connection.session().sni(), "huge.example");
  EXPECT_LT(connection.arena.used(), 100'000U);
}

TEST(TlsParser, LengthsThatAreOnlyClaimedCostLittle) {
  Connection connection;
  ASSERT_EQ(connection.feed(client, test::record(22, Bytes{1} + test::number(65000, 3) + Bytes(100, 3))), Status::more);
  EXPECT_LT(connection.arena.used(), 6000U);
}

TEST(TlsParser, ArenaExhausted) {
  BlockArena none(10);
  EXPECT_EQ(create(none, FiveTuple{}), nullptr);

  // Whatever is left over after the parser itself, nothing breaks and nothing half-filled is reported.
  for (std::size_t extra = 0; extra < 600; ++extra) {
    Connection connection(sizeof(TlsParser) + extra);
    ASSERT_NE(connection.parser, nullptr);
    const Status first = connection.feed(client, test::records(rich_client));
    ASSERT_EQ(first, Status::more);
    const Status second = connection.feed(server, test::records(modern_server));
    if (second == Status::session && connection.session().complete()) {
      expect_modern(connection.session());
    } else if (second == Status::session) {
      EXPECT_TRUE(connection.session().client_version().has_value() != connection.session().version().has_value());
    } else {
      EXPECT_EQ(second, Status::gave_up);
    }
  }
}

// ---- what follows the hellos ----------------------------------------------------------------------------------------

constexpr auto change_cipher_spec = [] { return test::record(20, {1}); };

Bytes chain(std::initializer_list<Bytes> certificates) {
  Bytes list;
  for (const Bytes& each : certificates) list = list + test::vector(3, each);
  return Bytes{11} + test::vector(3, test::vector(3, list));
}
Bytes message(std::uint8_t type, const Bytes& body = {}) { return Bytes{type} + test::vector(3, body); }

const Bytes old_server = test::ServerHello{.cipher = 0xc02f}.message();

TEST(TlsParser, CertificatesAreKeptInAnySplit) {
  const Bytes first(700, 1);
  const Bytes second(900, 2);
  const Bytes from_server =
      test::records(old_server + chain({first, second}) + message(12, Bytes(300, 3)) + message(14), 400);
  for (std::size_t size = 1; size < from_server.size(); size += 37) {
    Connection connection;
    ASSERT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
    Status status = Status::more;
    for (std::size_t at = 0; at < from_server.size(); at += size) {
      status = connection.feed(server, slice(from_server, at, std::min(at + size, from_server.size())));
      if (status == Status::session) status = connection.parser->next();
      ASSERT_EQ(status, Status::more);
    }
    ASSERT_EQ(connection.feed(client, test::records(message(16, Bytes(64, 5))) + change_cipher_spec()), Status::more);
    ASSERT_EQ(connection.feed(server, change_cipher_spec()), Status::session_end);
    const TlsHandshake& tls = connection.session();
    ASSERT_EQ(tls.layout.server_chain.size(), 2U);
    EXPECT_THAT(tls.layout.server_chain[0], testing::ElementsAreArray(first));
    EXPECT_THAT(tls.layout.server_chain[1], testing::ElementsAreArray(second));
    EXPECT_THAT(tls.certificates(), IsEmpty()) << "these are none";
    EXPECT_FALSE(tls.resumed());
  }
}

TEST(TlsParser, MalformedChainsAreNone) {
  for (const Bytes& body : {Bytes{}, Bytes{0, 0, 9, 1}, test::vector(3, {0, 0, 9, 1}), test::vector(3, {})}) {
    Connection connection;
    ASSERT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
    ASSERT_EQ(connection.feed(server, test::records(old_server + message(11, body))), Status::session);
    EXPECT_THAT(connection.session().layout.server_chain, IsEmpty());
    EXPECT_EQ(connection.parser->next(), Status::more);
  }
}

TEST(TlsParser, ResumedByItsIdOrATicket) {
  for (const Bytes& ticket : {Bytes{}, test::records(message(4, Bytes(100, 1)))}) {
    Connection connection;
    ASSERT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
    ASSERT_EQ(connection.feed(server, test::records(old_server) + ticket + change_cipher_spec()), Status::session);
    ASSERT_EQ(connection.parser->next(), Status::more);
    ASSERT_EQ(connection.feed(client, change_cipher_spec()), Status::session_end);
    EXPECT_TRUE(connection.session().resumed());
  }
}

TEST(TlsParser, ResumedWithAPreSharedKey) {
  Connection connection;
  const Bytes extensions =
      test::extension(43, test::numbers({0x0304})) + test::extension(41, {0, 0}) + test::extension(51, {0, 0x1d, 0, 0});
  ASSERT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
  ASSERT_EQ(connection.feed(server, test::records(test::ServerHello{.extensions = extensions}.message())),
            Status::session);
  EXPECT_TRUE(connection.session().resumed());
  EXPECT_EQ(connection.session().group(), 0x1d);
  EXPECT_THAT(connection.session().server_extensions(), ElementsAre(43, 41, 51));
}

TEST(TlsParser, ChangeCipherSpecOfTls13IsNoResumption) {
  Connection connection;
  ASSERT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
  ASSERT_EQ(connection.feed(server, test::records(modern_server) + change_cipher_spec()), Status::session);
  ASSERT_EQ(connection.parser->next(), Status::more);
  ASSERT_EQ(connection.feed(client, change_cipher_spec()), Status::session_end);
  EXPECT_FALSE(connection.session().resumed());
}

TEST(TlsParser, FirstAlertOfEachSide) {
  Connection connection;
  ASSERT_EQ(connection.feed(client, test::records(rich_client)), Status::more);
  ASSERT_EQ(connection.feed(server, test::alert(1, 112) + test::alert(2, 40)), Status::more);
  ASSERT_EQ(connection.feed(client, test::alert(2, 42)), Status::more);
  ASSERT_EQ(connection.parser->finish(), Status::session);
  const TlsHandshake& tls = connection.session();
  ASSERT_TRUE(tls.server_alert() && tls.client_alert());
  EXPECT_EQ(tls.server_alert()->level, 1);
  EXPECT_EQ(tls.server_alert()->description, 112);
  EXPECT_EQ(tls.client_alert()->description, 42);
  EXPECT_EQ(connection.parser->next(), Status::session_end);
}

TEST(TlsParser, ListsOfTheClientHello) {
  Connection connection;
  const Bytes share =
      test::numbers({0x001d}) + test::vector(2, Bytes(32, 1)) + test::numbers({0x2a2a}) + test::vector(2, {0});
  const Bytes extensions = test::extension(10, test::vector(2, test::numbers({0x3a3a, 0x1d, 0x17}))) +
                           test::extension(11, test::vector(1, {0, 1})) +
                           test::extension(13, test::vector(2, test::numbers({0x0403, 0x0804}))) +
                           test::extension(51, test::vector(2, share)) + test::extension(0xfe0d, {1, 2, 3}) +
                           test::extension(42, {}) + test::extension(41, {9});
  ASSERT_EQ(connection.feed(client, test::records(test::ClientHello{.extensions = extensions}.message())),
            Status::more);
  ASSERT_EQ(connection.parser->finish(), Status::session);
  const TlsHandshake& tls = connection.session();
  EXPECT_THAT(tls.client_groups(), ElementsAre(0x3a3a, 0x1d, 0x17));
  EXPECT_THAT(tls.client_point_formats(), ElementsAre(0, 1));
  EXPECT_THAT(tls.client_signature_algorithms(), ElementsAre(0x0403, 0x0804));
  EXPECT_THAT(tls.client_key_shares(), ElementsAre(0x1d, 0x2a2a));
  EXPECT_THAT(tls.client_extensions(), ElementsAre(10, 11, 13, 51, 0xfe0d, 42, 41));
  EXPECT_TRUE(tls.ech());
  EXPECT_TRUE(tls.early_data());
  EXPECT_TRUE(tls.psk_offered());
  EXPECT_EQ(tls.client_session_id().size(), 32U);
  EXPECT_EQ(tls.client_random().size(), 32U);
  EXPECT_EQ(tls.ja3_text(), "771,4865-49199,10-11-13-51-65037-42-41,29-23,0-1");
}

// The example of JA4's description: a hello of Chrome 114.
TEST(TlsParser, Ja4OfItsDescription) {
  Bytes extensions =
      test::server_name("example.org") + test::alpn({"h2", "http/1.1"}) +
      test::extension(43, test::vector(1, test::numbers({0x0a0a, 0x0304, 0x0303}))) +
      test::extension(13,
                      test::vector(2, test::numbers({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601})));
  for (const int type :
       {0x001b, 0x0033, 0x4469, 0x0017, 0x002d, 0x0005, 0x0023, 0x0012, 0xff01, 0x000b, 0x000a, 0x0015, 0x1a1a}) {
    extensions = extensions + test::extension(static_cast<std::uint16_t>(type), {});
  }
  const Bytes ciphers = test::numbers({0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
                                       0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035});
  Connection connection;
  ASSERT_EQ(
      connection.feed(client, test::records(test::ClientHello{.ciphers = ciphers, .extensions = extensions}.message())),
      Status::more);
  ASSERT_EQ(connection.parser->finish(), Status::session);
  EXPECT_EQ(connection.session().ja4(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
  EXPECT_EQ(connection.session().ja3s().data(), nullptr);
}

TEST(TlsParser, Ja3IsTheDigestOfItsText) {
  Connection connection;
  const Bytes hello =
      test::ClientHello{.version = 0x0301, .ciphers = test::numbers({4, 5}), .extensions = std::nullopt}.message();
  const Bytes answer =
      test::ServerHello{.version = 0x0301, .cipher = 5, .extensions = test::extension(35, {})}.message();
  ASSERT_EQ(connection.feed(client, test::records(hello)), Status::more);
  ASSERT_EQ(connection.feed(server, test::records(answer)), Status::session);
  const TlsHandshake& tls = connection.session();
  EXPECT_EQ(tls.ja3_text(), "769,4-5,,,");
  EXPECT_EQ(tls.ja3(), "1d70598d8ccdfcb836bfeb091ab8e469");  // printf 769,4-5,,, | md5sum
  EXPECT_EQ(tls.ja3s_text(), "769,5,35");
  EXPECT_EQ(tls.cipher_name(), "TLS_RSA_WITH_RC4_128_SHA");
  EXPECT_EQ(tls.version_name(), "TLSv1.0");
}

TEST(TlsParser, WhatIsComputedStaysWithinTheArena) {
  for (std::size_t extra = 0; extra < 3000; extra += 16) {
    Connection connection(sizeof(TlsParser) + extra);
    (void)connection.feed(client, test::records(rich_client));
    if (connection.parser->finish() != Status::session) continue;
    const TlsHandshake& tls = connection.session();
    EXPECT_TRUE(tls.ja4().empty() || tls.ja4().size() == 36);
    EXPECT_TRUE(tls.ja3().empty() || tls.ja3().size() == 32);
    EXPECT_THAT(tls.certificates(), IsEmpty());
  }
}

TEST(TlsSchema, IsWiredUp) {
  BlockArena arena;
  EXPECT_EQ(protocol.name, "tls");
  EXPECT_EQ(protocol.session_type, "iris::TlsHandshake");
  EXPECT_EQ(protocol.implies, "tcp");
  EXPECT_NE(protocol.create(arena, FiveTuple{}), nullptr);
  const Bytes sent = test::records(rich_client);
  EXPECT_EQ(protocol.probe({.tuple = {}, .sent = {sent}}), Probe::match);
}

}  // namespace
}  // namespace iris::parsers::tls
