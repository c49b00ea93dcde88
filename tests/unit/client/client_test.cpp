#include "client/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "client/source_file.hpp"

namespace iris::client {
namespace {

using testing::HasSubstr;

std::filesystem::path file_name(const char* name) {
  return std::filesystem::path(testing::TempDir()) / ("iris-client-" + std::to_string(::getpid()) + name);
}

TEST(Connect, SaysThatNobodyListens) {
  for (const std::string address : {"/nonexistent/control.sock", "unix:/nonexistent/control.sock"}) {
    const auto client = Client::connect(address);
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, ErrorCode::not_running);
    EXPECT_EQ(client.error().message, "no irisd is listening at /nonexistent/control.sock");
  }
  const auto plain = file_name(".txt");
  std::ofstream(plain) << "not a socket";
  EXPECT_EQ(Client::connect(plain.string()).error().code, ErrorCode::not_running);
  std::filesystem::remove(plain);
}

TEST(Connect, RefusesWhatIsNoAddress) {
  EXPECT_EQ(Client::connect("localhost:50051").error().code, ErrorCode::invalid);
  EXPECT_THAT(Client::connect("/" + std::string(200, 'x')).error().message, HasSubstr("201 bytes long"));
}

TEST(SourceFile, ReadsWhatIsThere) {
  const auto path = file_name(".cpp");
  std::ofstream(path) << "int \xff;\n";
  const auto source = read_source(path);
  ASSERT_TRUE(source) << source.error();
  EXPECT_EQ(source->name(), path.string());
  EXPECT_EQ(source->text(), "int \xff;\n");
  std::ofstream(path) << std::string(max_source_bytes, ' ');
  EXPECT_TRUE(read_source(path));
  std::ofstream(path) << std::string(max_source_bytes + 1, ' ');
  EXPECT_EQ(read_source(path).error(), "cannot read " + path.string() + ": it is too large: at most 1 MiB are taken");
  std::filesystem::remove(path);
}

TEST(SourceFile, SaysWhyNot) {
  EXPECT_EQ(read_source("/nonexistent.cpp").error(), "cannot read /nonexistent.cpp: No such file or directory");
  EXPECT_EQ(read_source("/tmp").error(), "cannot read /tmp: it is a directory; name the file in it");
  EXPECT_THAT(read_source("/dev/zero").error(), HasSubstr("too large"));
}

TEST(FilterFile, HasASubscriptionALine) {
  const auto path = file_name(".filters");
  std::ofstream(path) << "# hosts\n\nhttp.host = 'a # b'  # the first\r\n  web: tcp.port = 80\nip.addr in ::1/128\n";
  const auto filters = read_filters(path, "");
  ASSERT_TRUE(filters) << filters.error();
  std::vector<std::string> seen;
  for (const auto& each : *filters) seen.push_back(each.name() + "|" + each.filter() + "|" + each.where());
  const std::string stem = path.stem().string();
  EXPECT_THAT(seen, testing::ElementsAre(stem + "-3|http.host = 'a # b'|" + path.string() + ":3",
                                         "web|tcp.port = 80|" + path.string() + ":4",
                                         stem + "-5|ip.addr in ::1/128|" + path.string() + ":5"));
  EXPECT_EQ(read_filters(path, "h")->front().name(), "h-3");
  std::ofstream(path) << "\xef\xbb\xbftcp\n";
  EXPECT_EQ(read_filters(path, "h")->front().filter(), "tcp") << "behind a byte order mark";
  std::ofstream(path) << "# nothing\n";
  EXPECT_EQ(read_filters(path, "").error(), path.string() + " has no filters");
  EXPECT_THAT(read_filters("/nonexistent", "").error(), HasSubstr("No such file"));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace iris::client
