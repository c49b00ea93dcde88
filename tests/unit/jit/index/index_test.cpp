// Every kind of index against the interpreter, look-ups by the code that dispatches inline.
#include "jit/index/index.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "jit/runtime/lookup.hpp"
#include "tests/unit/jit/index/interpreter.hpp"

namespace iris::index {
namespace {

using enum filter::Operator;
using filter::Operand;
using filter::Operator;
using filter::Predicate;
using filter::Range;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Random;
using testing::Value;

constexpr parsers::Field port{
    .name = "port", .type = parsers::FieldType::number, .level = parsers::Level::tuple, .width = 2, .doc = ""};
constexpr parsers::Field big{
    .name = "big", .type = parsers::FieldType::number, .level = parsers::Level::tuple, .width = 8, .doc = ""};
constexpr parsers::Field addr{
    .name = "addr", .type = parsers::FieldType::address, .level = parsers::Level::tuple, .doc = ""};
constexpr parsers::Field name{
    .name = "name", .type = parsers::FieldType::text, .level = parsers::Level::session, .doc = ""};

using Made = Result<std::shared_ptr<const Index>>;

Made build(const std::vector<Predicate>& predicates, std::uint32_t first_id, std::uint32_t workers) {
  auto builder = make_builder(*predicates.front().field, predicates.front().op, workers);
  if (!builder) return std::unexpected(builder.error());
  for (const Predicate& predicate : predicates) {
    const auto added = (*builder)->add(std::make_shared<const Predicate>(predicate), first_id++);
    if (!added) return std::unexpected(added.error());
  }
  return (*builder)->snapshot();
}

std::shared_ptr<const Index> built(const std::vector<Predicate>& predicates, std::uint32_t first_id = 0) {
  auto index = build(predicates, first_id, 2);
  if (!index) ADD_FAILURE() << index.error().message;
  return index ? std::move(*index) : nullptr;
}

template <class Table>
const Table& table(const Index& index) {
  return *static_cast<const Table*>(index.table());
}

void look(const Index& index, const Predicate& like, const Value& value, const Answer& answer) {
  using enum parsers::FieldType;
  if (like.op == present) return lookup(table<Presence>(index), answer);
  if (like.field->type == number) return lookup(table<Blocks>(index), std::get<std::uint64_t>(value), answer);
  if (like.field->type == address) return lookup(table<Blocks>(index), std::get<IpAddress>(value), answer);
  const std::string_view asked = std::get<std::string>(value);
  if (like.op == one_of) return lookup(table<Texts>(index), asked, answer);
  if (like.op == starts_with || like.op == ends_with || like.op == under) {
    return lookup(table<Affixes>(index), asked, answer);
  }
  iris_index_scan(static_cast<const TextScan*>(index.table()), &asked, &answer);
}

// The buffer has room for `predicates` numbers and no more: a number that is reported twice overruns it.
std::vector<std::uint32_t> ask(const Index& index, const Predicate& like, const std::vector<Value>& values,
                               std::size_t predicates, std::uint32_t worker = 0) {
  std::vector<std::uint32_t> ids(predicates + 1, 0xdeadbeef);
  abi::Matches matches{ids.data(), 0, static_cast<std::uint32_t>(predicates)};
  Answer answer = begin(matches, worker);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) again(answer);
    look(index, like, values[i], answer);
  }
  EXPECT_LE(matches.count, predicates);
  EXPECT_EQ(ids.back(), 0xdeadbeef);
  const std::uint32_t reported = matches.count;
  finish(matches);
  EXPECT_EQ(matches.count, reported) << "a predicate was reported twice";
  ids.resize(matches.count);
  return ids;
}

std::vector<std::uint32_t> ask(const Index& index, const std::vector<Predicate>& predicates, const Value& value) {
  return ask(index, predicates.front(), {value}, predicates.size());
}

// ---- every kind, at random

struct Kind {
  const parsers::Field* field;
  Operator op;
  const char* name;
};

class EveryKind : public ::testing::TestWithParam<Kind> {};

TEST_P(EveryKind, AgreesWithTheInterpreter) {
  const auto& [field, op, label] = GetParam();
  Random random(17);
  const int rounds = op == matches ? 30 : 150;  // compiling expressions, in the oracle above all, takes long
  for (int round = 0; round < rounds; ++round) {
    std::vector<Predicate> predicates;
    for (std::uint64_t i = testing::below(random, round % 10 == 0 && op != matches ? 200 : 12) + 1; i > 0; --i) {
      predicates.push_back(testing::random_predicate(random, *field, op));
    }
    const std::uint32_t first = static_cast<std::uint32_t>(testing::below(random, 1000));
    const auto index = built(predicates, first);
    ASSERT_NE(index, nullptr);
    for (int look = 0; look < 30; ++look) {
      std::vector<Value> values{testing::random_value(random, *field, predicates)};
      if (testing::below(random, 3) == 0) values.push_back(testing::random_value(random, *field, predicates));
      std::vector<std::uint32_t> expected;
      for (std::uint32_t i = 0; i < predicates.size(); ++i) {
        const auto one_holds = [&](const Value& value) { return testing::holds(predicates[i], value); };
        if (std::ranges::any_of(values, one_holds)) expected.push_back(first + i);
      }
      ASSERT_EQ(ask(*index, predicates.front(), values, predicates.size(), round % 2 == 0 ? 0U : 1U), expected)
          << label << ", round " << round;
    }
  }
}

// Predicates come and go; every version that was made goes on saying what it said.
TEST_P(EveryKind, VersionsStayWhatTheyWere) {
  const auto& [field, op, label] = GetParam();
  Random random(23);
  auto builder = make_builder(*field, op, 1);
  ASSERT_TRUE(builder);
  struct Kept {
    std::shared_ptr<const Index> index;
    std::map<std::uint32_t, PredicatePtr> live;
  };
  std::map<std::uint32_t, PredicatePtr> live;
  std::vector<Kept> versions;
  const int rounds = op == matches || op == contains ? 40 : 400;
  for (int round = 0; round < rounds; ++round) {
    for (std::uint64_t i = testing::below(random, 3) + 1; i > 0; --i) {
      const auto id = static_cast<std::uint32_t>(testing::below(random, 64));
      if (const auto known = live.find(id); known != live.end()) {
        (*builder)->remove(*known->second, id);
        live.erase(known);
      } else {
        live[id] = std::make_shared<const Predicate>(testing::random_predicate(random, *field, op));
        ASSERT_TRUE((*builder)->add(live[id], id));
      }
    }
    auto index = (*builder)->snapshot();
    ASSERT_TRUE(index);
    versions.push_back({*index, live});
    if (versions.size() > 8) versions.erase(versions.begin() + static_cast<std::ptrdiff_t>(testing::below(random, 8)));
    for (const Kept& kept : versions) {
      std::vector<Predicate> predicates;
      for (const auto& [id, predicate] : kept.live) predicates.push_back(*predicate);
      const Value value = testing::random_value(random, *field, predicates);
      std::vector<std::uint32_t> expected;
      for (const auto& [id, predicate] : kept.live) {
        if (testing::holds(*predicate, value)) expected.push_back(id);
      }
      const Predicate like{field, op, {}};
      ASSERT_EQ(ask(*kept.index, like, {value}, 64), expected) << label << ", round " << round;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Index, EveryKind,
                         ::testing::Values(Kind{&port, one_of, "port_set"}, Kind{&big, one_of, "number_set"},
                                           Kind{&port, in_range, "port_ranges"}, Kind{&big, in_range, "number_ranges"},
                                           Kind{&addr, one_of, "address_set"}, Kind{&addr, in_subnet, "subnets"},
                                           Kind{&name, one_of, "text_set"}, Kind{&name, contains, "contains"},
                                           Kind{&name, starts_with, "starts_with"}, Kind{&name, ends_with, "ends_with"},
                                           Kind{&name, under, "under"}, Kind{&name, matches, "matches"},
                                           Kind{&name, present, "presence"}),
                         [](const auto& info) { return info.param.name; });

// ---- what deserves to be said by name

TEST(Index, RangesReachTheEndsOfTheirType) {
  const std::uint64_t top = ~0ULL;
  const std::vector<Predicate> all{
      {&big, in_range, {Range{0, top}}}, {&big, in_range, {Range{top, top}}}, {&big, in_range, {Range{0, 0}}}};
  const auto index = built(all);
  EXPECT_THAT(ask(*index, all, 0ULL), ElementsAre(0, 2));
  EXPECT_THAT(ask(*index, all, 1ULL), ElementsAre(0));
  EXPECT_THAT(ask(*index, all, top), ElementsAre(0, 1));
}

TEST(Index, TenThousandNestedRangesDoNotExplode) {
  std::vector<Predicate> nested;
  nested.reserve(10'000);
  for (std::uint64_t i = 0; i < 10'000; ++i) nested.push_back({&big, in_range, {Range{i, 40'000 - i}}});
  const auto index = built(nested);
  EXPECT_EQ(ask(*index, nested, 20'000ULL).size(), 10'000U);
  EXPECT_THAT(ask(*index, nested, 1ULL), ElementsAre(0, 1));
  EXPECT_THAT(ask(*index, nested, 40'001ULL), IsEmpty());
}

TEST(Index, AllCoveringPrefixesHold) {
  const auto subnet = [](std::uint8_t length) { return Endpoint{IpAddress::v4({10, 1, 2, 3}), 0}.subnet(length); };
  const std::vector<Predicate> all{{&addr, in_subnet, {subnet(0)}},
                                   {&addr, in_subnet, {subnet(8)}},
                                   {&addr, in_subnet, {subnet(8), subnet(24)}},
                                   {&addr, in_subnet, {subnet(32)}}};
  const auto index = built(all);
  EXPECT_THAT(ask(*index, all, IpAddress::v4({10, 1, 2, 3})), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(ask(*index, all, IpAddress::v4({10, 9, 9, 9})), ElementsAre(0, 1, 2));
  EXPECT_THAT(ask(*index, all, IpAddress::v4({11, 1, 2, 3})), ElementsAre(0));
}

TEST(Index, VersionsOfAddressesDoNotMix) {
  IpAddress mapped = IpAddress::v4({10, 1, 2, 3});
  mapped.version = IpVersion::V6;
  const std::vector<Predicate> all{{&addr, in_subnet, {Subnet{IpAddress::v4({0, 0, 0, 0}), 0}}},
                                   {&addr, in_subnet, {Subnet{IpAddress::v6({}), 0}}},
                                   {&addr, in_subnet, {Subnet{mapped, 128}}}};
  const auto index = built(all);
  EXPECT_THAT(ask(*index, all, IpAddress::v4({10, 1, 2, 3})), ElementsAre(0));
  EXPECT_THAT(ask(*index, all, mapped), ElementsAre(1, 2));
}

TEST(Index, ContainsTakesItsTextLiterally) {
  const std::vector<Predicate> all{{&name, contains, {std::string("a.c")}},
                                   {&name, contains, {std::string("")}},
                                   {&name, contains, {std::string("x\0y", 3)}},
                                   {&name, contains, {std::string("\\d"), std::string("(")}}};
  const auto index = built(all);
  EXPECT_THAT(ask(*index, all, std::string("abc")), ElementsAre(1));
  EXPECT_THAT(ask(*index, all, std::string("a.c")), ElementsAre(0, 1));
  EXPECT_THAT(ask(*index, all, std::string("__x\0y", 5)), ElementsAre(1, 2));
  EXPECT_THAT(ask(*index, all, std::string("(\\d")), ElementsAre(1, 3));
  EXPECT_THAT(ask(*index, all, std::string()), ElementsAre(1));
}

TEST(Index, RegularExpressionsMayMatchTheEmptyText) {
  const std::vector<Predicate> all{{&name, matches, {std::string("a*")}},
                                   {&name, matches, {std::string("^$")}},
                                   {&name, matches, {std::string("a")}}};
  const auto index = built(all);
  EXPECT_THAT(ask(*index, all, std::string()), ElementsAre(0, 1));
  EXPECT_THAT(ask(*index, all, std::string("ba")), ElementsAre(0, 2));
}

TEST(Index, PredicatesWithoutOperandsNeverHold) {
  const std::vector<Predicate> none{{&name, contains, {}}};
  EXPECT_THAT(ask(*built(none), none, std::string("x")), IsEmpty());
  const std::vector<Predicate> nothing{{&port, in_range, {}}};
  EXPECT_THAT(ask(*built(nothing), nothing, 5ULL), IsEmpty());
}

class TidiedScans : public ::testing::Test {
 protected:
  // Those that contain n<first>. and so on: a layer.
  void add(std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t id = first; id < first + count; ++id) {
      live_[id] = std::make_shared<const Predicate>(Predicate{&name, contains, {text(id)}});
      ASSERT_TRUE(builder_->add(live_[id], id));
    }
    ASSERT_TRUE(builder_->snapshot());
  }
  void remove(std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t id = first; id < first + count; ++id) {
      builder_->remove(*live_[id], id);
      live_.erase(id);
    }
  }
  void expect_all() {
    const auto index = builder_->snapshot();
    ASSERT_TRUE(index);
    const Predicate like{&name, contains, {}};
    for (std::uint32_t id = 0; id < 700; ++id) {
      std::vector<std::uint32_t> expected;
      if (live_.contains(id)) expected.push_back(id);
      ASSERT_EQ(ask(**index, like, {"www." + text(id)}, 700), expected);
    }
  }
  static std::string text(std::uint32_t id) { return "n" + std::to_string(id) + "."; }

  std::unique_ptr<Builder> builder_ = std::move(*make_builder(name, contains, 2));
  std::map<std::uint32_t, PredicatePtr> live_;
};

TEST_F(TidiedScans, FindTheSame) {
  for (std::uint32_t i = 0; i < 6; ++i) add(100 * i, 100);
  unsigned tidied = 0;
  for (std::unique_ptr<Tidying> tidying; (tidying = builder_->tidy()) != nullptr; ++tidied) {
    tidying->work();
    // Meanwhile:
    remove(100 * tidied + 7, 30);
    if (tidied == 0) add(600, 70);
    EXPECT_TRUE(builder_->finish(*tidying));
    expect_all();
    ASSERT_LT(tidied, 5U);
  }
  EXPECT_EQ(tidied, 1U) << "what is left is too different in size";
  remove(590, 5);
  expect_all();
}

TEST_F(TidiedScans, WhatHasChangedTooMuchIsLeft) {
  for (std::uint32_t i = 0; i < 3; ++i) add(100 * i, 100);
  const auto tidying = builder_->tidy();
  ASSERT_NE(tidying, nullptr);
  tidying->work();
  remove(100, 100);
  EXPECT_FALSE(builder_->finish(*tidying));
  expect_all();
  const auto unfinished = builder_->tidy();
  ASSERT_NE(unfinished, nullptr);
  EXPECT_FALSE(builder_->finish(*unfinished)) << "it has not been done";
  expect_all();
}

TEST(Index, WorkersScanAtTheSameTime) {
  std::vector<Predicate> all;
  all.reserve(50);
  for (int i = 0; i < 50; ++i) all.push_back({&name, contains, {"n" + std::to_string(i) + "."}});
  const auto index = built(all);
  const auto work = [&](std::uint32_t worker) {
    for (int i = 0; i < 2000; ++i) {
      const auto found = ask(*index, all.front(), {"www.n" + std::to_string(i % 50) + ".org"}, all.size(), worker);
      ASSERT_THAT(found, ElementsAre(static_cast<std::uint32_t>(i % 50)));
    }
  };
  std::thread other(work, 1);
  work(0);
  other.join();
}

// ---- refusals

Error refusal(const std::vector<Predicate>& predicates) {
  auto index = build(predicates, 0, 1);
  EXPECT_FALSE(index);
  return index ? Error{} : index.error();
}

TEST(Index, RefusesBadRegularExpressionsByName) {
  const Error error = refusal({{&name, matches, {std::string("fine")}}, {&name, matches, {std::string("a(b")}}});
  EXPECT_EQ(error.code, ErrorCode::invalid);
  EXPECT_THAT(error.message, HasSubstr("regular expression 'a(b': "));
  EXPECT_THAT(error.message, HasSubstr("parenthes"));
  EXPECT_EQ(refusal({{&name, matches, {std::string("(a)\\1")}}}).code, ErrorCode::invalid);  // back-reference
  EXPECT_EQ(refusal({{&name, matches, {std::string("a\0b", 3)}}}).code, ErrorCode::invalid);
}

TEST(Index, RefusesWhatNoIndexServes) {
  EXPECT_EQ(refusal({{&port, contains, {std::string("x")}}}).code, ErrorCode::internal);
  EXPECT_EQ(refusal({{&port, in_subnet, {}}}).code, ErrorCode::internal);
  EXPECT_EQ(refusal({{&addr, under, {}}}).code, ErrorCode::internal);
}

TEST(Hash, TextsOfEveryLengthDiffer) {
  std::set<std::uint64_t> seen;
  std::string text;
  for (int i = 0; i < 100; ++i, text += 'a') EXPECT_TRUE(seen.insert(hash_text(text)).second) << text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = 'b';
    EXPECT_TRUE(seen.insert(hash_text(changed)).second) << i;
  }
}

TEST(Matches, AreSortedAndDistinct) {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint32_t> ids(testing::below(random, 60));
    for (auto& id : ids) id = static_cast<std::uint32_t>(testing::below(random, 50));
    const std::set<std::uint32_t> expected(ids.begin(), ids.end());
    abi::Matches matches{ids.data(), static_cast<std::uint32_t>(ids.size()), static_cast<std::uint32_t>(ids.size())};
    finish(matches);
    ids.resize(matches.count);
    EXPECT_THAT(ids, ::testing::ElementsAreArray(expected));
  }
}

}  // namespace
}  // namespace iris::index
