// What the builders share: lists of ids, and one maker a kind of table.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "jit/index/index.hpp"
#include "jit/index/paged.hpp"
#include "jit/index/tables.hpp"

namespace iris::index {

void add_id(Ids& ids, std::uint32_t id);
void remove_id(Ids& ids, std::uint32_t id);

// A version: the table that look-ups read, and what keeps its memory.
template <class Table, class Memory>
class Version final : public Index {
 public:
  Version(const Table& table, Memory memory) : table_(table), memory_(std::move(memory)) {}
  [[nodiscard]] const void* table() const noexcept override { return &table_; }

 private:
  Table table_;
  Memory memory_;
};

template <class Table, class Memory>
std::shared_ptr<const Index> make_version(const Table& table, Memory memory) {
  return std::make_shared<Version<Table, Memory>>(table, std::move(memory));
}

[[nodiscard]] std::unique_ptr<Builder> make_presence_builder();
// Of a list's every element; `inner` serves one element.
[[nodiscard]] std::unique_ptr<Builder> make_every_builder(const parsers::Field& field, filter::Operator op,
                                                          std::uint32_t workers, std::unique_ptr<Builder> inner);
[[nodiscard]] std::unique_ptr<Builder> make_number_builder(unsigned width);
[[nodiscard]] std::unique_ptr<Builder> make_address_builder();
[[nodiscard]] std::unique_ptr<Builder> make_text_builder();
[[nodiscard]] std::unique_ptr<Builder> make_affix_builder(Affix kind);
[[nodiscard]] std::unique_ptr<Builder> make_scan_builder(bool literal, std::uint32_t workers);

}  // namespace iris::index
