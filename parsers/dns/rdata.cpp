#include "parsers/dns/rdata.hpp"

#include "parsers/bytes.hpp"

namespace iris::parsers::dns {
namespace {

using Bytes = std::span<const std::uint8_t>;

// What a type's data is made of, in order.
enum class Part : std::uint8_t {
  end,
  u8,
  u16,
  u32,
  name,
  address,     // all that is left, 4 or 16 bytes
  string,      // a character-string (RFC 1035, 3.3), quoted
  strings,     // as many as are left, at least one
  tag,         // a character-string, bare: CAA
  quoted,      // all that is left, quoted
  hex,         // all that is left
  base64,      // all that is left
  salt,        // a length and as many bytes; "-" when there are none: NSEC3
  hash,        // a length and as many bytes
  type,        // u16
  types,       // type bitmaps (RFC 4034, 4.1.2): all that is left
  parameters,  // SvcParams (RFC 9460): all that is left
};

struct Form {
  std::uint16_t type;
  std::array<Part, 9> parts;
};

using enum Part;
constexpr Form forms[] = {
    {1, {address}},                                          // A
    {2, {name}},                                             // NS
    {5, {name}},                                             // CNAME
    {6, {name, name, u32, u32, u32, u32, u32}},              // SOA
    {12, {name}},                                            // PTR
    {13, {string, string}},                                  // HINFO
    {14, {name, name}},                                      // MINFO
    {15, {u16, name}},                                       // MX
    {16, {strings}},                                         // TXT
    {17, {name, name}},                                      // RP
    {18, {u16, name}},                                       // AFSDB
    {28, {address}},                                         // AAAA
    {33, {u16, u16, u16, name}},                             // SRV
    {35, {u16, u16, string, string, string, name}},          // NAPTR
    {36, {u16, name}},                                       // KX
    {39, {name}},                                            // DNAME
    {43, {u16, u8, u8, hex}},                                // DS
    {44, {u8, u8, hex}},                                     // SSHFP
    {46, {type, u8, u8, u32, u32, u32, u16, name, base64}},  // RRSIG; times in seconds
    {47, {name, types}},                                     // NSEC
    {48, {u16, u8, u8, base64}},                             // DNSKEY
    {50, {u8, u8, u16, salt, hash, types}},                  // NSEC3
    {51, {u8, u8, u16, salt}},                               // NSEC3PARAM
    {52, {u8, u8, u8, hex}},                                 // TLSA
    {53, {u8, u8, u8, hex}},                                 // SMIMEA
    {59, {u16, u8, u8, hex}},                                // CDS
    {60, {u16, u8, u8, base64}},                             // CDNSKEY
    {61, {base64}},                                          // OPENPGPKEY
    {64, {u16, name, parameters}},                           // SVCB
    {65, {u16, name, parameters}},                           // HTTPS
    {99, {strings}},                                         // SPF
    {256, {u16, u16, quoted}},                               // URI
    {257, {u8, tag, quoted}},                                // CAA
};

void append_type(std::uint16_t type, DataText& text) noexcept {
  struct Name {
    std::uint16_t type;
    std::string_view name;
  };
  static constexpr Name names[] = {
      {1, "A"},      {2, "NS"},       {5, "CNAME"},   {6, "SOA"},    {12, "PTR"},        {13, "HINFO"},
      {15, "MX"},    {16, "TXT"},     {17, "RP"},     {18, "AFSDB"}, {28, "AAAA"},       {29, "LOC"},
      {33, "SRV"},   {35, "NAPTR"},   {37, "CERT"},   {39, "DNAME"}, {43, "DS"},         {44, "SSHFP"},
      {46, "RRSIG"}, {47, "NSEC"},    {48, "DNSKEY"}, {50, "NSEC3"}, {51, "NSEC3PARAM"}, {52, "TLSA"},
      {59, "CDS"},   {60, "CDNSKEY"}, {64, "SVCB"},   {65, "HTTPS"}, {99, "SPF"},        {257, "CAA"},
  };
  for (const Name& each : names) {
    if (each.type == type) return text.append(each.name);
  }
  text.append("TYPE");
  text.append_number(type);
}

bool append_types(Reader& data, DataText& text) noexcept {
  bool first = true;
  while (data.ok() && !data.empty()) {
    const unsigned window = data.u8();
    const Bytes bits = data.vector8();
    for (std::size_t i = 0; i < bits.size() * 8; ++i) {
      if ((bits[i / 8] >> (7 - i % 8) & 1U) == 0) continue;
      if (!first) text.append(' ');
      first = false;
      append_type(static_cast<std::uint16_t>(window << 8U | i), text);
    }
  }
  return data.ok();
}

// RFC 9460, 14.3.2.
bool append_parameters(Reader& data, DataText& text) noexcept {
  static constexpr std::string_view keys[] = {"mandatory", "alpn", "no-default-alpn", "port",
                                              "ipv4hint",  "ech",  "ipv6hint"};
  bool first = true;
  while (data.ok() && !data.empty()) {
    const std::uint16_t key = data.u16();
    const Bytes value = data.vector16();
    if (!first) text.append(' ');
    first = false;
    if (key < std::size(keys)) {
      text.append(keys[key]);
    } else {
      text.append("key");
      text.append_number(key);
    }
    if (value.empty()) continue;
    text.append('=');
    Reader rest(value);
    for (bool begun = false; rest.ok() && !rest.empty(); begun = true) {
      if (begun) text.append(',');
      if (key == 1) {
        const Bytes protocol = rest.vector8();
        for (const std::uint8_t byte : protocol) text.append(byte > ' ' && byte < 0x7f ? static_cast<char>(byte) : '?');
      } else if (key == 3) {
        text.append_number(rest.u16());
      } else if (key == 4 || key == 6) {
        const Bytes address = rest.take(key == 4 ? 4 : 16);
        if (!address.empty()) text.append_address(address);
      } else if (key == 5) {
        text.append_base64(rest.take(rest.remaining()));
      } else {
        text.append_hex(rest.take(rest.remaining()));
      }
    }
    if (!rest.ok()) return false;
  }
  return data.ok();
}

// One part at `at`, which is moved behind it.
bool append_part(Part part, Message message, std::size_t& at, std::size_t end, DataText& text) noexcept {
  Reader data(message.subspan(at, end - at));
  const auto all = [&] { return data.take(data.remaining()); };
  bool ok = true;
  switch (part) {
    case Part::end:
      return true;
    case u8:
      text.append_number(data.u8());
      break;
    case u16:
      text.append_number(data.u16());
      break;
    case u32:
      text.append_number(std::uint64_t{data.u16()} << 16U | data.u16());
      break;
    case Part::name: {
      NameText name;
      ok = read_name(message, at, name) && at <= end;
      if (ok) text.append(name.text());
      return ok;
    }
    case address:
      ok = data.remaining() == 4 || data.remaining() == 16;
      if (ok) text.append_address(all());
      break;
    case string:
      text.append_quoted(data.vector8());
      break;
    case strings:
      ok = !data.empty();
      for (bool begun = false; data.ok() && !data.empty(); begun = true) {
        if (begun) text.append(' ');
        text.append_quoted(data.vector8());
      }
      break;
    case tag: {
      const Bytes characters = data.vector8();
      for (const std::uint8_t byte : characters) {
        ok = ok && byte > ' ' && byte < 0x7f;
        if (ok) text.append(static_cast<char>(byte));
      }
      break;
    }
    case quoted:
      text.append_quoted(all());
      break;
    case hex:
      text.append_hex(all());
      break;
    case base64:
      text.append_base64(all());
      break;
    case salt: {
      const Bytes bytes = data.vector8();
      bytes.empty() ? text.append('-') : text.append_hex(bytes);
      break;
    }
    case hash:
      text.append_hex(data.vector8());
      break;
    case type:
      append_type(data.u16(), text);
      break;
    case types:
      ok = append_types(data, text);
      break;
    case parameters:
      ok = append_parameters(data, text);
      break;
  }
  at = end - data.remaining();
  return ok && data.ok();
}

bool write_form(const Form& form, Message message, std::size_t begin, std::size_t end, DataText& text) noexcept {
  std::size_t at = begin;
  bool first = true;
  for (const Part part : form.parts) {
    if (part == Part::end) break;
    const bool optional = part == types || part == parameters;
    if (optional && at == end) break;
    if (!first) text.append(' ');
    first = false;
    if (!append_part(part, message, at, end, text)) return false;
  }
  return at == end;
}

}  // namespace

void write_data(Message message, std::size_t begin, std::size_t end, std::uint16_t type, DataText& text) noexcept {
  text.clear();
  for (const Form& form : forms) {
    if (form.type != type) continue;
    if (write_form(form, message, begin, end, text)) return;
    text.clear();
    break;
  }
  text.append("\\# ");
  text.append_number(end - begin);
  if (begin != end) text.append(' ');
  text.append_hex(message.subspan(begin, end - begin));
}

}  // namespace iris::parsers::dns
