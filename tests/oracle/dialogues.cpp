#include "tests/oracle/dialogues.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "tests/support/quic_initial.hpp"

namespace iris::oracle {
namespace {

std::string u8(std::size_t value) { return {static_cast<char>(value & 0xff)}; }
std::string u16(std::size_t value) { return u8(value >> 8) + u8(value); }
std::string u24(std::size_t value) { return u8(value >> 16) + u16(value); }
std::string u32(std::size_t value) { return u16(value >> 16) + u16(value); }
std::string with_u8(const std::string& bytes) { return u8(bytes.size()) + bytes; }
std::string with_u16(const std::string& bytes) { return u16(bytes.size()) + bytes; }
std::string with_u32(const std::string& bytes) { return u32(bytes.size()) + bytes; }

std::string_view host(Random& random) {
  return random.of({"example.test", "www.example.test", "w2.example.test", "a.b.example.test", "notexample.test",
                    "cdn.nflx.test", "nflx.test", "WWW.Example.TEST"});
}

namespace quic {

using namespace parsers::quic::test;

Bytes bytes(const std::string& text) { return {text.begin(), text.end()}; }
std::string text(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }
Bytes part(const Bytes& bytes, std::size_t at, std::size_t longest) {
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  return {begin, begin + static_cast<std::ptrdiff_t>(std::min(longest, bytes.size() - at))};
}

}  // namespace quic

std::string noise(Random& random, std::size_t most) {
  std::string bytes(random.between(1, most), ' ');
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}

// ---- TLS (RFC 8446) ---------------------------------------------------------------------------------------------

std::string extension(std::size_t type, const std::string& body) { return u16(type) + with_u16(body); }

std::string numbers(const std::vector<int>& list) {
  std::string bytes;
  for (const int number : list) bytes += u16(static_cast<std::size_t>(number));
  return bytes;
}

std::string names(const std::vector<std::string_view>& list) {
  std::string bytes;
  for (const std::string_view name : list) bytes += with_u8(std::string(name));
  return bytes;
}

std::string message(std::size_t type, const std::string& body) { return u8(type) + u24(body.size()) + body; }
std::string record(const std::string& message) { return u8(22) + u16(0x0301) + with_u16(message); }

std::string client_hello(Random& random, const std::string& more = {}) {
  std::string extensions = more;
  if (!random.one_in(5)) extensions += extension(0, with_u16(u8(0) + with_u16(std::string(host(random)))));
  if (const auto alpn = random.some<std::string_view>({"h2", "http/1.1", "acme-tls/1"}); !alpn.empty())
    extensions += extension(16, with_u16(names(alpn)));
  if (const auto versions = random.some({0x0304, 0x0303, 0x0301}); !versions.empty())
    extensions += extension(43, with_u8(numbers(versions)));
  if (const auto groups = random.some({29, 23, 24}); !groups.empty())
    extensions += extension(10, with_u16(numbers(groups)));
  if (const auto schemes = random.some({0x0403, 0x0804}); !schemes.empty())
    extensions += extension(13, with_u16(numbers(schemes)));
  if (random.one_in(4)) extensions += extension(0xfe0d, std::string(8, 'e'));
  std::vector<int> ciphers = random.some({0x1301, 0x1302, 0xc02f, 0x009c});
  if (ciphers.empty()) ciphers.push_back(0x1301);
  const std::size_t version = random.one_in(4) ? 0x0302 : 0x0303;
  return message(1, u16(version) + std::string(32, 'r') + with_u8("") + with_u16(numbers(ciphers)) + with_u8(u8(0)) +
                        with_u16(extensions));
}

std::string server_hello(Random& random) {
  std::string extensions;
  if (random.one_in(2)) extensions += extension(43, u16(0x0304)) + extension(51, u16(29) + with_u16("key"));
  if (random.one_in(2)) extensions += extension(16, with_u16(with_u8(std::string(random.of({"h2", "http/1.1"})))));
  const std::size_t cipher = static_cast<std::size_t>(random.of(std::vector{0x1301, 0x1302, 0xc02f}));
  return message(2, u16(0x0303) + std::string(32, 's') + with_u8("") + u16(cipher) + u8(0) + with_u16(extensions));
}

// ---- HTTP -------------------------------------------------------------------------------------------------------

struct Exchange {
  std::string request;
  std::string response;
};

Exchange http_exchange(Random& random) {
  const std::string method(random.of({"GET", "POST", "HEAD", "PUT"}));
  Exchange exchange;
  exchange.request = method + " " +
                     std::string(random.of({"/", "/index.html", "/api/v1/items", "/api/v2?x=1", "/video/a.mp4"})) +
                     (random.one_in(6) ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  if (!random.one_in(6)) exchange.request += fmt::format("Host: {}\r\n", host(random));
  if (random.one_in(2))
    exchange.request += fmt::format("User-Agent: {}\r\n", random.of({"curl/8.1", "Mozilla/5.0", ""}));
  if (random.one_in(4)) exchange.request += fmt::format("Referer: http://{}/\r\n", host(random));
  if (random.one_in(4)) exchange.request += "Cookie: id=7\r\n";
  const bool body = method == "POST" || method == "PUT";
  const std::string content(body ? random.below(40) : 0, 'b');
  if (body) exchange.request += fmt::format("Content-Type: text/plain\r\nContent-Length: {}\r\n", content.size());
  exchange.request += "\r\n" + content;

  const std::string_view status = random.of({"200 OK", "404 Not Found", "301 Moved Permanently", "500 Oops", "204 "});
  const std::string answer(status.starts_with("2") && !status.starts_with("204") ? random.below(60) : 0, 'a');
  exchange.response = fmt::format("HTTP/1.1 {}\r\n", status);
  if (random.one_in(2))
    exchange.response += fmt::format("Server: {}\r\n", random.of({"nginx", "nginx/1.22", "Apache"}));
  if (status.starts_with("301")) exchange.response += fmt::format("Location: http://{}/\r\n", host(random));
  if (!answer.empty())
    exchange.response += fmt::format("Content-Type: {}\r\n", random.of({"text/html", "video/mp4", "text/plain"}));
  const bool chunked = !answer.empty() && method != "HEAD" && random.one_in(4);
  if (chunked) {
    exchange.response +=
        fmt::format("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n", answer.size(), answer);
  } else {
    exchange.response += fmt::format("Content-Length: {}\r\n\r\n", answer.size());
    if (method != "HEAD") exchange.response += answer;
  }
  return exchange;
}

// ---- SSH (RFC 4253) ---------------------------------------------------------------------------------------------

std::string ssh_packet(std::size_t type, const std::string& body) {
  constexpr std::size_t padding = 6;
  return u32(2 + body.size() + padding) + u8(padding) + u8(type) + body + std::string(padding, 'p');
}

std::string kexinit(Random& random) {
  const auto list = [&](std::string_view first, std::string_view second) {
    const std::string both = std::string(first) + "," + std::string(second);
    return with_u32(random.one_in(3) ? std::string(random.of({first, second})) : both);
  };
  std::string body(16, 'c');
  body += list("curve25519-sha256", "ecdh-sha2-nistp256") + list("ssh-ed25519", "rsa-sha2-512");
  body += list("aes128-ctr", "chacha20-poly1305@openssh.com") + list("aes128-ctr", "aes256-gcm@openssh.com");
  body += list("hmac-sha2-256", "hmac-sha1") + list("hmac-sha2-256", "hmac-sha1");
  body += list("none", "zlib") + list("none", "zlib") + with_u32("") + with_u32("");
  return ssh_packet(20, body + u8(0) + u32(0));
}

// ---- MQTT (OASIS, 3.1.1) ----------------------------------------------------------------------------------------

std::string mqtt_packet(std::size_t first, const std::string& body) { return u8(first) + u8(body.size()) + body; }

std::string mqtt_connect(Random& random) {
  const bool user = random.one_in(2);
  std::string body = with_u16("MQTT") + u8(4) + u8((user ? 0x80U : 0U) + (random.one_in(2) ? 2U : 0U));
  body +=
      u16(random.of(std::vector<std::size_t>{10, 60, 300})) + with_u16(std::string(random.of({"sensor-1", "hub", ""})));
  if (user) body += with_u16(std::string(random.of({"ann", "bob"})));
  return mqtt_packet(0x10, body);
}

std::string mqtt_publish(Random& random, std::size_t quality, std::size_t id) {
  std::string body = with_u16(std::string(random.of({"home/t1", "home/t2", "lab/door"})));
  if (quality != 0) body += u16(id);
  return mqtt_packet(0x30 + 2 * quality + random.below(2), body + std::string(random.of({"on", "off", "21.5"})));
}

// ---- DNS (RFC 1035) ---------------------------------------------------------------------------------------------

std::string dns_name(std::string_view name) {
  std::string bytes;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    bytes += with_u8(std::string(label));
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  return bytes + u8(0);
}

struct DnsExchange {
  std::string query;
  std::string answer;
};

DnsExchange dns_exchange(Random& random) {
  const std::string id = u16(random.of(std::vector<std::size_t>{1, 7, 4660, 65535}));
  const std::size_t type = random.of(std::vector<std::size_t>{1, 28, 15});
  const std::string question = dns_name(host(random)) + u16(type) + u16(1);
  const std::size_t flags = random.one_in(3) ? 0U : 0x0100U;
  const std::size_t code = random.one_in(3) ? 3 : 0;
  const std::size_t answers = code == 0 && type == 1 ? random.below(3) : 0;
  DnsExchange exchange;
  exchange.query = id + u16(flags) + u16(1) + u16(0) + u16(0) + u16(0) + question;
  exchange.answer = id + u16(0x8080U | flags | code | (random.one_in(4) ? 0x0400U : 0U)) + u16(1) + u16(answers) +
                    u16(0) + u16(0) + question;
  for (std::size_t i = 0; i < answers; ++i)
    exchange.answer += u16(0xc00c) + u16(1) + u16(1) + u32(300) + with_u16(u32(0xc0000201 + random.below(3)));
  return exchange;
}

}  // namespace

Dialogue tls_dialogue(Random& random) {
  Dialogue dialogue{{true, record(client_hello(random))}};
  if (random.one_in(8)) return dialogue;
  dialogue.push_back({false, record(server_hello(random))});
  dialogue.push_back({true, u8(23) + u16(0x0303) + with_u16(std::string(30, 'x'))});
  return dialogue;
}

Dialogue http_dialogue(Random& random) {
  std::vector<Exchange> exchanges;
  for (std::size_t n = random.between(1, 4); n > 0; --n) exchanges.push_back(http_exchange(random));
  Dialogue dialogue;
  if (random.one_in(3)) {  // all requests before all responses
    std::string requests;
    std::string responses;
    for (const Exchange& exchange : exchanges) {
      requests += exchange.request;
      responses += exchange.response;
    }
    return {{true, requests}, {false, responses}};
  }
  for (const Exchange& exchange : exchanges) {
    dialogue.push_back({true, exchange.request});
    if (!random.one_in(10)) dialogue.push_back({false, exchange.response});
  }
  return dialogue;
}

Dialogue tunnel_dialogue(Random& random, const Dialogue& inside) {
  const std::string authority = fmt::format("{}:{}", host(random), random.of({"443", "22", "80"}));
  Dialogue dialogue{{true, fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", authority)}};
  if (random.one_in(8)) {
    dialogue.push_back({false, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"});
    return dialogue;
  }
  dialogue.push_back({false, "HTTP/1.1 200 Connection established\r\n\r\n"});
  dialogue.insert(dialogue.end(), inside.begin(), inside.end());
  return dialogue;
}

Dialogue ssh_dialogue(Random& random) {
  Dialogue dialogue{{true, std::string(random.of({"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH-2.0-paramiko_3\r\n"}))},
                    {false, std::string(random.of({"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH-2.0-dropbear\r\n"}))}};
  if (random.one_in(6)) return dialogue;
  dialogue.push_back({true, kexinit(random)});
  dialogue.push_back({false, kexinit(random)});
  dialogue.push_back({true, ssh_packet(30, with_u32(std::string(32, 'k')))});
  dialogue.push_back(
      {false, ssh_packet(31, with_u32(with_u32("ssh-rsa") + with_u32("key")) + with_u32("f") + with_u32("signature")) +
                  ssh_packet(21, "")});
  dialogue.push_back({true, ssh_packet(21, "")});
  return dialogue;
}

Dialogue mqtt_dialogue(Random& random) {
  Dialogue dialogue{{true, mqtt_connect(random)}, {false, mqtt_packet(0x20, u8(0) + u8(random.one_in(4) ? 4 : 0))}};
  for (std::size_t id = random.below(4); id > 0; --id) {
    const std::size_t quality = random.below(2);
    dialogue.push_back({true, mqtt_publish(random, quality, id)});
    if (quality != 0 && !random.one_in(5)) dialogue.push_back({false, mqtt_packet(0x40, u16(id))});
  }
  if (random.one_in(3)) dialogue.push_back({true, mqtt_packet(0x82, u16(9) + with_u16("home/+") + u8(1))});
  return dialogue;
}

Dialogue dns_dialogue(Random& random) {
  std::vector<DnsExchange> exchanges;
  for (std::size_t n = random.between(1, 4); n > 0; --n) exchanges.push_back(dns_exchange(random));
  Dialogue dialogue;
  const bool at_once = random.one_in(3);
  for (const DnsExchange& exchange : exchanges) {
    dialogue.push_back({true, exchange.query});
    if (!at_once && !random.one_in(4)) dialogue.push_back({false, exchange.answer});
  }
  for (const DnsExchange& exchange : exchanges) {
    if (at_once && !random.one_in(4)) dialogue.push_back({false, exchange.answer});
  }
  return dialogue;
}

// What the client says comes in one to three Initials, in any order.
Dialogue quic_dialogue(Random& random) {
  struct Version {
    std::uint32_t number;
    std::string salt;
  };
  static const std::vector<Version> versions{{1, "38762cf7f55934b34d179ae6a4c80cadccbb7f0a"},
                                             {1, "38762cf7f55934b34d179ae6a4c80cadccbb7f0a"},
                                             {0x6b3343cf, "0dede3def700a6db819381be6e269dcbf9bd2ed9"},
                                             {0xff00001d, "afbfec289993d24c9e9786f19c6111e04390a899"}};
  const Version& version = random.of(versions);
  const auto id = [&](std::size_t least) { return quic::bytes(std::string(random.between(least, 12), 'i')); };
  quic::Initial client;
  client.version = version.number;
  client.salt = version.salt;
  client.v2 = version.number == 0x6b3343cf;
  client.key_dcid = client.dcid = id(8);
  client.scid = random.one_in(2) ? quic::Bytes{} : id(1);
  client.pad_to = random.one_in(4) ? 1200 : 900;
  const auto hello = quic::bytes(client_hello(random, random.one_in(4) ? "" : extension(57, u8(1) + with_u8("ab"))));
  Dialogue dialogue;
  const auto initials = [&] {
    const std::size_t longest = 1 + hello.size() / random.between(1, 3);
    std::vector<std::string> packets;
    for (std::size_t at = 0; at < hello.size(); at += longest) {
      packets.push_back(quic::text(client.packet(quic::crypto(at, quic::part(hello, at, longest)))));
      ++client.number;
    }
    if (random.one_in(3)) std::ranges::reverse(packets);
    for (std::string& packet : packets) dialogue.push_back({true, std::move(packet)});
  };
  initials();
  quic::Initial server = client;
  server.from_client = false;
  server.dcid = client.scid;
  server.scid = id(1);
  server.pad_to = 0;
  server.number = 0;
  if (random.one_in(6)) {  // Retry (RFC 9000, 17.2.5): once more, with other keys
    client.key_dcid = client.dcid = id(8);
    client.token = quic::Bytes(24, 3);
    const auto first = static_cast<std::uint8_t>(client.v2 ? 0xc0 : 0xf0);
    dialogue.push_back({false, u8(first) + u32(version.number) + with_u8(quic::text(client.scid)) +
                                   with_u8(quic::text(client.dcid)) + std::string(40, 't')});
    initials();
    server.key_dcid = client.key_dcid;
  }
  if (random.one_in(6)) return dialogue;
  dialogue.push_back({false, quic::text(server.packet(quic::crypto(0, quic::bytes(server_hello(random)))))});
  for (std::size_t n = random.below(4); n > 0; --n)
    dialogue.push_back({random.one_in(2), u8(0x40 + random.below(64)) + noise(random, 60)});
  return dialogue;
}

Dialogue stream_dialogue(Random& random) {
  switch (random.below(4)) {
    case 0:
      return {{false, "220 mail.example.test ESMTP ready\r\n"}, {true, "EHLO client\r\n"}, {false, "250 hello\r\n"}};
    case 1:
      return {{false, "+OK POP3 ready\r\n"}, {true, "USER ann\r\n"}, {false, "+OK\r\n"}};
    case 2:
      return {{true, "*1\r\n$4\r\nPING\r\n"}, {false, "+PONG\r\n"}};
    default:
      return {{false, "* OK IMAP4rev1 ready\r\n"}, {true, "a1 LOGIN ann x\r\n"}, {false, "a1 OK done\r\n"}};
  }
}

Dialogue datagram_dialogue(Random& random) {
  if (random.one_in(2)) {
    const std::string rest(47, '\0');
    return {{true, u8(0x23) + rest}, {false, u8(0x24) + u8(2) + rest.substr(1)}};
  }
  const std::string body = u32(0x2112a442) + std::string(12, 't');
  return {{true, u16(0x0001) + u16(0) + body}, {false, u16(0x0101) + u16(0) + body}};
}

Dialogue garbage(Random& random) {
  Dialogue dialogue;
  for (std::size_t n = random.between(1, 6); n > 0; --n) dialogue.push_back({random.one_in(2), noise(random, 80)});
  return dialogue;
}

void spoil(Random& random, Dialogue& dialogue) {
  std::string& bytes = dialogue[random.below(dialogue.size())].bytes;
  const std::string other = noise(random, 20);
  const std::size_t at = random.below(bytes.size());
  bytes.replace(at, std::min(other.size(), bytes.size() - at), other, 0, std::min(other.size(), bytes.size() - at));
}

}  // namespace iris::oracle
