// Names of protocols and fields: what they stand for in the registry, and which was probably meant.
#pragma once

#include <expected>
#include <optional>
#include <string_view>

#include "jit/filter/ast.hpp"

namespace iris::filter {

struct Name {
  const parsers::Protocol* protocol = nullptr;
  const parsers::Field* field = nullptr;  // nullptr: the protocol itself
};

[[nodiscard]] std::expected<Name, FilterError> resolve(std::string_view name, const Span& span);

// nullptr for parsers::service_field, which belongs to none.
[[nodiscard]] const parsers::Protocol* owner(const parsers::Field& field);

// What the protocol's bare name means; none for protocols that every subject has.
[[nodiscard]] std::optional<Predicate> presence(const parsers::Protocol& protocol, Subject subject);
// The protocol whose presence the predicate is; nullptr for others.
[[nodiscard]] const parsers::Protocol* presence_of(const Predicate& predicate);

}  // namespace iris::filter
