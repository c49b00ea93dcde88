// Openings and closings, each a list of packets with what is to be noticed at each.
#include "daemon/conn/tcp_state.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <ostream>
#include <string>
#include <vector>

namespace iris::conn {

// For messages of failed comparisons.
std::ostream& operator<<(std::ostream& out, const TcpChange& change) {
  return out << "{handshake " << change.handshake_completed << ", midstream " << change.midstream << ", turned "
             << change.turned << ", closed " << static_cast<int>(change.closed) << ", reopened " << change.reopened
             << ", stray reset " << change.stray_reset << "}";
}

namespace {

using namespace tcp_flag;

constexpr TcpChange nothing{};
constexpr TcpChange handshake{.handshake_completed = true};
constexpr TcpChange midstream{.midstream = true};
constexpr TcpChange closed{.closed = TcpClose::fin};
constexpr TcpChange reset{.closed = TcpClose::rst};
constexpr TcpChange reopened{.reopened = true};
constexpr TcpChange turned{.midstream = true, .turned = true};
constexpr TcpChange stray{.stray_reset = true};

struct Step {
  TcpHeader header;
  TcpChange expected;
};

struct Numbers {
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint32_t payload = 0;
  std::uint16_t window = 0;
};

// From the originator, from the responder.
Step o(int flags, Numbers numbers, TcpChange expected = nothing) {
  return {{numbers.sequence, numbers.acknowledgement, numbers.payload, static_cast<std::uint8_t>(flags),
           Direction::FromOriginator, numbers.window},
          expected};
}
Step r(int flags, Numbers numbers, TcpChange expected = nothing) {
  Step step = o(flags, numbers, expected);
  step.header.direction = Direction::FromResponder;
  return step;
}

struct Case {
  const char* name;
  std::vector<Step> steps;
  TcpPhase phase;
};

std::vector<Step> operator+(std::vector<Step> steps, const std::vector<Step>& more) {
  steps.insert(steps.end(), more.begin(), more.end());
  return steps;
}

const std::vector<Step> opened = {
    o(syn, {100}),
    r(syn | ack, {900, 101}),
    o(ack, {101, 901}, handshake),
};
const std::vector<Step> closed_by_fin = opened + std::vector{
                                                     o(fin | ack, {101, 901}),
                                                     r(fin | ack, {901, 102}),
                                                     o(ack, {102, 902}, closed),
                                                 };

const Case cases[] = {
    {"opens", opened, TcpPhase::established},
    {"opens around the end of the sequence space",
     {o(syn, {0xffffffff}), r(syn | ack, {0xffffffff, 0}), o(ack, {0, 0}, handshake)},
     TcpPhase::established},
    {"opens with data instead of a pure acknowledgement",
     {o(syn, {100}), r(syn | ack, {900, 101}), o(ack | psh, {101, 901, 50}, handshake)},
     TcpPhase::established},
    {"opens with data on the SYN",
     {o(syn, {100, 0, 20}), r(syn | ack, {900, 121}), o(ack, {121, 901}, handshake)},
     TcpPhase::established},
    {"opens after doubled packets",
     {o(syn, {100}), o(syn, {100}), r(syn | ack, {900, 101}), r(syn | ack, {900, 101}), o(ack, {101, 901}, handshake),
      o(ack, {101, 901})},
     TcpPhase::established},
    {"opens simultaneously",
     {o(syn, {100}), r(syn, {900}), o(syn | ack, {100, 901}), r(syn | ack, {900, 101}, handshake)},
     TcpPhase::established},
    {"a split handshake is one connection (RFC 9293, 3.5)",
     {o(syn, {100}), r(syn, {900}), o(syn | ack, {100, 901}), r(ack, {901, 101}, handshake)},
     TcpPhase::established},
    {"a second attempt, with another number, is another connection",
     {o(syn, {100}), o(syn, {5000}, reopened)},
     TcpPhase::opening},
    {"the acknowledgement must cover the SYN",
     {o(syn, {100}), r(syn | ack, {900, 101}), o(ack, {101, 900}), o(ack, {101, 901}, handshake)},
     TcpPhase::established},
    // The first packet's direction is exchanged by whoever calls, so its sender is the responder in what follows.
    {"SYN-ACK captured before the SYN",
     {o(syn | ack, {900, 101}, turned), o(syn, {100}), o(ack, {101, 901}, handshake), r(ack, {901, 101})},
     TcpPhase::established},
    {"SYN captured last",
     {o(syn | ack, {900, 101}, turned), o(ack, {101, 901}, handshake), o(syn, {100}), o(ack, {101, 901, 5})},
     TcpPhase::established},
    {"unanswered", {o(syn, {100}), o(syn, {100})}, TcpPhase::opening},
    {"refused", {o(syn, {100}), r(rst | ack, {0, 101}, reset), r(rst | ack, {0, 101})}, TcpPhase::closed_rst},
    {"refused after data on the SYN", {o(syn, {100, 0, 20}), r(rst | ack, {0, 121}, reset)}, TcpPhase::closed_rst},
    {"refused in vain",
     {o(syn, {100}), r(rst | ack, {0, 100}, stray), r(rst | ack, {0, 102}, stray), r(rst, {0}, stray),
      r(syn | ack, {900, 101}), o(ack, {101, 901}, handshake)},
     TcpPhase::established},
    {"refused once, answered at the second attempt with the same number",
     {o(syn, {100}), r(rst | ack, {0, 101}, reset), o(syn, {100}), r(syn | ack, {900, 101}, reopened)},
     TcpPhase::closed_rst},
    {"given up by its originator", {o(syn, {100}), o(rst, {101}, reset)}, TcpPhase::closed_rst},
    {"given up before the SYN-ACK was acknowledged",
     {o(syn, {100}), r(syn | ack, {900, 101}), r(rst, {901}, reset)},
     TcpPhase::closed_rst},
    {"only one direction is seen",
     {o(syn, {100}), o(ack, {101, 901}), o(ack | psh, {101, 901, 10})},
     TcpPhase::partial},
    {"data before the SYN-ACK was captured",
     {o(syn, {100}), o(ack, {101, 901, 10}), r(syn | ack, {900, 101}, handshake), o(ack, {111, 901})},
     TcpPhase::established},
    {"picked up midstream",
     {r(ack, {901, 101, 5}, midstream), o(ack, {101, 906, 100}), r(ack, {906, 201})},
     TcpPhase::partial},
    {"picked up at the SYN-ACK",
     {o(syn | ack, {900, 101}, turned), r(syn | ack, {900, 101}), o(ack, {101, 901}, handshake)},
     TcpPhase::established},
    {"a packet without flags is midstream", {o(0, {5, 0, 1}, midstream)}, TcpPhase::partial},
    {"a SYN in an open connection means nothing", opened + std::vector{o(syn, {7777}), o(ack, {101, 901, 3})},
     TcpPhase::established},

    {"closes", closed_by_fin, TcpPhase::closed_fin},
    {"closes from the responder's side, with data on the FINs",
     opened + std::vector{r(fin | ack, {901, 101, 1000}), o(ack, {101, 1902}), o(fin | psh | ack, {101, 1902, 7}),
                          r(ack, {1902, 109}, closed)},
     TcpPhase::closed_fin},
    {"closes simultaneously",
     opened + std::vector{o(fin | ack, {101, 901}), r(fin | ack, {901, 101}), o(ack, {102, 902}),
                          r(ack, {902, 102}, closed)},
     TcpPhase::closed_fin},
    {"half open, then closes",
     opened + std::vector{o(fin | ack, {101, 901}), r(ack, {901, 102, 5000}), o(ack, {102, 5901}),
                          r(ack, {5901, 102, 5000}), r(fin | ack, {10901, 102}), o(ack, {102, 10902}, closed)},
     TcpPhase::closed_fin},
    {"an acknowledgement that does not cover the FIN closes nothing",
     opened + std::vector{o(fin | ack, {101, 901}), r(fin | ack, {901, 102}), o(ack, {102, 901})}, TcpPhase::closing},
    {"FIN doubled",
     opened + std::vector{o(fin | ack, {101, 901}), o(fin | ack, {101, 901}), r(ack, {901, 102}),
                          r(fin | ack, {901, 102}), o(ack, {102, 902}, closed)},
     TcpPhase::closed_fin},
    {"the last FIN captured after its acknowledgement",
     opened + std::vector{o(fin | ack, {101, 901}), o(ack, {102, 902}), r(fin | ack, {901, 102}, closed)},
     TcpPhase::closed_fin},
    {"an acknowledgement that goes back takes nothing away",
     opened + std::vector{o(fin | ack, {101, 901}), r(ack, {901, 102}), r(ack, {901, 50}), r(fin | ack, {901, 50}),
                          o(ack, {102, 902}, closed)},
     TcpPhase::closed_fin},
    {"an older acknowledgement does not hide the one that came before its FIN",
     opened + std::vector{o(fin | ack, {101, 901}), o(ack, {102, 902}), o(ack, {102, 901}),
                          r(fin | ack, {901, 102}, closed)},
     TcpPhase::closed_fin},
    {"midstream, then closes",
     {o(ack, {50, 60, 5}, midstream), o(fin | ack, {55, 60}), r(fin | ack, {60, 56}), o(ack, {56, 61}, closed)},
     TcpPhase::closed_fin},
    {"begins with a FIN",
     {r(fin | ack, {60, 56}, midstream), o(fin | ack, {56, 61}), r(ack, {61, 57}, closed)},
     TcpPhase::closed_fin},
    {"handshake and FIN in one packet",
     {o(syn, {100}), r(syn | ack, {900, 101}), o(fin | ack, {101, 901, 9}, handshake), r(fin | ack, {901, 111}),
      o(ack, {111, 902}, closed)},
     TcpPhase::closed_fin},
    {"closes around the end of the sequence space",
     {o(ack, {0xfffffffe, 0xffffffff}, midstream), o(fin | ack, {0xfffffffe, 0xffffffff, 1}),
      r(fin | ack, {0xffffffff, 0}), o(ack, {0, 0}, closed)},
     TcpPhase::closed_fin},
    {"reset", opened + std::vector{r(rst, {901}, reset), o(ack, {101, 901}), r(rst, {901})}, TcpPhase::closed_rst},
    {"reset from within the window, and from just above",
     opened + std::vector{o(ack, {101, 901, 0, 5000}), r(rst, {900}, stray), r(rst, {901 + 5000 + 65536}, stray),
                          r(rst, {901 + 5000 + 65535}, reset)},
     TcpPhase::closed_rst},
    {"a window that shrinks leaves what was offered",
     opened + std::vector{o(ack, {101, 901, 0, 60000}), o(ack, {101, 902, 0, 1}), r(rst, {901 + 60000 + 65535}, reset)},
     TcpPhase::closed_rst},
    {"reset at the end of what was sent, whatever the window",
     opened + std::vector{r(ack, {901 + 500000, 101, 1000}), r(rst, {901 + 501000}, reset)}, TcpPhase::closed_rst},
    {"reset by a number that was acknowledged before is none",
     opened + std::vector{r(ack, {901, 101, 1000}), o(ack, {101, 1901}), r(rst, {901}, stray), r(rst, {1901}, reset)},
     TcpPhase::closed_rst},
    {"reset after the own FIN",
     opened + std::vector{o(fin | ack, {101, 901}), r(ack, {901, 102, 50}), o(rst, {102}, reset)},
     TcpPhase::closed_rst},
    {"one direction only: reset near what was sent",
     {o(syn, {100}), o(ack, {101, 901, 1000}), o(rst, {1101 + 65536}, stray), o(rst, {1101U - 65536}, stray),
      o(rst | ack, {1101, 901}, reset)},
     TcpPhase::closed_rst},
    {"midstream: reset by an end of which nothing is known",
     {o(0, {50, 0, 5}, midstream), r(rst, {123456}, reset)},
     TcpPhase::closed_rst},
    {"midstream: reset outside the window of what was acknowledged",
     {o(ack, {50, 60, 5}, midstream), r(rst, {12345678}, stray), r(rst, {60}, reset)},
     TcpPhase::closed_rst},
    {"a new SYN that the responder refuses ends the old connection",
     opened + std::vector{o(syn, {70000}), r(rst | ack, {0, 70001}, reset), o(syn, {90000}, reopened)},
     TcpPhase::closed_rst},
    {"a new SYN that the responder challenges ends it by the originator's reset",
     opened + std::vector{o(syn, {70000}), r(ack, {901, 101}), o(rst, {101}, reset)}, TcpPhase::closed_rst},
    {"a FIN out of the window closes nothing, and hides no other",
     opened + std::vector{r(fin | ack, {123456789, 101}), o(fin | ack, {101, 901}), r(ack, {901, 102, 10}),
                          r(fin | ack, {911, 102}), o(ack, {102, 912}, closed)},
     TcpPhase::closed_fin},
    {"a FIN out of the window is right where it is acknowledged",
     opened +
         std::vector{r(fin | ack, {123456789, 101}), o(fin | ack, {101, 123456790}), r(ack, {123456790, 102}, closed)},
     TcpPhase::closed_fin},
    {"data and other FINs beyond the FIN change nothing",
     opened + std::vector{o(fin | ack, {101, 901}), r(ack, {901, 102}), o(ack, {102, 901, 50}),
                          o(fin | ack, {152, 901}), r(fin | ack, {901, 102}), o(ack, {102, 902}, closed)},
     TcpPhase::closed_fin},
    {"a FIN that is never acknowledged",
     opened + std::vector{o(fin | ack, {101, 901}), r(fin | ack, {901, 101}), o(fin | ack, {101, 901})},
     TcpPhase::closing},
    {"reset while closing", opened + std::vector{o(fin | ack, {101, 901}), r(rst | ack, {901, 102}, reset)},
     TcpPhase::closed_rst},
    {"begins with a RST", {o(rst, {5}, {.midstream = true, .closed = TcpClose::rst})}, TcpPhase::closed_rst},
    {"SYN with RST is a RST", {o(syn | rst, {5}, reset)}, TcpPhase::closed_rst},
    {"what comes after the end changes nothing",
     closed_by_fin + std::vector{o(ack, {102, 902}), r(fin | ack, {901, 102}), r(rst, {902}), o(ack, {102, 902, 9})},
     TcpPhase::closed_fin},

    {"reopened after its end", closed_by_fin + std::vector{o(syn, {70000}, reopened)}, TcpPhase::closed_fin},
    {"reopened from the other side", closed_by_fin + std::vector{r(syn, {70000}, reopened)}, TcpPhase::closed_fin},
    {"reopened after a reset", opened + std::vector{r(rst, {901}, reset), o(syn, {101}, reopened)},
     TcpPhase::closed_rst},
    {"the same SYN again, late, reopens nothing", closed_by_fin + std::vector{o(syn, {100}), o(syn, {100})},
     TcpPhase::closed_fin},
    {"reopened while open, once the responder agrees",
     opened + std::vector{o(syn, {7777}), o(syn, {7777}), r(syn | ack, {8888, 7778}, reopened)}, TcpPhase::established},
    {"reopened from the other side while open",
     opened + std::vector{r(syn, {7777}), o(syn | ack, {8888, 7778}, reopened)}, TcpPhase::established},
    {"reopened midstream, once the responder agrees",
     {o(ack, {50, 60, 5}, midstream), r(ack, {60, 55}), o(syn, {7000000}), r(syn | ack, {60, 7000001}, reopened)},
     TcpPhase::partial},
    {"a handshake that comes late is its own",
     {o(ack, {101, 901, 50}, midstream), o(syn, {100}), r(syn | ack, {900, 101}, handshake)},
     TcpPhase::established},
    {"one direction only: what follows a new SYN reopens",
     {o(ack, {50, 60, 5}, midstream), o(syn, {7000000}), o(ack, {55, 60, 5}), o(ack, {7000001, 90}, reopened)},
     TcpPhase::partial},
    {"the answer to the first SYN does not reopen",
     opened + std::vector{o(syn, {7777}), r(syn | ack, {900, 101}), r(syn | ack, {8888, 101})}, TcpPhase::established},
    {"reopened while half closed", opened + std::vector{o(fin | ack, {101, 901}), o(syn, {70000}, reopened)},
     TcpPhase::closing},
    {"its own SYN again does not reopen a connection that is closing",
     opened + std::vector{o(fin | ack, {101, 901}), o(syn, {100})}, TcpPhase::closing},
    {"a SYN-ACK does not reopen", closed_by_fin + std::vector{r(syn | ack, {70000, 101})}, TcpPhase::closed_fin},
    {"a SYN captured after the FIN is its own",
     {o(fin | ack, {50, 60, 9}, midstream), o(syn, {49}), o(syn, {49})},
     TcpPhase::closing},
    {"a wrong acknowledgement does not hide that of the FIN",
     opened + std::vector{r(ack, {901, 5000}), o(fin | ack, {101, 901}), r(ack, {901, 102}), r(fin | ack, {901, 102}),
                          o(ack, {102, 902}, closed)},
     TcpPhase::closed_fin},
    {"reopened where the first opening was not seen",
     {o(fin | ack, {50, 60}, midstream), o(syn, {51}, reopened)},
     TcpPhase::closing},
};

TEST(TcpState, Cases) {
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    TcpState state;
    TcpSequences sequences;
    for (std::size_t i = 0; i < test.steps.size(); ++i) {
      EXPECT_EQ(advance(state, sequences, test.steps[i].header), test.steps[i].expected) << "packet " << i;
    }
    EXPECT_EQ(state.phase, test.phase);
  }
}

TEST(TcpState, PacketsInTheMiddleMoveThreeNumbers) {
  TcpState state;
  TcpSequences sequences;
  for (const Step& step : opened) static_cast<void>(advance(state, sequences, step.header));
  const TcpState before = state;
  TcpSequences expected = sequences;
  const Step packets[] = {o(ack, {101, 901, 10, 100}), r(ack, {901, 111, 10, 200}), o(ack, {90, 905, 5, 10}),
                          r(psh | ack, {905, 100, 0, 9})};
  for (const Step& step : packets) EXPECT_EQ(advance(state, sequences, step.header), nothing);
  EXPECT_EQ(state.phase, before.phase);
  EXPECT_EQ(state.seen, before.seen);
  expected.end = {111, 911};
  expected.acknowledged = {905, 111};
  expected.edge = {1001, 311};
  EXPECT_EQ(std::memcmp(&sequences, &expected, sizeof expected), 0);
}

TcpHeader with_scale(Step step, std::uint8_t scale) {
  step.header.window_scale = scale;
  return step.header;
}

TEST(TcpState, WindowsAreScaledWhereBothSynsSaySo) {
  for (const bool answered : {false, true}) {
    TcpState state;
    TcpSequences sequences;
    EXPECT_FALSE(window_shift(sequences, Direction::FromOriginator));
    static_cast<void>(advance(state, sequences, with_scale(o(syn, {100, 0, 0, 1000}), 3)));
    EXPECT_FALSE(window_shift(sequences, Direction::FromOriginator));
    const std::uint8_t scale = answered ? 9 : TcpHeader::no_scale;
    static_cast<void>(advance(state, sequences, with_scale(r(syn | ack, {900, 101, 0, 1000}), scale)));
    EXPECT_EQ(sequences.edge[1], 101U + 1000) << "the window of a SYN is not scaled";
    static_cast<void>(advance(state, sequences, o(ack, {101, 901, 0, 1000}).header));
    EXPECT_EQ(sequences.edge[0], 901U + (answered ? 8000 : 1000));
    EXPECT_EQ(window_shift(sequences, Direction::FromOriginator), answered ? 3 : 0);
    EXPECT_EQ(window_shift(sequences, Direction::FromResponder), answered ? 9 : 0);
  }
}

TEST(TcpState, KnowsWhetherTheSynItselfWasSeen) {
  TcpState state;
  TcpSequences sequences;
  static_cast<void>(advance(state, sequences, o(syn | ack, {900, 101}).header));
  EXPECT_FALSE(saw_opening(sequences));
  static_cast<void>(advance(state, sequences, o(syn, {100}).header));
  EXPECT_TRUE(saw_opening(sequences));
  EXPECT_EQ(acknowledged_by(sequences, Direction::FromResponder), 101U);
  EXPECT_EQ(acknowledged_by(sequences, Direction::FromOriginator), std::nullopt);
}

}  // namespace
}  // namespace iris::conn
