#include "parsers/mqtt/schema.hpp"
#include "tests/fuzz/sessions.hpp"
#include "tests/unit/parsers/mqtt/describe.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer names it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace iris;
  return fuzz::run_sessions<MqttExchange>(parsers::mqtt::protocol, parsers::test::tuple_over(Transport::Tcp),
                                          &parsers::test::describe, {data, size});
}
