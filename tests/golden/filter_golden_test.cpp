// Filter text → normal form, a clause a line, or the error with its caret.
#include <string>

#include <gtest/gtest.h>

#include "jit/filter/filter.hpp"
#include "tests/golden/golden.hpp"

namespace iris::filter {
namespace {

std::string normal_form(const std::string& text) {
  const auto filter = parse(text);
  if (!filter) return render(text, filter.error());
  std::string result;
  for (const Clause& clause : filter->clauses) {
    if (!result.empty()) result += "\nor ";
    result += clause.empty() ? "(everything)" : to_text(clause);
  }
  return result;
}

TEST(FilterGolden, NormalFormsAndErrors) { golden::check_all(normal_form); }

}  // namespace
}  // namespace iris::filter
