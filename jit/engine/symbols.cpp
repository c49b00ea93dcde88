// The allow-list. Whatever belongs to the C++ library, the mathematical library and the compiler's run-time library may
// be used as a whole; of the C library only what is listed here, because it also opens files, starts processes and
// blocks. This guards against accidents: C++ code that is bent on it finds other ways.
#include "jit/engine/symbols.hpp"

#include <dlfcn.h>
#include <link.h>

#include <iris/emit.hpp>

#include <algorithm>
#include <iterator>
#include <span>

#include "jit/engine/static_lifetime.hpp"
#include "jit/index/tables.hpp"
#include "parsers/api.hpp"

namespace iris::engine {
namespace {

struct HostSymbol {
  std::string_view name;
  void* address;
};

template <class Function>
void* address_of(Function* function) {
  return reinterpret_cast<void*>(function);
}

const HostSymbol user_host[] = {
    {"iris_emit", address_of(&detail::iris_emit)},
    {"__cxa_atexit", address_of(&register_static)},  // in place of the C library's: a unit's statics end with the unit
};

const HostSymbol dispatch_host[] = {
    {"iris_index_number", address_of(&iris_index_number)}, {"iris_index_address", address_of(&iris_index_address)},
    {"iris_index_text", address_of(&iris_index_text)},     {"iris_index_affixes", address_of(&iris_index_affixes)},
    {"iris_index_scan", address_of(&iris_index_scan)},     {"iris_index_every", address_of(&iris_index_every)},
    {"iris_index_sort", address_of(&iris_index_sort)},     {"iris_index_finish", address_of(&iris_index_finish)},
    {"iris_index_spend", address_of(&iris_index_spend)},
};

using Names = std::span<const std::string_view>;

// Compilers call these by themselves, to copy and compare.
constexpr std::string_view memory[] = {"bcmp", "memcmp", "memcpy", "memmove", "memset"};

// The rest of <cstring> that works on memory of the caller and keeps no state. What allocates (malloc, strdup) is
// missing because the memory of user code is counted where operator new is.
constexpr std::string_view text[] = {"memchr",     "memmem",     "mempcpy", "memrchr",     "rawmemchr", "stpcpy",
                                     "strcasecmp", "strcasestr", "strcat",  "strchr",      "strchrnul", "strcmp",
                                     "strcpy",     "strcspn",    "strlen",  "strncasecmp", "strncat",   "strncmp",
                                     "strncpy",    "strnlen",    "strpbrk", "strrchr",     "strspn",    "strstr",
                                     "wcslen",     "wmemchr",    "wmemcmp", "wmemcpy",     "wmemmove",  "wmemset"};

// <cctype>, as functions and as the tables behind macros.
constexpr std::string_view character[] = {"__ctype_b_loc",
                                          "__ctype_get_mb_cur_max",
                                          "__ctype_tolower_loc",
                                          "__ctype_toupper_loc",
                                          "isalnum",
                                          "isalpha",
                                          "isblank",
                                          "iscntrl",
                                          "isdigit",
                                          "isgraph",
                                          "islower",
                                          "isprint",
                                          "ispunct",
                                          "isspace",
                                          "isupper",
                                          "isxdigit",
                                          "tolower",
                                          "toupper"};

// Numbers from and to text, into buffers: std::stoi, std::stod, std::to_string. They report by errno.
constexpr std::string_view number[] = {"__errno_location", "snprintf", "sprintf", "strtod",   "strtof",    "strtol",
                                       "strtold",          "strtoll",  "strtoul", "strtoull", "vsnprintf", "vsprintf"};

constexpr std::string_view algorithm[] = {"bsearch", "qsort"};

// Failing loudly: assert, the stack protector.
constexpr std::string_view failure[] = {"__assert_fail", "__stack_chk_fail", "abort"};

// std::shared_ptr asks whether it needs atomic counters; std::mutex is part of types that serve elsewhere too.
constexpr std::string_view thread[] = {"__libc_single_threaded", "pthread_mutex_lock", "pthread_mutex_trylock",
                                       "pthread_mutex_unlock"};

constexpr Names c_library[] = {memory, text, character, number, algorithm, failure, thread};

// In an allowed library, but a thread would go on running in code that is gone. Prefixes.
constexpr std::string_view starts_threads[] = {"_ZNSt6thread15_M_start_thread", "_ZNSt6thread6detach"};

void* find_host(std::span<const HostSymbol> table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &HostSymbol::name);
  return found == table.end() ? nullptr : found->address;
}

// What parsers define for the SDK. Generated code calls computed fields, user code all of them.
void* find_sdk(std::string_view name) {
  for (const parsers::Protocol& protocol : parsers::registry()) {
    for (const parsers::Field& field : protocol.fields) {
      if (field.computed.symbol != name || name.empty()) continue;
      return field.computed.text != nullptr ? address_of(field.computed.text) : address_of(field.computed.number);
    }
    if (protocol.sdk_functions == nullptr) continue;
    for (const parsers::SdkFunction& function : protocol.sdk_functions()) {
      if (function.symbol == name) return function.address;
    }
  }
  return nullptr;
}

bool listed(Names names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

// Where every other shared object of the process would find it: interposed definitions (operator new) and copies of
// data in the executable (type information) come first.
void* process_symbol(const char* name) { return ::dlsym(RTLD_DEFAULT, name); }

}  // namespace

Result<Symbols> Symbols::open() {
  static constexpr const char* names[] = {"libstdc++.so.6", "libm.so.6", "libgcc_s.so.1"};
  Symbols symbols;
  for (std::size_t i = 0; i < std::size(names); ++i) {
    void* handle = ::dlopen(names[i], RTLD_LAZY | RTLD_LOCAL);
    ::link_map* map = nullptr;
    if (handle == nullptr || ::dlinfo(handle, RTLD_DI_LINKMAP, static_cast<void*>(&map)) != 0) {
      return fail(ErrorCode::unavailable, std::string("cannot load ") + names[i] + ", which subscriptions use");
    }
    symbols.libraries_[i] = {handle, map->l_addr};
  }
  return symbols;
}

bool Symbols::in_allowed_library(const char* name) const {
  return std::ranges::any_of(libraries_, [&](const Library& library) {
    const void* address = ::dlsym(library.handle, name);  // may also come from a library that it depends on
    Dl_info info{};
    return address != nullptr && ::dladdr(address, &info) != 0 &&
           reinterpret_cast<std::uintptr_t>(info.dli_fbase) == library.base;
  });
}

void* Symbols::find(const std::string& name, Trust trust) const {
  const bool user = trust == Trust::user;
  if (void* host = user ? find_host(user_host, name) : find_host(dispatch_host, name); host != nullptr) return host;
  if (void* function = find_sdk(name); function != nullptr) return function;
  if (!user) return listed(memory, name) ? process_symbol(name.c_str()) : nullptr;
  if (std::ranges::any_of(starts_threads, [&](std::string_view prefix) { return name.starts_with(prefix); })) {
    return nullptr;
  }
  if (std::ranges::any_of(c_library, [&](Names names) { return listed(names, name); }) ||
      in_allowed_library(name.c_str())) {
    return process_symbol(name.c_str());
  }
  return nullptr;
}

bool Symbols::exists(const std::string& name) { return process_symbol(name.c_str()) != nullptr; }

bool Symbols::reserved(std::string_view name) {
  static constexpr std::string_view allocator[] = {"_Znw", "_Zna", "_Zdl", "_Zda"};  // operator new, new[], delete, …
  return find_host(user_host, name) != nullptr || find_sdk(name) != nullptr ||
         std::ranges::any_of(allocator, [&](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace iris::engine
