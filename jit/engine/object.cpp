#include "jit/engine/object.hpp"

#include <llvm/Demangle/Demangle.h>
#include <llvm/Object/ELF.h>

namespace iris::engine {
namespace {

// (llvm/Object/ELFObjectFile.h, one layer up, does not compile as C++23.)
using File = llvm::object::ELFFile<llvm::object::ELF64LE>;
namespace elf = llvm::ELF;

#if defined(__x86_64__)
constexpr auto this_machine = elf::EM_X86_64;
#elif defined(__aarch64__)
constexpr auto this_machine = elf::EM_AARCH64;
#else
#error "Name this processor's ELF machine here."
#endif

std::unexpected<Error> damaged(llvm::Error error) {
  return fail(ErrorCode::invalid, "is a damaged object file: " + llvm::toString(std::move(error)));
}

std::unexpected<Error> has_thread_local(const std::string& which) {
  return fail(ErrorCode::invalid, "uses thread_local variables" + which +
                                      ", which subscriptions may not; keep the state in a stateful callback");
}

Result<void> check_section(const File::Elf_Shdr& section) {
  if ((section.sh_flags & elf::SHF_TLS) != 0) return has_thread_local("");
  if (section.sh_size == 0) return {};
  if (section.sh_type == elf::SHT_INIT_ARRAY || section.sh_type == elf::SHT_PREINIT_ARRAY) {
    return fail(ErrorCode::internal, "has static constructors that were not lowered to an initialisation function");
  }
  if (section.sh_type == elf::SHT_FINI_ARRAY) {
    return fail(ErrorCode::invalid, "has __attribute__((destructor)) functions, which subscriptions may not");
  }
  return {};
}

Result<void> add_symbol(const File::Elf_Sym& symbol, llvm::StringRef name, ObjectSymbols& to) {
  if (symbol.getType() == elf::STT_TLS) return has_thread_local(" ('" + llvm::demangle(name) + "')");
  if (name.empty() || symbol.getBinding() == elf::STB_LOCAL) return {};
  if (symbol.isDefined()) {
    to.defined.push_back(name.str());
  } else if (name != "__dso_handle" && name != "_GLOBAL_OFFSET_TABLE_") {
    (symbol.getBinding() == elf::STB_WEAK ? to.wanted_weakly : to.wanted).push_back(name.str());
  }
  return {};
}

Result<void> add_symbols(const File& file, const File::Elf_Shdr& table, ObjectSymbols& to) {
  auto symbols = file.symbols(&table);
  if (!symbols) return damaged(symbols.takeError());
  auto names = file.getStringTableForSymtab(table);
  if (!names) return damaged(names.takeError());
  for (const File::Elf_Sym& symbol : *symbols) {
    auto name = symbol.getName(*names);
    if (!name) return damaged(name.takeError());
    if (auto added = add_symbol(symbol, *name, to); !added) return added;
  }
  return {};
}

}  // namespace

Result<ObjectSymbols> inspect(llvm::MemoryBufferRef buffer) {
  const llvm::StringRef bytes = buffer.getBuffer();
  if (bytes.size() < sizeof(File::Elf_Ehdr) || !bytes.starts_with(elf::ElfMagic)) {
    return fail(ErrorCode::invalid, "is not an object file");
  }
  auto file = File::create(bytes);
  if (!file) return damaged(file.takeError());
  const File::Elf_Ehdr& header = file->getHeader();
  if (header.getFileClass() != elf::ELFCLASS64 || header.getDataEncoding() != elf::ELFDATA2LSB ||
      header.e_type != elf::ET_REL || header.e_machine != this_machine) {
    return fail(ErrorCode::invalid, "is not a relocatable ELF object for this processor");
  }
  auto sections = file->sections();
  if (!sections) return damaged(sections.takeError());
  ObjectSymbols result;
  for (const File::Elf_Shdr& section : *sections) {
    if (section.sh_type != elf::SHT_SYMTAB) continue;
    if (auto added = add_symbols(*file, section, result); !added) return std::unexpected(std::move(added.error()));
  }
  for (const File::Elf_Shdr& section : *sections) {
    if (auto checked = check_section(section); !checked) return std::unexpected(std::move(checked.error()));
  }
  return result;
}

}  // namespace iris::engine
