#include <iris/emit.hpp>

#include "jit/abi/host_api.hpp"

namespace iris::abi {
thread_local constinit CurrentCall current_call{};
}

// A call from outside a callback (a static constructor) has no subscription to speak for, and is dropped.
extern "C" void iris::detail::iris_emit(std::uint32_t row_index, const void* row) noexcept {
  const auto& call = iris::abi::current_call;
  if (call.sink != nullptr && call.subscription != 0) call.sink->emit(call.subscription, row_index, row, call.ts);
}
