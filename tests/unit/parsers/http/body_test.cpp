// Bodies, piece by piece and decoded.
#include <brotli/encode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

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

std::string deflated(std::string_view text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
std::string gzip(std::string_view text) { return deflated(text, MAX_WBITS + 16); }

std::string brotli(std::string_view text) {
  std::size_t size = BrotliEncoderMaxCompressedSize(text.size());
  std::string out(size, '\0');
  EXPECT_TRUE(BrotliEncoderCompress(5, 16, BROTLI_MODE_GENERIC, text.size(),
                                    reinterpret_cast<const std::uint8_t*>(text.data()), &size,
                                    reinterpret_cast<std::uint8_t*>(out.data())));
  out.resize(size);
  return out;
}

std::string as_string(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

// A connection whose bodies are looked at.
class BodyRun : public test::SessionRun<HttpTransaction> {
 public:
  explicit BodyRun(std::size_t cap = std::size_t{1} << 20U)
      : SessionRun(protocol, test::tuple_over(Transport::Tcp, 80), &test::describe, cap) {
    want_data([this](const HttpTransaction&, const SessionData& data) {
      pieces.push_back((data.of_request ? "request@" : "response@") + std::to_string(data.offset) + ":" +
                       as_string(data.bytes));
      const DecodedData& decoded = data.decoded();
      EXPECT_EQ(decoded.bytes.data(), data.decoded().bytes.data());  // also for who asks second
      text += as_string(decoded.bytes);
      status = decoded.status;
    });
  }
  void from_client(std::string_view bytes, std::uint32_t gap = 0) { feed(client, bytes_of(bytes), gap); }
  void from_server(std::string_view bytes, std::uint32_t gap = 0) { feed(server, bytes_of(bytes), gap); }
  // A response with that body, in segments.
  void respond(std::string_view headers, std::string_view body, std::size_t segment = 1000) {
    from_client("GET / HTTP/1.1\r\n\r\n");
    from_server("HTTP/1.1 200 OK\r\n" + std::string(headers) + "Content-Length: " + std::to_string(body.size()) +
                "\r\n\r\n");
    for (; !body.empty(); body.remove_prefix(std::min(segment, body.size()))) from_server(body.substr(0, segment));
  }

  std::vector<std::string> pieces;
  std::string text;  // decoded
  Decoding status = Decoding::ok;
};

// Compresses about twofold, and nothing in it repeats for long.
std::string prose(std::size_t size) {
  std::string text;
  std::uint32_t random = 1;
  while (text.size() < size) {
    random = random * 1664525U + 1013904223U;
    text += "word" + std::to_string(random >> 20U) + (random % 7 == 0 ? ".\n" : " ");
  }
  return text;
}

TEST(HttpBody, PiecesOfTheResponse) {
  BodyRun run;
  run.from_client("GET / HTTP/1.1\r\n\r\n");
  run.from_server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  run.from_server("4\r\nde");
  EXPECT_THAT(run.ended(), IsEmpty());
  run.from_server("fg\r\n0\r\n\r\n");
  EXPECT_THAT(run.pieces, ElementsAre("response@0:abc", "response@3:de", "response@5:fg"));
  EXPECT_EQ(run.text, "abcdefg");
  EXPECT_THAT(run.ended(), ElementsAre("0 GET / 1.1 host=- | 200 OK 1.1 | 0 7 complete"));
}

TEST(HttpBody, OfTheRequestBehindItsHeaders) {
  BodyRun run;
  run.from_client("POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
  run.from_client("def");
  EXPECT_THAT(run.pieces, IsEmpty());  // who wants them may depend on the response
  run.from_server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_THAT(run.pieces, ElementsAre("request@0:abc", "request@3:def", "response@0:ok"));
}

TEST(HttpBody, LongRequestsAheadOfTheResponse) {
  BodyRun run;
  const std::size_t size = 100'000;
  run.from_client("POST / HTTP/1.1\r\nContent-Length: " + std::to_string(size + 3) + "\r\n\r\n");
  for (std::size_t sent = 0; sent < size; sent += 1000) run.from_client(std::string(1000, 'x'));
  run.from_server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(run.pieces.size(), 65U);
  run.from_client("end");
  EXPECT_EQ(run.pieces.back(), "request@100000:end");
  EXPECT_THAT(run.ended(), ElementsAre("0 POST / 1.1 host=- | 200 OK 1.1 | 100003 0 complete"));
}

TEST(HttpBody, NobodyIsToldWithoutAsking) {
  test::SessionRun<HttpTransaction> run(protocol, test::tuple_over(Transport::Tcp, 80), &test::describe);
  run.feed(client, bytes_of("GET / HTTP/1.1\r\n\r\n"));
  run.feed(server, bytes_of("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  EXPECT_THAT(run.ended(), ElementsAre("0 GET / 1.1 host=- | 200 OK 1.1 | 0 2 complete"));
}

TEST(HttpBody, MissingBytesAreALeap) {
  BodyRun run;
  run.from_client("GET / HTTP/1.1\r\n\r\n");
  run.from_server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab");
  run.from_server("fghij", 3);
  EXPECT_THAT(run.pieces, ElementsAre("response@0:ab", "response@5:fghij"));
  EXPECT_THAT(run.ended(), ElementsAre("0 GET / 1.1 host=- | 200 OK 1.1 | 0 7 missing 3 complete"));
}

TEST(HttpBody, EveryCodingInSegmentsOfAnySize) {
  const std::string text = prose(20'000);
  for (const std::size_t segment : {1UL, 7UL, 500UL, 1460UL, 60'000UL}) {
    for (const auto& [coding, body] :
         {std::pair("gzip", gzip(text)), std::pair("x-gzip", gzip(text)),
          std::pair("deflate", deflated(text, MAX_WBITS)), std::pair("Deflate", deflated(text, -MAX_WBITS)),
          std::pair("BR", brotli(text)), std::pair("identity", text)}) {
      BodyRun run;
      run.respond(std::string("Content-Encoding: ") + coding + "\r\n", body, segment);
      EXPECT_EQ(run.status, Decoding::ok) << coding << segment;
      EXPECT_EQ(run.text, text) << coding << segment;
    }
  }
}

TEST(HttpBody, EncodedRequests) {
  BodyRun run;
  const std::string body = gzip("a message");
  run.from_client("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + body);
  run.from_server("HTTP/1.1 204 OK\r\n\r\n");
  EXPECT_EQ(run.text, "a message");
}

TEST(HttpBody, CodingsThatAreNotKnown) {
  for (const char* coding : {"zstd", "gzip, br", "compress"}) {
    BodyRun run;
    run.respond(std::string("Content-Encoding: ") + coding + "\r\n", "whatever");
    EXPECT_EQ(run.status, Decoding::unknown) << coding;
    EXPECT_EQ(run.text, "");
    EXPECT_THAT(run.pieces, ElementsAre("response@0:whatever"));
  }
}

TEST(HttpBody, WhatIsNotWhatItSays) {
  for (const char* coding : {"gzip", "deflate", "br"}) {
    BodyRun run;
    run.respond(std::string("Content-Encoding: ") + coding + "\r\n", std::string(3000, '\xff'));
    EXPECT_EQ(run.status, Decoding::malformed) << coding;
    EXPECT_EQ(run.text, "");
  }
}

TEST(HttpBody, NothingIsDecodedBehindAGap) {
  BodyRun run;
  const std::string body = gzip(prose(20'000));
  run.from_client("GET / HTTP/1.1\r\n\r\n");
  run.from_server("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + body.substr(0, 1000));
  EXPECT_EQ(run.status, Decoding::ok);
  run.from_server(body.substr(1500), 500);
  EXPECT_EQ(run.status, Decoding::missing);
}

TEST(HttpBody, BombsAreNotUnpacked) {
  for (const auto& [coding, body] :
       {std::pair("gzip", gzip(std::string(50'000'000, 'a'))), std::pair("br", brotli(std::string(50'000'000, 'a')))}) {
    BodyRun run;
    run.respond(std::string("Content-Encoding: ") + coding + "\r\n", body, 1460);
    EXPECT_EQ(run.status, Decoding::too_long) << coding;
    EXPECT_LT(run.text.size(), std::size_t{256} << 10U) << coding;
    EXPECT_LE(run.arena().used(), std::size_t{1} << 20U);
  }
}

TEST(HttpBody, ManyDecodedTransactionsNeedTheMemoryOfOne) {
  BodyRun run(std::size_t{256} << 10U);
  const std::string text = prose(5'000);
  const std::string body = gzip(text);
  for (int i = 0; i < 500; ++i) {
    run.text.clear();
    run.respond("Content-Encoding: gzip\r\n", body);
    ASSERT_EQ(run.text, text) << i;
  }
}

TEST(HttpBody, AnyCapOfMemory) {
  const std::string body = gzip(prose(5'000));
  for (std::size_t cap = 0; cap < 100'000; cap += 512) {
    BodyRun run(cap);
    if (!run.created()) continue;
    run.respond("Content-Encoding: gzip\r\n", body);
    run.finish();
    EXPECT_LE(run.arena().used(), cap);
  }
}

}  // namespace
}  // namespace iris::parsers::http
