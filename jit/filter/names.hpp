// Names of protocols and fields: what they stand for in the registry, and which was probably meant.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "jit/filter/ast.hpp"

namespace iris::filter {

struct Name {
  const parsers::Protocol* protocol = nullptr;  // nullptr: `field` is a user-defined filter's
  const parsers::Field* field = nullptr;        // nullptr: the protocol itself
};

// Also by Wireshark's name, where that means the same.
[[nodiscard]] std::expected<Name, FilterError> resolve(std::string_view name, const Span& span,
                                                       UserFilters user_filters = {});

[[nodiscard]] std::string full_name(const parsers::Protocol& protocol, const parsers::Field& field);  // "tls.sni"

// Another part of a field; nullptr where it has none.
[[nodiscard]] const parsers::Field* part_of(const Name& name, parsers::Part part);
// The field that must be there for this part to be: itself for a list's length, which is 0 without the list.
[[nodiscard]] const parsers::Field* whole_of(const parsers::Field& field);
// What sample(…) asks about.
[[nodiscard]] const parsers::Field& sample_field();

// nullptr for parsers::service_field, which belongs to none, and for user-defined filters of connections.
[[nodiscard]] const parsers::Protocol* owner(const parsers::Field& field);

// That any protocol was identified, as conn.service asks.
[[nodiscard]] const Predicate& some_service();

// What the protocol's bare name means; none for protocols that every subject has.
[[nodiscard]] std::optional<Predicate> presence(const parsers::Protocol& protocol, Subject subject);
// The protocol whose presence the predicate is; nullptr for others.
[[nodiscard]] const parsers::Protocol* presence_of(const Predicate& predicate);

}  // namespace iris::filter
