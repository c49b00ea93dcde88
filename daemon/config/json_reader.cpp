#include "daemon/config/json_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "jit/abi/nearest.hpp"

namespace iris::config {
namespace {

using nlohmann::json;

constexpr std::size_t longest_shown = 60;

// A value as it is shown in a message: whole when it is short.
std::string shown(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() <= longest_shown) return text;
  return fmt::format("{}… ({} bytes)", text.substr(0, longest_shown), text.size());
}

std::string as_json(std::string_view name) { return json(name).dump(-1, ' ', false, json::error_handler_t::replace); }

std::string unknown_member(std::string_view name, std::vector<std::string_view> known) {
  std::ranges::sort(known);
  const auto away = [name](std::string_view k) {
    return !name.empty() && k.starts_with(name) ? 0 : edit_distance(name, k);
  };
  const auto near = std::ranges::min_element(known, {}, away);
  if (near != known.end() && away(*near) <= std::max<std::size_t>(2, near->size() / 3)) {
    return fmt::format("unknown member {}; did you mean \"{}\"?", as_json(name), *near);
  }
  return fmt::format("unknown member {}; known are {}", as_json(name), fmt::join(known, ", "));
}

struct Position {
  std::size_t line = 1;
  std::size_t column = 1;  // in bytes
};

Position position_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const std::size_t newline = before.rfind('\n');
  return {1 + static_cast<std::size_t>(std::ranges::count(before, '\n')),
          1 + before.size() - (newline == std::string_view::npos ? 0 : newline + 1)};
}

// What is left of nlohmann's message when its identifier and position are taken away.
std::string_view syntax_fault(std::string_view what) {
  for (const std::string_view lead : {"syntax error ", ": "}) {
    if (const std::size_t at = what.find(lead); at != std::string_view::npos) {
      return what.substr(at + (lead == ": " ? lead.size() : 0));
    }
  }
  return what;
}

// Finds a member that stands twice in one object; the parser itself would silently keep the last.
class Duplicates {
 public:
  bool operator()(int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) open_.emplace_back();
    if (event == json::parse_event_t::object_end) open_.pop_back();
    if (event == json::parse_event_t::key && !open_.back().insert(parsed.get<std::string>()).second && found_.empty()) {
      found_ = parsed.get<std::string>();
    }
    return true;
  }
  [[nodiscard]] const std::string& found() const { return found_; }

 private:
  std::vector<std::set<std::string>> open_;
  std::string found_;
};

}  // namespace

void Faults::add(std::string_view path, std::string_view message) {
  if (!lines_.empty()) lines_ += '\n';
  lines_ += path.empty() ? fmt::format("{}: {}", file_, message) : fmt::format("{}: {}: {}", file_, path, message);
}

void Node::expected(std::string_view what) const { fault(fmt::format("expected {}, found {}", what, shown(*value_))); }

void Node::read_whole(std::uint64_t& out, Range<std::uint64_t> range) const {
  const bool in_range = value_->is_number_unsigned() && value_->get<std::uint64_t>() >= range.low &&
                        value_->get<std::uint64_t>() <= range.high;
  if (in_range) {
    out = value_->get<std::uint64_t>();
  } else {
    expected(fmt::format("a whole number from {} to {}", range.low, range.high));
  }
}

void Node::read(double& out, Range<double> range) const {
  const double value = value_->is_number() ? value_->get<double>() : std::numeric_limits<double>::quiet_NaN();
  if (value >= range.low && value <= range.high) {
    out = value;
  } else {
    expected(fmt::format("a number from {} to {}", range.low, range.high));
  }
}

void Node::read(bool& out) const {
  if (value_->is_boolean()) {
    out = value_->get<bool>();
  } else {
    expected("true or false");
  }
}

void Node::read(std::string& out) const {
  if (!value_->is_string()) return expected("text");
  std::string text = value_->get<std::string>();
  if (text.empty()) return expected("text that is not empty");
  if (text.contains('\0')) return expected("text without a zero byte");
  out = std::move(text);
}

void Node::read_choice(std::size_t& out, std::initializer_list<std::string_view> names) const {
  const auto* found =
      value_->is_string() ? std::ranges::find(names, value_->get_ref<const std::string&>()) : names.end();
  if (found != names.end()) {
    out = static_cast<std::size_t>(found - names.begin());
  } else {
    expected(fmt::format("\"{}\"", fmt::join(names, "\" or \"")));
  }
}

std::vector<Node> Node::elements() const {
  std::vector<Node> result;
  if (!value_->is_array()) {
    expected("a list");
    return result;
  }
  for (std::size_t i = 0; i < value_->size(); ++i) {
    result.emplace_back((*value_)[i], fmt::format("{}[{}]", path_, i), *faults_);
  }
  return result;
}

Members::Members(const Node& node) : node_(node) {
  if (!valid()) node_.expected("an object");
}

Members::~Members() {
  if (!valid()) return;
  for (const auto& item : node_.value_->items()) {
    if (std::ranges::find(known_, item.key()) == known_.end()) node_.fault(unknown_member(item.key(), known_));
  }
}

const nlohmann::json* Members::find(std::string_view name) {
  known_.push_back(name);
  if (!valid()) return nullptr;
  const auto found = node_.value_->find(name);
  return found == node_.value_->end() ? nullptr : &*found;
}

std::string Members::path_of(std::string_view name) const {
  return node_.path_.empty() ? std::string(name) : fmt::format("{}.{}", node_.path_, name);
}

Result<json> parse_json(std::string_view text, const std::string& file) {
  Duplicates duplicates;
  try {
    json value = json::parse(text, std::ref(duplicates), true, true);
    if (duplicates.found().empty()) return value;
    return fail(ErrorCode::invalid, fmt::format("{}: the member {} is given twice in one object: keep one of them",
                                                file, as_json(duplicates.found())));
  } catch (const json::parse_error& error) {
    // `byte` counts what was read, the offending byte included.
    const Position at = position_of(text, error.byte == 0 ? 0 : error.byte - 1);
    return fail(ErrorCode::invalid,
                fmt::format("{}:{}:{}: not JSON: {}", file, at.line, at.column, syntax_fault(error.what())));
  }
}

}  // namespace iris::config
