// Predicates that authors write in C++ (IRIS_FILTER), which filters of the same source name.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "parsers/api.hpp"

namespace iris::filter {

// Its address, and its field's, is its identity.
class UserFilter {
 public:
  // `sessions_of`: whose sessions it answers for, each by itself; nullptr: it answers for the connection.
  UserFilter(std::string name, const parsers::Protocol* sessions_of);
  UserFilter(const UserFilter&) = delete;
  UserFilter& operator=(const UserFilter&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  // What predicates refer to: of parsers::Level::session, or else of Level::stream, as it may answer at any time.
  [[nodiscard]] const parsers::Field& field() const { return field_; }

 private:
  std::string name_;
  parsers::Field field_;
};

using UserFilters = std::span<const UserFilter* const>;

// Why a filter cannot be called that: "is a protocol"; nullopt: it can.
[[nodiscard]] std::optional<std::string> name_fault(std::string_view name);

}  // namespace iris::filter
