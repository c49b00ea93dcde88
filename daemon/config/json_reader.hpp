// Reading JSON into values with every fault reported by its path: a `Node` is a value and where it stands. Reading
// never throws and never stops at a fault; what cannot be read keeps the value that it had.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "jit/abi/result.hpp"

namespace iris::config {

// All faults of one file, in the order in which they were found.
class Faults {
 public:
  explicit Faults(std::string file) : file_(std::move(file)) {}

  // `path` is empty for the file as a whole.
  void add(std::string_view path, std::string_view message);
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] std::string text() const { return lines_; }

 private:
  std::string file_;
  std::string lines_;
};

// Inclusive.
template <class T>
struct Range {
  T low = std::numeric_limits<T>::lowest();
  T high = std::numeric_limits<T>::max();
};

class Node {
 public:
  Node(const nlohmann::json& value, std::string path, Faults& faults)
      : value_(&value), path_(std::move(path)), faults_(&faults) {}

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool is_null() const { return value_->is_null(); }
  void fault(std::string_view message) const { faults_->add(path_, message); }

  template <std::unsigned_integral T>
  void read(T& out, Range<T> range) const {
    std::uint64_t whole = out;
    read_whole(whole, {range.low, range.high});
    out = static_cast<T>(whole);
  }
  void read(double& out, Range<double> range) const;
  void read(bool& out) const;
  void read(std::string& out) const;  // not empty

  // The index of the name among `names`.
  void read_choice(std::size_t& out, std::initializer_list<std::string_view> names) const;

  // The elements; none, and a fault, when it is not a list.
  [[nodiscard]] std::vector<Node> elements() const;

 private:
  friend class Members;
  void read_whole(std::uint64_t& out, Range<std::uint64_t> range) const;
  void expected(std::string_view what) const;

  const nlohmann::json* value_;
  std::string path_;
  Faults* faults_;
};

// The members of an object. Members never asked for are faults, reported by the destructor.
class Members {
 public:
  explicit Members(const Node& node);  // a fault when it is not an object
  ~Members();
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  // Calls read(Node) when the member is there; says whether it is.
  template <class Read>
  bool member(std::string_view name, Read read) {
    const nlohmann::json* value = find(name);
    if (value != nullptr) read(Node(*value, path_of(name), *node_.faults_));
    return value != nullptr;
  }
  // As member(), and a fault when it is not there.
  template <class Read>
  void required(std::string_view name, Read read) {
    if (!member(name, read) && valid()) node_.fault("\"" + std::string(name) + "\" is missing");
  }

 private:
  [[nodiscard]] bool valid() const { return node_.value_->is_object(); }
  [[nodiscard]] const nlohmann::json* find(std::string_view name);
  [[nodiscard]] std::string path_of(std::string_view name) const;

  Node node_;
  std::vector<std::string_view> known_;
};

// The whole text as JSON; the message of an error begins with `file:line:column`, or names the member given twice.
[[nodiscard]] Result<nlohmann::json> parse_json(std::string_view text, const std::string& file);

}  // namespace iris::config
