// The table against std::unordered_map, on random keys and on hashes made to collide.
#include "daemon/conn/table.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace iris::conn {
namespace {

Key key_of(std::uint32_t number) {
  Key key;
  std::memcpy(key.low_ip.data() + 12, &number, sizeof number);
  key.low_port = static_cast<std::uint16_t>(number * 7);
  key.high_port = 443;
  return key;
}

ConnectionTable make_table(std::uint32_t capacity, std::uint64_t seed = 1) {
  auto table = ConnectionTable::create({.capacity = capacity, .seed = seed});
  EXPECT_TRUE(table.has_value());
  return std::move(*table);
}

TEST(MatchTags, BothWaysAgree) {
  std::mt19937 random(1);
  for (int round = 0; round < 10'000; ++round) {
    alignas(16) Tags tags;
    for (auto& tag : tags) tag = static_cast<std::uint16_t>(random() % 4 * 0x5555);
    for (const int number : {0, 0x5555, 0xaaaa, 0xffff, 1}) {
      const auto wanted = static_cast<std::uint16_t>(number);
      ASSERT_EQ(match_tags(tags, wanted), match_tags_portable(tags, wanted));
    }
  }
}

TEST(ConnectionTable, RefusesImpossibleCapacities) {
  EXPECT_EQ(ConnectionTable::create({.capacity = 0}).error().code, ErrorCode::invalid);
  EXPECT_EQ(ConnectionTable::create({.capacity = (1U << 30) + 1}).error().code, ErrorCode::invalid);
}

TEST(ConnectionTable, PrefaultedTablesWork) {
  auto table = ConnectionTable::create({.capacity = 100'000, .seed = 3, .prefault = true});
  ASSERT_TRUE(table.has_value());
  const Key key = key_of(1);
  EXPECT_NE(table->insert(key, table->hash(key)), nullptr);
}

TEST(ConnectionTable, HashDependsOnSeedAndEveryByte) {
  const ConnectionTable a = make_table(10, 1);
  const ConnectionTable b = make_table(10, 2);
  const Key key = key_of(5);
  EXPECT_NE(a.hash(key), b.hash(key));
  for (std::size_t i = 0; i < sizeof(Key); ++i) {
    Key other = key;
    reinterpret_cast<std::uint8_t*>(&other)[i] ^= 1;
    EXPECT_NE(a.hash(key), a.hash(other)) << i;
  }
}

TEST(ConnectionTable, ReusedRecordIsResetAndHasAnotherGeneration) {
  ConnectionTable table = make_table(1);
  const Key first = key_of(1);
  Record* record = table.insert(first, table.hash(first));
  ASSERT_NE(record, nullptr);
  const std::uint16_t generation = record->generation;
  EXPECT_NE(generation, 0U);
  record->last_seen = record->epoch = record->birth = record->cold = 77;
  record->needs = 0xff;
  record->flags |= record_flag::originator_is_low | record_flag::midstream;
  record->tcp = {TcpPhase::closing, 0xff};
  table.erase(*record);
  EXPECT_FALSE(record->in_use());

  const Key second = key_of(2);
  Record* const again = table.insert(second, table.hash(second));
  ASSERT_EQ(again, record);
  EXPECT_NE(again->generation, generation);
  EXPECT_EQ(again->key, second);
  EXPECT_EQ(again->last_seen, 0U);
  EXPECT_EQ(again->epoch, 0U);
  EXPECT_EQ(again->birth, 0U);
  EXPECT_EQ(again->cold, no_index);
  EXPECT_EQ(again->needs, 0);
  EXPECT_EQ(again->flags, record_flag::in_use);
  EXPECT_EQ(again->tcp.phase, TcpPhase::none);
  EXPECT_EQ(again->tcp.seen, 0);
}

TEST(ConnectionTable, FullTableRefusesUntilOneGoes) {
  ConnectionTable table = make_table(1000);
  for (std::uint32_t i = 0; i < 1000; ++i) ASSERT_NE(table.insert(key_of(i), table.hash(key_of(i))), nullptr);
  EXPECT_EQ(table.size(), table.capacity());
  EXPECT_EQ(table.insert(key_of(1000), table.hash(key_of(1000))), nullptr);
  EXPECT_EQ(table.find(key_of(1000), table.hash(key_of(1000))), nullptr);
  table.erase(*table.find(key_of(500), table.hash(key_of(500))));
  EXPECT_NE(table.insert(key_of(1000), table.hash(key_of(1000))), nullptr);
  EXPECT_TRUE(table.consistent());
}

TEST(ConnectionTable, SequentialKeysSpread) {
  // At 0.6 of the slots a good hash sends about one entry in eight past its bucket; a bad one, most of them.
  ConnectionTable table = make_table(1U << 16);
  for (std::uint32_t i = 0; i < table.capacity(); ++i) {
    ASSERT_NE(table.insert(key_of(i), table.hash(key_of(i))), nullptr);
  }
  std::set<ConnectionTable::Hash> low;
  for (std::uint32_t i = 0; i < table.capacity(); ++i) low.insert(table.hash(key_of(i)) & 0xffff);
  EXPECT_NEAR(static_cast<double>(low.size()), 65536 * (1 - std::exp(-1.0)), 600);
  EXPECT_TRUE(table.consistent());
}

// What the test knows of a connection; `hash` is handed in, so that collisions can be arranged.
struct Known {
  ConnectionTable::Hash hash;
  std::uint32_t index;
  std::uint32_t generation;
};

// Keys 0 .. `keys`-1 come and go at random.
template <class HashOf>
void run_against_map(std::uint32_t capacity, std::uint32_t keys, std::uint64_t seed, HashOf hash_of) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", capacity " + std::to_string(capacity));
  ConnectionTable table = make_table(capacity, seed);
  std::unordered_map<std::uint32_t, Known> reference;
  std::mt19937_64 random(seed);
  for (int step = 0; step < 4000; ++step) {
    const auto number = static_cast<std::uint32_t>(random() % keys);
    const Key key = key_of(number);
    const ConnectionTable::Hash hash = hash_of(table, number);
    table.prefetch_bucket(hash);
    table.prefetch_record(hash);
    Record* const found = table.find(key, hash);
    const auto known = reference.find(number);
    ASSERT_EQ(found != nullptr, known != reference.end());
    if (found != nullptr) {
      ASSERT_EQ(found->key, key);
      ASSERT_EQ(table.index_of(*found), known->second.index);
      ASSERT_EQ(found->generation, known->second.generation);
      if (random() % 3 != 0) continue;
      table.erase(*found, hash);
      reference.erase(known);
    } else {
      Record* const record = table.insert(key, hash);
      ASSERT_EQ(record == nullptr, reference.size() == capacity);
      if (record != nullptr) reference[number] = {hash, table.index_of(*record), record->generation};
    }
    ASSERT_EQ(table.size(), reference.size());
  }
  std::set<std::uint32_t> in_use;
  for (std::uint32_t i = 0; i < table.limit(); ++i) {
    if (table.at(i).in_use()) in_use.insert(i);
  }
  ASSERT_EQ(in_use.size(), reference.size());
  for (const auto& [number, known] : reference) {
    ASSERT_EQ(table.find(key_of(number), known.hash), &table.at(known.index));
    table.erase(table.at(known.index), known.hash);
  }
  // Empty again: a search that a wrong count lets go on would find a bucket that it should not.
  EXPECT_EQ(table.size(), 0U);
  EXPECT_TRUE(table.consistent());
}

TEST(ConnectionTable, AgreesWithMap) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const std::uint32_t capacity = std::vector<std::uint32_t>{1, 7, 64, 300, 2000}[seed % 5];
    run_against_map(capacity, capacity + capacity / 4 + 1, seed,
                    [](const ConnectionTable& table, std::uint32_t number) { return table.hash(key_of(number)); });
  }
}

TEST(ConnectionTable, AgreesWithMapWhenAllShareABucket) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    run_against_map(100, 130, seed, [](const ConnectionTable&, std::uint32_t number) {
      return std::uint64_t{number % 3} << 48 | 0xffffffffU;  // the last bucket, so that chains wrap; three tags, one 0
    });
  }
}

TEST(ConnectionTable, AgreesWithMapWhenAllShareATag) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    run_against_map(200, 230, seed, [](const ConnectionTable&, std::uint32_t number) {
      return std::uint64_t{0xabcd} << 48 | number % 5;
    });
  }
}

}  // namespace
}  // namespace iris::conn
