#include "jit/filter/user_filter.hpp"

#include <utility>

#include "jit/filter/parser.hpp"

namespace iris::filter {

UserFilter::UserFilter(std::string name, const parsers::Protocol* sessions_of)
    : name_(std::move(name)),
      field_{.name = name_,
             .type = parsers::FieldType::number,
             .level = sessions_of == nullptr ? parsers::Level::stream : parsers::Level::session,
             .unindexed = true,
             .sessions_of = sessions_of,
             .doc = {}} {}

std::optional<std::string> name_fault(std::string_view name) {
  if (parsers::find_protocol(name) != nullptr) return "is a protocol";
  const auto parsed = parse_text(name);
  const bool plain = parsed && parsed->kind == Node::Kind::test && parsed->test.relation == Relation::present &&
                     parsed->test.name == name;
  if (!plain) return "is a word of the filter language";
  return std::nullopt;
}

}  // namespace iris::filter
