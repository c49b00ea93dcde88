// The filter language: text in, typed normal form out. Fields come from the parsers' schemas; nothing is listed here.
// README.md beside this says what authors may write and what it means.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jit/filter/named_file.hpp"
#include "jit/filter/operand.hpp"
#include "jit/filter/user_filter.hpp"
#include "parsers/api.hpp"

namespace iris::filter {

// What a filter decides about. A packet is judged by itself: its sender is `src`, and there are addresses, ports and
// protocol numbers, but no application protocol; ICMP and other protocols that are never connections are there only.
enum class Subject : std::uint8_t { connection, packet };

class SomeSession;

enum class Operator : std::uint8_t {
  present,      // no operands
  one_of,       // =, and `in` a set of values: numbers, texts, addresses
  in_range,     // <, <=, >, >=, and `in` ranges: Range
  in_subnet,    // Subnet
  contains,     // texts
  starts_with,  // texts
  ends_with,    // texts
  under,        // texts: equal, or ends with it and a '.' before it
  matches,      // texts: regular expressions in Hyperscan's dialect of PCRE, unanchored, of bytes
};

// True when the operator holds for the field's value (for "either end" fields: for either value; for lists: for any
// element, or for every one, as Field::part says) and any operand. False when the field is absent; the fields of a
// protocol that the connection does not have are: tcp.port is absent on UDP. Two predicates are the same predicate when
// they are equal: operands are sorted and distinct, ranges and blocks disjoint.
struct Predicate {
  const parsers::Field* field = nullptr;
  Operator op = Operator::present;
  Operands operands{};
  std::shared_ptr<const SomeSession> some_session{};  // Field::of_some_session: what it is
  auto operator<=>(const Predicate&) const = default;
  bool operator==(const Predicate&) const = default;
};

struct Literal {
  Predicate predicate;
  bool negated = false;
  auto operator<=>(const Literal&) const = default;
  bool operator==(const Literal&) const = default;
};

// All of these hold. In the order in which they become decidable (parsers::Level), positives before negatives within a
// level, distinct. Implied protocols and transports are spelled out.
using Clause = std::vector<Literal>;

// Where in the text, and what would help.
struct FilterError {
  std::size_t offset = 0;  // in bytes
  std::size_t length = 0;  // of the part that is wrong; at least 1
  std::string message;     // "unknown field 'tls.snl'"
  std::string hint;        // "did you mean 'tls.sni'?"; may be empty
};
using FilterWarning = FilterError;

// Disjunctive normal form: any of the clauses holds. Never empty, at most `max_clauses`; no clause contradicts itself
// and none is implied by another. One empty clause: always true.
struct Filter {
  std::string text;  // as written
  std::vector<Clause> clauses;
  std::vector<FilterWarning> warnings;  // what is written and has no effect, in the order of the text
};
inline constexpr std::size_t max_clauses = 64;

// What a filter may name besides fields.
struct Names {
  std::span<const NamedFile> files{};
  UserFilters user_filters{};
};

// What may be said about `subject`. Texts without the files that they name are refused.
[[nodiscard]] std::expected<Filter, FilterError> parse(std::string_view text, Subject subject = Subject::connection,
                                                       const Names& names = {});

// What remains of it for connections that have the protocol (its registry name): nullopt when that is nothing.
[[nodiscard]] std::optional<Filter> narrowed(const Filter& filter, std::string_view protocol);

// The text with a caret line under it, without a newline at the end, for filters that stand alone:
//   filter:1:5: error: unknown field 'tls.snl'; did you mean 'tls.sni'?
//   tls.snl = 'x'
//   ^~~~~~~
// `where` is what stands there instead of `filter:1`, if it is not empty.
[[nodiscard]] std::string render(std::string_view text, const FilterError& error, std::string_view where = {});
[[nodiscard]] std::string render_warning(std::string_view text, const FilterWarning& warning,
                                         std::string_view where = {});

// Canonical text of a predicate, a literal, a clause: "tls.sni contains 'x'". It parses back to the same.
[[nodiscard]] std::string to_text(const Predicate& predicate);
[[nodiscard]] std::string to_text(const Literal& literal);
[[nodiscard]] std::string to_text(const Clause& clause);

// As filters spell it: "contains"; of one_of "=".
[[nodiscard]] std::string_view spelling(Operator op);

// Equal predicates have equal ones.
[[nodiscard]] std::size_t hash(const Predicate& predicate);

// A predicate of Level::stream, when its field's number has come to `value` and can only grow: true or false as soon as
// no further growth can change that, nullopt until then. `over`: the connection has ended.
[[nodiscard]] std::optional<bool> decided(const Predicate& predicate, std::uint64_t value, bool over);

// The last level at which any of its literals becomes decidable; of user-defined filters of connections, which may
// answer at any time, the first.
[[nodiscard]] parsers::Level level(const Filter& filter);

// The protocol (its registry name) that a field belongs to. Empty for parsers::service_field and user-defined filters
// of connections.
[[nodiscard]] std::string_view protocol_of(const parsers::Field& field);

}  // namespace iris::filter
