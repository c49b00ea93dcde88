#include "daemon/output/file_sink.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <future>
#include <iterator>

namespace iris::output {
namespace {

Batch batch(const std::vector<std::string>& lines) {
  Batch result;
  for (const auto& line : lines) {
    result.text += line + "\n";
    result.ends.push_back(result.text.size());
  }
  return result;
}

std::filesystem::path file_name(const char* name) {
  return std::filesystem::path(testing::TempDir()) / ("iris-" + std::to_string(::getpid()) + name);
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(FileSink, AppendsOrTruncates) {
  const auto path = file_name("append");
  for (const auto opening : {Opening::truncate, Opening::append}) {
    auto sink = FileSink::open(path, opening);
    ASSERT_TRUE(sink);
    EXPECT_EQ((*sink)->write(batch({"one", "two"})), 2U);
    EXPECT_FALSE((*sink)->failure());
  }
  EXPECT_EQ(contents(path), "one\ntwo\none\ntwo\n");
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777 & ~0640U, 0U);
  ASSERT_TRUE(FileSink::open(path, Opening::truncate));
  EXPECT_EQ(contents(path), "");
  std::filesystem::remove(path);
}

TEST(FileSink, SaysWhyAFileCannotBeOpened) {
  const auto sink = FileSink::open("/nonexistent/events.jsonl", Opening::append);
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().code, ErrorCode::unavailable);
  EXPECT_EQ(sink.error().message, "cannot open /nonexistent/events.jsonl for events: No such file or directory");
}

TEST(FileSink, FullDevice) {
  auto sink = FileSink::open("/dev/full", Opening::append);
  ASSERT_TRUE(sink);
  EXPECT_EQ((*sink)->write(batch({"one", "two"})), 0U);
  EXPECT_EQ((*sink)->write(batch({"three"})), 0U);
  ASSERT_TRUE((*sink)->failure());
  EXPECT_EQ((*sink)->failure()->message, "cannot write events to /dev/full: No space left on device");
}

class PipeSink : public testing::Test {
 protected:
  PipeSink() {
    EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0);
    sink_ = std::make_unique<FileSink>(ends_[1], true, "a pipe");
  }
  ~PipeSink() override { close_reader(); }
  void close_reader() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }

  int ends_[2] = {-1, -1};
  std::unique_ptr<FileSink> sink_;
};

TEST_F(PipeSink, WithoutReaderEndsWithoutSignal) {
  EXPECT_EQ(sink_->write(batch({"one"})), 1U);
  close_reader();
  EXPECT_EQ(sink_->write(batch({"two"})), 0U);  // SIGPIPE would end the test here
  EXPECT_EQ(sink_->write(batch({"three"})), 0U);
  ASSERT_TRUE(sink_->failure());
  EXPECT_EQ(sink_->failure()->message, "cannot write events to a pipe: Broken pipe");
}

TEST_F(PipeSink, CancelEndsAWriteThatWaits) {
  auto result = std::async(std::launch::async, [&] { return sink_->write(batch({std::string(1 << 20, 'x')})); });
  sink_->cancel();
  result.get();
  EXPECT_EQ(sink_->write(batch({"more"})), 0U);
  EXPECT_TRUE(sink_->failure());
}

TEST_F(PipeSink, LargeBatchesArriveWhole) {
  const auto lines = batch(std::vector<std::string>(5000, std::string(100, 'y')));
  auto result = std::async(std::launch::async, [&] { return sink_->write(lines); });
  std::string got;
  std::string piece(65536, '\0');
  while (got.size() < lines.text.size()) {
    const auto size = ::read(ends_[0], piece.data(), piece.size());
    ASSERT_GT(size, 0);
    got.append(piece, 0, static_cast<std::size_t>(size));
  }
  EXPECT_EQ(result.get(), 5000U);
  EXPECT_EQ(got, lines.text);
}

// A file that may not grow takes part of a line; it must read as whole lines when it may again.
TEST(FileSink, TornLineIsCompletedWhenThereIsRoomAgain) {
  const auto path = file_name("torn");
  struct Limit {  // RLIMIT_FSIZE concerns the whole process, so it is put back at once
    rlimit before{};
    explicit Limit(rlim_t bytes) {
      std::signal(SIGXFSZ, SIG_IGN);
      ::getrlimit(RLIMIT_FSIZE, &before);
      const rlimit now{bytes, before.rlim_max};
      ::setrlimit(RLIMIT_FSIZE, &now);
    }
    ~Limit() { ::setrlimit(RLIMIT_FSIZE, &before); }
  };
  auto sink = FileSink::open(path, Opening::truncate);
  ASSERT_TRUE(sink);
  {
    const Limit limit(6);
    EXPECT_EQ((*sink)->write(batch({"one", "two", "three"})), 2U);
    EXPECT_EQ((*sink)->write(batch({"four"})), 0U);
    EXPECT_TRUE((*sink)->failure());
  }
  EXPECT_EQ((*sink)->write(batch({"five"})), 1U);
  EXPECT_FALSE((*sink)->failure());
  EXPECT_EQ(contents(path), "one\ntwo\nfive\n");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace iris::output
