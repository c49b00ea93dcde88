#include "jit/engine/static_lifetime.hpp"

#include <new>

namespace iris::engine {

void StaticLifetime::add(void (*destroy)(void*), void* object) {
  const std::lock_guard lock(mutex_);
  entries_.push_back({destroy, object});
}

void StaticLifetime::end() noexcept {
  for (;;) {
    Entry entry{};
    {
      const std::lock_guard lock(mutex_);
      if (entries_.empty()) return;
      entry = entries_.back();
      entries_.pop_back();
    }
    entry.destroy(entry.object);
  }
}

extern "C" int register_static(void (*destroy)(void*), void* object, void* dso_handle) noexcept {
  if (dso_handle == nullptr) return -1;
  try {
    static_cast<const DsoHandle*>(dso_handle)->lifetime->add(destroy, object);
    return 0;
  } catch (const std::bad_alloc&) {
    return -1;
  }
}

}  // namespace iris::engine
