// What fields are compared with.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <iris/net.hpp>

namespace iris::filter {

// Both ends belong to it.
struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  auto operator<=>(const Range&) const = default;
};

using Operand = std::variant<std::uint64_t, Range, IpAddress, Subnet, std::string>;

// A predicate's operands, which never change. Copies share them: a file of ten thousand names is in memory once,
// however many clauses ask for it.
class Operands {
 public:
  using value_type = Operand;
  using const_iterator = std::vector<Operand>::const_iterator;

  Operands() = default;
  Operands(std::initializer_list<Operand> list) : Operands(std::vector<Operand>(list)) {}
  Operands(std::vector<Operand> list)  // NOLINT(google-explicit-constructor): it is the same, shared
      : shared_(list.empty() ? nullptr : std::make_shared<const std::vector<Operand>>(std::move(list))) {}

  [[nodiscard]] const std::vector<Operand>& list() const { return shared_ == nullptr ? none() : *shared_; }
  [[nodiscard]] const_iterator begin() const { return list().begin(); }
  [[nodiscard]] const_iterator end() const { return list().end(); }
  [[nodiscard]] std::size_t size() const { return list().size(); }
  [[nodiscard]] bool empty() const { return shared_ == nullptr; }
  [[nodiscard]] const Operand& front() const { return list().front(); }
  [[nodiscard]] const Operand& operator[](std::size_t i) const { return list()[i]; }

  friend bool operator==(const Operands& a, const Operands& b) {
    return a.shared_ == b.shared_ || a.list() == b.list();
  }
  friend std::strong_ordering operator<=>(const Operands& a, const Operands& b) {
    return a.shared_ == b.shared_ ? std::strong_ordering::equal : a.list() <=> b.list();
  }

 private:
  static const std::vector<Operand>& none() {
    static const std::vector<Operand> nothing;
    return nothing;
  }

  std::shared_ptr<const std::vector<Operand>> shared_;  // nullptr: none
};

}  // namespace iris::filter
