#include "daemon/conn/history.hpp"

#include <gtest/gtest.h>

namespace iris::conn {
namespace {

constexpr auto originator = Direction::FromOriginator;
constexpr auto responder = Direction::FromResponder;
using namespace tcp_flag;

TEST(History, OrdinaryConnection) {
  History history;
  ConnRecord record;
  history.note(syn, 0, originator, record);
  history.note(syn | ack, 0, responder, record);
  history.note(ack, 0, originator, record);
  history.note(ack | psh, 100, originator, record);
  history.note(ack, 0, responder, record);
  history.note(ack, 1400, responder, record);
  history.note(ack, 1400, responder, record);
  history.note(ack, 0, originator, record);
  history.note(fin | ack, 0, responder, record);
  history.note(fin | ack, 30, originator, record);
  EXPECT_EQ(record.history(), "ShADadfF");
}

TEST(History, DatagramsAreData) {
  History history;
  ConnRecord record;
  history.note(0, 10, originator, record);
  history.note(0, 0, responder, record);
  history.note(0, 20, responder, record);
  EXPECT_EQ(record.history(), "Dd");
}

TEST(History, ContradictoryFlagsHaveNoLetter) {
  History history;
  ConnRecord record;
  history.note(syn | fin, 0, originator, record);
  history.note(fin | rst | ack, 5, originator, record);
  EXPECT_EQ(record.history(), "");
}

TEST(History, AllLettersFit) {
  History history;
  ConnRecord record;
  for (int round = 0; round < 2; ++round) {
    for (const Direction direction : {originator, responder}) {
      history.note(syn, 0, direction, record);
      history.note(syn | ack, 0, direction, record);
      history.note(ack, 0, direction, record);
      history.note(ack, 1, direction, record);
      history.note(fin, 0, direction, record);
      history.note(rst, 0, direction, record);
    }
  }
  EXPECT_EQ(record.history(), "SHADFRshadfr");
}

}  // namespace
}  // namespace iris::conn
