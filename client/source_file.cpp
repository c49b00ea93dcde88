#include "client/source_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace iris::client {
namespace {

class File {
 public:
  explicit File(const std::string& path) : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (file_ >= 0) ::close(file_);
  }
  [[nodiscard]] int number() const { return file_; }

 private:
  int file_;
};

}  // namespace

std::expected<v1::Source, std::string> read_source(const std::string& path) {
  const auto fail = [&](const std::string& why) { return std::unexpected("cannot read " + path + ": " + why); };
  const File file(path);
  if (file.number() < 0) return fail(std::strerror(errno));
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return fail(std::strerror(errno));
  if (S_ISDIR(status.st_mode)) return fail("it is a directory; name the source in it");

  v1::Source source;
  source.set_name(path);
  std::string& text = *source.mutable_text();
  std::array<char, 65536> piece{};
  for (;;) {
    const ssize_t size = ::read(file.number(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail(std::strerror(errno));
    if (size == 0) return source;
    text.append(piece.data(), static_cast<std::size_t>(size));
    if (text.size() > max_source_bytes) return fail("it is too large: a source may have at most 1 MiB");
  }
}

}  // namespace iris::client
