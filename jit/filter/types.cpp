#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "jit/filter/convert.hpp"
#include "jit/filter/files.hpp"
#include "jit/filter/names.hpp"
#include "jit/filter/normal.hpp"
#include "jit/filter/operands.hpp"
#include "jit/filter/parser.hpp"
#include "jit/filter/some_session.hpp"
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
  if (field.names_protocol) return literal(some_service(), negated, span);
  if (const auto* whole = whole_of(field); whole != &field) return field_present(*whole, span);
  const bool is_list = field.list && field.part != parsers::Part::length;
  const bool always = field.type != parsers::FieldType::text && field.flag_offset == 0 && !is_list;
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
  if (child.kind != parent.kind) {
    parent.children.push_back(std::move(child));
    return;
  }
  for (Expression& grandchild : child.children) {
    grandchild.implied |= !child.alternatives;
    parent.children.push_back(std::move(grandchild));
  }
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

// ---- one comparison ---------------------------------------------------------------------------------------------

// What the comparison is about: a field, or another part of it that a function asks for.
std::expected<Asked, FilterError> asked_of(const Test& test, const Name& name) {
  Asked asked{&test, name.protocol, name.field, full_name(*name.protocol, *name.field)};
  if (test.function == Function::none) return asked;
  const bool length = test.function == Function::length;
  const parsers::Field* part = part_of(name, length ? parsers::Part::length : parsers::Part::every);
  if (part == nullptr)
    return fail_at(test.name_span,
                   length ? fmt::format("'{}' is neither a list nor a text, and has no length", asked.name)
                          : fmt::format("'{}' is not a list", asked.name),
                   length ? "" : fmt::format("compare {} itself", asked.name));
  if (length) {
    asked.field = part;
    asked.name = fmt::format("len({})", asked.name);
  }
  return asked;
}

Predicate ordered(const Asked& asked, std::uint64_t number) {
  const std::uint64_t most = greatest(asked.field->width);
  switch (asked.test->relation) {
    case Relation::less:
      return membership(*asked.field, {Range{0, number - 1}});
    case Relation::less_equal:
      return membership(*asked.field, {Range{0, number}});
    case Relation::greater:
      return membership(*asked.field, {Range{number + 1, most}});
    default:
      return membership(*asked.field, {Range{number, most}});
  }
}

Operator search_operator(Relation relation) {
  switch (relation) {
    case Relation::contains:
      return Operator::contains;
    case Relation::starts_with:
      return Operator::starts_with;
    case Relation::ends_with:
      return Operator::ends_with;
    case Relation::under:
      return Operator::under;
    default:
      return Operator::matches;
  }
}

Predicate to_predicate(const Asked& asked, std::vector<Operand> operands) {
  const Relation relation = asked.test->relation;
  if (is_order(relation)) return ordered(asked, std::get<std::uint64_t>(operands.front()));
  if (is_search(relation)) return search(*asked.field, search_operator(relation), std::move(operands));
  return membership(*asked.field, std::move(operands));
}

// `holds`, or where the test is negated, the field's presence and not that: `f != v` is `f and not (f = v)`.
template <class Holds>
Expression as_written(const Asked& asked, const Writer& writer, const Span& span, const Holds& holds) {
  const bool negated = asked.test->negated;
  Expression result = holds(Writer{writer.subject, writer.negated != negated});
  if (!negated) return result;
  Expression both{writer.negated ? Kind::any : Kind::all, {}, {}, span};
  add_flat(both, writer.field_present(*asked.field, span));
  add_flat(both, std::move(result));
  return both;
}

// `conn.service in {'tls', 'quic'}` is `tls or quic`.
Checked check_service(const Asked& asked, const Writer& writer, const Span& span) {
  const Test& test = *asked.test;
  if (test.relation != Relation::equal && test.relation != Relation::in)
    return fail_at(test.relation_span, fmt::format("'{}' does not apply to {}", spelling(test.relation), asked.name),
                   fmt::format("it is compared by = and in, as in {} = 'tls'", asked.name));
  std::vector<const parsers::Protocol*> protocols;
  for (const Value& value : test.values) {
    const auto protocol = service_of(asked, value);
    if (!protocol) return std::unexpected(protocol.error());
    protocols.push_back(*protocol);
  }
  return as_written(asked, writer, span, [&](const Writer& inner) {
    Expression any{inner.negated ? Kind::all : Kind::any, {}, {}, span};
    for (const auto* protocol : protocols) add_flat(any, inner.protocol_present(*protocol, span));
    return any;
  });
}

Checked check_comparison(const Asked& asked, const Writer& writer, const Names& names, const Span& span) {
  if (auto error = check_relation(asked)) return std::unexpected(std::move(*error));
  auto operands = operands_of(asked, Files(names.files));
  if (!operands) return std::unexpected(std::move(operands.error()));
  Predicate predicate = to_predicate(asked, std::move(*operands));
  // Every element, or not every one: `any(f != v)` is that some element is not v.
  const Function function = asked.test->function;
  const bool every = asked.test->negated ? function == Function::any : function == Function::all;
  if (every) predicate.field = part_of({asked.protocol, asked.field}, parsers::Part::every);
  if (const auto* protocol = presence_of(predicate))  // `ip.protocol = 1`
    if (auto error = check_subject(*protocol, writer.subject, span)) return std::unexpected(std::move(*error));
  return as_written(asked, writer, span, [&](const Writer& inner) { return inner.holds(std::move(predicate), span); });
}

// It answers yes or no, to a connection or a session.
Checked check_user_filter(const Node& node, const parsers::Field& field, const Writer& writer) {
  const Test& test = node.test;
  if (test.relation != Relation::present || test.function != Function::none)
    return fail_at(node.span, fmt::format("'{}' is a filter and has no value", test.name),
                   fmt::format("write '{0}' or 'not {0}'", test.name));
  if (writer.subject == Subject::packet)
    return fail_at(test.name_span, fmt::format("'{}' is not known of a packet by itself", test.name),
                   "filters of your own are about connections and sessions");
  return literal({&field, Operator::present, {}}, writer.negated, node.span);
}

Checked check_test(const Node& node, const Writer& writer, const Names& names) {
  const Test& test = node.test;
  const auto name = resolve(test.name, test.name_span, names.user_filters);
  if (!name) return std::unexpected(name.error());
  if (name->protocol == nullptr) return check_user_filter(node, *name->field, writer);
  if (auto error = check_subject(*name->protocol, writer.subject, test.name_span))
    return std::unexpected(std::move(*error));
  if (name->field == nullptr) {
    if (test.relation == Relation::present && test.function == Function::none)
      return writer.protocol_present(*name->protocol, node.span);
    std::string hint;
    if (!name->protocol->fields.empty())
      hint = fmt::format("compare one of its fields, as in '{}.{}'", test.name, name->protocol->fields.front().name);
    return fail_at(test.name_span, fmt::format("'{}' is a protocol and has no value", test.name), std::move(hint));
  }
  const auto asked = asked_of(test, *name);
  if (!asked) return std::unexpected(asked.error());
  if (test.relation == Relation::present) {
    if (name->field->truth) return writer.holds(membership(*name->field, {Operand{std::uint64_t{1}}}), node.span);
    return writer.field_present(*asked->field, node.span);
  }
  if (name->field->names_protocol) return check_service(*asked, writer, node.span);
  return check_comparison(*asked, writer, names, node.span);
}

Checked check_sample(const Node& node, const Writer& writer) {
  const auto share = share_of(node.test.values.front());
  if (!share) return std::unexpected(share.error());
  return writer.holds(membership(sample_field(), {Operand{Range{0, *share - 1}}}), node.span);
}

Checked check(const Node& node, const Writer& writer, const Names& names);

// ---- files of filters -------------------------------------------------------------------------------------------

void place(Expression& expression, const Span& span) {
  expression.span = span;
  for (Expression& child : expression.children) place(child, span);
}

// A line's filter, which is refused by itself where it is wrong or can never be true.
Checked check_line(const FileLine& line, const Writer& writer, UserFilters user_filters) {
  const Names names{.user_filters = user_filters};
  const auto node = parse_text(line.text);
  if (!node) return std::unexpected(node.error());
  if (node->kind == Node::Kind::test) return check(*node, writer, names);
  const Writer plain{writer.subject};
  const auto meant = check(*node, plain, names);
  if (!meant) return meant;
  if (auto clauses = normalise(*meant, writer.subject); !clauses) return std::unexpected(std::move(clauses.error()));
  return writer.negated ? check(*node, writer, names) : meant;
}

Checked check_file(const Node& node, const Writer& writer, const Names& names) {
  const std::string& name = std::get<FileName>(node.test.values.front().written).name;
  const auto lines = Files(names.files).lines(name, node.span);
  if (!lines) return std::unexpected(lines.error());
  Expression result{writer.negated ? Kind::all : Kind::any, {}, {}, node.span};
  for (const FileLine& line : *lines) {
    auto checked = check_line(line, writer, names.user_filters);
    if (!checked) return std::unexpected(in_file(name, line, std::move(checked.error()), node.span));
    place(*checked, node.span);
    add_flat(result, std::move(*checked));
  }
  return join_literals(std::move(result), writer.subject);
}

// ---- joining ----------------------------------------------------------------------------------------------------

// Literals of one group are one: `f in A or f in B` is `f in A ∪ B`, and `not f in A and not f in B` its negation. A
// group is known by its operator; all sets are of one.
std::optional<Operator> group_of(const Predicate& predicate) {
  // all(f in A) or all(f in B) is less than all(f in A ∪ B).
  if (predicate.op == Operator::present || predicate.field->part == parsers::Part::every) return std::nullopt;
  if (predicate.op > Operator::in_subnet) return predicate.op;
  // Protocols stay by themselves: the plan knows them.
  if (presence_of(predicate) != nullptr) return std::nullopt;
  return Operator::one_of;
}

// ---- none(…) ----------------------------------------------------------------------------------------------------

// What a session of one protocol must have; what that implies of its connection it has anyway.
std::expected<std::shared_ptr<const SomeSession>, FilterError> some_session(const Clause& clause, const Span& span) {
  const parsers::Protocol* protocol = nullptr;
  Clause own;
  for (const Literal& literal : clause) {
    const parsers::Field& field = *literal.predicate.field;
    if (!literal.negated && presence_of(literal.predicate) != nullptr) continue;
    if (field.level != parsers::Level::session || field.unindexed)
      return fail_at(span, fmt::format("'{}' is not known of a session by itself", to_text(literal)),
                     "inside none(…) there are comparisons of fields of sessions, as in none(http.host = 'x')");
    protocol = owner(field);
    own.push_back(literal);
  }
  if (protocol == nullptr)
    return fail_at(span, "none(…) asks what no session is like, and here every session is like that",
                   "for no session at all, ask whether the protocol is there, as in 'not http'");
  return SomeSession::of(*protocol, std::move(own));
}

// None like any of several: none like this one, and none like that.
Checked check_none(const Node& node, const Writer& writer, const Names& names) {
  const auto inside = check(node.children.front(), {writer.subject}, names);
  if (!inside) return inside;
  auto clauses = normalise(*inside, writer.subject);
  if (!clauses) {
    clauses.error().message = "no session is like that, it " + clauses.error().message;
    return std::unexpected(std::move(clauses.error()));
  }
  Expression result{writer.negated ? Kind::any : Kind::all, {}, {}, node.span};
  for (const Clause& clause : *clauses) {
    const auto some = some_session(clause, node.children.front().span);
    if (!some) return std::unexpected(some.error());
    add_flat(result, literal(predicate_of(*some), !writer.negated, node.span));
  }
  return result;
}

Checked check(const Node& node, const Writer& writer, const Names& names) {
  switch (node.kind) {
    case Node::Kind::test:
      return check_test(node, writer, names);
    case Node::Kind::sample:
      return check_sample(node, writer);
    case Node::Kind::file:
      return check_file(node, writer, names);
    case Node::Kind::none:
      return check_none(node, writer, names);
    case Node::Kind::negation:
      return check(node.children.front(), {writer.subject, !writer.negated}, names);
    case Node::Kind::conjunction:
    case Node::Kind::disjunction:
      break;
  }
  const bool is_all = (node.kind == Node::Kind::conjunction) != writer.negated;
  Expression result{is_all ? Kind::all : Kind::any, {}, {}, node.span};
  result.alternatives = node.kind == Node::Kind::disjunction && !is_all;
  for (const Node& child : node.children) {
    auto checked = check(child, writer, names);
    if (!checked) return checked;
    add_flat(result, std::move(*checked));
  }
  return join_literals(std::move(result), writer.subject);
}

}  // namespace

Expression join_literals(Expression parent, Subject subject) {
  struct Joined {
    std::size_t position;
    Operands first;
    std::vector<Operand> all{};  // when there are more than the first's

    void add(const Operands& operands) {
      if (first.empty()) {
        first = operands;
        return;
      }
      if (all.empty()) all = first.list();
      std::ranges::copy(operands, std::back_inserter(all));
    }
  };
  std::map<std::pair<const parsers::Field*, Operator>, Joined> groups;
  std::vector<Expression> children;
  for (Expression& child : parent.children) {
    const auto group = child.kind == Kind::literal && child.literal.negated == (parent.kind == Kind::all)
                           ? group_of(child.literal.predicate)
                           : std::nullopt;
    if (group) {
      const auto key = std::pair{child.literal.predicate.field, *group};
      const auto [found, added] = groups.try_emplace(key, children.size(), Operands{});
      found->second.add(child.literal.predicate.operands);
      if (!added) continue;
    }
    children.push_back(std::move(child));
  }
  for (auto& [key, joined] : groups) {
    if (joined.all.empty()) continue;
    Expression& child = children[joined.position];
    Predicate& predicate = child.literal.predicate;
    predicate = key.second == Operator::one_of ? membership(*key.first, std::move(joined.all))
                                               : search(*key.first, key.second, std::move(joined.all));
    child = Writer{subject, child.literal.negated}.holds(std::move(predicate), child.span);
  }
  parent.children.clear();
  for (Expression& child : children) add_flat(parent, std::move(child));
  return parent;
}

Checked check_types(const Node& node, Subject subject, const Names& names) {
  return check(node, {.subject = subject}, names);
}

Expression presence_expression(const parsers::Protocol& protocol, Subject subject) {
  return Writer{subject}.protocol_present(protocol, {});
}

}  // namespace iris::filter
