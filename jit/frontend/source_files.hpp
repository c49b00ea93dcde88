// The files that Clang sees: what may be read of the real ones, and a few that exist only in memory.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/VirtualFileSystem.h"

namespace iris::frontend {

// Real files outside the given folders do not exist for Clang: neither can their text leak through diagnostics, nor
// can a device be read. (A second line of defence is the process's sandbox.)
class SourceFiles : public llvm::vfs::ProxyFileSystem {
 public:
  // A folder that Clang sees under another name: what it says of a file there is the same on every machine.
  struct Mount {
    std::string name;
    std::string folder;
  };
  SourceFiles(std::vector<std::string> readable_folders, Mount mount);

  // A file in memory whose text is asked for when Clang first looks at it.
  void add(const std::string& path, std::function<std::string()> text);
  // A file in memory that the caller keeps alive.
  void add(const std::string& path, llvm::MemoryBufferRef buffer);

  llvm::ErrorOr<llvm::vfs::Status> status(const llvm::Twine& path) override;
  llvm::ErrorOr<std::unique_ptr<llvm::vfs::File>> openFileForRead(const llvm::Twine& path) override;
  llvm::vfs::directory_iterator dir_begin(const llvm::Twine& path, std::error_code& error) override;
  std::error_code getRealPath(const llvm::Twine& path, llvm::SmallVectorImpl<char>& output) override;

 private:
  // Whom to ask for a path, by which name.
  struct Found {
    llvm::vfs::FileSystem* system = nullptr;  // nullptr: it must not be read
    std::string path;
  };
  Found find(const llvm::Twine& path);

  std::vector<std::string> folders_;
  Mount mount_;
  std::map<std::string, std::function<std::string()>> pending_;
  llvm::IntrusiveRefCntPtr<llvm::vfs::InMemoryFileSystem> memory_;
};

}  // namespace iris::frontend
