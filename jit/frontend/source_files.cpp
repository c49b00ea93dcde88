#include "jit/frontend/source_files.hpp"

#include <utility>

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Path.h"

namespace iris::frontend {

namespace {
const std::error_code no_such_file = std::make_error_code(std::errc::no_such_file_or_directory);
}

SourceFiles::SourceFiles(std::vector<std::string> readable_folders)
    : ProxyFileSystem(llvm::vfs::getRealFileSystem()),
      folders_(std::move(readable_folders)),
      memory_(new llvm::vfs::InMemoryFileSystem) {}

void SourceFiles::add(const std::string& path, std::function<std::string()> text) { pending_[path] = std::move(text); }

void SourceFiles::add(const std::string& path, llvm::MemoryBufferRef buffer) { memory_->addFileNoOwn(path, 0, buffer); }

llvm::vfs::FileSystem* SourceFiles::system_of(const llvm::Twine& path) {
  llvm::SmallString<256> name;
  path.toVector(name);
  llvm::sys::path::remove_dots(name, /*remove_dot_dot=*/true);
  if (auto found = pending_.find(std::string(name)); found != pending_.end()) {
    const auto text = std::move(found->second);
    pending_.erase(found);
    memory_->addFile(name, 0, llvm::MemoryBuffer::getMemBufferCopy(text(), name));
  }
  if (memory_->exists(name)) return memory_.get();
  for (const auto& folder : folders_) {
    if (name.starts_with(folder) && (name.size() == folder.size() || name[folder.size()] == '/')) {
      return &getUnderlyingFS();
    }
  }
  return nullptr;
}

llvm::ErrorOr<llvm::vfs::Status> SourceFiles::status(const llvm::Twine& path) {
  auto* system = system_of(path);
  return system == nullptr ? no_such_file : system->status(path);
}

llvm::ErrorOr<std::unique_ptr<llvm::vfs::File>> SourceFiles::openFileForRead(const llvm::Twine& path) {
  auto* system = system_of(path);
  if (system == nullptr) return no_such_file;
  return system->openFileForRead(path);
}

llvm::vfs::directory_iterator SourceFiles::dir_begin(const llvm::Twine& path, std::error_code& error) {
  auto* system = system_of(path);
  if (system == nullptr) {
    error = no_such_file;
    return {};
  }
  return system->dir_begin(path, error);
}

std::error_code SourceFiles::getRealPath(const llvm::Twine& path, llvm::SmallVectorImpl<char>& output) {
  auto* system = system_of(path);
  return system == nullptr ? no_such_file : system->getRealPath(path, output);
}

}  // namespace iris::frontend
