// What a unit's static objects leave to be done at its end. The compiler registers each one's destructor with
// __cxa_atexit and the address of the unit's own __dso_handle; the process's __cxa_atexit would call it at exit, long
// after the code is gone.
#pragma once

#include <mutex>
#include <vector>

namespace iris::engine {

// Thread: any; function-local statics are registered from wherever they are first used.
class StaticLifetime {
 public:
  void add(void (*destroy)(void*), void* object);
  // In reverse order, those included that destructors register meanwhile.
  void end() noexcept;

 private:
  struct Entry {
    void (*destroy)(void*);
    void* object;
  };
  std::mutex mutex_;
  std::vector<Entry> entries_;
};

// A unit's __dso_handle.
struct DsoHandle {
  StaticLifetime* lifetime = nullptr;
};

// What units know as __cxa_atexit (Itanium C++ ABI, 3.3.6.3). 0: registered.
extern "C" int register_static(void (*destroy)(void*), void* object, void* dso_handle) noexcept;

}  // namespace iris::engine
