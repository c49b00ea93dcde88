#include "daemon/conn/table.hpp"

#include <bit>
#include <cassert>
#include <string>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace iris::conn {
namespace {

constexpr std::uint32_t largest_capacity = 1U << 30;
constexpr std::uint32_t slots = 8;  // of a bucket

// At most 0.6 of the slots are ever used: longer chains cost more than the memory.
std::uint32_t buckets_for(std::uint32_t capacity) {
  constexpr std::uint64_t tenths = std::uint64_t{6} * slots;
  const std::uint64_t wanted = (std::uint64_t{capacity} * 10 + tenths - 1) / tenths;
  return static_cast<std::uint32_t>(std::bit_ceil(wanted));
}

}  // namespace

Result<ConnectionTable> ConnectionTable::create(const TableOptions& options) {
  if (options.capacity == 0 || options.capacity > largest_capacity) {
    return fail(ErrorCode::invalid, "a connection table of " + std::to_string(options.capacity) +
                                        " connections is not possible: choose 1 to " +
                                        std::to_string(largest_capacity));
  }
  const std::uint32_t bucket_count = buckets_for(options.capacity);
  auto buckets = Mapping::create(std::size_t{bucket_count} * sizeof(Bucket), options.prefault);
  if (!buckets) return std::unexpected(std::move(buckets.error()));
  auto records = Mapping::create(std::size_t{options.capacity} * sizeof(Record), options.prefault);
  if (!records) return std::unexpected(std::move(records.error()));
  return ConnectionTable(std::move(*buckets), std::move(*records), options, bucket_count);
}

// The kernel's zeroes are empty buckets; a record is written before it is read.
ConnectionTable::ConnectionTable(Mapping buckets, Mapping records, const TableOptions& options,
                                 std::uint32_t bucket_count)
    : bucket_memory_(std::move(buckets)),
      record_memory_(std::move(records)),
      seed_(options.seed),
      mask_(bucket_count - 1),
      capacity_(options.capacity) {}

// Buckets are shared: a connection's part of them is counted as if they were full.
MemoryUse ConnectionTable::use() const noexcept {
  const std::uint64_t reserved = bucket_memory_.bytes() + record_memory_.bytes();
  return {size_.load() * (reserved / capacity_), reserved, refused_.load()};
}

ConnectionTable::Hash ConnectionTable::hash(const Key& key) const noexcept {
  return XXH3_64bits_withSeed(&key, sizeof key, seed_);
}

// The record that find() looks at first, if there is one.
Record* ConnectionTable::likely(Hash hash) const noexcept {
  const Bucket& bucket = buckets()[home(hash)];
  const std::uint32_t matches = match_tags(bucket.tags, tag_of(hash));
  return matches == 0 ? nullptr : &records()[bucket.indices[std::countr_zero(matches)]];
}

Record* ConnectionTable::prefetch_record(Hash hash) noexcept {
  Record* const record = likely(hash);
  if (record == nullptr) return nullptr;
  __builtin_prefetch(record, 1);
  __builtin_prefetch(&record->sequences, 1);
  return record;
}

Record* ConnectionTable::find(const Key& key, Hash hash) noexcept {
  const std::uint16_t tag = tag_of(hash);
  for (std::uint32_t at = home(hash);; at = (at + 1) & mask_) {
    const Bucket& bucket = buckets()[at];
    for (std::uint32_t matches = match_tags(bucket.tags, tag); matches != 0; matches &= matches - 1) {
      Record& record = records()[bucket.indices[std::countr_zero(matches)]];
      if (record.key == key) return &record;
    }
    if (bucket.passed_over == 0) return nullptr;
  }
}

Record* ConnectionTable::take_record() noexcept {
  if (free_ != no_index) {
    Record& record = records()[free_];
    free_ = record.cold;
    return &record;
  }
  return limit_ < capacity_ ? &records()[limit_++] : nullptr;
}

Record* ConnectionTable::insert(const Key& key, Hash hash) noexcept {
  assert(find(key, hash) == nullptr);
  Record* const record = take_record();
  if (record == nullptr) {
    refused_.add(1);
    return nullptr;
  }
  const auto generation = static_cast<std::uint16_t>(record->generation + 1);
  const Timer timer = record->timer;
  *record = Record{};
  record->key = key;
  record->generation = generation != 0 ? generation : std::uint16_t{1};
  record->timer = timer;
  record->flags = record_flag::in_use;

  std::uint32_t at = home(hash);
  std::uint32_t free_slots = 0;
  while ((free_slots = match_tags(buckets()[at].tags, 0)) == 0) {
    ++buckets()[at].passed_over;
    at = (at + 1) & mask_;
  }
  const int slot = std::countr_zero(free_slots);
  buckets()[at].tags[static_cast<std::size_t>(slot)] = tag_of(hash);
  buckets()[at].indices[slot] = index_of(*record);
  size_.add(1);
  return record;
}

void ConnectionTable::erase(Record& record, Hash hash) noexcept {
  assert(record.in_use());
  const std::uint32_t index = index_of(record);
  const std::uint16_t tag = tag_of(hash);
  for (std::uint32_t at = home(hash);; at = (at + 1) & mask_) {
    Bucket& bucket = buckets()[at];
    for (std::uint32_t matches = match_tags(bucket.tags, tag); matches != 0; matches &= matches - 1) {
      const auto slot = static_cast<std::size_t>(std::countr_zero(matches));
      if (bucket.indices[slot] != index) continue;
      bucket.tags[slot] = 0;
      record.flags = 0;
      record.cold = free_;
      free_ = index;
      size_.subtract(1);
      return;
    }
    assert(bucket.passed_over > 0);  // or the record is not where its hash says: a wrong hash was handed in
    --bucket.passed_over;
  }
}

bool ConnectionTable::consistent() noexcept {
  std::uint64_t passed_over = 0;
  for (std::uint32_t at = 0; at <= mask_; ++at) passed_over += buckets()[at].passed_over;
  std::uint64_t expected = 0;
  std::uint32_t used = 0;
  for (std::uint32_t at = 0; at <= mask_; ++at) {
    for (std::uint32_t free_slots = match_tags(buckets()[at].tags, 0), slot = 0; slot < slots; ++slot) {
      if ((free_slots >> slot & 1U) != 0) continue;
      Record& record = records()[buckets()[at].indices[slot]];
      const Hash hashed = hash(record.key);
      if (!record.in_use() || find(record.key, hashed) != &record) return false;
      expected += (at - home(hashed)) & mask_;
      ++used;
    }
  }
  return passed_over == expected && used == size();
}

}  // namespace iris::conn
