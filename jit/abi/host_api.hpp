// The host's functions that user code may call, besides the C++ library. They act on behalf of the unit whose code is
// running on this thread (CurrentCall), which the worker sets before it calls out.
#pragma once

#include <cstdint>

#include <iris/time.hpp>

namespace iris::abi {

// Receives what user code emits. One a worker, used by its thread only.
class EmitSink {
 public:
  // `row_index` as the front end numbered the unit's rows. Copies what `row` holds before it returns; never blocks.
  virtual void emit(std::uint32_t subscription, std::uint32_t row_index, const void* row, Timestamp ts) noexcept = 0;

 protected:
  ~EmitSink() = default;
};

// What is running on this thread. `subscription` 0 means host code.
struct CurrentCall {
  EmitSink* sink = nullptr;
  std::uint32_t subscription = 0;
  Timestamp ts{};
};
extern thread_local constinit CurrentCall current_call;

}  // namespace iris::abi
