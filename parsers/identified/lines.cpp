// Protocols whose commands and replies are lines of text. Several share their greeting: what both sides say tells.
#include <algorithm>

#include "parsers/identified/beginning.hpp"
#include "parsers/identified/identified.hpp"

namespace iris::parsers::identified {
namespace {

// The longest line of these protocols is some 1,000 characters; what has none by then is none of them.
constexpr std::size_t longest_line = 1024;

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_printable(std::string_view text) noexcept {
  return std::ranges::all_of(text,
                             [](char c) { return (static_cast<std::uint8_t>(c) >= ' ' && c != 0x7f) || c == '\t'; });
}

bool is_letters(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); });
}

// ---- replies of three digits (RFC 959, 4.2; RFC 5321, 4.2) ----------------------------------------------------

// What one side's first line is.
enum class Said : std::uint8_t { nothing, unfinished, command, greeting, other };

constexpr std::size_t longest_command = 8;

Said reply_or_command(Line line) noexcept {
  if (line.text.empty() && !line.complete) return Said::nothing;
  if (!is_printable(line.text) || line.text.size() > longest_line || line.text.empty()) return Said::other;
  if (is_digit(line.text[0])) {
    const bool code = line.text.size() < 3 || line.text.starts_with("220") || line.text.starts_with("120") ||
                      line.text.starts_with("421") || line.text.starts_with("554") || line.text.starts_with("530");
    const bool separated = line.text.size() < 4 || line.text[3] == ' ' || line.text[3] == '-';
    if (!code || !separated) return Said::other;
    return !line.complete ? Said::unfinished : line.text.size() >= 3 ? Said::greeting : Said::other;
  }
  const std::string_view word = first_word(line.text);
  if (word.size() > longest_command || !is_letters(word)) return Said::other;
  return line.complete ? Said::command : Said::unfinished;
}

bool is_mail_command(std::string_view line) noexcept {
  const std::string_view word = first_word(line);
  return word.size() < line.size() && is_one_of(word, {"EHLO", "HELO", "LHLO"});
}

bool is_transfer_command(std::string_view line) noexcept {
  const std::string_view word = first_word(line);
  if (equal_ignoring_case(word, "AUTH")) {
    return is_one_of(line.substr(std::min(line.size(), word.size() + 1)), {"TLS", "SSL", "GSSAPI", "TLS-C", "TLS-P"});
  }
  return is_one_of(word, {"USER", "FEAT", "SYST", "HOST", "CLNT", "OPTS", "ACCT"});
}

// Mail and file transfer greet alike. `is_mine` knows the client's first command, `names` is what greetings say.
template <class IsMine>
Probe probe_greeting(const Beginning& beginning, IsMine is_mine, std::string_view name, std::string_view other_name,
                     std::initializer_list<std::uint16_t> ports) noexcept {
  bool greeted = false;
  bool named = false;
  bool otherwise = false;
  bool mine = false;
  for (const Direction direction : {Direction::FromOriginator, Direction::FromResponder}) {
    const Line line = first_line(beginning.of(direction));
    switch (reply_or_command(line)) {
      case Said::nothing:
      case Said::unfinished:
        break;
      case Said::other:
        return Probe::no_match;
      case Said::command:
        if (!is_mine(line.text)) return Probe::no_match;
        mine = true;
        break;
      case Said::greeting:
        greeted = true;
        named = contains_ignoring_case(line.text, name);
        otherwise = contains_ignoring_case(line.text, other_name);
        break;
    }
  }
  if (greeted && mine) return Probe::match;
  const bool on_port = port_is_one_of(beginning.tuple, ports);
  if ((greeted || mine) && on_port) return Probe::match;
  return greeted && named && !otherwise ? Probe::match : Probe::not_yet;
}

Probe probe_smtp(const Beginning& beginning) noexcept {
  return probe_greeting(beginning, is_mail_command, "SMTP", "FTP", {25, 587, 2525});
}

Probe probe_ftp(const Beginning& beginning) noexcept {
  return probe_greeting(beginning, is_transfer_command, "FTP", "SMTP", {21});
}

// ---- mailboxes ------------------------------------------------------------------------------------------------

// Tagged commands and untagged greetings (RFC 9051, 7.1).
Probe probe_imap(const Beginning& beginning) noexcept {
  const Line line = first_line(beginning.latest_sent());
  if (line.text.size() > longest_line) return Probe::no_match;
  for (const std::string_view greeting : {"* OK ", "* PREAUTH ", "* BYE "}) {
    if (!may_start_with(line.text, greeting)) continue;
    if (!is_printable(line.text)) return Probe::no_match;
    if (!line.complete) return Probe::not_yet;  // what follows may be no text
    return decided(line.text.size() >= greeting.size());
  }
  if (!is_printable(line.text)) return Probe::no_match;
  if (!line.complete) return Probe::not_yet;
  const std::string_view tag = first_word(line.text);
  if (tag.empty() || tag.size() > 16 || tag.size() == line.text.size()) return Probe::no_match;
  const std::string_view command = line.text.substr(tag.size() + 1);
  if (is_one_of(command, {"CAPABILITY", "STARTTLS"})) return Probe::match;
  const std::string_view word = first_word(command);
  return decided(word.size() < command.size() && is_one_of(word, {"LOGIN", "AUTHENTICATE"}) &&
                 port_is_one_of(beginning.tuple, {143}));
}

// "+OK" may be many a server's, so that what the client says next counts as well (RFC 1939, 4).
Probe probe_pop3(const Beginning& beginning) noexcept {
  bool greeted = false;
  bool commanded = false;
  for (const Direction direction : {Direction::FromOriginator, Direction::FromResponder}) {
    const Line line = first_line(beginning.of(direction));
    if (line.text.empty() && !line.complete) continue;
    if (line.text.size() > longest_line || !is_printable(line.text)) return Probe::no_match;
    if (may_start_with(line.text, "+OK") || may_start_with(line.text, "-ERR")) {
      greeted = line.complete;
      continue;
    }
    const std::string_view word = first_word(line.text);
    if (word.size() > 4 || !is_letters(word)) return Probe::no_match;
    if (!line.complete) continue;
    if (!is_one_of(word, {"USER", "CAPA", "APOP", "AUTH", "STLS"})) return Probe::no_match;
    commanded = true;
  }
  const bool on_port = port_is_one_of(beginning.tuple, {110});
  return greeted && (commanded || on_port) ? Probe::match : Probe::not_yet;
}

// ---- calls ----------------------------------------------------------------------------------------------------

Probe probe_sip(const Beginning& beginning) noexcept {
  constexpr std::string_view version = "SIP/2.0";
  Bytes bytes = beginning.tuple.transport == Transport::Udp ? latest_datagram(beginning) : beginning.latest_sent();
  // Empty lines keep bindings of address translators alive (RFC 5626, 3.5.1).
  while (!bytes.empty() && (bytes.front() == '\r' || bytes.front() == '\n')) bytes = bytes.subspan(1);
  if (bytes.empty()) return Probe::not_yet;
  const Line line = first_line(bytes);
  if (line.text.size() > longest_line || !is_printable(line.text)) return Probe::no_match;
  if (may_start_with(line.text, version)) {  // SIP/2.0 200 OK
    if (!line.complete) return Probe::not_yet;
    return decided(line.text.size() >= version.size() + 4 && is_digit(line.text[version.size() + 1]));
  }
  const std::string_view method = first_word(line.text);
  if (method.size() > 16 || !is_letters(method)) return Probe::no_match;
  if (!line.complete) return Probe::not_yet;
  const std::string_view rest = line.text.substr(std::min(line.text.size(), method.size() + 1));
  const bool target = rest.starts_with("sip:") || rest.starts_with("sips:") || rest.starts_with("tel:");
  return decided(target && rest.ends_with(" SIP/2.0"));
}

// ---- Redis ----------------------------------------------------------------------------------------------------

// "*2" or "$4": how many elements or bytes follow the line.
bool is_count(std::string_view line, char kind) noexcept {
  constexpr std::size_t longest = 8;
  return line.starts_with(kind) && line.size() <= longest && std::ranges::all_of(line.substr(1), is_digit);
}

// A command is an array of bulk strings: *2 $4 AUTH $6 secret, each behind its own line end. Of inline commands PING is
// told by its answer.
Probe probe_redis(const Beginning& beginning) noexcept {
  constexpr std::string_view ping = "PING";
  constexpr std::string_view pong = "+PONG";
  const Bytes sent = beginning.latest_sent();
  const Line line = first_line(sent);
  if (line.text.starts_with('*')) {
    if (!is_count(line.text, '*') || (line.complete && line.text.size() == 1)) return Probe::no_match;
    if (!line.complete) return Probe::not_yet;
    const Line length = first_line(sent.subspan(std::min(sent.size(), line.text.size() + 2)));
    if (length.text.empty()) return length.complete ? Probe::no_match : Probe::not_yet;
    if (!is_count(length.text, '$')) return Probe::no_match;
    return length.complete ? decided(length.text.size() > 1) : Probe::not_yet;
  }
  bool asked = false;
  bool answered = false;
  for (const Direction direction : {Direction::FromOriginator, Direction::FromResponder}) {
    const Line said = first_line(beginning.of(direction));
    const bool may_be =
        said.text.size() <= pong.size() && (may_start_with(ping, said.text) || may_start_with(pong, said.text));
    if (said.complete ? said.text != ping && said.text != pong : !may_be) return Probe::no_match;
    asked = asked || said.text == ping;
    answered = answered || (said.complete && said.text == pong);
  }
  return asked && answered ? Probe::match : Probe::not_yet;
}

}  // namespace

constinit const Protocol smtp{.name = "smtp", .implies = "tcp", .probe = probe_smtp};
constinit const Protocol ftp{.name = "ftp", .implies = "tcp", .probe = probe_ftp};
constinit const Protocol imap{.name = "imap", .implies = "tcp", .probe = probe_imap};
constinit const Protocol pop3{.name = "pop3", .implies = "tcp", .probe = probe_pop3};
constinit const Protocol sip{.name = "sip", .probe = probe_sip};
constinit const Protocol redis{.name = "redis", .implies = "tcp", .probe = probe_redis};

}  // namespace iris::parsers::identified
