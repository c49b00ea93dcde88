#include "daemon/conn/history.hpp"

#include <gtest/gtest.h>

namespace iris::conn {
namespace {

constexpr auto originator = Direction::FromOriginator;
constexpr auto responder = Direction::FromResponder;
using namespace tcp_flag;

class HistoryTest : public ::testing::Test {
 protected:
  void note(int flags, std::uint32_t payload, Direction direction) {
    history_.note({.payload_length = payload, .flags = static_cast<std::uint8_t>(flags), .direction = direction},
                  record_);
  }
  void note_zero_window(int flags, Direction direction) {
    history_.note({.flags = static_cast<std::uint8_t>(flags), .direction = direction, .zero_window = true}, record_);
  }

  History history_;
  ConnRecord record_;
};

TEST_F(HistoryTest, OrdinaryConnection) {
  note(syn, 0, originator);
  note(syn | ack, 0, responder);
  note(ack, 0, originator);
  note(ack | psh, 100, originator);
  note(ack, 0, responder);
  note(ack, 1400, responder);
  note(ack, 1400, responder);
  note(ack, 0, originator);
  note(fin | ack, 0, responder);
  note(fin | ack, 30, originator);
  EXPECT_EQ(record_.history(), "ShADadfF");
}

TEST_F(HistoryTest, DatagramsAreData) {
  note(0, 10, originator);
  note(0, 0, responder);
  note(0, 20, responder);
  EXPECT_EQ(record_.history(), "Dd");
}

TEST_F(HistoryTest, ContradictoryFlags) {
  note(syn | fin, 0, originator);
  note(syn | rst, 0, originator);
  note(fin | rst | ack, 5, responder);
  note(syn | fin | rst | ack, 5, originator);
  EXPECT_EQ(record_.history(), "QiI");
}

TEST_F(HistoryTest, TurnedRoundComesFirstAndOnce) {
  history_.note_turned(record_);
  history_.note_turned(record_);
  note(syn | ack, 0, responder);
  note(ack, 0, originator);
  EXPECT_EQ(record_.history(), "^hA");
}

TEST_F(HistoryTest, RepeatedAndMissedPayload) {
  history_.note({.payload_length = 5, .flags = ack, .direction = originator, .repeated = true}, record_);
  history_.note_gap(responder, record_);
  history_.note_gap(responder, record_);
  history_.note({.payload_length = 5, .flags = ack, .direction = responder, .repeated = true, .bad_checksum = true},
                record_);
  EXPECT_EQ(record_.history(), "DTgdct");
}

TEST_F(HistoryTest, ZeroWindowsThatMatter) {
  note_zero_window(ack, originator);
  note_zero_window(ack, originator);
  note_zero_window(rst, responder);
  note_zero_window(ack, responder);
  EXPECT_EQ(record_.history(), "AWra") << "not with, nor after, one's own RST";
}

TEST_F(HistoryTest, ZeroWindowAfterTheOtherEndsFinIsNone) {
  note(fin | ack, 0, responder);
  note_zero_window(ack, originator);
  note_zero_window(ack, responder);
  EXPECT_EQ(record_.history(), "fAaw") << "one's own FIN says nothing about what one takes";
}

TEST_F(HistoryTest, AllLettersFit) {
  history_.note_turned(record_);
  for (int round = 0; round < 2; ++round) {
    for (const Direction direction : {originator, responder}) {
      history_.note({.payload_length = 1, .flags = ack, .direction = direction, .repeated = true, .bad_checksum = true},
                    record_);
      if (direction == originator) note_zero_window(ack, responder);
      note_zero_window(ack, direction);
      history_.note_gap(direction, record_);
      for (const int flags : {int{syn}, syn | ack, int{fin}, int{rst}, fin | rst, syn | fin}) note(flags, 0, direction);
    }
  }
  EXPECT_EQ(record_.history(), "^DCTawAWGSHFRIQdctgshfriq");
}

}  // namespace
}  // namespace iris::conn
