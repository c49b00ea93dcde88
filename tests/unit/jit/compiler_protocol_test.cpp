#include "jit/compiler_protocol.hpp"

#include <chrono>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace iris::jit {
namespace {

using namespace std::chrono_literals;

class CompilerProtocol : public testing::Test {
 protected:
  void SetUp() override {
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    here_.reset(fds[0]);
    there_.reset(fds[1]);
  }
  static Deadline soon() { return std::chrono::steady_clock::now() + 20ms; }
  static Deadline far() { return std::chrono::steady_clock::now() + 60s; }

  Descriptor here_;
  Descriptor there_;
};

TEST_F(CompilerProtocol, CarriesSources) {
  ASSERT_TRUE(send_source(here_.get(), {"name.cpp", std::string("a\0b", 3)}));
  Source source;
  ASSERT_EQ(receive_source(there_.get(), source), Receive::done);
  EXPECT_EQ(source.name, "name.cpp");
  EXPECT_EQ(source.text, std::string("a\0b", 3));
}

TEST_F(CompilerProtocol, CarriesFiles) {
  Source sent{"name.cpp", "text"};
  sent.files = {{"hosts", std::string(3 << 20, 'x'), ""}, {"gone", "", "No such file"}};
  std::thread sender([&] { EXPECT_TRUE(send_source(here_.get(), sent)); });
  Source source;
  EXPECT_EQ(receive_source(there_.get(), source), Receive::done);
  sender.join();
  ASSERT_EQ(source.files.size(), 2U);
  EXPECT_EQ(source.files[0].name, "hosts");
  EXPECT_EQ(source.files[0].content, sent.files[0].content);
  EXPECT_EQ(source.files[1].failure, "No such file");
}

TEST_F(CompilerProtocol, RefusesMoreFilesThanThereCanBe) {
  Source sent{"name.cpp", "text"};
  sent.files.resize(filter::max_files + 1);
  std::thread sender([&] { (void)send_source(here_.get(), sent); });
  Source source;
  EXPECT_EQ(receive_source(there_.get(), source), Receive::closed);
  there_.reset();
  sender.join();
}

TEST_F(CompilerProtocol, CarriesRepliesLargerThanTheSocketsBuffer) {
  Reply sent{Verdict::accepted, {1, 2, 3}, "spec", std::string(5 << 20, 'x'), "warnings"};
  std::thread sender([&] { EXPECT_TRUE(send_reply(here_.get(), sent)); });
  Reply reply;
  EXPECT_EQ(receive_reply(there_.get(), far(), reply), Receive::done);
  sender.join();
  EXPECT_EQ(reply.verdict, Verdict::accepted);
  EXPECT_EQ(reply.milliseconds, sent.milliseconds);
  EXPECT_EQ(reply.spec, "spec");
  EXPECT_EQ(reply.object, sent.object);
  EXPECT_EQ(reply.diagnostics, "warnings");
}

TEST_F(CompilerProtocol, NoticesThatTheOtherEndIsGone) {
  here_.reset();
  Reply reply;
  EXPECT_EQ(receive_reply(there_.get(), far(), reply), Receive::closed);
  EXPECT_FALSE(send_reply(there_.get(), reply));
  Source source;
  EXPECT_EQ(receive_source(there_.get(), source), Receive::closed);
}

TEST_F(CompilerProtocol, NoticesThatTheWatchedEndIsGone) {
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  const Descriptor watched(fds[0]);
  Descriptor(fds[1]).reset();
  Reply reply;
  EXPECT_EQ(receive_reply(there_.get(), far(), reply, watched.get()), Receive::closed);
}

TEST_F(CompilerProtocol, KeepsTheDeadlineInsideAFrameToo) {
  Reply reply;
  EXPECT_EQ(receive_reply(there_.get(), soon(), reply), Receive::too_late);
  ASSERT_EQ(::send(here_.get(), "QPER", 4, 0), 4);
  EXPECT_EQ(receive_reply(there_.get(), soon(), reply), Receive::too_late);
}

TEST_F(CompilerProtocol, RefusesGarbage) {
  const std::string garbage(4096, '\x7f');
  ASSERT_EQ(::send(here_.get(), garbage.data(), garbage.size(), 0), 4096);
  Reply reply;
  EXPECT_EQ(receive_reply(there_.get(), far(), reply), Receive::closed);
}

TEST_F(CompilerProtocol, RefusesSourcesBeyondTheLimit) {
  std::thread sender([&] {
    static_cast<void>(send_source(here_.get(), {"a.cpp", std::string(max_source_bytes + 1, 'x')}));
    here_.reset();
  });
  Source source;
  EXPECT_EQ(receive_source(there_.get(), source), Receive::closed);
  there_.reset();
  sender.join();
}

}  // namespace
}  // namespace iris::jit
