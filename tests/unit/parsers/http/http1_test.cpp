#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsers/http/schema.hpp"
#include "tests/unit/parsers/http/describe.hpp"
#include "tests/unit/parsers/session_run.hpp"

namespace iris::parsers::http {
namespace {

using test::bytes_of;
using test::client;
using test::server;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class HttpRun : public test::SessionRun<HttpTransaction> {
 public:
  explicit HttpRun(std::size_t cap = std::size_t{256} << 10U)
      : SessionRun(protocol, test::tuple_over(Transport::Tcp, 80), &test::describe, cap) {}
  void from_client(std::string_view text, std::uint32_t gap = 0) { feed(client, bytes_of(text), gap); }
  void from_server(std::string_view text, std::uint32_t gap = 0) { feed(server, bytes_of(text), gap); }
};

TEST(Http1, RequestAndResponse) {
  HttpRun run;
  run.from_client("GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\n\r\n");
  EXPECT_THAT(run.begun(), IsEmpty());
  run.from_server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhel");
  EXPECT_THAT(run.begun(), ElementsAre("0 GET /a?b=c 1.1 host=example.org | 200 OK 1.1 | 0 0 incomplete"));
  EXPECT_THAT(run.ended(), IsEmpty());
  run.from_server("lo");
  EXPECT_THAT(run.ended(), ElementsAre("0 GET /a?b=c 1.1 host=example.org | 200 OK 1.1 | 0 5 complete"));
}

// Everything at once, cut at every place.
TEST(Http1, AnyCutSaysTheSame) {
  const std::vector<test::Sent> dialogue{
      {client, bytes_of("\r\nPOST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
                        "GET /two HTTP/1.1\r\nHost: b\r\nX: folded\r\n  line\r\n\r\n"
                        "HEAD /three HTTP/1.0\r\n\r\n"
                        "PUT /four HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")},
      {server,
       bytes_of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
                "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5;ext=1\nhello\na\n0123456789\n0\nTrailer: x\n\n"
                "HTTP/1.0 200\r\nContent-Length: 1000\r\n\r\n"
                "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n")}};
  test::cut_everywhere<HttpTransaction>(
      protocol, test::tuple_over(Transport::Tcp, 80), &test::describe, dialogue, [](auto& run) {
        ASSERT_THAT(run.ended(), ElementsAre("0 POST /one 1.1 host=a | 201 Created 1.1 | 4 0 complete",
                                             "1 GET /two 1.1 host=b | 200 OK 1.1 | 0 15 complete",
                                             "2 HEAD /three 1.0 host=- | 200  1.0 | 0 0 complete",
                                             "3 PUT /four 1.1 host=- | 204 No Content 1.1 | 3 0 complete"));
      });
}

TEST(Http1, BodyUntilTheClose) {
  HttpRun run;
  run.from_client("GET / HTTP/1.0\r\n\r\n");
  run.from_server("HTTP/1.0 200 OK\r\n\r\nabc");
  run.from_server("defg");
  EXPECT_THAT(run.ended(), IsEmpty());
  run.finish();
  EXPECT_THAT(run.ended(), ElementsAre("0 GET / 1.0 host=- | 200 OK 1.0 | 0 7 complete"));
}

TEST(Http1, ResponseMayBeSeenFirst) {
  HttpRun run;
  run.from_server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_THAT(run.begun(), IsEmpty());
  run.from_client("GET /late HTTP/1.1\r\n\r\n");
  EXPECT_THAT(run.ended(), ElementsAre("0 GET /late 1.1 host=- | 200 OK 1.1 | 0 2 complete"));
}

TEST(Http1, WhatIsNotAnsweredIsReportedAtTheEnd) {
  HttpRun run;
  run.from_client("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
  run.from_server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  run.finish();
  EXPECT_THAT(run.ended(), ElementsAre("0 GET /1 1.1 host=- | 200 OK 1.1 | 0 3 incomplete",
                                       "1 GET /2 1.1 host=- | - - - | 0 0 incomplete"));
}

TEST(Http1, OneDirectionOnly) {
  HttpRun run;
  for (int i = 0; i < 40; ++i) run.from_server("HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_THAT(run.ended(), SizeIs(8)) << "32 wait for their requests";
  run.finish();
  EXPECT_THAT(run.ended(), SizeIs(40));
  EXPECT_EQ(run.ended().back(), "39 - - - host=- | 404 Not Found 1.1 | 0 1 incomplete");
}

TEST(Http1, ConnectHandsOver) {
  HttpRun run;
  run.from_client("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
  run.from_client("early");
  run.from_server("HTTP/1.1 200 Connection established\r\n\r\nanswer");
  EXPECT_EQ(run.status(), Status::other_protocol);
  EXPECT_THAT(run.ended(),
              ElementsAre("0 CONNECT example.org:443 1.1 host=example.org:443 | 200 Connection established 1.1 | 0 0 "
                          "complete"));
}

TEST(Http1, WhatFollowsAConnectIsHandedOverInAnyCut) {
  const std::string request = "CONNECT h:1 HTTP/1.1\r\n\r\n";
  const std::string response = "HTTP/1.1 200 OK\r\n\r\n";
  for (const bool response_first : {false, true}) {
    {
      test::BlockArena arena;
      const FiveTuple tuple = test::tuple_over(Transport::Tcp);
      Parser* parser = protocol.create(arena, tuple);
      const auto feed = [&](Direction direction, std::string_view text) {
        return parser->parse({{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, {}, direction, 0});
      };
      // What is left of a segment is not copied: it has to outlive what is asked below.
      const std::string from_client = request + (response_first ? "" : "tls");
      const std::string from_server = response + "back";
      ASSERT_EQ(feed(client, from_client), Status::more);
      Status status = feed(server, from_server);
      for (; status == Status::session || status == Status::session_end;) status = parser->next();
      ASSERT_EQ(status, Status::other_protocol);
      const auto text = [&](Direction direction) {
        const auto rest = parser->rest(direction);
        return std::string(rest.begin(), rest.end());
      };
      EXPECT_EQ(text(client), response_first ? "" : "tls");
      EXPECT_EQ(text(server), "back");
    }
  }
}

TEST(Http1, RefusedConnectGoesOn) {
  HttpRun run;
  run.from_client("CONNECT h:1 HTTP/1.1\r\n\r\n");
  run.from_client("GET /next HTTP/1.1\r\n\r\n");
  run.from_server("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
  run.from_server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(run.ended(),
              ElementsAre("0 CONNECT h:1 1.1 host=h:1 | 407 Proxy Authentication Required 1.1 | 0 0 complete",
                          "1 GET /next 1.1 host=- | 200 OK 1.1 | 0 0 complete"));
}

TEST(Http1, GapsWithinABodyAreBridged) {
  HttpRun run;
  run.from_client("GET / HTTP/1.1\r\n\r\n");
  run.from_server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  run.from_server(std::string(47, 'x'), 50);
  EXPECT_THAT(run.ended(), ElementsAre("0 GET / 1.1 host=- | 200 OK 1.1 | 0 50 missing 50 complete"));
}

TEST(Http1, GapsInAHeadResynchronise) {
  HttpRun run;
  run.from_client("GET /1 HTTP/1.1\r\n\r\n");
  run.from_server("HTTP/1.1 200 OK\r\nContent-");
  run.from_server("rest of a body\nHTTP/1.1 200 OK", 1000);
  run.from_server("\r\nContent-Length: 0\r\n\r\n");
  run.from_client("GET /2 HTTP/1.1\r\n\r\n");
  run.finish();
  EXPECT_THAT(run.ended(), ElementsAre("0 GET /1 1.1 host=- | 200 OK 1.1 | 0 0 incomplete",
                                       "1 GET /2 1.1 host=- | 200 OK 1.1 | 0 0 complete"));
}

TEST(Http1, HeadsWithoutAnEndCountAsFarAsTheyGo) {
  HttpRun run;
  run.from_client("GET /1 HTTP/1.1\r\nHost: h\r\nUser-Agent: cur");
  run.from_server("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 100 Cont\r\n");
  run.finish();
  EXPECT_THAT(run.ended(), ElementsAre("0 GET /1 1.1 host=h | 200 OK 1.1 | 0 2 incomplete"));
  HttpRun too_long;
  too_long.keep_sessions();
  too_long.from_client("GET /2 HTTP/1.1\r\nHost: h\r\nA: " + std::string(100'000, 'a') + "\r\n\r\n");
  EXPECT_THAT(too_long.ended(), ElementsAre("0 GET /2 1.1 host=h | - - - | 0 0 incomplete"));
  EXPECT_TRUE(static_cast<const HttpTransaction*>(too_long.parser().session())->headers_cut_off());
  HttpRun gap;
  gap.from_client("POST /3 HTTP/1.1\r\nHost: h\r\nContent-Le");
  gap.feed(client, bytes_of("2\r\n\r\nab"), 9);
  gap.from_server("HTTP/1.1 201 Created\r\nContent-");
  gap.finish();
  EXPECT_THAT(gap.ended(), ElementsAre("0 POST /3 1.1 host=h | - - - | 0 0 incomplete",
                                       "1 - - - host=- | 201 Created 1.1 | 0 0 incomplete"));
}

TEST(Http1, MalformedIsToleratedAsBrowsersDo) {
  HttpRun run;
  run.from_client("garbage\nGET  /spaces   HTTP/1.1 \nHost : h \nno colon\n\n");
  run.from_client("OPTIONS\r\n\r\n");
  run.from_server("HTTP/1.1 200\nContent-Length: 3, 3\n\nabc");
  run.from_server("HTTP/1.0 400 Bad Request\r\nContent-Length: nonsense\r\n\r\nuntil the end");
  run.finish();
  EXPECT_THAT(run.ended(), ElementsAre("0 GET /spaces 1.1 host=h | 200  1.1 | 0 3 complete",
                                       "1 OPTIONS   host=- | 400 Bad Request 1.0 | 0 13 complete"));
}

// RFC 1945, 4.1 and 5.1. Servers answer some of them, and requests that only look like one, with a head.
TEST(Http1, SimpleRequestsHaveResponsesWithoutAHead) {
  for (const std::size_t size : {1U, 2U, 7U, 100U}) {
    HttpRun run;
    run.from_client("GET /\r\n\r\n");
    const std::string body = "Hear:\n no head\n";
    for (std::size_t at = 0; at < body.size(); at += size) run.from_server(body.substr(at, size));
    EXPECT_THAT(run.begun(), ElementsAre(testing::StartsWith("0 GET / 0.9 host=- | - - - |")));
    run.finish();
    EXPECT_THAT(run.ended(), ElementsAre("0 GET / 0.9 host=- | - - - | 0 15 complete"));
  }
  HttpRun alone;
  alone.from_client("GET /x\r\n");
  alone.from_server("no head");
  alone.finish();
  EXPECT_THAT(alone.ended(), ElementsAre("0 GET /x 0.9 host=- | - - - | 0 7 complete"));
  HttpRun head;
  head.from_client("GET /HTTP/1.1\r\nHost: h\r\n\r\n");
  for (const char c : std::string("HTTP/1.0 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")) {
    head.from_server(std::string(1, c));
  }
  EXPECT_THAT(head.ended(), ElementsAre("0 GET /HTTP/1.1 0.9 host=h | 403 Forbidden 1.0 | 0 2 complete"));
}

TEST(Http1, HeadersByName) {
  HttpRun run;
  run.keep_sessions();
  run.from_client("GET / HTTP/1.1\r\nX-One: 1\r\nx-one: 2\r\n\r\n");
  run.from_server("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n");
  const auto& http = *static_cast<const HttpTransaction*>(run.parser().session());
  EXPECT_EQ(http.header("X-ONE"), "1");
  EXPECT_EQ(http.header("missing").data(), nullptr);
  EXPECT_EQ(http.response_header("set-cookie"), "a=b");
}

TEST(Http1, ManyTransactionsTakeNoMoreMemoryThanOne) {
  HttpRun run(std::size_t{64} << 10U);
  for (int i = 0; i < 100'000; ++i) {
    run.from_client("GET /x HTTP/1.1\r\nHost: example.org\r\n\r\n");
    run.from_server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    ASSERT_EQ(run.status(), Status::more);
  }
  EXPECT_THAT(run.ended(), SizeIs(100'000));
  EXPECT_LT(run.arena().used(), 16'000U);
}

// Whatever the cap, nothing breaks, and what is reported is in order.
TEST(Http1, AnyCapHolds) {
  const std::string hostile = "GET / HTTP/1.1\r\n" + std::string(100'000, 'h');
  for (std::size_t cap = 0; cap < 20'000; cap += 97) {
    HttpRun run(cap);
    if (!run.created()) continue;
    for (int i = 0; i < 50; ++i) run.from_client("GET /x HTTP/1.1\r\nHost: example.org\r\nA: b\r\n\r\n");
    run.from_server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    run.from_client(hostile);
    run.finish();
    EXPECT_LE(run.arena().used(), cap);
  }
}

Probe probe_of(std::string_view text, std::string_view other = {}) {
  const FiveTuple tuple = test::tuple_over(Transport::Tcp);
  const test::Bytes sent = bytes_of(text);
  const test::Bytes answered = bytes_of(other);
  return protocol.probe({.tuple = tuple, .sent = {sent, answered}, .datagrams = {}, .latest = client});
}

// An older transaction keeps the tunnel from beginning: what comes meanwhile is kept, whatever becomes of it.
TEST(Http1, TunnelThatWaitsForAnOlderResponse) {
  HttpRun run;
  run.from_client("POST /slow HTTP/1.1\r\nContent-Length: 10\r\n\r\n");
  run.from_server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  run.from_server("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nearly ");
  run.from_server("and late");
  run.from_client("0123456789");
  run.from_client("GET /x HTTP/1.1\r\nUpgrade: x\r\n\r\nclient's");
  EXPECT_EQ(run.status(), Status::other_protocol);
  const auto rest = run.parser().rest(server);
  EXPECT_EQ(std::string(rest.begin(), rest.end()), "early and late");
}

TEST(HttpProbe, Decides) {
  for (const char* text : {"GET / HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n", "PRI * HTTP/2.0\r\n\r\nSM",
                           "\r\nGET / HTTP/1.0\n", "CONNECT a:1 HTTP/1.1\r\n", "M-SEARCH * HTTP/1.1\r\n"}) {
    EXPECT_EQ(probe_of(text), Probe::match) << text;
  }
  for (const char* text : {"\x16\x03\x01", "220 smtp\x01\r\n", "hello HTTP/1.1\x02\r\n", "get / HTTP"}) {
    EXPECT_EQ(probe_of(text), Probe::no_match) << text;
  }
  for (const char* text : {"G", "GET /", "HTT", "HTTP/1.1 200", "", "a line of text\r\n"})
    EXPECT_EQ(probe_of(text), Probe::not_yet) << text;
  EXPECT_EQ(probe_of("NONSENSE\r\n", "HTTP/1.1 400 Bad"), Probe::match);
  EXPECT_EQ(probe_of("EHLO a\r\n", "220 smtp"), Probe::no_match);
}

}  // namespace
}  // namespace iris::parsers::http
