#include "parsers/dns/schema.hpp"
#include "tests/fuzz/sessions.hpp"
#include "tests/unit/parsers/dns/describe.hpp"

// The first byte: over UDP or TCP, and the server's port.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer names it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace iris;
  if (size == 0) return 0;
  const Transport transport = (data[0] & 1U) != 0 ? Transport::Tcp : Transport::Udp;
  const std::uint16_t port = (data[0] & 2U) != 0 ? 5353 : 53;
  return fuzz::run_sessions<DnsTransaction>(parsers::dns::protocol, parsers::test::tuple_over(transport, port),
                                            &parsers::test::describe, {data + 1, size - 1});
}
