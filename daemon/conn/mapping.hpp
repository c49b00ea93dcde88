// Memory for large tables and pools: zeroed pages straight from the kernel, huge ones where it has them.
#pragma once

#include <cstddef>
#include <utility>

#include "jit/abi/result.hpp"

namespace iris::conn {

// Owns an anonymous mapping, aligned to a huge page where it is at least that large. Its address never changes. A page
// lies on the NUMA node of the thread that first writes to it.
class Mapping {
 public:
  Mapping() = default;
  // With `prefault` all pages exist on return, on this thread's node; else each comes when it is first touched. Fails
  // with ErrorCode::exhausted.
  [[nodiscard]] static Result<Mapping> create(std::size_t bytes, bool prefault);

  Mapping(Mapping&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)),
        mapped_(std::exchange(other.mapped_, 0)),
        data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(mapped_, other.mapped_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Mapping();

  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }  // as asked for

 private:
  void* base_ = nullptr;  // as the kernel gave it
  std::size_t mapped_ = 0;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace iris::conn
