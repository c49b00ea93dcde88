#include "parsers/dns/message.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "parsers/bytes.hpp"
#include "parsers/dns/rdata.hpp"
#include "parsers/text.hpp"

namespace iris::parsers::dns {
namespace {

using Layout = DnsTransaction::Layout;
using Bytes = std::span<const std::uint8_t>;

constexpr std::uint16_t type_opt = 41;
constexpr std::uint16_t multicast_bit = 0x8000;  // RFC 6762, 18.12 and 18.13
// Of one section: what a sane message has, many times over.
constexpr std::size_t max_records = 512;
constexpr std::size_t max_questions = 32;

// A record's parts, in the message.
struct RecordView {
  std::size_t name = 0;
  std::uint16_t type = 0;
  std::uint16_t rclass = 0;
  std::uint32_t ttl = 0;
  std::size_t begin = 0;  // of RDATA
  std::size_t end = 0;
};

bool read_record(Message message, std::size_t& at, RecordView& view) noexcept {
  constexpr std::size_t fixed = 10;
  view.name = at;
  if (!skip_name(message, at) || message.size() - at < fixed) return false;
  view.type = load16(message.data() + at);
  view.rclass = load16(message.data() + at + 2);
  view.ttl = load32(message.data() + at + 4);
  view.begin = at + fixed;
  view.end = view.begin + load16(message.data() + at + 8);
  if (view.end > message.size()) return false;
  at = view.end;
  return true;
}

template <class T>
T* array(SessionMemory& memory, std::size_t count) noexcept {
  return static_cast<T*>(memory.allocate(count * sizeof(T), alignof(T)));
}

// RFC 7871, 6.
std::string_view subnet_text(Bytes option, SessionMemory& memory) noexcept {
  Reader reader(option);
  const std::uint16_t family = reader.u16();
  const std::uint8_t length = reader.u8();
  reader.u8();
  const Bytes prefix = reader.take(reader.remaining());
  std::array<std::uint8_t, 16> address{};
  const std::size_t size = family == 1 ? 4 : 16;
  if (!reader.ok() || (family != 1 && family != 2) || prefix.size() > size || length > 8 * size) return {};
  std::ranges::copy(prefix, address.begin());
  DataText text;
  text.append_address(Bytes(address).first(size));
  text.append('/');
  text.append_number(length);
  return memory.copy(text.text());
}

bool read_edns(Message message, const RecordView& view, SessionMemory& memory, DnsEdns& edns) noexcept {
  edns.udp_size = view.rclass;
  edns.version = static_cast<std::uint8_t>(view.ttl >> 16U);
  edns.dnssec_ok = (view.ttl & 0x8000U) != 0;
  const std::string_view copy = memory.copy(as_text(message.subspan(view.begin, view.end - view.begin)));
  if (copy.data() == nullptr) return false;
  edns.options = {reinterpret_cast<const std::uint8_t*>(copy.data()), copy.size()};
  Reader options(edns.options);
  while (options.ok() && !options.empty()) {
    const std::uint16_t code = options.u16();
    const Bytes value = options.vector16();
    if (!options.ok()) break;
    if (code == 8) edns.client_subnet = subnet_text(value, memory);
    if (code == 10) edns.cookie = value;
    if (code == 15 && value.size() >= 2) {
      edns.extended_error = load16(value.data());
      edns.extended_error_text = as_text(value.subspan(2));
    }
  }
  return true;
}

class Filler {
 public:
  Filler(Message message, DnsKind kind, SessionMemory& memory, Layout& layout) noexcept
      : message_(message), kind_(kind), memory_(memory), layout_(layout) {}

  [[nodiscard]] MessageStatus fill() noexcept {
    if (message_.size() < header_length) return MessageStatus::not_dns;
    const Header header = read_header(message_);
    fill_flags(header);
    if (!fill_questions(header.counts[0])) return exhausted_ ? MessageStatus::out_of_memory : MessageStatus::not_dns;
    std::span<const DnsRecord>* const sections[] = {&layout_.answers, &layout_.authorities, &layout_.additionals};
    for (std::size_t i = 0; i < 3 && !layout_.malformed; ++i) {
      if (!fill_section(header.counts[i + 1], *sections[i], header.is_response())) return MessageStatus::out_of_memory;
    }
    return fill_answer_data() ? MessageStatus::ok : MessageStatus::out_of_memory;
  }

 private:
  void fill_flags(const Header& header) noexcept {
    layout_.kind = kind_;
    layout_.id = header.id;
    layout_.opcode = header.opcode();
    layout_.authoritative = (header.flags & 0x0400U) != 0;
    layout_.truncated = (header.flags & 0x0200U) != 0;
    layout_.recursion_desired = (header.flags & 0x0100U) != 0;
    layout_.recursion_available = (header.flags & 0x0080U) != 0;
    layout_.authentic_data = (header.flags & 0x0020U) != 0;
    layout_.checking_disabled = (header.flags & 0x0010U) != 0;
    layout_.query_seen = !header.is_response();
    layout_.answered = header.is_response();
    if (header.is_response()) layout_.rcode = header.rcode();
  }

  // The class without mDNS's bit.
  [[nodiscard]] std::uint16_t plain(std::uint16_t number) const noexcept {
    return kind_ == DnsKind::mdns ? static_cast<std::uint16_t>(number & ~multicast_bit) : number;
  }

  [[nodiscard]] std::string_view read_text(std::size_t at) noexcept {
    NameText name;
    if (!read_name(message_, at, name)) return {};
    const std::string_view copy = memory_.copy(name.text());
    exhausted_ = exhausted_ || copy.data() == nullptr;
    return copy;
  }

  bool fill_questions(std::size_t count) noexcept {
    const std::size_t kept = std::min(count, max_questions);
    auto* questions = array<DnsQuestion>(memory_, kept);
    exhausted_ = questions == nullptr;
    if (exhausted_) return false;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t begin = at_;
      if (!skip_name(message_, at_) || message_.size() - at_ < 4) return false;
      const std::uint16_t type = load16(message_.data() + at_);
      const std::uint16_t qclass = plain(load16(message_.data() + at_ + 2));
      at_ += 4;
      if (i >= kept) continue;
      const std::string_view name = read_text(begin);
      if (exhausted_) return false;
      new (questions + i) DnsQuestion{name, type, qclass};
    }
    layout_.questions = {questions, kept};
    if (kept == 0) return true;
    layout_.query = questions[0].name;
    layout_.qtype = questions[0].type;
    layout_.qclass = questions[0].qclass;
    return true;
  }

  // False when out of memory.
  bool fill_section(std::size_t count, std::span<const DnsRecord>& section, bool response) noexcept {
    // A count is only claimed: room for what can be there.
    constexpr std::size_t shortest = 11;
    const std::size_t room = std::min({count, max_records, (message_.size() - at_) / shortest});
    auto* records = array<DnsRecord>(memory_, room);
    if (records == nullptr) return false;
    std::size_t filled = 0;
    for (std::size_t i = 0; i < count; ++i) {
      RecordView view;
      if (!read_record(message_, at_, view)) {
        layout_.malformed = true;
        break;
      }
      if (view.type == type_opt) {
        if (!fill_edns(view, response)) return false;
        continue;
      }
      if (filled == room) continue;
      if (!fill_record(view, *new (records + filled) DnsRecord)) return false;
      ++filled;
    }
    section = {records, filled};
    return true;
  }

  bool fill_record(const RecordView& view, DnsRecord& record) noexcept {
    record.name = read_text(view.name);
    record.type = view.type;
    record.rclass = plain(view.rclass);
    record.ttl = view.ttl;
    write_data(message_, view.begin, view.end, view.type, text_);
    record.data = memory_.copy(text_.text());
    const std::string_view bytes = memory_.copy(as_text(message_.subspan(view.begin, view.end - view.begin)));
    record.bytes = {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
    return record.name.data() != nullptr && record.data.data() != nullptr && bytes.data() != nullptr;
  }

  bool fill_edns(const RecordView& view, bool response) noexcept {
    auto& edns = response ? layout_.edns : layout_.query_edns;
    if (edns) return true;  // the first counts
    if (!read_edns(message_, view, memory_, edns.emplace())) return false;
    if (response) layout_.rcode = static_cast<std::uint16_t>(layout_.rcode.value_or(0) | (view.ttl >> 24U) << 4U);
    if (layout_.client_subnet.data() == nullptr) layout_.client_subnet = edns->client_subnet;
    return true;
  }

  bool fill_answer_data() noexcept {
    auto* data = array<std::string_view>(memory_, layout_.answers.size());
    if (data == nullptr) return false;
    for (std::size_t i = 0; i < layout_.answers.size(); ++i) new (data + i) std::string_view(layout_.answers[i].data);
    layout_.answer_data = {data, layout_.answers.size()};
    return true;
  }

  Message message_;
  DnsKind kind_;
  SessionMemory& memory_;
  Layout& layout_;
  std::size_t at_ = header_length;
  bool exhausted_ = false;
  DataText text_;
};

}  // namespace

Header read_header(Message message) noexcept {
  Header header;
  header.id = load16(message.data());
  header.flags = load16(message.data() + 2);
  for (std::size_t i = 0; i < 4; ++i) header.counts[i] = load16(message.data() + 4 + 2 * i);
  return header;
}

MessageStatus parse_message(Message message, DnsKind kind, SessionMemory& memory, Layout& layout) noexcept {
  return Filler(message, kind, memory, layout).fill();
}

std::size_t measure(Message message) noexcept {
  if (message.size() < header_length) return 0;
  const Header header = read_header(message);
  std::size_t at = header_length;
  for (unsigned i = 0; i < header.counts[0]; ++i) {
    if (!skip_name(message, at) || message.size() - at < 4) return 0;
    at += 4;
  }
  const unsigned records = header.counts[1] + header.counts[2] + header.counts[3];
  RecordView view;
  for (unsigned i = 0; i < records; ++i) {
    if (!read_record(message, at, view)) return 0;
  }
  return at;
}

}  // namespace iris::parsers::dns
