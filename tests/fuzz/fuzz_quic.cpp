#include "parsers/quic/schema.hpp"
#include "tests/fuzz/sessions.hpp"
#include "tests/unit/parsers/quic/describe.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer names it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace iris;
  return fuzz::run_sessions<QuicConnection>(parsers::quic::protocol, parsers::test::tuple_over(Transport::Udp, 443),
                                            &parsers::test::describe, {data, size});
}
