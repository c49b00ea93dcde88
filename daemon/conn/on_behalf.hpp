// Says to the host's functions on whose behalf they are called, for as long as user code runs.
#pragma once

#include "jit/abi/host_api.hpp"

namespace iris::conn {

class OnBehalf {
 public:
  // `degraded`: what is emitted may lack something for want of memory.
  OnBehalf(abi::EmitSink& sink, std::uint32_t subscription, Timestamp ts, bool degraded = false) {
    sink.degraded = degraded;
    abi::current_call = {&sink, subscription, ts};
  }
  ~OnBehalf() { abi::current_call = {}; }
  OnBehalf(const OnBehalf&) = delete;
  OnBehalf& operator=(const OnBehalf&) = delete;
};

}  // namespace iris::conn
