#include "jit/compiler_object.hpp"

#include <cstdint>
#include <cstring>
#include <string>

#include <elf.h>

namespace iris::jit {
namespace {

constexpr std::uint64_t max_bytes = 64 << 20;    // code and data, zeroed data included
constexpr std::uint64_t max_alignment = 4096;    // what the linker gives at most
constexpr std::uint64_t max_sections = 1 << 18;  // one a function and datum

template <class T>
bool read(std::span<const std::byte> object, std::uint64_t offset, T& out) {
  if (offset > object.size() || sizeof(T) > object.size() - offset) return false;
  std::memcpy(&out, object.data() + offset, sizeof(T));
  return true;
}

}  // namespace

Result<void> check_object(std::span<const std::byte> object) {
  const auto malformed = [] {
    return fail(ErrorCode::internal, "the compiler process sent something that is no object file");
  };
  Elf64_Ehdr header{};
  if (!read(object, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return malformed();
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_REL) return malformed();
  if (header.e_shentsize != sizeof(Elf64_Shdr)) return malformed();
  Elf64_Shdr section{};
  std::uint64_t count = header.e_shnum;
  if (count == 0 && read(object, header.e_shoff, section)) count = section.sh_size;  // more than fit into e_shnum
  if (count == 0 || count > max_sections) return malformed();

  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!read(object, header.e_shoff + i * sizeof section, section)) return malformed();
    if (section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL &&
        (section.sh_offset > object.size() || section.sh_size > object.size() - section.sh_offset)) {
      return malformed();
    }
    if ((section.sh_flags & SHF_ALLOC) == 0) continue;
    if (section.sh_size <= max_bytes) total += section.sh_size;
    if (section.sh_size > max_bytes || total > max_bytes) {
      return fail(ErrorCode::invalid, "its code and data take more than " + std::to_string(max_bytes >> 20) + " MiB");
    }
    if (section.sh_addralign > max_alignment) {
      return fail(ErrorCode::invalid, "its data is aligned to more than " + std::to_string(max_alignment) + " bytes");
    }
  }
  return {};
}

}  // namespace iris::jit
