// Filter text → normal form, a clause a line, with its warnings; or the error with its caret. A first line `of packets`
// makes it a filter of the event Packet.
#include <algorithm>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "jit/filter/filter.hpp"
#include "tests/golden/golden.hpp"

namespace iris::filter {
namespace {

std::string normal_form(const std::string& text, Subject subject) {
  const auto filter = parse(text, subject);
  if (!filter) return render(text, filter.error());
  std::string result;
  for (const Clause& clause : filter->clauses) {
    if (!result.empty()) result += "\nor ";
    result += clause.empty() ? "(everything)" : to_text(clause);
  }
  for (const FilterWarning& warning : filter->warnings) result += "\n" + render_warning(text, warning);
  return result;
}

std::string normal_form_of_case(const std::string& text) {
  constexpr std::string_view of_packets = "of packets";
  if (text.starts_with(of_packets))
    return normal_form(text.substr(std::min(of_packets.size() + 1, text.size())), Subject::packet);
  return normal_form(text, Subject::connection);
}

TEST(FilterGolden, NormalFormsAndErrors) { golden::check_all(normal_form_of_case); }

// The page of documentation that authors read.
TEST(FilterGolden, ThePageIsTrue) { golden::check_page(IRIS_FILTER_PAGE, "filter", normal_form_of_case); }

}  // namespace
}  // namespace iris::filter
