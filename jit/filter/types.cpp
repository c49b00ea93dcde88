#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "jit/filter/names.hpp"
#include "jit/filter/operands.hpp"
#include "jit/filter/typed.hpp"

namespace iris::filter {
namespace {

using Kind = Expression::Kind;
using Checked = std::expected<Expression, FilterError>;

Expression constant(bool value, const Span& span) { return {value ? Kind::all : Kind::any, {}, {}, span}; }

Expression literal(Predicate predicate, bool negated, const Span& span) {
  return {Kind::literal, {std::move(predicate), negated}, {}, span};
}

// Whether something is there or holds, or does not, as part of a filter about `subject`.
struct Writer {
  Subject subject;
  bool negated = false;

  [[nodiscard]] Expression protocol_present(const parsers::Protocol& protocol, const Span& span) const;
  [[nodiscard]] Expression field_present(const parsers::Field& field, const Span& span) const;
  [[nodiscard]] Expression holds(Predicate predicate, const Span& span) const;
};

Expression Writer::protocol_present(const parsers::Protocol& protocol, const Span& span) const {
  auto predicate = presence(protocol, subject);
  return predicate ? literal(std::move(*predicate), negated, span) : constant(!negated, span);
}

Expression Writer::field_present(const parsers::Field& field, const Span& span) const {
  const bool always = field.type != parsers::FieldType::text && field.flag_offset == 0;
  // A session's field needs the session, which the protocol alone does not promise.
  if (always && field.level != parsers::Level::session)
    if (const auto* protocol = owner(field)) return protocol_present(*protocol, span);
  return literal({&field, Operator::present, {}}, negated, span);
}

Expression Writer::holds(Predicate predicate, const Span& span) const {
  if (predicate.op == Operator::present) return field_present(*predicate.field, span);
  if (const auto* protocol = presence_of(predicate)) return protocol_present(*protocol, span);
  return literal(std::move(predicate), negated, span);
}

void add_flat(Expression& parent, Expression child) {
  if (child.kind != parent.kind)
    parent.children.push_back(std::move(child));
  else
    std::ranges::move(child.children, std::back_inserter(parent.children));
}

// ---- operators and operands of one comparison -------------------------------------------------------------------

// 4 or 6 where the field holds addresses of one version only; else 0.
int version_of(const Name& name) {
  if (name.protocol->name == "ipv4") return 4;
  return name.protocol->name == "ipv6" ? 6 : 0;
}

// What the field takes, in the plural.
std::string_view type_name(const Name& name) {
  switch (name.field->type) {
    case parsers::FieldType::number:
      return "numbers";
    case parsers::FieldType::text:
      return "text in quotes";
    case parsers::FieldType::address:
      break;
  }
  return version_of(name) == 4   ? "IPv4 addresses and blocks"
         : version_of(name) == 6 ? "IPv6 addresses and blocks"
                                 : "IP addresses and blocks";
}

std::string example(const Test& test, const Name& name) {
  switch (name.field->type) {
    case parsers::FieldType::number:
      return fmt::format("for example: {} = {}", test.name, name.field->width > 1 ? 443 : 6);
    case parsers::FieldType::text:
      return fmt::format("for example: {} contains 'example'", test.name);
    case parsers::FieldType::address:
      break;
  }
  return fmt::format("for example: {} in {}", test.name, version_of(name) == 6 ? "2001:db8::/32" : "192.0.2.0/24");
}

std::string_view spelling(Relation relation) {
  switch (relation) {
    case Relation::present:
      return "";
    case Relation::equal:
      return "=";
    case Relation::less:
      return "<";
    case Relation::less_equal:
      return "<=";
    case Relation::greater:
      return ">";
    case Relation::greater_equal:
      return ">=";
    case Relation::in:
      return "in";
    case Relation::contains:
      return "contains";
    case Relation::matches:
      return "matches";
  }
  return "";
}

bool is_order(Relation relation) { return relation >= Relation::less && relation <= Relation::greater_equal; }
bool is_search(Relation relation) { return relation == Relation::contains || relation == Relation::matches; }

std::optional<FilterError> check_relation(const Test& test, const Name& name) {
  const auto type = name.field->type;
  const bool wrong = (is_order(test.relation) && type != parsers::FieldType::number) ||
                     (is_search(test.relation) && type != parsers::FieldType::text);
  if (wrong)
    return fail_at(test.relation_span,
                   fmt::format("'{}' does not apply to {}: its values are {}", spelling(test.relation), test.name,
                               type_name(name)),
                   example(test, name))
        .error();
  if (test.set && (test.relation == Relation::equal || is_order(test.relation)))
    return fail_at(test.relation_span, fmt::format("'{}' takes one value, not a set", spelling(test.relation)),
                   "use 'in'")
        .error();
  return std::nullopt;
}

std::optional<FilterError> check_number(const Test& test, const Name& name, const Value& value) {
  const std::uint64_t most = greatest(name.field->width);
  const auto* range = std::get_if<Range>(&value.operand);
  const std::uint64_t number = range != nullptr ? range->last : std::get<std::uint64_t>(value.operand);
  if (number > most)
    return fail_at(value.span, fmt::format("the value is too large: {} is at most {}", test.name, most)).error();
  if (range != nullptr && test.relation != Relation::in)
    return fail_at(value.span, fmt::format("'{}' takes one number, not a range", spelling(test.relation)), "use 'in'")
        .error();
  const bool never =
      (test.relation == Relation::less && number == 0) || (test.relation == Relation::greater && number == most);
  if (never) return fail_at(value.span, fmt::format("can never be true: {} is 0 to {}", test.name, most)).error();
  return std::nullopt;
}

std::optional<FilterError> check_value(const Test& test, const Name& name, const Value& value) {
  const auto is = [&]<class T>(std::type_identity<T>) { return std::holds_alternative<T>(value.operand); };
  const auto* address = std::get_if<IpAddress>(&value.operand);
  if (const auto* subnet = std::get_if<Subnet>(&value.operand)) address = &subnet->address;
  bool fits = false;
  switch (name.field->type) {
    case parsers::FieldType::number:
      fits = is(std::type_identity<std::uint64_t>{}) || is(std::type_identity<Range>{});
      break;
    case parsers::FieldType::text:
      fits = is(std::type_identity<std::string>{});
      break;
    case parsers::FieldType::address:
      fits = address != nullptr && (version_of(name) == 0 || version_of(name) == static_cast<int>(address->version));
      break;
  }
  if (!fits)
    return fail_at(value.span, fmt::format("{} takes {}", test.name, type_name(name)), example(test, name)).error();
  if (name.field->type == parsers::FieldType::number) return check_number(test, name, value);
  if (is_search(test.relation) && std::get<std::string>(value.operand).empty())
    return fail_at(value.span, fmt::format("'{}' needs text to look for", spelling(test.relation)),
                   fmt::format("{} alone asks whether it is there", test.name))
        .error();
  return std::nullopt;
}

Predicate to_predicate(const Test& test, const parsers::Field& field) {
  std::vector<Operand> operands;
  operands.reserve(test.values.size());
  for (const Value& value : test.values) operands.push_back(value.operand);
  const auto range = [&](std::uint64_t first, std::uint64_t last) {
    return membership(field, {Operand{Range{first, last}}});
  };
  switch (test.relation) {
    case Relation::less:
      return range(0, std::get<std::uint64_t>(operands.front()) - 1);
    case Relation::less_equal:
      return range(0, std::get<std::uint64_t>(operands.front()));
    case Relation::greater:
      return range(std::get<std::uint64_t>(operands.front()) + 1, greatest(field.width));
    case Relation::greater_equal:
      return range(std::get<std::uint64_t>(operands.front()), greatest(field.width));
    case Relation::contains:
    case Relation::matches: {
      Predicate predicate = membership(field, std::move(operands));
      predicate.op = test.relation == Relation::contains ? Operator::contains : Operator::matches;
      return predicate;
    }
    case Relation::present:
    case Relation::equal:
    case Relation::in:
      break;
  }
  return membership(field, std::move(operands));
}

// A packet by itself has no application protocol, and what is never a connection no connection has.
std::optional<FilterError> check_subject(const parsers::Protocol& protocol, Subject subject, const Span& span) {
  if (subject == Subject::connection && protocol.occurrence == parsers::Occurrence::packets_only)
    return fail_at(span, fmt::format("{} is never a connection", protocol.name),
                   "its packets are delivered one by one: IRIS_ON(Packet) void f(const iris::Frame& frame)")
        .error();
  const bool of_packets = protocol.presence != nullptr && protocol.presence->level == parsers::Level::tuple;
  if (subject == Subject::packet && !of_packets)
    return fail_at(span, fmt::format("{} is not known of a packet by itself", protocol.name),
                   "at Packet, filters know addresses, ports and protocol numbers; for what connections carry, take "
                   "'const iris::L4Pdu&' at InL4Conn")
        .error();
  return std::nullopt;
}

Checked check_test(const Node& node, const Writer& writer) {
  const Test& test = node.test;
  const auto name = resolve(test.name, test.name_span);
  if (!name) return std::unexpected(name.error());
  if (auto error = check_subject(*name->protocol, writer.subject, test.name_span))
    return std::unexpected(std::move(*error));
  if (name->field != nullptr && name->field->list)
    return fail_at(test.name_span, fmt::format("'{}' is a list, and filters ask for single values", test.name),
                   fmt::format("a callback reads it from 'const {}&'", name->protocol->session_type));
  if (test.relation == Relation::present && name->field != nullptr && name->field->truth)
    return writer.holds(membership(*name->field, {Operand{std::uint64_t{1}}}), node.span);
  if (test.relation == Relation::present)
    return name->field == nullptr ? writer.protocol_present(*name->protocol, node.span)
                                  : writer.field_present(*name->field, node.span);
  if (name->field == nullptr) {
    std::string hint;
    if (!name->protocol->fields.empty())
      hint = fmt::format("compare one of its fields, as in '{}.{}'", test.name, name->protocol->fields.front().name);
    return fail_at(test.name_span, fmt::format("'{}' is a protocol and has no value", test.name), std::move(hint));
  }
  if (auto error = check_relation(test, *name)) return std::unexpected(std::move(*error));
  for (const Value& value : test.values)
    if (auto error = check_value(test, *name, value)) return std::unexpected(std::move(*error));

  Predicate predicate = to_predicate(test, *name->field);
  if (const auto* protocol = presence_of(predicate))  // `ip.protocol = 1`
    if (auto error = check_subject(*protocol, writer.subject, node.span)) return std::unexpected(std::move(*error));
  Expression holds = Writer{writer.subject, writer.negated != test.negated}.holds(std::move(predicate), node.span);
  if (!test.negated) return holds;
  // `f != v` is `f and not (f = v)`.
  Expression both{writer.negated ? Kind::any : Kind::all, {}, {}, node.span};
  add_flat(both, writer.field_present(*name->field, node.span));
  add_flat(both, std::move(holds));
  return both;
}

// ---- joining ----------------------------------------------------------------------------------------------------

// Literals of one group are one: `f in A or f in B` is `f in A ∪ B`, and `not f in A and not f in B` its negation.
enum class Group : std::uint8_t { membership, contains, matches };

std::optional<Group> group_of(const Predicate& predicate) {
  switch (predicate.op) {
    case Operator::present:
    case Operator::starts_with:
    case Operator::ends_with:
    case Operator::under:
      return std::nullopt;
    case Operator::contains:
      return Group::contains;
    case Operator::matches:
      return Group::matches;
    case Operator::one_of:
    case Operator::in_range:
    case Operator::in_subnet:
      break;
  }
  // Protocols stay by themselves: the plan knows them.
  if (presence_of(predicate) != nullptr) return std::nullopt;
  return Group::membership;
}

Checked check(const Node& node, const Writer& writer) {
  switch (node.kind) {
    case Node::Kind::test:
      return check_test(node, writer);
    case Node::Kind::negation:
      return check(node.children.front(), {writer.subject, !writer.negated});
    case Node::Kind::conjunction:
    case Node::Kind::disjunction:
      break;
  }
  const bool is_all = (node.kind == Node::Kind::conjunction) != writer.negated;
  Expression result{is_all ? Kind::all : Kind::any, {}, {}, node.span};
  for (const Node& child : node.children) {
    auto checked = check(child, writer);
    if (!checked) return checked;
    add_flat(result, std::move(*checked));
  }
  return join_literals(std::move(result), writer.subject);
}

}  // namespace

Expression join_literals(Expression parent, Subject subject) {
  struct Joined {
    std::size_t position;
    std::vector<Operand> operands;
  };
  std::map<std::pair<const parsers::Field*, Group>, Joined> groups;
  std::vector<Expression> children;
  for (Expression& child : parent.children) {
    const auto group = child.kind == Kind::literal && child.literal.negated == (parent.kind == Kind::all)
                           ? group_of(child.literal.predicate)
                           : std::nullopt;
    if (group) {
      const auto key = std::pair{child.literal.predicate.field, *group};
      const auto [found, added] = groups.try_emplace(key, children.size(), std::vector<Operand>{});
      std::ranges::move(child.literal.predicate.operands, std::back_inserter(found->second.operands));
      if (!added) continue;
    }
    children.push_back(std::move(child));
  }
  for (auto& [key, joined] : groups) {
    Expression& child = children[joined.position];
    Predicate& predicate = child.literal.predicate;
    const Operator op = predicate.op;
    predicate = membership(*key.first, std::move(joined.operands));
    if (key.second != Group::membership) predicate.op = op;
    child = Writer{subject, child.literal.negated}.holds(std::move(predicate), child.span);
  }
  parent.children.clear();
  for (Expression& child : children) add_flat(parent, std::move(child));
  return parent;
}

Checked check_types(const Node& node, Subject subject) { return check(node, {.subject = subject}); }

}  // namespace iris::filter
