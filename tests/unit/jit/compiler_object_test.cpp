#include "jit/compiler_object.hpp"

#include <cstring>
#include <string>
#include <vector>

#include <elf.h>
#include <gtest/gtest.h>

namespace iris::jit {
namespace {

// An object with one section of the given kind behind the null section.
struct Object {
  Elf64_Ehdr header{};
  Elf64_Shdr sections[2]{};
};

Object object() {
  Object made;
  std::memcpy(made.header.e_ident, ELFMAG, SELFMAG);
  made.header.e_ident[EI_CLASS] = ELFCLASS64;
  made.header.e_type = ET_REL;
  made.header.e_shoff = offsetof(Object, sections);
  made.header.e_shentsize = sizeof(Elf64_Shdr);
  made.header.e_shnum = 2;
  made.sections[1].sh_type = SHT_NOBITS;
  made.sections[1].sh_flags = SHF_ALLOC;
  made.sections[1].sh_size = 4096;
  made.sections[1].sh_addralign = 16;
  return made;
}

Result<void> check(const Object& made) { return check_object(std::as_bytes(std::span(&made, 1))); }

TEST(CompilerObject, AcceptsWhatFits) { EXPECT_TRUE(check(object()).has_value()); }

TEST(CompilerObject, RefusesWhatIsNoObject) {
  EXPECT_FALSE(check_object({}).has_value());
  EXPECT_FALSE(check_object(std::vector<std::byte>(100)).has_value());
  auto made = object();
  made.header.e_type = ET_DYN;
  EXPECT_FALSE(check(made).has_value());
  made = object();
  made.header.e_shoff = ~0ULL - 10;
  EXPECT_FALSE(check(made).has_value());
  made = object();
  made.header.e_shnum = 3;
  EXPECT_FALSE(check(made).has_value());
  made = object();
  made.sections[1].sh_type = SHT_PROGBITS;
  made.sections[1].sh_offset = sizeof(Object) - 10;
  EXPECT_FALSE(check(made).has_value());
}

TEST(CompilerObject, RefusesWhatIsTooLarge) {
  auto made = object();
  made.sections[1].sh_size = 1ULL << 32;
  const auto large = check(made);
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().code, ErrorCode::invalid);
  EXPECT_EQ(large.error().message, "its code and data take more than 64 MiB");
  made = object();
  made.sections[1].sh_addralign = 1 << 20;
  const auto aligned = check(made);
  ASSERT_FALSE(aligned.has_value());
  EXPECT_EQ(aligned.error().message, "its data is aligned to more than 4096 bytes");
}

}  // namespace
}  // namespace iris::jit
