// Any text is either refused with an error that points into it, or has a normal form that parses back to the same. The
// text is a filter by itself, and the content of a file that a filter names.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jit/filter/filter.hpp"
#include "tests/fuzz/check.hpp"

namespace {

using namespace iris::filter;

void check_part(std::string_view text, const FilterError& part) {
  IRIS_FUZZ_CHECK(part.offset <= text.size() && part.length >= 1 && !part.message.empty());
  IRIS_FUZZ_CHECK(render(text, part).starts_with("filter:"));
}

void check_clauses(const Filter& filter, Subject subject) {
  IRIS_FUZZ_CHECK(!filter.clauses.empty() && filter.clauses.size() <= max_clauses);
  for (const Clause& clause : filter.clauses) {
    const auto written = to_text(clause);
    if (written.size() > 64 * 1024) continue;
    const auto again = parse(written, subject);
    IRIS_FUZZ_CHECK(again && again->clauses == std::vector<Clause>{clause});
  }
}

void check_text(std::string_view text, Subject subject, std::span<const NamedFile> files) {
  const auto filter = parse(text, subject, {.files = files});
  if (!filter) return check_part(text, filter.error());
  for (const FilterWarning& warning : filter->warnings) check_part(text, warning);
  check_clauses(*filter, subject);
  if (subject == Subject::packet) return;
  if (const auto of_sessions = narrowed(*filter, "tls")) check_clauses(*of_sessions, subject);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<NamedFile> files{{"f", std::string(text)}};
  check_text(text, Subject::connection, files);
  check_text(text, Subject::packet, files);
  for (const char* of_file :
       {"file='f'", "not file='f' and tls", "tls.sni under {file='f', 'x'}", "tcp.port in file='f'",
        "ethernet.addr in file='f' or ip.addr in file='f'", "http.host matches file='f'"})
    check_text(of_file, Subject::connection, files);
  return 0;
}
