// What a filter means, evaluated straight from its syntax tree in Kleene's logic: no normal form, no implication, no
// sharing. jit/filter/README.md and the SDK say the same in words.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "jit/filter/ast.hpp"
#include "tests/oracle/facts.hpp"

namespace iris::oracle {

enum class Truth : std::uint8_t { no, unknown, yes };

constexpr Truth truth(bool value) { return value ? Truth::yes : Truth::no; }
constexpr Truth negated(Truth value) { return value == Truth::unknown ? value : truth(value == Truth::no); }

using Files = std::map<std::string, std::string>;  // by name, their contents

class Meaning {
 public:
  // Throws std::runtime_error for what is not a filter. `files` outlive it.
  Meaning(std::string text, const Files& files);

  [[nodiscard]] const std::string& text() const { return *text_; }
  [[nodiscard]] Truth of(const Facts& facts) const { return of(node_, facts); }

 private:
  [[nodiscard]] Truth of(const filter::Node& node, const Facts& facts) const;
  [[nodiscard]] Truth of(const filter::Test& test, const Facts& facts) const;
  [[nodiscard]] Truth of_none(const filter::Node& inside, const Facts& facts) const;

  std::shared_ptr<const std::string> text_;  // `node_` points into it
  const Files* files_;
  filter::Node node_;
};

}  // namespace iris::oracle
