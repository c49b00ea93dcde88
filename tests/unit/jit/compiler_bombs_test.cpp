// Sources that would take a compiler with them: each is refused in time with a message, and the next one compiles.
#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jit/compiler.hpp"

namespace iris::jit {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct Bomb {
  std::string name;
  std::string text;
  std::string message;  // part of it
};

std::string repeat(const std::string& text, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

// After the harmless first lines of a source: line 4 is its first.
std::string behind_callback(const std::string& text) {
  return "#include <iris/iris.hpp>\n"
         "IRIS_CALLBACK(\"tls\")\n"
         "void f(const iris::FiveTuple&) {}\n" +
         text + "\n";
}

// A macro that expands to two to the power of `depth` tokens.
std::string doubling_macros(int depth) {
  std::string text = "#define M0 +1\n";
  for (int i = 1; i <= depth; ++i) {
    const auto previous = "M" + std::to_string(i - 1);
    text.append("#define M").append(std::to_string(i)).append(repeat(" " + previous, 2)).append("\n");
  }
  return text + "int x = 0 M" + std::to_string(depth) + ";";
}

std::vector<Bomb> bombs() {
  return {
      {"template recursion", "template <int N> struct A { static const int v = A<N + 1>::v; };\nint x = A<0>::v;",
       "log.cpp:4:50: error: recursive template instantiation exceeded maximum depth of 1024"},
      {"exponential templates",
       "template <int N, long M> struct F { static const long v = F<N - 1, 2 * M>::v + F<N - 1, 2 * M + 1>::v; };\n"
       "template <long M> struct F<0, M> { static const long v = 1; };\n"
       "long x = F<40, 0>::v;",
       "in the front end after the declaration that ends at line 5"},
      {"growing types", "template <class T> void g(T t) { g(std::vector<T>{}); }\nvoid h() { g(1); }", "log.cpp:"},
      {"doubling types",
       "template <class T, class U> struct P {};\ntemplate <int N, class T> auto g(T t) { return g<N - 1>(P<T, T>{}); "
       "}\n"
       "template <int N, class T> requires(N == 0) auto g(T t) { return t; }\nauto x = g<900>(1);",
       "log.cpp:"},
      {"constexpr loop", "constexpr int g() { for (int i = 0;; i = 1 - i) {} }\nconstexpr int x = g();",
       "constexpr evaluation hit maximum step limit"},
      {"constexpr recursion", "constexpr int g(int i) { return g(i + 1); }\nconstexpr int x = g(0);",
       "constexpr evaluation exceeded maximum depth of 512 calls"},
      {"4 GB array", "static char x[1ULL << 32];",
       "log.cpp:4:13: error: 'x' takes 4294967296 bytes of static storage; at most 16777216 are allowed"},
      {"4 GB array in a template",
       "template <int N> struct S { static inline char x[1ULL << N]; };\n"
       "IRIS_CALLBACK(\"tls\") void k(const iris::FiveTuple&) { char* volatile p = S<32>::x; }",
       "log.cpp:"},
      {"huge initialiser",
       "struct S { char x[1ULL << 31] = {1}; };\nvoid g(S);\nvoid h() { static constexpr S s; g(s); }\n"
       "IRIS_CALLBACK(\"tls\") void k(const iris::FiveTuple&) { h(); }",
       "log.cpp:"},
      {"many small arrays",
       "static char a[15 << 20], b[15 << 20], c[15 << 20], d[15 << 20], e[15 << 20];\n"
       "IRIS_CALLBACK(\"tls\") void k(const iris::FiveTuple& t) {\n"
       "  auto i = t.originator.port; a[i] = b[i] = c[i] = d[i] = e[i]++;\n"
       "  iris::emit(t); char* volatile p = a; p = b; p = c; p = d; p = e;\n}",
       "its code and data take more than 64 MiB"},
      {"alignment",
       "alignas(1 << 16) static char x;\n"
       "IRIS_CALLBACK(\"tls\") void k(const iris::FiveTuple&) { char* volatile p = &x; }",
       "its data is aligned to more than 4096 bytes"},
      {"macros", doubling_macros(40), "log.cpp:4:1: error: compiling "},
      {"repeated assembly", "asm(\".rept 2000000000\\n nop\\n .endr\");", "in the code generator"},
      {"assembled space", "asm(\".data\\n .fill 4000000000, 1, 1\");", "log.cpp:"},
      {"assembled zeroes", "asm(\".bss\\n .skip 8000000000\");", "its code and data take more than 64 MiB"},
      {"parentheses", "int x = " + repeat("(", 100'000) + "1" + repeat(")", 100'000) + ";",
       "bracket nesting level exceeded maximum of 256"},
      {"a chain of operators", "int one();\nint x = one()" + repeat("+one()", 150'000) + ";", "log.cpp:"},
      {"nested blocks", "void g() {" + repeat("{", 50'000) + repeat("}", 50'000) + "}", "log.cpp:"},
      {"nested else", "void g(int i) {" + repeat("if (i) {} else ", 60'000) + ";}", "log.cpp:"},
      {"nested declarators", "int " + repeat("*", 500'000) + "x;", "log.cpp:"},
      {"index sequence", "std::make_index_sequence<2000000000> x;", "log.cpp:4:1: error: compiling "},
      {"device", "#include \"/dev/zero\"", "log.cpp:4:10: error: '/dev/zero' cannot be included"},
      {"secret", "#include \"/etc/shadow\"", "log.cpp:4:10: error: '/etc/shadow' cannot be included"},
      {"assembled secret", "asm(\".incbin \\\"/etc/passwd\\\"\");",
       "log.cpp:4:1: error: the assembler rejects this: Could not find incbin file '/etc/passwd'"},
      {"itself", "#include \"/iris/source.cpp\"", "log.cpp:"},
      {"crash", "int a;\n\n#pragma clang __debug crash",
       "log.cpp:4:1: error: the compiler crashed (Illegal instruction) in the front end after the declaration that "
       "ends "
       "at line 3"},
      {"fatal error", "#pragma clang __debug llvm_fatal_error",
       "log.cpp:1:1: error: the compiler gave up (#pragma clang __debug llvm_fatal_error) in the front end"},
      {"overflow of the stack", "#pragma clang __debug overflow_stack",
       "in the front end before the first declaration ended"},
      {"unrolled loop",
       "IRIS_CALLBACK(\"tls\") void k(const iris::FiveTuple& t) {\n  unsigned v = t.originator.port;\n"
       "#pragma clang loop unroll(full)\n  for (unsigned i = 0; i < 4000000; ++i) v = v * 33 + (v >> (i % 7));\n"
       "  iris::emit(iris::Endpoint{{}, static_cast<std::uint16_t>(v)});\n}",
       ""},
      {"errors without end", repeat("undeclared x;\n", 50'000), "too many errors emitted"},
  };
}

TEST(CompilerBombs, AreDefused) {
  const Limits limits{.time = 1500ms, .memory_bytes = 512 << 20};
  auto compiler = Compiler::start({.program = {}, .limits = limits});
  ASSERT_TRUE(compiler.has_value()) << compiler.error().message;
  for (const auto& bomb : bombs()) {
    SCOPED_TRACE(bomb.name);
    const auto compiled = (*compiler)->compile({"log.cpp", behind_callback(bomb.text)});
    if (!bomb.message.empty()) {
      // On a busy machine the clock may be faster than the compiler's own limits.
      EXPECT_THAT(compiled.has_value() ? "accepted" : compiled.error().message,
                  testing::AnyOf(HasSubstr(bomb.message), HasSubstr("compiling took longer than 1.5 s")));
    }
    const auto next = (*compiler)->compile({"next.cpp", behind_callback("")});
    EXPECT_TRUE(next.has_value()) << next.error().message;
  }
}

}  // namespace
}  // namespace iris::jit
