#include "parsers/ssh/schema.hpp"
#include "tests/fuzz/sessions.hpp"
#include "tests/unit/parsers/ssh/describe.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer names it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace iris;
  return fuzz::run_sessions<SshHandshake>(parsers::ssh::protocol, parsers::test::tuple_over(Transport::Tcp, 22),
                                          &parsers::test::describe, {data, size});
}
