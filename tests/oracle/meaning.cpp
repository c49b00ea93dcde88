#include "tests/oracle/meaning.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <stdexcept>

#include "jit/filter/parser.hpp"
#include "tests/oracle/operands.hpp"
#include "tests/oracle/own_filters.hpp"

namespace iris::oracle {
namespace {

using filter::Function;
using filter::Node;
using filter::Relation;
using filter::Test;
using parsers::Field;
using parsers::Level;
using parsers::Protocol;

// Some of Wireshark's names.
std::string our_name(std::string_view name) {
  static const std::map<std::string, std::string, std::less<>> ours{
      {"ip.src", "ip.src_addr"},
      {"ip.dst", "ip.dst_addr"},
      {"tcp.dstport", "tcp.dst_port"},
      {"udp.srcport", "udp.src_port"},
      {"tls.handshake.extensions_server_name", "tls.sni"},
      {"http.request.method", "http.method"},
      {"http.response.code", "http.status"},
      {"dns.qry.name", "dns.query"},
      {"dns.flags.rcode", "dns.rcode"},
  };
  const auto found = ours.find(name);
  return found == ours.end() ? std::string(name) : found->second;
}

struct Named {
  const Protocol* protocol = nullptr;
  const Field* field = nullptr;  // nullptr: the protocol itself
};

Named named(std::string_view written) {
  const std::string name = our_name(written);
  const std::size_t dot = name.find('.');
  const Protocol* protocol = parsers::find_protocol(name.substr(0, dot));
  if (protocol == nullptr) throw std::runtime_error("no protocol: " + name);
  if (dot == std::string::npos) return {protocol, nullptr};
  for (const Field& field : protocol->fields) {
    if (field.part == parsers::Part::value && field.name == name.substr(dot + 1)) return {protocol, &field};
  }
  throw std::runtime_error("no field: " + name);
}

// ---- is it there? -----------------------------------------------------------------------------------------------

// Whether the connection is of the protocol.
Truth is_there(const Protocol& protocol, const Facts& facts) {
  if (protocol.occurrence == parsers::Occurrence::every_connection) return Truth::yes;
  if (!protocol.is_application()) {
    const std::uint64_t value = only_number(read(*protocol.presence, facts));
    return truth(value == protocol.presence_value ||
                 (protocol.presence_other != 0 && value == protocol.presence_other));
  }
  // What the transport rules out need not be waited for.
  if (!protocol.implies.empty() && is_there(*parsers::find_protocol(protocol.implies), facts) == Truth::no)
    return Truth::no;
  if (!facts.identified) return Truth::unknown;
  return truth(&parsers::registry()[facts.protocol] == &protocol);
}

// conn.service, alone, `=` and `in`.
Truth of_service(const Test& test, const Facts& facts) {
  const Truth some = facts.identified ? truth(facts.protocol != 0) : Truth::unknown;
  if (test.relation == Relation::present) return some;
  Truth any = Truth::no;
  for (const filter::Value& value : test.values) {
    const auto* text = std::get_if<filter::Text>(&value.written);
    const std::string_view name =
        text != nullptr ? std::string_view(text->bytes) : std::get<filter::Word>(value.written).text;
    any = std::max(any, is_there(*parsers::find_protocol(name), facts));
  }
  return test.negated ? std::min(some, negated(any)) : any;
}

// ---- comparisons ------------------------------------------------------------------------------------------------

// Of numbers that can only grow: `no` and `yes` where no growth changes it.
Truth of_counter(const Test& test, const Operands& operands, std::uint64_t now, bool over) {
  const auto holds = [&](std::uint64_t number) { return operands.hold(number) != test.negated; };
  if (test.relation == Relation::present) return Truth::yes;
  if (over) return truth(holds(now));
  // Between two neighbouring bounds nothing changes.
  bool all = holds(now);
  bool none = !all;
  for (const std::uint64_t bound : operands.bounds()) {
    if (bound < now) continue;
    all = all && holds(bound);
    none = none && !holds(bound);
  }
  return all ? Truth::yes : none ? Truth::no : Truth::unknown;
}

bool of_length(const Test& test, const Field& field, const Operands& operands, const Values& values) {
  if (!values) return false;
  const std::uint64_t length = field.list ? values->size() : std::get<std::string>(values->front()).size();
  return test.relation == Relation::present || operands.hold(length) != test.negated;
}

bool of_values(const Test& test, const Field& field, const Operands& operands, const Values& values) {
  if (test.function == Function::length) return of_length(test, field, operands, values);
  if (!values || values->empty()) return false;
  if (test.relation == Relation::present) return !field.truth || only_number(values) == 1;
  const auto holds = [&](const Value& value) { return operands.hold(value); };
  const auto holds_as_written = [&](const Value& value) { return operands.hold(value) != test.negated; };
  if (test.function == Function::any) return std::ranges::any_of(*values, holds_as_written);
  if (test.function == Function::all) return std::ranges::all_of(*values, holds_as_written);
  return std::ranges::any_of(*values, holds) != test.negated;
}

// sample(p%): p of a hundred of what the five-tuple is spread over.
Truth of_sample(const Test& test, const Facts& facts) {
  const auto& percent = std::get<filter::Quantity>(test.values.front().written);
  std::uint64_t whole = 100;
  for (unsigned i = 0; i < percent.decimals; ++i) whole *= 10;
  const std::uint64_t share = ((percent.digits << 32U) + whole / 2) / whole;
  for (const Field& field : parsers::find_protocol("conn")->fields) {
    if (field.part != parsers::Part::sample) continue;
    return truth(only_number(read(field, facts)) < share);
  }
  throw std::logic_error("no sample");
}

}  // namespace

Meaning::Meaning(std::string text, const Files& files)
    : text_(std::make_shared<const std::string>(std::move(text))), files_(&files) {
  auto node = filter::parse_text(*text_);
  if (!node) throw std::runtime_error(filter::render(*text_, node.error()));
  node_ = std::move(*node);
}

Truth Meaning::of(const Test& test, const Facts& facts) const {
  if (const OwnFilter* own = own_filter(test.name)) return Meaning(std::string(own->meaning), *files_).of(facts);
  const auto [protocol, field] = named(test.name);
  if (field == nullptr) return is_there(*protocol, facts);
  if (field->names_protocol) return of_service(test, facts);
  if (const Truth there = is_there(*protocol, facts); there != Truth::yes) return there;
  const Operands operands(test, *field, *files_);
  if (field->level == Level::stream) return of_counter(test, operands, only_number(read(*field, facts)), facts.over);
  if (field->level == Level::tuple) return truth(of_values(test, *field, operands, read(*field, facts)));
  if (facts.sessions == Sessions::unknown) return Truth::unknown;
  if (facts.sessions == Sessions::none) return Truth::no;
  return truth(of_values(test, *field, operands, facts.session->values.at(field)));
}

Truth Meaning::of_none(const Node& inside, const Facts& facts) const {
  const Node* test = &inside;
  while (test->kind != Node::Kind::test) test = &test->children.front();
  const Protocol& protocol = *named(test->test.name).protocol;
  for (const SessionPtr& session : facts.past) {
    if (&parsers::registry()[session->protocol] != &protocol) continue;
    Facts there = facts;
    there.sessions = Sessions::one;
    there.session = session;
    there.protocol = session->protocol;
    there.identified = true;
    if (of(inside, there) == Truth::yes) return Truth::no;
  }
  Facts now = facts;
  now.protocol = facts.latest;
  now.identified = facts.identified && !facts.tunnels;  // what follows within this one may still be it
  if (is_there(protocol, now) == Truth::no) return Truth::yes;
  return facts.over && !facts.lost ? Truth::yes : Truth::unknown;
}

Truth Meaning::of(const Node& node, const Facts& facts) const {
  switch (node.kind) {
    case Node::Kind::test:
      return of(node.test, facts);
    case Node::Kind::sample:
      return of_sample(node.test, facts);
    case Node::Kind::negation:
      return negated(of(node.children.front(), facts));
    case Node::Kind::file: {
      Truth any = Truth::no;
      const std::string& name = std::get<filter::FileName>(node.test.values.front().written).name;
      for (const std::string& line : lines_of(files_->at(name))) any = std::max(any, Meaning(line, *files_).of(facts));
      return any;
    }
    case Node::Kind::none:
      return of_none(node.children.front(), facts);
    case Node::Kind::conjunction:
    case Node::Kind::disjunction:
      break;
  }
  const bool all = node.kind == Node::Kind::conjunction;
  Truth value = truth(all);
  for (const Node& child : node.children) {
    const Truth of_child = of(child, facts);
    value = all ? std::min(value, of_child) : std::max(value, of_child);
  }
  return value;
}

}  // namespace iris::oracle
