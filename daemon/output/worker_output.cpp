#include "daemon/output/worker_output.hpp"

#include <cstring>

namespace iris::output {

void Records::append(std::span<const std::byte> record) {
  bytes.insert(bytes.end(), record.begin(), record.end());
  ends.push_back(bytes.size());
}

void WorkerOutput::move_to(Records& records) {
  while (const auto record = ring_.front()) {
    records.append(*record);
    ring_.pop();
  }
}

void WorkerOutput::emit(std::uint32_t subscription, std::uint32_t row_index, const void* row, Timestamp ts) noexcept {
  Channel* channel = channels_.find(subscription);
  if (channel == nullptr) return;  // not registered: there is nobody to count it for
  auto& refused = channel->refused[index_].value;
  if (row_index >= channel->rows().size()) {
    refused.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::span body = std::span(scratch_).subspan(sizeof(RecordHeader));
  const auto size = encode(channel->rows()[row_index].layout, row, body);
  std::byte* space = nullptr;
  if (size) {
    space = ring_.reserve(sizeof(RecordHeader) + *size);
    if (space == nullptr && make_room_) {
      make_room_();
      space = ring_.reserve(sizeof(RecordHeader) + *size);
    }
  }
  if (space == nullptr) {
    refused.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const RecordHeader header{channel, ts, position, row_index, degraded};
  std::memcpy(scratch_.data(), &header, sizeof header);
  std::memcpy(space, scratch_.data(), sizeof header + *size);
  ring_.commit();
}

}  // namespace iris::output
