#include "jit/filter/names.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "jit/abi/nearest.hpp"
#include "jit/filter/operands.hpp"
#include "jit/filter/spellings.hpp"

namespace iris::filter {
namespace {

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

// The nearest of the names that were offered for one that does not exist.
struct Nearest {
  std::string wanted;
  std::size_t distance;
  std::string name;

  explicit Nearest(std::string_view name_wanted)
      : wanted(lower_case(name_wanted)), distance(std::max<std::size_t>(1, name_wanted.size() / 3) + 1) {}

  void offer(std::string_view candidate) {
    const std::size_t found = edit_distance(wanted, candidate);
    if (found >= distance) return;
    distance = found;
    name = candidate;
  }
};

std::string suggestion(std::string_view written, UserFilters user_filters) {
  constexpr std::size_t longest = 64;  // of a name worth comparing
  if (written.size() > longest) return {};
  Nearest nearest(written);
  for (const UserFilter* filter : user_filters) nearest.offer(filter->name());
  std::string same_field;  // `sni` for `tls.sni`
  for (const auto& protocol : parsers::registry()) {
    if (protocol.name.empty()) continue;
    nearest.offer(protocol.name);
    for (const auto& field : protocol.fields) {
      if (field.part != parsers::Part::value) continue;
      nearest.offer(full_name(protocol, field));
      if (same_field.empty() && field.name == written) same_field = full_name(protocol, field);
    }
  }
  // A slip of one letter is likelier than a forgotten protocol, that likelier than more slips.
  const bool slip = !nearest.name.empty() && nearest.distance <= 1;
  const std::string& meant = slip || same_field.empty() ? nearest.name : same_field;
  return meant.empty() ? std::string{} : fmt::format("did you mean '{}'?", meant);
}

std::string list(auto&& range, auto projection) {
  std::string result;
  for (const auto& element : range) {
    const std::string_view name = std::invoke(projection, element);
    if (name.empty()) continue;
    if (!result.empty()) result += ", ";
    result += name;
  }
  return result;
}

}  // namespace

std::string full_name(const parsers::Protocol& protocol, const parsers::Field& field) {
  return fmt::format("{}.{}", protocol.name, field.name);
}

const parsers::Field* part_of(const Name& name, parsers::Part part) {
  const auto found = std::ranges::find_if(name.protocol->fields, [&](const parsers::Field& field) {
    return field.part == part && field.name == name.field->name;
  });
  return found == name.protocol->fields.end() ? nullptr : &*found;
}

const parsers::Field* whole_of(const parsers::Field& field) {
  const bool by_itself = field.part == parsers::Part::value || field.part == parsers::Part::sample ||
                         (field.part == parsers::Part::length && field.list);
  return by_itself ? &field : part_of({owner(field), &field}, parsers::Part::value);
}

const parsers::Field& sample_field() {
  static const parsers::Field& field =
      *std::ranges::find(parsers::find_protocol("conn")->fields, parsers::Part::sample, &parsers::Field::part);
  return field;
}

std::expected<Name, FilterError> resolve(std::string_view written, const Span& span, UserFilters user_filters) {
  for (const UserFilter* filter : user_filters)
    if (filter->name() == written) return Name{nullptr, &filter->field()};
  const std::string_view name = our_name(written);
  const std::size_t dot = name.find('.');
  const std::string_view protocol_name = name.substr(0, dot);
  const parsers::Protocol* protocol = protocol_name.empty() ? nullptr : parsers::find_protocol(protocol_name);
  if (protocol == nullptr) {
    std::string hint = suggestion(name, user_filters);
    if (hint.empty()) hint = fmt::format("protocols: {}", list(parsers::registry(), &parsers::Protocol::name));
    return fail_at({span.offset, protocol_name.size()}, fmt::format("unknown protocol {}", quoted(protocol_name)),
                   std::move(hint));
  }
  if (dot == std::string_view::npos) return Name{protocol, nullptr};

  const auto field = std::ranges::find_if(protocol->fields, [&](const parsers::Field& each) {
    return each.part == parsers::Part::value && each.name == name.substr(dot + 1);
  });
  if (field != protocol->fields.end()) return Name{protocol, &*field};
  std::string hint = suggestion(name, user_filters);
  constexpr std::size_t readable = 8;
  if (hint.empty() && protocol->fields.size() > readable) {
    hint = fmt::format("`irisctl fields {}` lists its fields", protocol->name);
  } else if (hint.empty()) {
    hint = fmt::format("fields: {}", list(protocol->fields, &parsers::Field::name));
  }
  return fail_at(span, fmt::format("unknown field {}", quoted(name)), std::move(hint));
}

const parsers::Protocol* owner(const parsers::Field& field) {
  if (field.unindexed) return field.sessions_of;
  for (const auto& protocol : parsers::registry())
    for (const auto& candidate : protocol.fields)
      if (&candidate == &field) return &protocol;
  return nullptr;
}

const Predicate& some_service() {
  static const Predicate predicate{
      &parsers::service_field, Operator::in_range, {Range{1, greatest(parsers::service_field.width)}}};
  return predicate;
}

std::optional<Predicate> presence(const parsers::Protocol& protocol, Subject subject) {
  const bool always = protocol.occurrence == parsers::Occurrence::every_connection && subject == Subject::connection;
  if (protocol.presence == nullptr || always) return std::nullopt;
  std::vector<Operand> values{protocol.presence_value};
  if (protocol.presence_other != 0) values.emplace_back(protocol.presence_other);
  return Predicate{protocol.presence, Operator::one_of, std::move(values)};
}

const parsers::Protocol* presence_of(const Predicate& predicate) {
  if (predicate.op != Operator::one_of) return nullptr;
  for (const auto& protocol : parsers::registry())
    if (protocol.presence == predicate.field && !protocol.name.empty() &&
        presence(protocol, Subject::packet) == predicate)
      return &protocol;
  return nullptr;
}

std::string_view protocol_of(const parsers::Field& field) {
  const parsers::Protocol* protocol = owner(field);
  return protocol == nullptr ? std::string_view{} : protocol->name;
}

}  // namespace iris::filter
