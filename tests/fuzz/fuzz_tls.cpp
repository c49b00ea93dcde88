// Both directions of a connection, in segments and with gaps of any size. Input: segments, each a byte of direction and
// of whether there is a gap, two bytes of length, its bytes. What either side sent is probed, too.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include <iris/protocols/tls.hpp>

#include "parsers/tls/schema.hpp"
#include "tests/fuzz/check.hpp"
#include "tests/unit/parsers/arena.hpp"

namespace {

using namespace iris::parsers;
using Bytes = std::span<const std::uint8_t>;

// Every view in the session lies in the arena: reading it is the check.
void check_session(const iris::TlsHandshake& tls, const test::BlockArena& arena) {
  IRIS_FUZZ_CHECK(arena.holds(&tls, sizeof tls));
  for (const std::string_view text : {tls.sni(), tls.alpn()}) IRIS_FUZZ_CHECK(arena.holds(text.data(), text.size()));
  for (const auto numbers : {tls.client_versions(), tls.client_ciphers()}) {
    IRIS_FUZZ_CHECK(arena.holds(numbers.data(), numbers.size_bytes()));
  }
  IRIS_FUZZ_CHECK(arena.holds(tls.client_alpn().data(), tls.client_alpn().size_bytes()));
  for (const std::string_view name : tls.client_alpn()) IRIS_FUZZ_CHECK(arena.holds(name.data(), name.size()));
  for (const auto list :
       {tls.client_extensions(), tls.client_groups(), tls.client_key_shares(), tls.server_extensions()}) {
    IRIS_FUZZ_CHECK(arena.holds(list.data(), list.size_bytes()));
  }
  for (const auto bytes :
       {tls.client_random(), tls.client_session_id(), tls.server_random(), tls.server_session_id()}) {
    IRIS_FUZZ_CHECK(arena.holds(bytes.data(), bytes.size()));
  }
  for (const auto chain : {tls.certificates(), tls.client_certificates()}) {
    for (const iris::TlsCertificate& certificate : chain) {
      IRIS_FUZZ_CHECK(arena.holds(certificate.der.data(), certificate.der.size()));
      IRIS_FUZZ_CHECK(certificate.sha256.data() == nullptr || certificate.sha256.size() == 64);
    }
  }
  IRIS_FUZZ_CHECK(tls.ja3().empty() || tls.ja3().size() == 32);
  IRIS_FUZZ_CHECK(tls.ja4().empty() || tls.ja4().size() == 36);
  IRIS_FUZZ_CHECK(tls.client_version().has_value() || tls.version().has_value());
  IRIS_FUZZ_CHECK(tls.complete() == (tls.client_version().has_value() && tls.version().has_value()));
}

class Connection {
 public:
  void feed(Segment segment) {
    auto& sent = sent_[static_cast<std::size_t>(segment.direction)];
    const Probe before = probe(segment.direction);
    sent.insert(sent.end(), segment.bytes.begin(), segment.bytes.end());
    // A decision is final.
    if (before != Probe::not_yet) IRIS_FUZZ_CHECK(probe(segment.direction) == before);
    take(parser_->parse(segment));
  }
  void finish() { take(parser_->finish()); }

 private:
  [[nodiscard]] Probe probe(iris::Direction direction) const {
    return tls::protocol.probe({.tuple = tuple_, .sent = {sent_[0], sent_[1]}, .latest = direction});
  }
  void take(Status status) {
    IRIS_FUZZ_CHECK(!over_ || status == Status::done);
    if (status == Status::session) {
      check_session(*static_cast<const iris::TlsHandshake*>(parser_->session()), arena_);
      status = parser_->next();
    }
    if (status == Status::session_end) {
      check_session(*static_cast<const iris::TlsHandshake*>(parser_->session()), arena_);
      IRIS_FUZZ_CHECK(parser_->next() == Status::done);
    }
    over_ = status != Status::more;
  }

  iris::FiveTuple tuple_;
  test::BlockArena arena_{std::size_t{256} << 10U};
  Parser* parser_ = tls::protocol.create(arena_, tuple_);
  std::array<std::vector<std::uint8_t>, 2> sent_;
  bool over_ = false;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer names it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Connection connection;
  Bytes input(data, size);
  while (input.size() >= 3) {
    const std::size_t length = std::min<std::size_t>(std::size_t{input[1]} << 8U | input[2], input.size() - 3);
    // A copy of its own length, gone after the call.
    const auto copy = std::make_unique<std::uint8_t[]>(length);
    std::ranges::copy(input.subspan(3, length), copy.get());
    connection.feed({.bytes = {copy.get(), length},
                     .ts = {},
                     .direction = static_cast<iris::Direction>(input[0] & 1U),
                     .gap = (input[0] & 0xf0U) == 0xf0U ? 1000U : 0U});
    input = input.subspan(3 + length);
  }
  connection.finish();
  return 0;
}
