#include "parsers/ssh/parser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsers/ssh/schema.hpp"
#include "tests/unit/parsers/session_run.hpp"
#include "tests/unit/parsers/ssh/describe.hpp"

namespace iris::parsers::ssh {
namespace {

using test::Bytes;
using test::bytes_of;
using test::client;
using test::server;
using testing::ElementsAre;
using testing::IsEmpty;

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
Bytes u32(std::size_t value) {
  return {static_cast<std::uint8_t>(value >> 24U), static_cast<std::uint8_t>(value >> 16U),
          static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)};
}
Bytes string(const Bytes& bytes) { return u32(bytes.size()) + bytes; }
Bytes packet(std::uint8_t type, const Bytes& body) {
  const Bytes payload = Bytes{type} + body;
  constexpr std::size_t padding = 6;
  return u32(1 + payload.size() + padding) + Bytes{padding} + payload + Bytes(padding, 0xee);
}
Bytes kexinit(std::initializer_list<std::string_view> lists) {
  Bytes body(16, 0xc0);
  for (const std::string_view list : lists) body = body + string(bytes_of(list));
  return packet(20, body + Bytes{0} + Bytes(4, 0));
}

const Bytes client_line = bytes_of("SSH-2.0-Client_1.0 a comment\r\n");
const Bytes server_line = bytes_of("SSH-2.0-Server_2.0\n");
const Bytes client_kex =
    kexinit({"curve,group", "ssh-ed25519,rsa", "aes,chacha", "x,y", "mac1,mac2", "mac3", "none,zlib", "none", "", ""});
const Bytes server_kex =
    kexinit({"group,curve", "rsa", "chacha,aes", "y,x", "mac2,mac1", "mac3", "zlib,none", "none", "", "en"});
const Bytes host_key = string(bytes_of("ssh-rsa")) + string(Bytes(20, 7));
const Bytes reply = packet(31, string(host_key) + string(Bytes(32, 1)) + string(Bytes(40, 2)));
const Bytes newkeys = packet(21, {});

class SshRun : public test::SessionRun<SshHandshake> {
 public:
  explicit SshRun(std::size_t cap = std::size_t{256} << 10U)
      : SessionRun(protocol, test::tuple_over(Transport::Tcp, 22), &parsers::test::describe, cap) {}
};

// printf 'curve,group;aes,chacha;mac1,mac2;none,zlib' | md5sum
constexpr std::string_view whole =
    "SSH-2.0-Client_1.0 a comment|SSH-2.0-Server_2.0|Client_1.0|a comment|curve|rsa|aes|mac1|none|"
    "74f68de10d2558758461de30eec4f231|c541fda3e594470611c42689d28bd1f3|SHA256:sdpec4DJeQfeVighTZzb30yGe3L9lbV/"
    "5z+9QxGvh30|1819|complete";

TEST(Ssh, AnyCutSaysTheSame) {
  const std::vector<test::Sent> dialogue{
      {server, bytes_of("Welcome\r\n") + server_line}, {client, client_line + client_kex}, {server, server_kex},
      {client, packet(30, string(Bytes(32, 3)))},      {server, reply + newkeys},          {client, newkeys}};
  test::cut_everywhere<SshHandshake>(protocol, test::tuple_over(Transport::Tcp, 22), &parsers::test::describe, dialogue,
                                     [](auto& run) {
                                       ASSERT_THAT(run.ended(), ElementsAre(std::string(whole)));
                                       ASSERT_EQ(run.begun().size(), 1U);
                                     });
}

TEST(Ssh, ServerMayBeSeenFirst) {
  SshRun run;
  run.feed(server, server_line + server_kex + reply + newkeys);
  EXPECT_THAT(run.begun(), IsEmpty());
  run.feed(client, client_line + client_kex);
  EXPECT_THAT(run.ended(), ElementsAre(std::string(whole)));
}

TEST(Ssh, CiphersThatAuthenticateHaveNoMac) {
  const auto kex = [](std::string_view ciphers) {
    return kexinit({"curve", "rsa", ciphers, ciphers, "mac1", "mac1", "none", "none", "", ""});
  };
  for (const auto& [ciphers, chosen] : {std::pair{"aes128-gcm@openssh.com,aes", "aes128-gcm@openssh.com|-|none"},
                                        std::pair{"aes,aes128-gcm@openssh.com", "aes|mac1|none"}}) {
    SshRun run;
    run.feed(client, client_line + kex(ciphers));
    run.feed(server, server_line + kex("aes128-gcm@openssh.com,aes"));
    ASSERT_EQ(run.begun().size(), 1U);
    EXPECT_THAT(run.begun().front(), testing::HasSubstr(std::string("|curve|rsa|") + chosen + "|"));
  }
}

TEST(Ssh, EndsIncompleteWithWhatThereIs) {
  SshRun run;
  run.feed(client, client_line);
  run.finish();
  ASSERT_EQ(run.ended().size(), 1U);
  EXPECT_THAT(run.ended().front(), testing::StartsWith("SSH-2.0-Client_1.0 a comment|-|"));
  EXPECT_THAT(run.ended().front(), testing::EndsWith("incomplete"));
}

TEST(Ssh, VersionOneHasLinesOnly) {
  SshRun run;
  run.feed(server, bytes_of("SSH-1.5-old\n"));
  run.feed(client, bytes_of("SSH-1.5-older\n"));
  ASSERT_EQ(run.ended().size(), 1U);
  EXPECT_THAT(run.ended().front(), testing::StartsWith("SSH-1.5-older|SSH-1.5-old|older|"));
}

TEST(Ssh, GapsEndADirection) {
  SshRun run;
  run.feed(client, client_line + client_kex);
  run.feed(server, server_line);
  run.feed(server, {}, 1000);
  EXPECT_THAT(run.begun(), IsEmpty());
  run.feed(client, packet(30, string(Bytes(32, 3))) + newkeys);
  ASSERT_EQ(run.ended().size(), 1U);
  EXPECT_THAT(run.ended().front(), testing::EndsWith("incomplete"));

  SshRun nothing;
  nothing.feed(client, {}, 1);
  nothing.feed(server, {}, 1);
  EXPECT_EQ(nothing.status(), Status::gave_up);
}

TEST(Ssh, MalformedPacketsEndADirection) {
  for (const Bytes& bad :
       {u32(0) + Bytes{0, 20}, u32(0xffffffff) + Bytes{4, 20}, u32(30) + Bytes{4, 200} + Bytes(28, 0),
        packet(20, Bytes(16, 1)), packet(20, Bytes(16, 1) + u32(0xffffff)), Bytes(200, 0xff)}) {
    SshRun run;
    run.feed(client, client_line + bad);
    run.feed(server, server_line + bad);
    run.finish();
    ASSERT_EQ(run.ended().size(), 1U);
    EXPECT_THAT(run.ended().front(), testing::EndsWith("incomplete"));
  }
}

TEST(Ssh, AnyCapHolds) {
  for (std::size_t cap = 0; cap < 6000; cap += 7) {
    SshRun run(cap);
    if (!run.created()) continue;
    run.feed(client, client_line + client_kex);
    run.feed(server, server_line + server_kex + reply);
    run.finish();
    EXPECT_LE(run.arena().used(), cap);
  }
  SshRun endless;
  for (int i = 0; i < 100; ++i) endless.feed(client, Bytes(5000, 'x'));
  EXPECT_LT(endless.arena().used(), 8192U);
}

TEST(SshProbe, Decides) {
  const FiveTuple tuple = test::tuple_over(Transport::Tcp, 22);
  const auto probe_of = [&](std::string_view text) {
    const Bytes sent = bytes_of(text);
    return protocol.probe({.tuple = tuple, .sent = {sent}, .datagrams = {}, .latest = client});
  };
  EXPECT_EQ(probe_of("SSH-2.0-x"), Probe::match);
  EXPECT_EQ(probe_of("SSH-1.99"), Probe::match);
  for (const char* text : {"", "S", "SSH-", "SSH-2"}) EXPECT_EQ(probe_of(text), Probe::not_yet) << text;
  for (const char* text : {"GET /", "SSH_2.0-", "SSH-3.0", "ssh-2.0"})
    EXPECT_EQ(probe_of(text), Probe::no_match) << text;
}

}  // namespace
}  // namespace iris::parsers::ssh
