#include "jit/frontend/invocation.hpp"

namespace iris::frontend {

// The SDK, and what subscriptions usually include: an #include of any of these costs a source next to nothing.
const char* const prelude_text = R"(#pragma once
#include <iris/iris.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <expected>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>
)";

// Instantiates what subscriptions usually instantiate, while nobody waits. Nothing of it reaches an object: it is
// inline, and never used.
const char* const warm_text = R"(#pragma once
namespace iris::detail {
struct WarmRow {
  FiveTuple flow;
  Endpoint originator;
  Endpoint responder;
  IpAddress ip;
  Subnet subnet;
  Timestamp ts;
  Duration duration;
  std::string_view view;
  std::string text;
  std::optional<std::uint8_t> byte;
  std::optional<std::uint16_t> version;
  std::optional<std::uint32_t> word;
  std::optional<std::uint64_t> number;
  std::optional<std::string_view> name;
  std::vector<std::uint32_t> sizes;
  std::vector<std::string> names;
  std::span<const std::uint8_t> bytes;
  std::span<const std::uint16_t> ciphers;
  std::array<char, 25> letters;
};
inline void warm(const TlsHandshake& tls, const FiveTuple& flow, const ConnRecord& record, const L4Pdu& pdu) {
  emit(WarmRow{flow, flow.originator, flow.responder, flow.originator.ip, flow.originator.subnet(24), pdu.ts,
               record.duration(), tls.sni(), std::string(tls.sni()), std::uint8_t{1}, tls.version(), 2U, 3UL, tls.alpn(),
               {}, {}, pdu.payload, tls.client_ciphers(), record.history_letters});
}
struct WarmState {
  std::uint64_t bytes = 0;
  std::vector<std::uint64_t> sizes;
  std::string name;
  void update(const L4Pdu& pdu) {
    bytes += pdu.payload.size();
    sizes.push_back(bytes);
  }
};
inline bool warm(void* object, const void* const* arguments) {
  ::new (object) WarmState();
  static_cast<WarmState*>(object)->update(*static_cast<const struct ::iris::L4Pdu*>(arguments[0]));
  static_cast<WarmState*>(object)->~WarmState();
  return true;
}
inline std::uint64_t warm(std::string_view text, const TlsHandshake& tls, const ConnRecord& record) {
  std::string s(text);
  s += "x";
  s.append(text);
  s.push_back('c');
  s = s.substr(1) + "." + s.substr(0, 2);
  s += std::to_string(5U);
  std::uint64_t sum = s.rfind('.') + s.find("x") + (s == text) + (text == tls.sni()) + text.find('x');
  std::vector<std::uint32_t> v;
  v.push_back(1);
  v.emplace_back(2);
  std::sort(v.begin(), v.end());
  std::vector<std::uint64_t> w(v.begin(), v.end());
  w.push_back(2);
  std::sort(w.begin(), w.end());
  std::vector<std::string> names;
  names.push_back(s);
  names.emplace_back(text);
  names.resize(3);
  std::vector<std::uint8_t> bytes;
  bytes.insert(bytes.end(), w.size(), 1);
  std::unordered_map<std::string, std::uint64_t> by_name;
  by_name[s] += 3;
  for (auto& [name, count] : by_name) w.push_back(count);
  if (by_name.find(s) != by_name.end() || by_name.contains(s)) by_name.erase(s);
  std::unordered_map<std::uint64_t, std::uint64_t> by_number;
  by_number[3]++;
  std::map<std::string, std::uint64_t> sorted;
  sorted[s]++;
  sorted.erase(s);
  std::map<std::uint32_t, std::uint64_t> numbers;
  numbers[3]++;
  std::optional<std::string> maybe = s;
  std::optional<std::uint16_t> number = tls.version();
  for (const auto c : tls.client_ciphers()) sum += c;
  return sum + w[0] + bytes[0] + by_name.size() + by_number.size() + maybe->size() + number.value_or(0) +
         static_cast<std::uint64_t>(record.duration().seconds());
}
}  // namespace iris::detail
)";

}  // namespace iris::frontend
