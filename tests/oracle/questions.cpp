#include "tests/oracle/questions.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <algorithm>
#include <cctype>
#include <set>
#include "tests/oracle/own_filters.hpp"

namespace iris::oracle {
namespace {

using parsers::Field;
using parsers::FieldType;
using parsers::Part;
using parsers::Protocol;

bool is_plain(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_printable(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string hexadecimal(std::string_view bytes) {
  std::string text = "|";
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text + "|";
}

std::string quoted(Random& random, const std::string& text) {
  if (!text.empty() && (!is_printable(text) || random.one_in(12))) return hexadecimal(text);
  const char quote = random.one_in(8) ? '"' : '\'';
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') result += '\\';
    result += c;
  }
  return result + quote;
}

std::string address_text(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(address.is_v4() ? AF_INET : AF_INET6, address.bytes.data() + (address.is_v4() ? 12 : 0), text, sizeof text);
  return text;
}

std::string block_text(Random& random, const IpAddress& address) {
  const auto length = address.is_v4() ? random.of(std::vector<unsigned>{0, 8, 24, 30, 31, 32})
                                      : random.of(std::vector<unsigned>{0, 32, 48, 64, 126, 128});
  const Subnet block =
      Endpoint{address, 0}.subnet(static_cast<std::uint8_t>(std::min(length, 32U)), static_cast<std::uint8_t>(length));
  return fmt::format("{}/{}", address_text(block.address), length);
}

// A domain above it, or the name itself.
std::string domain(Random& random, std::string text) {
  while (random.one_in(2) && text.contains('.')) text.erase(0, text.find('.') + 1);
  return text;
}

std::string part_of_text(Random& random, const std::string& text, bool beginning, bool end) {
  if (text.empty()) return "x";
  const std::size_t first = beginning ? 0 : random.below(text.size());
  const std::size_t last = end ? text.size() : random.between(first + 1, text.size());
  return text.substr(first, last - first);
}

// Means the same in ECMAScript's dialect.
std::string expression_for(Random& random, const std::string& text) {
  std::string result;
  if (random.one_in(3)) result += '^';
  const std::string part = part_of_text(random, text, !result.empty(), random.one_in(2));
  for (const char c : part) {
    switch (is_plain(c) ? random.below(8) : 9) {
      case 0:
        result += "[a-z0-9]";
        break;
      case 1:
        result += std::string(1, c) + "+";
        break;
      case 2:
        result += fmt::format("({}|zz)", c);
        break;
      case 3:
        result += std::string(1, c) + "?";
        break;
      case 9:
        result += std::string("\\\\") + c;
        break;
      default:
        result += c;
    }
  }
  if (random.one_in(4)) result += '$';
  return result;
}

std::string number_text(Random& random, const Field& field, std::uint64_t number, bool named) {
  if (field.notation == parsers::Notation::mac) {
    std::string text;
    for (int i = 5; i >= 0; --i) text += fmt::format("{:02x}{}", number >> (8 * i) & 0xff, i == 0 ? "" : ":");
    return text;
  }
  if (field.notation == parsers::Notation::duration)
    return number % 1'000'000 == 0 ? fmt::format("{}ms", number / 1'000'000) : fmt::format("{}ns", number);
  if (named && field.truth && number <= 1 && random.one_in(2)) return number == 1 ? "true" : "false";
  if (named && random.one_in(2)) {
    for (const auto& each : field.names) {
      if (each.number == number) return random.one_in(2) ? std::string(each.name) : fmt::format("'{}'", each.name);
    }
  }
  if (number != 0 && number % 1000 == 0 && random.one_in(2)) return fmt::format("{}k", number / 1000);
  return random.one_in(5) ? fmt::format("{:#x}", number) : std::to_string(number);
}

std::uint64_t greatest(const Field& field) {
  if (field.truth) return 1;
  return field.width == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8U * field.width)) - 1;
}

void collect(std::map<const Field*, std::set<Value>>& seen, const Field& field, const Values& values) {
  if (values) seen[&field].insert(values->begin(), values->end());
}

bool has_part(const Protocol& protocol, const Field& field, Part part) {
  return std::ranges::any_of(protocol.fields,
                             [&](const Field& each) { return each.part == part && each.name == field.name; });
}

}  // namespace

Questions::Questions(std::span<const Story> stories, Random& random) {
  std::map<const Field*, std::set<Value>> seen;
  for (const Story& story : stories) {
    for (const Moment& moment : story.moments) {
      if (moment.facts.session == nullptr) continue;
      for (const auto& [field, values] : moment.facts.session->values) collect(seen, *field, values);
    }
    const Facts& facts = story.moments.back().facts;
    for (const Protocol& protocol : parsers::registry()) {
      if (protocol.is_application() || protocol.occurrence == parsers::Occurrence::packets_only) continue;
      const bool other_version =
          (protocol.name == "ipv4") != facts.record.tuple.originator.ip.is_v4() && protocol.name.starts_with("ipv");
      for (const Field& field : protocol.fields) {
        if (!field.names_protocol && !other_version) collect(seen, field, read(field, facts));
      }
    }
  }
  std::vector<std::vector<Asked>> by_protocol(1);  // of protocols that were not seen; of each of the others
  for (const Protocol& protocol : parsers::registry()) {
    if (protocol.name.empty() || protocol.occurrence == parsers::Occurrence::packets_only) continue;
    protocols_.emplace_back(protocol.name);
    std::vector<Asked> asked;
    for (const Field& field : protocol.fields) {
      if (field.part != Part::value) continue;
      const auto& values = seen[&field];
      asked.push_back(
          {&protocol, &field, fmt::format("{}.{}", protocol.name, field.name), {values.begin(), values.end()}});
    }
    const bool any_seen = std::ranges::any_of(asked, [](const Asked& each) { return !each.seen.empty(); });
    if (any_seen)
      by_protocol.push_back(std::move(asked));
    else
      std::ranges::move(asked, std::back_inserter(by_protocol.front()));
  }
  if (by_protocol.front().empty()) by_protocol.erase(by_protocol.begin());
  for (std::size_t n = random.between(3, 12); n > 0; --n)
    asked_.push_back(random.of(by_protocol[random.one_in(10) ? 0 : random.below(by_protocol.size())]));
  files_ = {{"names.txt", "# of interest\nexample.test\n  'www.example.test'   # with the prefix\n\nnflx.test\n"},
            {"ports.txt", "80\n443 # secure\n8000..8999\n"},
            {"nets.txt", "10.1.0.0/24\n192.0.1.2\n2001:db8::/32\n"},
            {"filters.txt", "# any of\ntls.sni under 'nflx.test'\nhttp and tcp.port = 8080\nnot ipv4 and dns\n"}};
}

std::uint64_t Questions::number(Random& random, const Asked& asked) const {
  const std::uint64_t most = greatest(*asked.field);
  if (asked.field->type != FieldType::number || asked.seen.empty() || random.one_in(10))
    return std::min<std::uint64_t>(random.below(70), most);
  const std::uint64_t seen = std::get<std::uint64_t>(random.of(asked.seen));
  switch (random.below(6)) {
    case 0:
      return seen == most ? most : seen + 1;
    case 1:
      return seen == 0 ? 0 : seen - 1;
    default:
      return seen;
  }
}

std::string Questions::text(Random& random, const Asked& asked) const {
  if (asked.seen.empty() || random.one_in(10)) return std::string(random.of({"x", "example", "h2", "1", "on"}));
  return std::get<std::string>(random.of(asked.seen));
}

std::string Questions::set(Random& random, const Asked& asked, const auto& one) const {
  std::string list = one(random, asked);
  for (std::size_t n = random.below(4); n > 0; --n) list += ", " + one(random, asked);
  return "{" + list + "}";
}

// Of a set for `in`.
std::string Questions::member(Random& random, const Asked& asked) const {
  const Field& field = *asked.field;
  if (field.type == FieldType::text) {
    if (random.one_in(10)) return "file='names.txt'";
    return quoted(random, text(random, asked));
  }
  if (field.type == FieldType::address) {
    if (random.one_in(8) && asked.protocol->name == "ip") return "file='nets.txt'";
    IpAddress some = asked.protocol->name == "ipv6" ? IpAddress::v6({0x20, 1}) : IpAddress::v4({192, 0, 2, 1});
    if (!asked.seen.empty()) some = std::get<IpAddress>(random.of(asked.seen));
    return random.one_in(2) ? address_text(some) : block_text(random, some);
  }
  if (random.one_in(12) && field.width >= 2 && !field.truth && field.notation == parsers::Notation::plain)
    return "file='ports.txt'";
  const std::uint64_t first = number(random, asked);
  const bool single = field.truth || field.notation == parsers::Notation::mac;
  if (single || random.one_in(2)) return number_text(random, field, first, true);
  const std::uint64_t last = std::max(first, number(random, asked));
  return fmt::format("{}..{}", number_text(random, field, first, false), number_text(random, field, last, false));
}

std::string Questions::text_comparison(Random& random, const Asked& asked) const {
  const std::string_view negation = random.one_in(4) ? random.of({" not ", " !"}) : " ";
  const auto whole = [this](Random& r, const Asked& a) { return quoted(r, text(r, a)); };
  const auto part = [&](bool beginning, bool end) {
    return [=, this](Random& r, const Asked& a) { return quoted(r, part_of_text(r, text(r, a), beginning, end)); };
  };
  const auto one_or_set = [&](std::string_view relation, const auto& one) {
    return fmt::format("{}{} {}", negation, relation, random.one_in(3) ? set(random, asked, one) : one(random, asked));
  };
  switch (random.below(9)) {
    case 0:
    case 1:
      return fmt::format(" {} {}", random.of({"=", "!=", "==", "eq", "ne"}), whole(random, asked));
    case 2:
      return fmt::format("{}in {}", negation,
                         set(random, asked, [this](Random& r, const Asked& a) { return member(r, a); }));
    case 3:
      return one_or_set("contains", part(false, false));
    case 4:
      return one_or_set("starts_with", part(true, false));
    case 5:
      return one_or_set("ends_with", part(false, true));
    case 6:
      return one_or_set("under", [this](Random& r, const Asked& a) {
        const std::string name = domain(r, text(r, a));
        return name.empty() ? std::string("'x'") : quoted(r, r.one_in(6) && name.front() != '.' ? "." + name : name);
      });
    case 7: {
      const std::string some = text(random, asked);
      if (some.empty()) return " = ''";
      return fmt::format(" {} {}", random.of({"~b", "!~b"}), hexadecimal(part_of_text(random, some, false, false)));
    }
    default: {
      std::string some = text(random, asked);
      if (!is_printable(some) || some.size() > 30) some = "x";
      const bool any_case = random.one_in(3);
      if (any_case && random.one_in(2))
        std::ranges::transform(some, some.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
      std::string expression = expression_for(random, some);
      std::erase(expression, '\'');
      if (negation == " ")
        return fmt::format(" {} '{}'{}", random.of({"~", "!~", "matches"}), expression, any_case ? "i" : "");
      return fmt::format("{}matches '{}'{}", negation, expression, any_case ? "i" : "");
    }
  }
}

std::string Questions::comparison(Random& random, const Asked& asked, const std::string& subject) const {
  const Field& field = *asked.field;
  if (field.type == FieldType::text) return subject + text_comparison(random, asked);
  const auto one = [this](Random& r, const Asked& a) { return member(r, a); };
  if (random.one_in(3))
    return subject + fmt::format("{}in {}", random.of({" ", " ", " not ", " !"}), set(random, asked, one));
  if (field.type == FieldType::address) {
    std::string operand = one(random, asked);
    const std::string_view relation = operand.starts_with("file") ? "in" : random.of({"=", "!=", "in"});
    return fmt::format("{} {} {}", subject, relation, operand);
  }
  // What no number is, is refused, negated or not.
  std::uint64_t value = number(random, asked);
  const bool ordered = field.notation != parsers::Notation::mac;
  const std::string_view relation =
      ordered ? random.of({"=", "==", "!=", "<", "<=", ">", ">=", "lt", "ge"}) : random.of({"=", "!="});
  if (relation == "<" || relation == "lt") value = std::max<std::uint64_t>(value, 1);
  if (relation == ">") value = std::min(value, greatest(field) - 1);
  return fmt::format("{} {} {}", subject, relation, number_text(random, field, value, true));
}

// Of sessions of one protocol.
std::string Questions::about_no_session(Random& random) const {
  std::vector<const Asked*> some;
  for (const Asked& asked : asked_) {
    if (asked.field->level == parsers::Level::session && (some.empty() || some.front()->protocol == asked.protocol))
      some.push_back(&asked);
  }
  if (some.empty()) return about_field(random);
  const auto one = [&] { return about(random, *random.of(some)); };
  switch (random.below(5)) {
    case 0:
      return fmt::format("none({} and {})", one(), one());
    case 1:
      return fmt::format("none({} or {})", one(), one());
    case 2:
      return fmt::format("none(not {})", one());
    default:
      return fmt::format("none({})", one());
  }
}

std::string Questions::about_field(Random& random) const { return about(random, random.of(asked_)); }

std::string Questions::about(Random& random, const Asked& asked) const {
  const Field& field = *asked.field;
  if (field.names_protocol) {
    if (random.one_in(6)) return asked.name;
    const auto service = [](Random& r, const Asked&) {
      return fmt::format("'{}'", r.of({"tls", "http", "ssh", "dns", "smtp", "ntp", "mqtt", "stun"}));
    };
    if (random.one_in(2)) return fmt::format("{} {} {}", asked.name, random.of({"=", "!="}), service(random, asked));
    return fmt::format("{} {} {}", asked.name, random.of({"in", "not in"}), set(random, asked, service));
  }
  if (random.one_in(10)) return asked.name;
  if (has_part(*asked.protocol, field, Part::every) && random.one_in(2)) {
    const std::string_view function = random.of({"any", "all"});
    return fmt::format("{}({})", function, comparison(random, asked, asked.name));
  }
  if (has_part(*asked.protocol, field, Part::length) && random.one_in(4)) {
    if (random.one_in(10)) return fmt::format("len({})", asked.name);
    return fmt::format("len({}) {} {}", asked.name, random.of({"=", "!=", "<", "<=", ">", ">="}),
                       random.between(1, field.list ? 4 : 20));
  }
  return comparison(random, asked, asked.name);
}

std::string Questions::atom(Random& random) const {
  switch (random.below(19)) {
    case 0:
      return std::string(random.of({"tcp", "udp", "ipv4", "ipv6", "ip"}));
    case 1:
    case 2:
      return std::string(random.of({"tls", "http", "ssh", "dns", "mqtt"}));
    case 3:
      return random.of(protocols_);
    case 4:
      return fmt::format("sample({}%)", random.of({"50", "10", "33.3", "90", "100", "0.5"}));
    case 5:
      return random.one_in(2) ? "file='filters.txt'" : "tls.handshake.extensions_server_name contains \"example\"";
    case 6:
    case 7:
      return std::string(random.of(own_filters()).name);
    case 8:
      return about_no_session(random);
    default:
      return about_field(random);
  }
}

std::string Questions::expression(Random& random, int depth) const {
  if (depth == 0 || random.one_in(4)) return atom(random);
  const auto joined = [&](std::string_view by) {
    std::string all = expression(random, depth - 1);
    for (std::size_t n = random.between(1, 2); n > 0; --n)
      all += fmt::format(" {} {}", by, expression(random, depth - 1));
    return "(" + all + ")";
  };
  switch (random.below(4)) {
    case 0:
      return fmt::format("{} ({})", random.of({"not", "!"}), expression(random, depth - 1));
    case 1:
      return joined(random.of({"or", "||"}));
    default:
      return joined(random.of({"and", "&&", "AND"}));
  }
}

std::string Questions::filter(Random& random) const {
  if (random.one_in(60)) return "";
  return expression(random, static_cast<int>(random.below(4)));
}

}  // namespace iris::oracle
