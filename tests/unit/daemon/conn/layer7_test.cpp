#include "daemon/conn/layer7.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iris/protocols/http.hpp>
#include <iris/protocols/tls.hpp>

#include "daemon/conn/arena.hpp"
#include "tests/unit/parsers/session_run.hpp"
#include "tests/unit/parsers/tls/hello_builder.hpp"

namespace iris::conn {
namespace {

using parsers::Status;
using parsers::test::bytes_of;
using parsers::test::client;
using parsers::test::Sent;
using parsers::test::server;
using testing::ElementsAre;
using testing::IsEmpty;
namespace tls = parsers::tls::test;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint32_t cap = 64U << 10;

// A connection through Layer7, as the tracker drives it.
class Connection {
 public:
  explicit Connection(BlockPool& pool, Transport transport = Transport::Tcp)
      : tuple_(parsers::test::tuple_over(transport, 3128)), arena_(pool), layer_(protocols_over(transport), tuple_) {}

  void feed(Direction direction, const Bytes& bytes) {
    if (over_) return;
    const auto copy = std::make_unique<std::uint8_t[]>(bytes.size());  // gone after the call
    std::ranges::copy(bytes, copy.get());
    if (layer_.feed({.bytes = {copy.get(), bytes.size()}, .ts = {}, .direction = direction}, arena_)) {
      begin();
    } else {
      take(layer_.status());
    }
  }
  void finish() {
    if (!over_) take(layer_.finish());
  }

  // Protocols as they were recognised, with the sessions that ended in them.
  [[nodiscard]] const std::vector<std::string>& seen() const { return seen_; }
  [[nodiscard]] const ConnectionArena& arena() const { return arena_; }

 private:
  void begin() {
    if (layer_.protocol() == 0) {
      over_ = true;
      seen_.emplace_back("nothing");
      return;
    }
    seen_.emplace_back(parsers::registry()[layer_.protocol()].name);
    take(layer_.begin(arena_));
  }
  void take(Status status) {
    for (;; status = layer_.next()) {
      if (status == Status::session_end) {
        const std::string_view name = parsers::registry()[layer_.protocol()].name;
        if (name == "http") seen_.emplace_back(static_cast<const HttpTransaction*>(layer_.session())->uri());
        if (name == "tls") seen_.emplace_back(static_cast<const TlsHandshake*>(layer_.session())->sni());
        layer_.release(layer_.session());
      } else if (status != Status::session && status != Status::session_data) {
        break;
      }
    }
    if (status == Status::other_protocol && layer_.begin_again(arena_)) return begin();
    if (status == Status::gave_up) {
      over_ = true;
      take(layer_.finish());
    }
    over_ = over_ || status == Status::done || status == Status::gave_up;
  }

  FiveTuple tuple_;
  ConnectionArena arena_;
  Layer7 layer_;
  std::vector<std::string> seen_;
  bool over_ = false;
};

BlockPool pool() { return BlockPool::create({.total_bytes = 1 << 24, .arena_bytes = cap}).value(); }

Bytes client_hello() {
  tls::ClientHello hello;
  hello.extensions = tls::server_name("inside.example");
  return tls::records(hello.message());
}
Bytes server_hello() { return tls::records(tls::ServerHello{}.message()); }

// Each direction's pieces in their order, cut at `cut`.
std::vector<std::string> through(BlockPool& pool, const std::vector<Sent>& dialogue, std::size_t cut) {
  Connection connection(pool);
  std::size_t at = 0;
  for (const Sent& sent : dialogue) {
    const std::size_t inside = cut > at && cut < at + sent.bytes.size() ? cut - at : sent.bytes.size();
    const auto middle = sent.bytes.begin() + static_cast<std::ptrdiff_t>(inside);
    connection.feed(sent.direction, Bytes(sent.bytes.begin(), middle));
    if (middle != sent.bytes.end()) connection.feed(sent.direction, Bytes(middle, sent.bytes.end()));
    at += sent.bytes.size();
  }
  connection.finish();
  return connection.seen();
}

TEST(Layer7, ProtocolInsideATunnelIsFoundInAnyCut) {
  BlockPool blocks = pool();
  const Bytes connect = bytes_of("CONNECT inside.example:443 HTTP/1.1\r\nHost: inside.example:443\r\n\r\n");
  const Bytes consent = bytes_of("HTTP/1.1 200 Connection established\r\n\r\n");
  const std::vector<Sent> patient{
      {client, connect}, {server, consent}, {client, client_hello()}, {server, server_hello()}};
  const std::vector<Sent> eager{{client, tls::operator+(connect, client_hello())},
                                {server, tls::operator+(consent, server_hello())}};
  for (const auto& dialogue : {patient, eager}) {
    std::size_t total = 0;
    for (const Sent& sent : dialogue) total += sent.bytes.size();
    for (std::size_t cut = 0; cut < total; ++cut) {
      ASSERT_THAT(through(blocks, dialogue, cut), ElementsAre("http", "inside.example:443", "tls", "inside.example"))
          << cut;
    }
  }
}

TEST(Layer7, RefusedTunnelStaysHttp) {
  BlockPool blocks = pool();
  EXPECT_THAT(through(blocks,
                      {{client, bytes_of("CONNECT a:443 HTTP/1.1\r\n\r\n")},
                       {server, bytes_of("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")},
                       {client, bytes_of("GET /after HTTP/1.1\r\n\r\n")},
                       {server, bytes_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")}},
                      0),
              ElementsAre("http", "a:443", "/after"));
}

TEST(Layer7, UnknownInsideATunnelIsNothing) {
  BlockPool blocks = pool();
  EXPECT_THAT(through(blocks,
                      {{client, bytes_of("CONNECT a:22 HTTP/1.1\r\n\r\n")},
                       {server, bytes_of("HTTP/1.1 200 OK\r\n\r\n")},
                       {client, Bytes(9000, 0x81)}},
                      0),
              ElementsAre("http", "a:22", "nothing"));
}

// A protocol's beginning and then what makes a parser keep as much as it can: none gets past the connection's cap, and
// all is given back.
TEST(Layer7, HostileInputStaysWithinTheCap) {
  BlockPool blocks = pool();
  const Bytes endless_hello = [] {
    Bytes bytes = client_hello();
    bytes[6] = 0xff;  // the message says it is 16 MB long
    return bytes;
  }();
  const Bytes http2 = bytes_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const struct {
    const char* name;
    Bytes begin;
    Bytes again;
  } attacks[] = {
      {"tls", endless_hello, tls::records(Bytes(16000, 0))},
      {"headers", bytes_of("GET / HTTP/1.1\r\n"), bytes_of("X-Header: " + std::string(1000, 'x') + "\r\n")},
      {"requests", bytes_of("GET / HTTP/1.1\r\n\r\n"), bytes_of("GET /" + std::string(900, 'x') + " HTTP/1.1\r\n\r\n")},
      {"chunks", bytes_of("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), bytes_of(std::string(900, '1'))},
      {"settings", http2, Bytes{0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}},
      {"continuations", http2, Bytes{0, 0, 3, 9, 0, 0, 0, 0, 1, 'a', 'b', 'c'}},
      {"ssh", bytes_of("SSH-2.0-x\r\n"), Bytes{0, 0, 0x80, 0, 4, 20, 1, 2, 3, 4}},
      {"dns", Bytes{0,   29,  0,   1,   1,   0,   0, 1,   0,   0,   0, 0, 0, 0, 7, 'e',
                    'x', 'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0, 0, 1, 0, 1},
       Bytes{0,   29,  0,   2,   1,   0,   0, 1,   0,   0,   0, 0, 0, 0, 7, 'e',
             'x', 'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0, 0, 1, 0, 1}},
      {"mqtt", Bytes{0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 0},
       Bytes{0x32, 0xff, 0xff, 0xff, 0x7f, 0, 200}},
      {"nothing", Bytes{}, bytes_of("what no protocol begins with\n")},
  };
  for (const auto& attack : attacks) {
    for (const Direction direction : {client, server}) {
      Connection connection(blocks);
      connection.feed(direction, attack.begin);
      for (int n = 0; n < 2000; ++n) {
        connection.feed(direction, attack.again);
        ASSERT_LE(connection.arena().bytes(), cap) << attack.name;
      }
      connection.finish();
    }
    ASSERT_EQ(blocks.use().used, 0U) << attack.name;
  }
}

}  // namespace
}  // namespace iris::conn
