#include "jit/engine/engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <stdexcept>

#include "jit/abi/host_api.hpp"
#include "tests/unit/jit/engine/toolchain.hpp"

namespace iris::engine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Toolchain;

class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto created = Engine::create();
    ASSERT_TRUE(created) << created.error().message;
    engine_ = std::move(*created);
    ::testing::internal::CaptureStderr();
  }
  // Nothing that a user can cause is to be heard on the daemon's stderr.
  void TearDown() override { EXPECT_EQ(::testing::internal::GetCapturedStderr(), ""); }

  Result<std::unique_ptr<Unit>> try_load(const std::string& source, const std::string& init = {},
                                         Trust trust = Trust::user) {
    return engine_->load(toolchain_.compile(source), "unit.cpp", trust, init);
  }
  std::unique_ptr<Unit> load(const std::string& source, const std::string& init = {}) {
    auto unit = try_load(source, init);
    if (!unit) throw std::runtime_error(unit.error().message);
    return std::move(*unit);
  }
  Error refusal(const std::string& source, const std::string& init = {}, Trust trust = Trust::user) {
    auto unit = try_load(source, init, trust);
    EXPECT_FALSE(unit);
    return unit ? Error{} : unit.error();
  }
  // Loads the source, returns what its `int entry()` returns.
  int result_of(const std::string& source) { return entry(*load(source))(); }

  static int (*entry(const Unit& unit))() { return reinterpret_cast<int (*)()>(unit.find("entry").value_or(nullptr)); }

  Toolchain toolchain_;
  std::unique_ptr<Engine> engine_;
};

// ---- what works

TEST_F(EngineTest, CallsAFunction) {
  const auto unit = load("extern \"C\" int add(int a, int b) { return a + b; }");
  const auto add = unit->find("add");
  ASSERT_TRUE(add) << add.error().message;
  EXPECT_EQ(reinterpret_cast<int (*)(int, int)>(*add)(2, 3), 5);
  EXPECT_GT(unit->bytes(), 0U);
  EXPECT_LT(unit->bytes(), 4096U);
}

TEST_F(EngineTest, NamesASymbolThatIsNotThere) {
  const auto unit = load("extern \"C\" int add(int a, int b) { return a + b; }");
  const auto found = unit->find("_Z3subii");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::not_found);
  EXPECT_EQ(found.error().message, "unit.cpp: has no symbol 'sub(int, int)'");
}

TEST_F(EngineTest, ExceptionsAreCaughtInside) {
  EXPECT_EQ(result_of(R"(
    #include <stdexcept>
    #include <vector>
    struct Own { int value; };
    [[gnu::noinline]] void raise(int value) { throw Own{value}; }
    extern "C" int entry() {
      int sum = 0;
      try { std::vector<int> v; v.at(3) = 1; } catch (const std::out_of_range&) { sum += 40; }
      try { raise(2); } catch (const Own& own) { sum += own.value; }
      return sum;
    })"),
            42);
}

TEST_F(EngineTest, ExceptionsAreCaughtByTheHost) {
  const auto unit = load(R"(
    #include <stdexcept>
    struct Own : std::runtime_error { using std::runtime_error::runtime_error; };
    extern "C" int entry() { throw Own("from the unit"); })");
  try {
    entry (*unit)();
    FAIL() << "no exception";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "from the unit");
  }
}

constexpr const char* counted_static = R"(
    #include <string>
    struct Counted {
      int* counter = nullptr;
      std::string text = std::string(100, 'x');
      ~Counted() { if (counter != nullptr) *counter = *counter * 10 + static_cast<int>(text.size()) / 100; }
    };
    Counted first;
    static Counted second;
    extern "C" void count(int* counter) { first.counter = second.counter = counter; }
    extern "C" int entry() { return static_cast<int>(first.text.size() + second.text.size()); })";

TEST_F(EngineTest, StaticObjectsLiveAsLongAsTheUnit) {
  auto unit = load(counted_static, testing::init_symbol);
  EXPECT_EQ(entry(*unit)(), 200);
  int counter = 0;
  reinterpret_cast<void (*)(int*)>(unit->find("count").value_or(nullptr))(&counter);
  EXPECT_EQ(counter, 0);
  unit.reset();
  EXPECT_EQ(counter, 11);
}

TEST_F(EngineTest, StaticObjectsAreNeitherMadeNorDestroyedWithoutInitialisation) {
  auto unit = load(counted_static);
  EXPECT_EQ(entry(*unit)(), 0);
  unit.reset();
}

TEST_F(EngineTest, FunctionLocalStaticsEndWithTheUnitInReverseOrder) {
  auto unit = load(R"(
    struct Digit { int* to; int value; ~Digit() { *to = *to * 10 + value; } };
    extern "C" int entry() { return 0; }
    extern "C" void use(int* to) { static Digit one{to, 1}; static Digit two{to, 2}; })");
  int order = 0;
  const auto use = reinterpret_cast<void (*)(int*)>(unit->find("use").value_or(nullptr));
  use(&order);
  use(&order);
  EXPECT_EQ(order, 0);
  unit.reset();
  EXPECT_EQ(order, 21);
}

TEST_F(EngineTest, VirtualFunctionsAndTypeInformation) {
  EXPECT_EQ(result_of(R"(
    #include <memory>
    #include <typeinfo>
    struct Base { virtual ~Base() = default; virtual int value() const { return 1; } };
    struct Left : virtual Base { int value() const override { return 40; } };
    struct Right : virtual Base {};
    struct Both final : Left, Right {};
    extern "C" int entry() {
      std::unique_ptr<Base> made = std::make_unique<Both>();
      Base* volatile base = made.get();
      return base->value() + (dynamic_cast<Right*>(base) != nullptr) + (typeid(*base) == typeid(Both));
    })"),
            42);
}

TEST_F(EngineTest, ContainersAndAlgorithms) {
  EXPECT_EQ(result_of(R"(
    #include <algorithm>
    #include <cmath>
    #include <functional>
    #include <map>
    #include <memory>
    #include <sstream>
    #include <string>
    #include <unordered_map>
    #include <vector>
    extern "C" int entry() {
      std::unordered_map<std::string, std::vector<int>> groups;
      for (int i = 0; i < 1000; ++i) groups[std::to_string(i % 7)].push_back(i);
      std::map<int, std::function<int()>> later;
      for (auto& [name, list] : groups) {
        std::sort(list.begin(), list.end(), std::greater<>());
        later[std::stoi(name)] = [shared = std::make_shared<int>(list.front())] { return *shared; };
      }
      std::ostringstream text;
      text << later.size() << ' ' << later.at(5)() << ' ' << std::to_string(std::sin(0.0));
      return text.str() == "7 999 0.000000" ? 42 : 0;
    })"),
            42);
}

TEST_F(EngineTest, WideArithmeticOfTheCompilersLibrary) {
  EXPECT_EQ(result_of(R"(
    volatile __int128 a = static_cast<__int128>(42) << 70, b = static_cast<__int128>(1) << 70;
    extern "C" int entry() { return static_cast<int>(a / b); })"),
            42);
}

class Sink final : public abi::EmitSink {
 public:
  void emit(std::uint32_t subscription, std::uint32_t row, const void* data, Timestamp ts) noexcept override {
    got = {subscription, row, *static_cast<const int*>(data), static_cast<int>(ts.nanoseconds)};
  }
  std::tuple<std::uint32_t, std::uint32_t, int, int> got;
};

TEST_F(EngineTest, HostFunctionsAreTheHosts) {
  const auto unit = load(R"(
    extern "C" void iris_emit(unsigned row, const void* data) noexcept;
    extern "C" int entry() { int value = 42; iris_emit(3, &value); return 0; })");
  Sink sink;
  abi::current_call = {&sink, 7, {99}};
  entry (*unit)();
  abi::current_call = {};
  EXPECT_EQ(sink.got, std::tuple(7U, 3U, 42, 99));
}

TEST_F(EngineTest, UnitsDoNotSeeEachOther) {
  const auto one = load("extern \"C\" int entry() { return 1; } extern \"C\" int helper() { return 5; }");
  const auto two = load("extern \"C\" int entry() { return 2; }");
  EXPECT_EQ(entry(*one)(), 1);
  EXPECT_EQ(entry(*two)(), 2);
  EXPECT_THAT(refusal("extern \"C\" int helper(); extern \"C\" int entry() { return helper(); }").message,
              HasSubstr("'helper', which is not defined anywhere"));
}

TEST_F(EngineTest, WeakSymbolsThatAreNowhereAreNull) {
  EXPECT_EQ(result_of("extern \"C\" [[gnu::weak]] void nowhere(); extern \"C\" [[gnu::weak]] int system(const char*);"
                      "extern \"C\" int entry() { return nowhere == nullptr && system == nullptr ? 42 : 0; }"),
            42);
}

// ---- what is refused

TEST_F(EngineTest, RefusesForbiddenFunctionsByName) {
  const Error error = refusal("#include <cstdlib>\nextern \"C\" int entry() { return system(\"true\"); }");
  EXPECT_EQ(error.code, ErrorCode::invalid);
  EXPECT_EQ(error.message, "unit.cpp: uses 'system', which subscriptions may not call");
}

TEST_F(EngineTest, RefusesWhatLeavesTheProcessOrBlocks) {
  for (const char* name :
       {"exit", "_exit", "quick_exit", "fork", "execve", "open", "fopen", "socket", "dlopen", "dlsym", "mmap", "atexit",
        "sleep", "malloc", "printf", "signal", "longjmp", "pthread_create"}) {
    const std::string source =
        std::string("extern \"C\" void ") + name + "();  extern \"C\" int entry() { " + name + "(); return 0; }";
    auto object = toolchain_.compile(source, "-O2 -fno-builtin -w");
    const auto unit = engine_->load(object, "unit.cpp", Trust::user);
    ASSERT_FALSE(unit) << name;
    EXPECT_THAT(unit.error().message, HasSubstr("'" + std::string(name) + "'"));
  }
}

TEST_F(EngineTest, RefusesThreads) {
  EXPECT_THAT(refusal("#include <thread>\nextern \"C\" int entry() { std::thread([] {}).join(); return 0; }").message,
              AllOf(HasSubstr("'std::thread::_M_start_thread("), HasSubstr("may not call")));
}

TEST_F(EngineTest, NamesWhatIsMissingAndWhatIsForbiddenAtOnce) {
  EXPECT_EQ(refusal("int nowhere(long); extern \"C\" int fork(); extern \"C\" int getpid();"
                    "extern \"C\" int entry() { return nowhere(1) + fork() + getpid(); }")
                .message,
            "unit.cpp: uses 'fork', 'getpid', which subscriptions may not call; uses 'nowhere(long)', which is not "
            "defined anywhere");
}

TEST_F(EngineTest, RefusesThreadLocalVariables) {
  for (const char* source : {"thread_local int count; extern \"C\" int entry() { return ++count; }",
                             "extern thread_local int count; extern \"C\" int entry() { return ++count; }"}) {
    EXPECT_THAT(refusal(source).message, HasSubstr("unit.cpp: uses thread_local variables ('count'), which"));
  }
}

TEST_F(EngineTest, RefusesItsOwnAllocator) {
  EXPECT_THAT(refusal("#include <cstddef>\nvoid* operator new(std::size_t) { return nullptr; }"
                      "extern \"C\" int entry() { return 0; }")
                  .message,
              AllOf(HasSubstr("defines 'operator new(unsigned long)'"), HasSubstr("host's own")));
}

TEST_F(EngineTest, DispatchesMayUseNothingButTheIndex) {
  EXPECT_TRUE(
      try_load("extern \"C\" void iris_index_sort(unsigned*, unsigned); extern \"C\" int entry(unsigned* a) {"
               " iris_index_sort(a, 2); return 0; }",
               "", Trust::dispatch));
  EXPECT_THAT(
      refusal("#include <cstring>\nextern \"C\" int entry(char* a) { return (int)strlen(a); }", "", Trust::dispatch)
          .message,
      HasSubstr("'strlen'"));
  EXPECT_THAT(refusal("extern \"C\" void iris_index_sort(unsigned*, unsigned); extern \"C\" int entry() {"
                      " iris_index_sort(0, 0); return 0; }")
                  .message,
              HasSubstr("'iris_index_sort'"));
}

TEST_F(EngineTest, ReportsExceptionsOfStaticConstructors) {
  const Error error = refusal(R"(
    #include <stdexcept>
    #include <string>
    static std::string before(100, 'x');
    struct Bad { Bad() { throw std::runtime_error("no luck"); } };
    Bad bad;
    extern "C" int entry() { return static_cast<int>(before.size()); })",
                              testing::init_symbol);
  EXPECT_EQ(error.code, ErrorCode::invalid);
  EXPECT_EQ(error.message, "unit.cpp: a static constructor threw an exception: no luck");
}

TEST_F(EngineTest, ReportsAMissingInitialisationFunction) {
  const Error error = refusal("extern \"C\" int entry() { return 0; }", "iris_init");
  EXPECT_EQ(error.code, ErrorCode::internal);
  EXPECT_THAT(error.message, HasSubstr("'iris_init' is missing"));
}

TEST_F(EngineTest, RefusesConstructorsAndDestructorsOfTheLoader) {
  const auto refused = [&](const std::string& source) {
    auto unit = engine_->load(toolchain_.compile_plainly(source), "unit.cpp", Trust::user);
    EXPECT_FALSE(unit);
    return unit ? "" : unit.error().message;
  };
  EXPECT_THAT(refused("#include <string>\nstd::string text(100, 'x');"), HasSubstr("were not lowered"));
  EXPECT_THAT(refused("[[gnu::destructor]] void last() {}"), HasSubstr("destructor"));
}

TEST_F(EngineTest, RefusesWhatIsNoObject) {
  const auto refused = [&](std::span<const std::byte> bytes) {
    auto unit = engine_->load(bytes, "unit.cpp", Trust::user);
    EXPECT_FALSE(unit);
    if (!unit) EXPECT_EQ(unit.error().code, ErrorCode::invalid) << unit.error().message;
    return unit ? "" : unit.error().message;
  };
  EXPECT_THAT(refused({}), HasSubstr("unit.cpp: is not an object file"));
  EXPECT_THAT(refused(std::as_bytes(std::span("not an object"))), HasSubstr("is not an object file"));
  const std::string source = "extern \"C\" int entry() { return 0; }";
  EXPECT_THAT(refused(toolchain_.compile_plainly(source, "-shared")), HasSubstr("not a relocatable ELF object"));
  EXPECT_THAT(refused(toolchain_.compile_plainly(source, "-c --target=aarch64-linux-gnu -nostdinc")),
              HasSubstr("not a relocatable ELF object"));

  const auto whole = toolchain_.compile(source);
  for (std::size_t size = 1; size < whole.size(); size += 7) {
    auto unit = engine_->load(std::span(whole).first(size), "unit.cpp", Trust::user);
    EXPECT_FALSE(unit) << "cut to " << size << " of " << whole.size() << " bytes";
  }
}

TEST_F(EngineTest, ReportsCodeThatCannotBeLinked) {
  // Not position-independent: a 32-bit address.
  auto object = toolchain_.compile("int far[10]; extern \"C\" int* entry(int i) { return far + i; }",
                                   "-O2 -fno-pic -fno-pie -mcmodel=small");
  auto unit = engine_->load(object, "unit.cpp", Trust::user);
  ASSERT_FALSE(unit);
  EXPECT_THAT(unit.error().message, AllOf(HasSubstr("unit.cpp: cannot be linked: "), Not(HasSubstr("; "))));
  EXPECT_EQ(result_of("extern \"C\" int entry() { return 42; }"), 42);  // the engine goes on
}

// ---- memory

std::size_t resident_kilobytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  statm >> size >> resident;
  return resident * 4;
}

TEST_F(EngineTest, LoadingAndUnloadingGivesAllMemoryBack) {
  const auto object = toolchain_.compile(R"(
    #include <string>
    #include <vector>
    std::vector<std::string> many(10, std::string(100, 'x'));
    extern "C" int entry() {
      try { many.at(10); } catch (const std::exception&) { return 42; }
      return 0;
    })");
  const auto forbidden = toolchain_.compile("extern \"C\" int fork(); extern \"C\" int entry() { return fork(); }");
  const auto cycle = [&](int times) {
    for (int i = 0; i < times; ++i) {
      auto unit = engine_->load(object, "unit.cpp", Trust::user, testing::init_symbol);
      ASSERT_TRUE(unit) << unit.error().message;
      ASSERT_EQ(entry(**unit)(), 42);
      ASSERT_FALSE(engine_->load(forbidden, "other.cpp", Trust::user));
    }
  };
  cycle(200);
  const std::size_t before = resident_kilobytes();
  cycle(2000);
  RecordProperty("growth_kilobytes", std::to_string(resident_kilobytes() - before));
#if !defined(__has_feature) || !__has_feature(address_sanitizer)  // its quarantine grows
  EXPECT_LE(resident_kilobytes(), before + 1024);
#endif
}

}  // namespace
}  // namespace iris::engine
