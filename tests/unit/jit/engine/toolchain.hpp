// Objects to load: C++ compiled by clang++ in a process of its own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace iris::testing {

// Static constructors are exported as `_GLOBAL__sub_I_unit.cpp`, as the front end does with its own name, and taken
// off the list that a system's loader would run.
inline constexpr const char* init_symbol = "_GLOBAL__sub_I_unit.cpp";

class Toolchain {
 public:
  Toolchain() {
    std::string name = (std::filesystem::temp_directory_path() / "iris-engine-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary directory";
    folder_ = name;
  }
  ~Toolchain() { std::filesystem::remove_all(folder_); }
  Toolchain(const Toolchain&) = delete;
  Toolchain& operator=(const Toolchain&) = delete;

  [[nodiscard]] std::vector<std::byte> compile(const std::string& source, const std::string& flags = "-O2") const {
    std::ofstream(folder_ / "unit.cpp") << source;
    run("clang++-19 -std=c++20 -c -w -fPIC " + flags + " -o unit.o unit.cpp");
    run(std::string("llvm-objcopy-19 --globalize-symbol=") + init_symbol +
        " --remove-section=.init_array --remove-section=.rela.init_array unit.o");
    return read("unit.o");
  }

  // Without the second step.
  [[nodiscard]] std::vector<std::byte> compile_plainly(const std::string& source, const std::string& flags = "") const {
    std::ofstream(folder_ / "unit.cpp") << source;
    run("clang++-19 -std=c++20 -fPIC " + (flags.empty() ? "-c" : flags) + " -o unit.o unit.cpp");
    return read("unit.o");
  }

 private:
  void run(const std::string& command) const {
    ASSERT_EQ(std::system(("cd " + folder_.string() + " && " + command).c_str()), 0) << command;
  }
  [[nodiscard]] std::vector<std::byte> read(const char* name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    return {bytes, bytes + text.size()};
  }

  std::filesystem::path folder_;
};

}  // namespace iris::testing
