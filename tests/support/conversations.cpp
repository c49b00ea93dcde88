#include "tests/support/conversations.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include <iris/l4_pdu.hpp>

namespace iris::support {
namespace {

constexpr std::size_t buffers = 8192;
constexpr std::size_t buffer_bytes = 512;
constexpr std::size_t ip_at = 14;
constexpr std::size_t tcp_at = ip_at + 20;
constexpr std::size_t payload_at = tcp_at + 20;
constexpr std::uint64_t ns_between_packets_of_one = 200'000'000;  // on average; far below any timeout

void put16(std::uint8_t* to, std::uint16_t value) {
  to[0] = static_cast<std::uint8_t>(value >> 8);
  to[1] = static_cast<std::uint8_t>(value);
}
void put32(std::uint8_t* to, std::uint32_t value) {
  put16(to, static_cast<std::uint16_t>(value >> 16));
  put16(to + 2, static_cast<std::uint16_t>(value));
}

class Bytes {
 public:
  Bytes& u8(unsigned value) {
    bytes_.push_back(static_cast<std::uint8_t>(value));
    return *this;
  }
  Bytes& u16(std::size_t value) { return u8(static_cast<unsigned>(value >> 8 & 0xff)).u8(value & 0xff); }
  Bytes& u24(std::size_t value) { return u8(static_cast<unsigned>(value >> 16 & 0xff)).u16(value & 0xffff); }
  Bytes& text(std::string_view text) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    return *this;
  }
  Bytes& zeros(std::size_t count) {
    bytes_.resize(bytes_.size() + count);
    return *this;
  }
  Bytes& append(const Bytes& other) {
    bytes_.insert(bytes_.end(), other.bytes_.begin(), other.bytes_.end());
    return *this;
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] const std::vector<std::uint8_t>& get() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

// A handshake message in a record (RFC 8446, 4 and 5.1).
std::vector<std::uint8_t> record(unsigned type, const Bytes& body) {
  Bytes out;
  out.u8(22).u16(0x0303).u16(body.size() + 4).u8(type).u24(body.size()).append(body);
  return out.get();
}

std::vector<std::uint8_t> client_hello(std::string_view name) {
  Bytes extension;
  extension.u16(0).u16(name.size() + 5).u16(name.size() + 3).u8(0).u16(name.size()).text(name);
  Bytes body;
  body.u16(0x0303).zeros(32).u8(0).u16(4).u16(0x1301).u16(0xc02f).u8(1).u8(0).u16(extension.size()).append(extension);
  return record(1, body);
}

std::vector<std::uint8_t> server_hello() {
  Bytes body;
  body.u16(0x0303).zeros(32).u8(0).u16(0xc02f).u8(0).u16(0);
  return record(2, body);
}

std::vector<std::uint8_t> frame(std::uint8_t flags, std::span<const std::uint8_t> payload) {
  std::vector<std::uint8_t> bytes(payload_at + payload.size());
  put16(&bytes[12], 0x0800);
  bytes[ip_at] = 0x45;
  put16(&bytes[ip_at + 2], static_cast<std::uint16_t>(40 + payload.size()));
  bytes[ip_at + 8] = 64;
  bytes[ip_at + 9] = 6;
  bytes[tcp_at + 12] = 0x50;
  bytes[tcp_at + 13] = flags;
  put16(&bytes[tcp_at + 14], 65535);
  std::ranges::copy(payload, bytes.begin() + payload_at);
  return bytes;
}

}  // namespace

Conversations::Conversations(const ConversationOptions& options)
    : options_(options),
      states_(options.conversations),
      buffers_(std::make_unique<std::uint8_t[]>(buffers * buffer_bytes)),
      random_(options.seed * 0x9E3779B97F4A7C15ULL + 1) {
  using namespace tcp_flag;
  const auto text = [](std::string_view said) { return std::vector<std::uint8_t>(said.begin(), said.end()); };
  const std::string_view name = options.names == 0 ? "www.example.test" : "www.x0000000.test";
  script_ = make_script(client_hello(name), server_hello());
  http_script_ = make_script(text("GET / HTTP/1.1\r\nHost: www.x0000000.test\r\nUser-Agent: made\r\n\r\n"),
                             text("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
}

// Data of HTTP conversations is what follows a response of no length: ignored by whoever parses it.
std::vector<Conversations::Template> Conversations::make_script(std::span<const std::uint8_t> request,
                                                                std::span<const std::uint8_t> response) const {
  using namespace tcp_flag;
  std::vector<Template> script;
  const auto add = [&](std::uint8_t flags, bool from_client, std::span<const std::uint8_t> payload) {
    const std::uint32_t control = (flags & (syn | fin)) != 0 ? 1 : 0;
    script.push_back({frame(flags, payload), from_client, static_cast<std::uint32_t>(payload.size()) + control});
  };
  const std::vector<std::uint8_t> data(64, 'x');
  add(syn, true, {});
  add(syn | ack, false, {});
  add(ack, true, {});
  add(ack | psh, true, request);
  constexpr std::string_view mark = "www.x";
  const std::vector<std::uint8_t>& bytes = script.back().bytes;
  if (const auto found = std::ranges::search(bytes, mark); !found.empty()) {
    script.back().name_at = static_cast<std::size_t>(found.end() - bytes.begin()) - 1;
  }
  add(ack | psh, false, response);
  for (std::uint32_t k = 5; k + 3 < options_.packets; ++k) add(ack, k % 2 != 0, data);
  add(fin | ack, true, {});
  add(fin | ack, false, {});
  add(ack, true, {});
  return script;
}

const std::vector<Conversations::Template>& Conversations::script_of(std::uint32_t index) const {
  return options_.names != 0 && index % 2 != 0 ? http_script_ : script_;
}

// Every 64th conversation, of either protocol, is a wanted one.
std::optional<std::uint32_t> Conversations::wanted(std::uint32_t index) const {
  if (options_.names == 0 || index / 2 % 64 != 0) return std::nullopt;
  return index / 128 % options_.names;
}

void Conversations::write_name(std::uint8_t* to, std::uint32_t index, const Template& packet) const {
  const auto want = wanted(index);
  to[packet.name_at] = want ? 'w' : 'o';
  std::uint32_t number = want.value_or(index);
  for (std::size_t digit = 7; digit > 0; --digit, number /= 10) {
    to[packet.name_at + digit] = static_cast<std::uint8_t>('0' + number % 10);
  }
}

void Conversations::write(std::uint8_t* to, std::uint32_t index, State& state) {
  const Template& packet = script_of(index)[state.step];
  std::memcpy(to, packet.bytes.data(), packet.bytes.size());
  if (packet.name_at != 0) write_name(to, index, packet);
  const unsigned from = packet.from_client ? 0 : 1;
  const auto want = wanted(index);
  const std::uint32_t client = want ? 0x0b000000U + (*want << 8U) + (index / 128 & 0xffU) : 0x0a000000U + index;
  const std::uint32_t server =
      want ? 0xac100000U + ((index >> 6U | (index & 1U)) & 0xfffffU) : 0xc0a80000U + (index & 0xffU);
  const auto client_port = static_cast<std::uint16_t>(1024 + state.generation % 60000);
  put32(to + ip_at + 12, packet.from_client ? client : server);
  put32(to + ip_at + 16, packet.from_client ? server : client);
  put16(to + tcp_at, packet.from_client ? client_port : std::uint16_t{443});
  put16(to + tcp_at + 2, packet.from_client ? std::uint16_t{443} : client_port);
  put32(to + tcp_at + 4, state.sequence[from]);
  put32(to + tcp_at + 8, state.step == 0 ? 0 : state.sequence[1 - from]);
  state.sequence[from] += packet.advance;
  if (state.step > 4 && packet.bytes.size() >= payload_at + 8) {
    const std::uint64_t number = state.step;
    std::memcpy(to + payload_at, &number, sizeof(number));
  }
}

std::size_t Conversations::generate(std::span<source::PacketRef> burst) {
  const std::size_t count = std::min<std::size_t>(burst.size(), 64);
  for (std::size_t i = 0; i < count; ++i) {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    const auto index = static_cast<std::uint32_t>((random_ >> 32) * options_.conversations >> 32);
    State& state = states_[index];
    if (state.step == 0) ++begun_;
    std::uint8_t* to = &buffers_[packets_ % buffers * buffer_bytes];
    const auto length = static_cast<std::uint32_t>(script_of(index)[state.step].bytes.size());
    write(to, index, state);
    burst[i] = {to,
                length,
                length,
                {options_.start.nanoseconds + packets_ * ns_between_packets_of_one / options_.conversations},
                nullptr};
    ++packets_;
    if (++state.step == options_.packets) {
      ++finished_;
      state = {state.generation + 1, 0, {state.generation * 7919, state.generation * 104729}};
    }
  }
  return count;
}

}  // namespace iris::support
