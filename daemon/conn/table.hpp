// The connections of one worker: a hash table made for bursts.
//
// A bucket is one cache line: eight 16-bit tags, eight record indices, and how many entries had to go past it. Where it
// is full an entry goes to the next bucket, so a search ends at the first bucket that nothing has gone past. The tags
// tell which record to look at (one in 65,536 wrongly), so a look-up costs two cache misses, and for a burst both are
// fetched ahead:
//
//   for each packet: h[i] = table.hash(key[i]); table.prefetch_bucket(h[i]);
//   for each packet: table.prefetch_record(h[i]);
//   for each packet: table.find(key[i], h[i]), else table.insert(key[i], h[i])
//
// Measured at a million connections with keys of 16 bytes: 20 ns a packet, where a cuckoo table took 44 and a Swiss
// table 42. With these of 40 bytes it is 33, ten of them for making the key and its hash.
#pragma once

#include <cstddef>
#include <cstdint>

#include "daemon/conn/counter.hpp"
#include "daemon/conn/key.hpp"
#include "daemon/conn/mapping.hpp"
#include "daemon/conn/memory_use.hpp"
#include "daemon/conn/record.hpp"
#include "daemon/conn/tags.hpp"
#include "jit/abi/result.hpp"

namespace iris::conn {

struct TableOptions {
  std::uint32_t capacity = 0;  // connections; 1 to 2^30
  // Of the hash. Secret and random on live traffic, so that nobody can aim at one bucket. Nothing that a user sees
  // depends on it.
  std::uint64_t seed = 0;
  bool prefault = false;  // create all pages now, on this thread's NUMA node
};

// Used by one thread. Records stay where they are until they are erased. Allocates nothing after its creation.
class ConnectionTable {
 public:
  using Hash = std::uint64_t;

  // Fails when the capacity is out of range or memory is not to be had.
  [[nodiscard]] static Result<ConnectionTable> create(const TableOptions& options);
  ConnectionTable(ConnectionTable&&) noexcept = default;

  [[nodiscard]] Hash hash(const Key& key) const noexcept;
  void prefetch_bucket(Hash hash) const noexcept { __builtin_prefetch(&buckets()[home(hash)]); }
  // Fetches the record that find() most likely looks at, and returns it, if there is one. Reads the bucket.
  Record* prefetch_record(Hash hash) noexcept;
  // Its first line only.
  void prefetch_hot_line(Hash hash) const noexcept {
    if (const Record* record = likely(hash)) __builtin_prefetch(record, 1);
  }

  // nullptr when there is none. `hash` is that of `key`, here and below.
  [[nodiscard]] Record* find(const Key& key, Hash hash) noexcept;
  // `key` is not in the table. A record with this key, a generation of its own, and everything else reset, but for its
  // timer, which belongs to the index; nullptr when the table is full.
  [[nodiscard]] Record* insert(const Key& key, Hash hash) noexcept;
  // `record` is in use. Its index may be given to the next connection.
  void erase(Record& record, Hash hash) noexcept;
  void erase(Record& record) noexcept { erase(record, hash(record.key)); }

  [[nodiscard]] std::uint32_t index_of(const Record& record) const noexcept {
    return static_cast<std::uint32_t>(&record - records());
  }
  // `index` < limit().
  [[nodiscard]] Record& at(std::uint32_t index) noexcept { return records()[index]; }
  [[nodiscard]] const Record& at(std::uint32_t index) const noexcept { return records()[index]; }
  // All indices used so far are below it; those that hold a connection are Record::in_use(). For sweeps.
  [[nodiscard]] std::uint32_t limit() const noexcept { return limit_; }

  // Thread: any.
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(size_.load()); }
  [[nodiscard]] MemoryUse use() const noexcept;
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  // Whether every count of entries gone past a bucket is right, and every record is found. For tests: walks everything,
  // with the hashes of the keys.
  [[nodiscard]] bool consistent() noexcept;

 private:
  struct alignas(64) Bucket {
    Tags tags;                      // 0: free
    std::uint32_t indices[8];       // of records
    std::uint32_t passed_over = 0;  // entries of this or an earlier home that lie in a later bucket
  };
  static_assert(sizeof(Bucket) == 64);

  ConnectionTable(Mapping buckets, Mapping records, const TableOptions& options, std::uint32_t bucket_count);

  [[nodiscard]] Bucket* buckets() const noexcept { return static_cast<Bucket*>(bucket_memory_.data()); }
  [[nodiscard]] Record* records() const noexcept { return static_cast<Record*>(record_memory_.data()); }
  // The lower half of a hash selects the bucket, its highest bits are the tag.
  [[nodiscard]] std::uint32_t home(Hash hash) const noexcept { return static_cast<std::uint32_t>(hash) & mask_; }
  [[nodiscard]] static std::uint16_t tag_of(Hash hash) noexcept {
    const auto tag = static_cast<std::uint16_t>(hash >> 48);
    return tag != 0 ? tag : 1;
  }
  [[nodiscard]] Record* likely(Hash hash) const noexcept;
  [[nodiscard]] Record* take_record() noexcept;

  Mapping bucket_memory_;
  Mapping record_memory_;
  std::uint64_t seed_;
  std::uint32_t mask_;  // number of buckets - 1
  std::uint32_t capacity_;
  Counter size_;
  Counter refused_;
  std::uint32_t limit_ = 0;
  std::uint32_t free_ = no_index;  // erased records, chained by Record::cold, latest first: it is still in the cache
};

}  // namespace iris::conn
