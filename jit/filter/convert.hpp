// Values as written → operands of the field that they are compared with.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jit/filter/ast.hpp"
#include "jit/filter/files.hpp"
#include "jit/filter/names.hpp"

namespace iris::filter {

// One comparison, and what it is about.
struct Asked {
  const Test* test = nullptr;
  const parsers::Protocol* protocol = nullptr;
  const parsers::Field* field = nullptr;
  std::string name;  // for messages: "tls.sni", "len(tls.client_alpn)"
};

[[nodiscard]] std::string_view spelling(Relation relation);
[[nodiscard]] constexpr bool is_order(Relation relation) {
  return relation >= Relation::less && relation <= Relation::greater_equal;
}
[[nodiscard]] constexpr bool is_search(Relation relation) { return relation >= Relation::contains; }

// Whether the field can be compared so, whatever the values are.
[[nodiscard]] std::optional<FilterError> check_relation(const Asked& asked);

// Not empty, in the order of the text; those of files in the order of their lines.
[[nodiscard]] std::expected<std::vector<Operand>, FilterError> operands_of(const Asked& asked, const Files& files);

// Of sample(…): how many of 2^32 equal parts. Not 0.
[[nodiscard]] std::expected<std::uint64_t, FilterError> share_of(const Value& value);

// The protocol that an application protocol's name in quotes stands for: `conn.service = 'tls'`.
[[nodiscard]] std::expected<const parsers::Protocol*, FilterError> service_of(const Asked& asked, const Value& value);

}  // namespace iris::filter
