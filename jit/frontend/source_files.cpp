#include "jit/frontend/source_files.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Path.h"

namespace iris::frontend {

namespace {

const std::error_code no_such_file = std::make_error_code(std::errc::no_such_file_or_directory);

bool is_inside(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace

SourceFiles::SourceFiles(std::vector<std::string> readable_folders, Mount mount)
    : ProxyFileSystem(llvm::vfs::getRealFileSystem()),
      folders_(std::move(readable_folders)),
      mount_(std::move(mount)),
      memory_(new llvm::vfs::InMemoryFileSystem) {}

void SourceFiles::add(const std::string& path, std::function<std::string()> text) { pending_[path] = std::move(text); }

void SourceFiles::add(const std::string& path, llvm::MemoryBufferRef buffer) { memory_->addFileNoOwn(path, 0, buffer); }

SourceFiles::Found SourceFiles::find(const llvm::Twine& path) {
  llvm::SmallString<256> buffer;
  path.toVector(buffer);
  llvm::sys::path::remove_dots(buffer, /*remove_dot_dot=*/true);
  std::string name(buffer);
  if (is_inside(name, mount_.name)) return {&getUnderlyingFS(), mount_.folder + name.substr(mount_.name.size())};
  if (auto found = pending_.find(name); found != pending_.end()) {
    const auto text = std::move(found->second);
    pending_.erase(found);
    memory_->addFile(name, 0, llvm::MemoryBuffer::getMemBufferCopy(text(), name));
  }
  if (memory_->exists(name)) return {memory_.get(), std::move(name)};
  if (std::ranges::none_of(folders_, [&](const auto& folder) { return is_inside(name, folder); })) return {};
  return {&getUnderlyingFS(), std::move(name)};
}

llvm::ErrorOr<llvm::vfs::Status> SourceFiles::status(const llvm::Twine& path) {
  const auto found = find(path);
  if (found.system == nullptr) return no_such_file;
  auto status = found.system->status(found.path);
  if (!status) return status.getError();
  return llvm::vfs::Status::copyWithNewName(*status, path);
}

llvm::ErrorOr<std::unique_ptr<llvm::vfs::File>> SourceFiles::openFileForRead(const llvm::Twine& path) {
  const auto found = find(path);
  if (found.system == nullptr) return no_such_file;
  return llvm::vfs::File::getWithPath(found.system->openFileForRead(found.path), path);
}

llvm::vfs::directory_iterator SourceFiles::dir_begin(const llvm::Twine& path, std::error_code& error) {
  const auto found = find(path);
  if (found.system == nullptr) {
    error = no_such_file;
    return {};
  }
  return found.system->dir_begin(found.path, error);
}

std::error_code SourceFiles::getRealPath(const llvm::Twine& path, llvm::SmallVectorImpl<char>& output) {
  const auto found = find(path);
  return found.system == nullptr ? no_such_file : found.system->getRealPath(found.path, output);
}

}  // namespace iris::frontend
