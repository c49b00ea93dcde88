// What a subscription emits of a connection: its filter's value at each moment of the connection's story, looked at
// alone. A callback that takes no session is called once, as soon as the filter is true with the sessions unknown, for
// some session, or at the end where there was none; one that takes sessions, once for each that it is true of.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/oracle/story.hpp"

namespace iris::oracle {

struct Subscription {
  std::string name;
  Meaning meaning;
  std::uint32_t protocol = 0;   // whose sessions the callback takes; 0: it is called once a connection
  std::string_view row_text{};  // fields of the session that a row tells; may be empty
  std::string_view row_number{};
  When added = 0;
  When removed = ~When{0};
};

// Sessions of a protocol, by its number: what further sessions may be like.
using Universe = std::map<std::uint32_t, std::vector<SessionPtr>>;
[[nodiscard]] Universe universe_of(std::span<const Story> stories);

// A line each.
struct Events {
  std::vector<std::string> certain;
  // What may be emitted as well: the connection may be an older one that goes on; or the subscription was removed
  // before Kleene's logic decided, but nothing that could still have happened would have made a difference (`tls or not
  // tls`), and so the engine may have known before.
  std::vector<std::string> possible;
};

// What the subscription emits of the connection.
[[nodiscard]] Events events_of(const Subscription& subscription, const Story& story, const Universe& universe);

// The line that tells of a connection or session.
[[nodiscard]] std::string row(const FiveTuple& tuple, std::string_view text, std::uint64_t number);

}  // namespace iris::oracle
