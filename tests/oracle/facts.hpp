// What can be known of a connection, and reading it: each field's values are read through the schema, one by one, and
// copied, so that they can be asked about at any time later.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <iris/conn_record.hpp>

#include "parsers/api.hpp"
#include "parsers/packet/headers.hpp"

namespace iris::oracle {

using Value = std::variant<std::uint64_t, IpAddress, std::string>;
// Of a list its elements, of what is about either end those of both; else one. nullopt: absent.
using Values = std::optional<std::vector<Value>>;

// Of what is there and has one number.
[[nodiscard]] std::uint64_t only_number(const Values& values);

// `base` is what the field's level is relative to.
[[nodiscard]] Values read(const parsers::Field& field, const void* base);

// A session as it was when its headers were parsed.
struct Session {
  std::uint32_t protocol = 0;
  std::map<const parsers::Field*, Values> values;  // fields themselves, not parts of them
};
using SessionPtr = std::shared_ptr<const Session>;
[[nodiscard]] SessionPtr copy_session(std::uint32_t protocol, const void* session);
// Of the field of that name; which exists.
[[nodiscard]] const Values& value_of(const Session& session, std::string_view field);

struct Facts;
// Of a field that is no session's.
[[nodiscard]] Values read(const parsers::Field& field, const Facts& facts);

enum class Sessions : std::uint8_t {
  unknown,  // some may come, or have come: nothing is said of them
  none,     // there was none, and none will come
  one,      // Facts::session is asked about
};

// At one moment.
struct Facts {
  parsers::packet::Headers headers;  // of the first packet
  ConnRecord record;                 // tuple, `midstream`, times and counters so far
  bool identified = false;           // which protocol it is, is decided; or the connection is over
  std::uint32_t protocol = 0;        // number in the registry; 0: none; of a session that is asked about, its own
  std::uint32_t latest = 0;          // what the connection speaks by now, whatever is asked about
  bool tunnels = false;              // another protocol may follow within this one
  bool over = false;
  Sessions sessions = Sessions::unknown;
  SessionPtr session;
  std::vector<SessionPtr> past;  // all that came so far
  bool lost = false;             // there may have been others
};

}  // namespace iris::oracle
