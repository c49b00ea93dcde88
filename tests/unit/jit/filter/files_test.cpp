// Values and filters from files.
#include "jit/filter/files.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jit/filter/filter.hpp"

namespace iris::filter {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string clauses(std::string_view text, const std::vector<NamedFile>& files) {
  const auto filter = parse(text, Subject::connection, {.files = files});
  if (!filter) return render(text, filter.error());
  std::string result;
  for (const Clause& clause : filter->clauses) result += (result.empty() ? "" : " or ") + to_text(clause);
  return result;
}

TEST(Files, LinesWithoutCommentsAndBlanks) {
  const std::vector<NamedFile> files{{"a", "\xef\xbb\xbf# all\n\n one \r\n\t'#2' # two\n#\nx#y\n  \nlast"}};
  const auto lines = Files(files).lines("a", {});
  ASSERT_TRUE(lines);
  ASSERT_EQ(lines->size(), 4U);
  EXPECT_EQ((*lines)[0].text, "one");
  EXPECT_EQ((*lines)[0].number, 3U);
  EXPECT_EQ((*lines)[0].column, 2U);
  EXPECT_EQ((*lines)[1].text, "'#2'");
  EXPECT_EQ((*lines)[2].text, "x#y");
  EXPECT_EQ((*lines)[3].text, "last");
}

TEST(Files, ValuesOfEveryType) {
  const std::vector<NamedFile> files{{"hosts", "b.example\n'a b'  # quoted\n|63|\n"},
                                     {"ports", "443\n8000..8002\n0x50\n"},
                                     {"nets", "10.0.0.0/8\n10.1.2.3 # covered\n2001:db8::1\n"},
                                     {"expressions", "^a\\.\n'B'i\n"}};
  EXPECT_EQ(clauses("http.host in file='hosts'", files), "tcp and http and http.host in {'a b', 'b.example', 'c'}");
  EXPECT_EQ(clauses("http.host not under {file='hosts', 'd'}", files),
            "tcp and http and http.host and not http.host under {'a b', 'b.example', 'c', 'd'}");
  EXPECT_EQ(clauses("tcp.port in file='ports'", files), "tcp and tcp.port in {80, 443, 8000..8002}");
  EXPECT_EQ(clauses("ip.addr in file='nets' and udp", files), "udp and ip.addr in {10.0.0.0/8, 2001:db8::1/128}");
  EXPECT_EQ(clauses("tls.sni matches file='expressions'", files),
            "tcp and tls and tls.sni matches {'(?i)B', '^a\\\\.'}");
}

TEST(Files, FiltersAreAlternatives) {
  const std::vector<NamedFile> files{{"f", "# any of\ntls.sni = 'a'\nudp.port = 53 and dns\ntls.sni = 'b' # joined\n"}};
  EXPECT_EQ(clauses("file='f'", files), "tcp and tls and tls.sni in {'a', 'b'} or udp and udp.port = 53 and dns");
  EXPECT_EQ(clauses("not file='f' and tls", files), "tcp and tls and not tls.sni in {'a', 'b'}");
}

TEST(Files, FaultsAreToldWithTheirLine) {
  const std::vector<NamedFile> files{{"ports", "80\n 70000\n"},
                                     {"words", "80\nssh\n"},
                                     {"two", "80 81\n"},
                                     {"filters", "tls\n\nudp and tcp.prt = 1\n"},
                                     {"never", "tls\nudp and tcp\n"},
                                     {"nested", "file='ports'\n"},
                                     {"empty", "# nothing\n"},
                                     {"gone", "", "No such file or directory"}};
  EXPECT_THAT(clauses("udp or tcp.port in file='ports'", files),
              StartsWith("filter:1:20: error: ports:2:2: the value is too large: tcp.port is at most 65535"));
  EXPECT_THAT(clauses("tcp.port in file='words'", files), HasSubstr("words:2:1: tcp.port takes numbers"));
  EXPECT_THAT(clauses("tcp.port in file='two'", files), HasSubstr("two:1:1: expected one value"));
  EXPECT_THAT(clauses("file='filters'", files),
              HasSubstr("filters:3:9: unknown field 'tcp.prt'; did you mean 'tcp.port'?"));
  EXPECT_THAT(clauses("file='never'", files), HasSubstr("never:2:9: can never be true: udp and tcp exclude"));
  EXPECT_THAT(clauses("file='nested'", files), HasSubstr("nested:1:1: file 'ports' did not come with the filter"));
  EXPECT_THAT(clauses("file='empty'", files), HasSubstr("has no lines that say anything"));
  EXPECT_THAT(clauses("tls.sni in file='gone'", files), HasSubstr("file 'gone': No such file or directory"));
}

// Ten thousand names are one predicate, shared by all that ask for it, in some 10 ms: much more would be another
// order of growth.
TEST(Files, ManyLines) {
  std::string content;
  for (int i = 0; i < 10'000; ++i) content += "host-" + std::to_string(i * 7919 % 10'000) + ".example.com\n";
  const std::vector<NamedFile> files{{"hosts", std::move(content)}};
  const auto begin = std::chrono::steady_clock::now();
  const auto filter = parse("tls.sni in file='hosts' or http.host in file='hosts' and tcp.port = 80",
                            Subject::connection, {.files = files});
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(filter);
  ASSERT_EQ(filter->clauses.size(), 2U);
  EXPECT_EQ(filter->clauses[0].back().predicate.operands.size(), 10'000U);
  RecordProperty("milliseconds", std::to_string(spent.count()));
  EXPECT_LT(spent.count(), 2000) << "however slow the machine";
  const Predicate copy = filter->clauses[0].back().predicate;
  EXPECT_EQ(&copy.operands.front(), &filter->clauses[0].back().predicate.operands.front()) << "not shared";
}

}  // namespace
}  // namespace iris::filter
