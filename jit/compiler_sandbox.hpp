// Limits on the process that compiles one source: it may read headers, use so much memory and time, and nothing else.
//
// The compiler is not expected to be attacked; it is expected to be led astray, by `#include "/etc/shadow"` as much as
// by a template that never ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace iris::jit {

struct Cage {
  std::vector<std::string> readable_folders;
  std::size_t memory_bytes = 0;  // address space beyond what is mapped now
  std::uint32_t cpu_seconds = 0;
};

// Touches every page of this process, so that nothing is copied from the parent, or mapped, while somebody waits; until
// somebody does: `source` is readable (-1: never). Call it before entering the cage.
void prefault(int source) noexcept;

// For the calling process, without return: it dies with its parent, leaves no core, writes no file, opens nothing but
// what lies in the folders. Landlock and seccomp are left out where the kernel lacks them: the names of what is
// missing are returned, else an empty string.
std::string enter_cage(const Cage& cage);

// From now on no file can be opened at all: what is left to do is code generation, whose assembler has `.incbin`.
void close_cage() noexcept;

}  // namespace iris::jit
