// What a comparison compares with, as written, and whether it holds for one value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jit/filter/ast.hpp"
#include "tests/oracle/meaning.hpp"

namespace iris::oracle {

class Operands {
 public:
  Operands(const filter::Test& test, const parsers::Field& field, const Files& files);

  // For any of the operands; `!=` and `not` are the caller's.
  [[nodiscard]] bool hold(const Value& value) const;
  // Numbers next to which the answer may change.
  [[nodiscard]] std::vector<std::uint64_t> bounds() const;

 private:
  [[nodiscard]] bool holds(const filter::Written& written, const Value& value) const;
  [[nodiscard]] bool holds(const filter::Text& text, const std::string& value) const;
  [[nodiscard]] std::uint64_t number(const filter::Quantity& quantity) const;
  [[nodiscard]] std::uint64_t number(std::string_view name) const;

  const filter::Test& test_;
  const parsers::Field& field_;
  std::vector<filter::Written> written_;
  std::vector<std::string> kept_;  // what `written_` points into
};

// A file's lines without comments, blanks around them, and empty ones.
[[nodiscard]] std::vector<std::string> lines_of(std::string_view content);

}  // namespace iris::oracle
