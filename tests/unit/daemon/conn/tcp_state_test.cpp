// Openings and closings, each a list of packets with what is to be noticed at each.
#include "daemon/conn/tcp_state.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace iris::conn {

// For messages of failed comparisons.
std::ostream& operator<<(std::ostream& out, const TcpChange& change) {
  return out << "{handshake " << change.handshake_completed << ", midstream " << change.midstream << ", closed "
             << static_cast<int>(change.closed) << ", reopened " << change.reopened << "}";
}

namespace {

using namespace tcp_flag;

constexpr TcpChange nothing{};
constexpr TcpChange handshake{.handshake_completed = true};
constexpr TcpChange midstream{.midstream = true};
constexpr TcpChange closed{.closed = TcpClose::fin};
constexpr TcpChange reset{.closed = TcpClose::rst};
constexpr TcpChange reopened{.reopened = true};

struct Step {
  TcpHeader header;
  TcpChange expected;
};

struct Numbers {
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint32_t payload = 0;
};

// From the originator, from the responder.
Step o(int flags, Numbers numbers, TcpChange expected = nothing) {
  return {{numbers.sequence, numbers.acknowledgement, numbers.payload, static_cast<std::uint8_t>(flags),
           Direction::FromOriginator},
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
    {"opens at the second attempt, with another number",
     {o(syn, {100}), o(syn, {5000}), r(syn | ack, {900, 5001}), o(ack, {5001, 901}, handshake)},
     TcpPhase::established},
    {"an answer to the first of two attempts is none",
     {o(syn, {100}), o(syn, {5000}), r(syn | ack, {900, 101}), o(ack, {101, 901})},
     TcpPhase::opening},
    {"the acknowledgement must cover the SYN",
     {o(syn, {100}), r(syn | ack, {900, 101}), o(ack, {101, 900}), o(ack, {101, 901}, handshake)},
     TcpPhase::established},
    {"SYN-ACK captured before the SYN",
     {o(syn | ack, {900, 101}, midstream), r(syn, {100}), r(ack, {101, 901}), o(ack, {901, 101}, handshake)},
     TcpPhase::established},
    {"unanswered", {o(syn, {100}), o(syn, {100})}, TcpPhase::opening},
    {"refused", {o(syn, {100}), r(rst | ack, {0, 101}, reset), r(rst | ack, {0, 101})}, TcpPhase::closed_rst},
    {"only one direction is seen",
     {o(syn, {100}), o(ack, {101, 901}), o(ack | psh, {101, 901, 10})},
     TcpPhase::partial},
    {"data before the SYN-ACK was captured",
     {o(syn, {100}), o(ack, {101, 901, 10}), r(syn | ack, {900, 101}), o(ack, {111, 901}, handshake)},
     TcpPhase::established},
    {"picked up midstream",
     {r(ack, {901, 101, 5}, midstream), o(ack, {101, 906, 100}), r(ack, {906, 201})},
     TcpPhase::partial},
    {"picked up at the SYN-ACK", {r(syn | ack, {900, 101}, midstream), o(ack, {101, 901})}, TcpPhase::opening},
    {"a packet without flags is midstream", {o(0, {5, 0, 1}, midstream)}, TcpPhase::partial},
    {"a SYN in an open connection means nothing",
     opened + std::vector{o(syn, {7777}), r(syn | ack, {8888, 7778}), o(ack, {101, 901, 3})}, TcpPhase::established},

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
    {"reset while closing", opened + std::vector{o(fin | ack, {101, 901}), r(rst | ack, {901, 102}, reset)},
     TcpPhase::closed_rst},
    {"begins with a RST", {o(rst, {5}, {.midstream = true, .closed = TcpClose::rst})}, TcpPhase::closed_rst},
    {"SYN with RST is a RST", {o(syn | rst, {5}, reset)}, TcpPhase::closed_rst},
    {"what comes after the end changes nothing",
     closed_by_fin + std::vector{o(ack, {102, 902}), r(fin | ack, {901, 102}), r(rst, {902}), o(ack, {102, 902, 9})},
     TcpPhase::closed_fin},

    {"reopened after its end", closed_by_fin + std::vector{o(syn, {70000}, reopened)}, TcpPhase::closed_fin},
    {"reopened from the other side", closed_by_fin + std::vector{r(syn, {70000}, reopened)}, TcpPhase::closed_fin},
    {"reopened after a reset", opened + std::vector{r(rst, {901}, reset), o(syn, {100}, reopened)},
     TcpPhase::closed_rst},
    {"reopened while half closed", opened + std::vector{o(fin | ack, {101, 901}), o(syn, {70000}, reopened)},
     TcpPhase::closing},
    {"its own SYN again does not reopen a connection that is closing",
     opened + std::vector{o(fin | ack, {101, 901}), o(syn, {100})}, TcpPhase::closing},
    {"a SYN-ACK does not reopen", closed_by_fin + std::vector{r(syn | ack, {70000, 101})}, TcpPhase::closed_fin},
    {"reopened where the first opening was not seen",
     {o(fin | ack, {50, 60}, midstream), o(syn, {49}, reopened)},
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

TEST(TcpState, PacketsInTheMiddleLeaveSequencesAlone) {
  TcpState state;
  TcpSequences sequences;
  for (const Step& step : opened) static_cast<void>(advance(state, sequences, step.header));
  // Were they read, the acknowledgements would be compared with this.
  sequences.after_syn = {0xdeadbeef, 0xdeadbeef};
  sequences.after_fin = {0xdeadbeef, 0xdeadbeef};
  const TcpState before = state;
  for (const Step& step : {o(ack, {101, 901, 10}), r(ack, {901, 111, 10}), r(psh | ack, {911, 111, 0})}) {
    EXPECT_EQ(advance(state, sequences, step.header), nothing);
  }
  EXPECT_EQ(state.phase, before.phase);
  EXPECT_EQ(state.seen, before.seen);
  EXPECT_EQ(sequences.after_syn[0], 0xdeadbeef);
  EXPECT_FALSE(sequences.has_acked[0] || sequences.has_acked[1]);
}

}  // namespace
}  // namespace iris::conn
