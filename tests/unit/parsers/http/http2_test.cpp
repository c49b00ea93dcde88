#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <memory>

#include "parsers/http/schema.hpp"
#include "tests/unit/parsers/http/describe.hpp"
#include "tests/unit/parsers/session_run.hpp"

namespace iris::parsers::http {
namespace {

using test::Bytes;
using test::bytes_of;
using test::client;
using test::server;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

enum Frame : std::uint8_t {
  data = 0,
  headers = 1,
  priority = 2,
  reset = 3,
  settings = 4,
  promise = 5,
  continuation = 9
};
constexpr std::uint8_t end_stream = 1;
constexpr std::uint8_t end_headers = 4;
constexpr std::uint8_t padded = 8;
constexpr std::uint8_t with_priority = 0x20;

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Bytes frame(Frame type, std::uint8_t flags, std::uint8_t stream, const Bytes& payload) {
  return Bytes{0,
               static_cast<std::uint8_t>(payload.size() >> 8U),
               static_cast<std::uint8_t>(payload.size()),
               type,
               flags,
               0,
               0,
               0,
               stream} +
         payload;
}

// Header blocks of one direction, by nghttp2's encoder: later ones refer to earlier ones.
class Encoder {
 public:
  Encoder() {
    nghttp2_hd_deflater* made = nullptr;
    if (nghttp2_hd_deflate_new(&made, 4096) == 0) deflater_.reset(made);
  }
  Bytes block(const std::vector<std::pair<std::string, std::string>>& list) {
    std::vector<nghttp2_nv> fields;
    for (const auto& [name, value] : list) {
      fields.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                        reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                        0});
    }
    Bytes block(nghttp2_hd_deflate_bound(deflater_.get(), fields.data(), fields.size()));
    const auto size = nghttp2_hd_deflate_hd(deflater_.get(), block.data(), block.size(), fields.data(), fields.size());
    block.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return block;
  }
  Bytes get(const std::string& path) {
    return block({{":method", "GET"}, {":path", path}, {":scheme", "http"}, {":authority", "a.example"}});
  }
  Bytes status(const std::string& code) { return block({{":status", code}, {"server", "test"}}); }
  void table_size(std::size_t size) { nghttp2_hd_deflate_change_table_size(deflater_.get(), size); }

 private:
  struct Delete {
    void operator()(nghttp2_hd_deflater* deflater) const { nghttp2_hd_deflate_del(deflater); }
  };
  std::unique_ptr<nghttp2_hd_deflater, Delete> deflater_;
};

const Bytes preface = bytes_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + frame(settings, 0, 0, {0, 4, 0, 0, 0xff, 0xff});
// A value of ten is a line's end, too.
const Bytes server_preface = frame(settings, 0, 0, {0, 3, 0, 0, 0, 10});

class Http2Run : public test::SessionRun<HttpTransaction> {
 public:
  explicit Http2Run(std::size_t cap = std::size_t{256} << 10U)
      : SessionRun(protocol, test::tuple_over(Transport::Tcp, 80), &test::describe, cap) {}
};

TEST(Http2, AnyCutSaysTheSame) {
  Encoder to_server;
  Encoder to_client;
  const Bytes request = to_server.get("/padded");
  const Bytes post = to_server.block({{":method", "POST"}, {":path", "/two"}, {":authority", "b"}, {"x", "y"}});
  const Bytes answer = to_client.status("200");
  const auto half = [](const Bytes& block, bool first) {
    const auto middle = block.begin() + static_cast<std::ptrdiff_t>(block.size() / 2);
    return first ? Bytes(block.begin(), middle) : Bytes(middle, block.end());
  };
  const Bytes from_client =
      preface + frame(priority, 0, 3, {0, 0, 0, 0, 200}) +
      frame(headers, end_stream | end_headers | padded | with_priority, 1,
            Bytes{4, 0, 0, 0, 0, 15} + request + Bytes(4, 0)) +
      frame(headers, 0, 3, half(post, true)) + frame(continuation, end_headers, 3, half(post, false)) +
      frame(data, 0, 3, bytes_of("hel")) + frame(data, padded | end_stream, 3, Bytes{3} + bytes_of("lo") + Bytes(3, 0));
  // The answers come in the other order; one has trailers, and something interim before it.
  const Bytes from_server = server_preface + frame(settings, 1, 0, {}) + frame(headers, end_headers, 3, answer) +
                            frame(data, end_stream, 3, bytes_of("two")) +
                            frame(headers, end_headers, 1, to_client.status("103")) +
                            frame(headers, end_headers, 1, to_client.status("404")) + frame(data, 0, 1, bytes_of("x")) +
                            frame(headers, end_headers | end_stream, 1, to_client.block({{"trailer", "t"}}));
  // An answer may be handed over before its question: the questions' order counts.
  for (const bool server_first : {false, true}) {
    std::vector<test::Sent> dialogue{{client, from_client}, {server, from_server}};
    if (server_first) std::swap(dialogue[0], dialogue[1]);
    test::cut_everywhere<HttpTransaction>(
        protocol, test::tuple_over(Transport::Tcp, 80), &test::describe, dialogue, [](auto& run) {
          ASSERT_THAT(run.ended(),
                      testing::UnorderedElementsAre("0 GET /padded 2 host=a.example | 404 - 2 | 0 1 complete",
                                                    "1 POST /two 2 host=b | 200 - 2 | 5 3 complete"));
        });
  }
}

TEST(Http2, ServerMaySpeakBeforeItsClient) {
  const FiveTuple tuple = test::tuple_over(Transport::Tcp);
  const auto probe = [&](const Bytes& of_client, const Bytes& of_server, Direction latest) {
    return protocol.probe({.tuple = tuple, .sent = {of_client, of_server}, .latest = latest});
  };
  for (std::size_t size = 1; size <= server_preface.size(); ++size) {
    const Bytes part(server_preface.begin(), server_preface.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(probe({}, part, server), Probe::not_yet) << size;
    EXPECT_EQ(probe(bytes_of("PRI * HT"), part, server), Probe::not_yet) << size;
    EXPECT_EQ(probe(preface, part, client), Probe::match) << size;
    EXPECT_EQ(probe(preface, part, server), Probe::match) << size;
    EXPECT_EQ(probe(bytes_of("EHLO"), part, server), Probe::no_match) << size;
  }
  EXPECT_EQ(probe({}, {0, 0, 7, 4, 0}, server), Probe::no_match) << "no multiple of a setting's length";
  EXPECT_EQ(probe({}, {0, 0, 6, 5, 0}, server), Probe::no_match) << "another frame";
}

TEST(Http2, WhatLookedLikeSettingsMayBeNone) {
  Http2Run run;
  run.feed(server, {0, 0, 6, 4, 0, 0});
  run.feed(client, bytes_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  run.feed(server, bytes_of("\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"));
  EXPECT_THAT(run.ended(), ElementsAre("0 GET / 1.1 host=a | 200 OK 1.1 | 0 1 complete"));
}

TEST(Http2, UpgradeMakesTheRequestStreamOne) {
  Encoder to_client;
  Encoder to_server;
  const std::vector<test::Sent> dialogue{
      {client, bytes_of("GET /first HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")},
      {server, bytes_of("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n") + server_preface +
                   frame(headers, end_headers, 1, to_client.status("200")) +
                   frame(data, end_stream, 1, bytes_of("abc"))},
      {client, preface + frame(headers, end_headers | end_stream, 3, to_server.get("/second"))},
      {server, frame(headers, end_headers | end_stream, 3, to_client.status("204"))}};
  test::cut_everywhere<HttpTransaction>(
      protocol, test::tuple_over(Transport::Tcp, 80), &test::describe, dialogue, [](auto& run) {
        ASSERT_THAT(run.ended(), ElementsAre("0 GET /first 1.1 host=a | 200 - 2 | 0 3 complete",
                                             "1 GET /second 2 host=a.example | 204 - 2 | 0 0 complete"));
      });
}

TEST(Http2, PromisedResponsesHaveTheirRequests) {
  Encoder to_server;
  Encoder to_client;
  Http2Run run;
  run.feed(client, preface + frame(headers, end_headers | end_stream, 1, to_server.get("/page")));
  run.feed(server, server_preface + frame(promise, end_headers, 1, Bytes{0, 0, 0, 2} + to_client.get("/style")) +
                       frame(headers, end_headers | end_stream, 1, to_client.status("200")) +
                       frame(headers, end_headers, 2, to_client.status("200")) +
                       frame(data, end_stream, 2, bytes_of("css")));
  EXPECT_THAT(run.ended(), ElementsAre("0 GET /page 2 host=a.example | 200 - 2 | 0 0 complete",
                                       "1 GET /style 2 host=a.example | 200 - 2 | 0 3 complete"));
}

TEST(Http2, ResetAndMissingStreamsAreIncomplete) {
  Encoder to_server;
  Encoder to_client;
  Http2Run run;
  run.feed(client, preface + frame(headers, end_headers | end_stream, 1, to_server.get("/reset")) +
                       frame(headers, end_headers | end_stream, 3, to_server.get("/gap")) +
                       frame(headers, end_headers | end_stream, 5, to_server.get("/silence")));
  run.feed(server,
           server_preface + frame(reset, 0, 1, {0, 0, 0, 8}) + frame(headers, end_headers, 3, to_client.status("200")));
  const Bytes body = frame(data, end_stream, 3, Bytes(100, 'x'));
  run.feed(server, Bytes(body.begin(), body.begin() + 19));
  run.feed(server, Bytes(body.begin() + 69, body.end()), 50);
  run.finish();
  EXPECT_THAT(run.ended(), ElementsAre("0 GET /reset 2 host=a.example | - - - | 0 0 incomplete",
                                       "1 GET /gap 2 host=a.example | 200 - 2 | 0 50 missing 50 complete",
                                       "2 GET /silence 2 host=a.example | - - - | 0 0 incomplete"));
}

TEST(Http2, AGapInAFrameHeaderEndsIt) {
  Encoder to_server;
  Http2Run run;
  run.feed(client, preface + frame(headers, end_headers | end_stream, 1, to_server.get("/")));
  run.feed(client, frame(headers, end_headers | end_stream, 3, to_server.get("/unseen")), 1);
  run.feed(server, server_preface);
  EXPECT_THAT(run.ended(), SizeIs(1));
  EXPECT_EQ(run.status(), Status::gave_up);
}

// The table's size is the receiver's to say, and every size has to be followed (RFC 7541, 4.2).
TEST(Http2, TableSizesChange) {
  Encoder to_server;
  Encoder to_client;
  Http2Run run;
  run.feed(client, preface);
  for (std::uint8_t n = 0; n < 20; ++n) {
    const std::size_t size = n % 4 == 0 ? 0 : std::size_t{100} * n;
    run.feed(server, frame(settings, 0, 0,
                           {0, 1, 0, 0, static_cast<std::uint8_t>(size >> 8U), static_cast<std::uint8_t>(size)}));
    to_server.table_size(size);
    const auto stream = static_cast<std::uint8_t>(2 * n + 1);
    run.feed(client, frame(headers, end_headers | end_stream, stream, to_server.get("/" + std::to_string(n))));
    run.feed(server, frame(headers, end_headers | end_stream, stream, to_client.status("200")));
  }
  ASSERT_THAT(run.ended(), SizeIs(20));
  EXPECT_EQ(run.ended().back(), "19 GET /19 2 host=a.example | 200 - 2 | 0 0 complete");
}

TEST(Http2, MalformedFramesEndIt) {
  for (const Bytes& bad :
       {frame(continuation, end_headers, 1, {}), frame(headers, end_headers, 0, {}),
        frame(headers, end_headers | padded, 1, {200, 1}), frame(headers, end_headers | padded, 1, {}),
        frame(headers, end_headers, 1, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
        frame(headers, 0, 1, {}) + frame(data, 0, 1, {}), Bytes{0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1}}) {
    Http2Run run;
    run.feed(client, preface + bad);
    run.feed(server, server_preface);
    run.finish();
    EXPECT_THAT(run.ended(), IsEmpty());
    EXPECT_EQ(run.status(), Status::gave_up);
  }
}

TEST(Http2, AnyCapHolds) {
  Encoder to_server;
  const Bytes request = frame(headers, end_headers | end_stream, 1, to_server.get("/"));
  for (std::size_t cap = 0; cap < 16384; cap += 61) {
    Http2Run run(cap);
    if (!run.created()) continue;
    run.feed(client, preface + request);
    run.feed(server, server_preface + frame(headers, end_headers, 1, Encoder().status("200")));
    run.feed(server, frame(data, end_stream, 1, Bytes(500, 'x')));
    run.finish();
    EXPECT_LE(run.arena().used(), cap);
  }
}

}  // namespace
}  // namespace iris::parsers::http
