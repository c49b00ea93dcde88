#include "proto/filter_files.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace iris::proto {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(FilterFiles, AreFoundInFilters) {
  EXPECT_THAT(files_named_in("http.host in file='a.txt' or file = \"b c.txt\" and tls.sni under {file=='d', 'e'}"),
              ElementsAre("a.txt", "b c.txt", "d"));
  EXPECT_THAT(files_named_in("file='a' or file='a'"), ElementsAre("a"));
  for (const char* none :
       {"", "file", "file=", "file='", "file='a", "profile='a'", "x.file='a'", "file 'a'", "file='a\nb'", "files='a'"})
    EXPECT_THAT(files_named_in(none), IsEmpty()) << none;
}

TEST(FilterFiles, AreFoundInSources) {
  EXPECT_THAT(files_named_in("IRIS_CALLBACK(\"tls.sni in file='a'\")\nIRIS_CALLBACK(\"file=\\\"b\\\" or tls\")\n"
                             "IRIS_CALLBACK(R\"(file=\"c\")\")"),
              ElementsAre("a", "b", "c"));
}

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(path / "sub");
    std::ofstream(path / "hosts") << "a\nb\n";
    std::ofstream(path / "sub" / "more") << "c";
  }
  void TearDown() override { std::filesystem::remove_all(path); }

  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / ("iris-filter-files-" + std::to_string(::getpid()));
};

TEST_F(Folder, IsWhereTheyAreRead) {
  const auto files = read_filter_files("x in file='hosts' or file='sub/more' or file='gone' or file='sub'", path);
  ASSERT_EQ(files.size(), 4U);
  EXPECT_EQ(files[0].content, "a\nb\n");
  EXPECT_EQ(files[0].failure, "");
  EXPECT_EQ(files[1].name, "sub/more");
  EXPECT_EQ(files[1].content, "c");
  EXPECT_EQ(files[2].failure, "No such file or directory");
  EXPECT_EQ(files[3].failure, "Is a directory");
}

TEST_F(Folder, WhatIsTooLargeIsNotRead) {
  std::ofstream(path / "large") << std::string(max_filter_file_bytes - 3, 'x');
  const auto files = read_filter_files("file='large' or file='hosts'", path);
  EXPECT_EQ(files[0].content.size(), max_filter_file_bytes - 3);
  EXPECT_EQ(files[1].content, "");
  EXPECT_THAT(files[1].failure, ::testing::HasSubstr("too large"));
}

}  // namespace
}  // namespace iris::proto
