// Any text is either refused with an error that points into it, or has a normal form that parses back to the same.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "jit/filter/filter.hpp"
#include "tests/fuzz/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace iris::filter;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto filter = parse(text);
  if (!filter) {
    const FilterError& error = filter.error();
    IRIS_FUZZ_CHECK(error.offset <= text.size() && error.length >= 1 && !error.message.empty());
    IRIS_FUZZ_CHECK(render(text, error).starts_with("filter:"));
    return 0;
  }
  IRIS_FUZZ_CHECK(!filter->clauses.empty() && filter->clauses.size() <= max_clauses);
  for (const Clause& clause : filter->clauses) {
    const auto written = to_text(clause);
    if (written.size() > 64 * 1024) continue;
    const auto again = parse(written);
    IRIS_FUZZ_CHECK(again && again->clauses == std::vector<Clause>{clause});
  }
  return 0;
}
