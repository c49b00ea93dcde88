#include "jit/compiler_protocol.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace iris::jit {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t source_magic = 0x49524953;
constexpr std::uint32_t reply_magic = 0x52455051;
constexpr std::size_t max_name_bytes = 4096;

struct SourceHeader {
  std::uint32_t magic = source_magic;
  std::uint32_t name_bytes = 0;
  std::uint32_t text_bytes = 0;
  std::uint32_t files = 0;
};

struct FileHeader {
  std::uint32_t name_bytes = 0;
  std::uint32_t content_bytes = 0;
  std::uint32_t failure_bytes = 0;
};

struct ReplyHeader {
  std::uint32_t magic = reply_magic;
  std::uint32_t verdict = 0;
  std::array<double, 3> milliseconds{};
  std::uint32_t spec_bytes = 0;
  std::uint32_t object_bytes = 0;
  std::uint32_t diagnostics_bytes = 0;
  std::uint32_t reserved = 0;
};

// Milliseconds for poll(), rounded up; -1 for ever.
int remaining(std::optional<Deadline> deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

class Reader {
 public:
  Reader(int fd, std::optional<Deadline> deadline, int watched) : fd_(fd), deadline_(deadline), watched_(watched) {}

  Receive read(void* data, std::size_t size) {
    auto* out = static_cast<char*>(data);
    while (size > 0) {
      if (const auto waited = wait(); waited != Receive::done) return waited;
      const ssize_t count = ::recv(fd_, out, size, MSG_DONTWAIT);
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (count <= 0) return Receive::closed;
      out += count;
      size -= static_cast<std::size_t>(count);
    }
    return Receive::done;
  }

  Receive read(std::string& out, std::size_t size) {
    out.resize(size);
    return read(out.data(), size);
  }

 private:
  Receive wait() {
    for (;;) {
      pollfd fds[2] = {{fd_, POLLIN, 0}, {watched_, POLLRDHUP, 0}};
      const int count = ::poll(fds, watched_ < 0 ? 1 : 2, remaining(deadline_));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Receive::closed;
      if (count == 0) return Receive::too_late;
      if (watched_ >= 0 && fds[1].revents != 0) return Receive::closed;
      return Receive::done;
    }
  }

  int fd_;
  std::optional<Deadline> deadline_;
  int watched_;
};

bool write_all(int fd, const void* data, std::size_t size) {
  const auto deadline = Clock::now() + std::chrono::seconds(10);
  const auto* in = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = ::send(fd, in, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) {
      pollfd writable{fd, POLLOUT, 0};
      if (::poll(&writable, 1, remaining(deadline)) == 0) return false;
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    in += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

bool write_all(int fd, const std::string& text) { return write_all(fd, text.data(), text.size()); }

bool send_file(int fd, const filter::NamedFile& file) {
  FileHeader header;
  header.name_bytes = static_cast<std::uint32_t>(file.name.size());
  header.content_bytes = static_cast<std::uint32_t>(file.content.size());
  header.failure_bytes = static_cast<std::uint32_t>(file.failure.size());
  return write_all(fd, &header, sizeof header) && write_all(fd, file.name) && write_all(fd, file.content) &&
         write_all(fd, file.failure);
}

Receive receive_file(Reader& reader, filter::NamedFile& file) {
  FileHeader header;
  if (reader.read(&header, sizeof header) != Receive::done) return Receive::closed;
  if (header.name_bytes > max_name_bytes || header.content_bytes > filter::max_file_bytes ||
      header.failure_bytes > max_name_bytes) {
    return Receive::closed;
  }
  for (auto [text, size] : {std::pair{&file.name, header.name_bytes}, std::pair{&file.content, header.content_bytes},
                            std::pair{&file.failure, header.failure_bytes}}) {
    if (const auto read = reader.read(*text, size); read != Receive::done) return read;
  }
  return Receive::done;
}

}  // namespace

void Descriptor::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

bool send_source(int fd, const Source& source) {
  SourceHeader header;
  header.name_bytes = static_cast<std::uint32_t>(source.name.size());
  header.text_bytes = static_cast<std::uint32_t>(source.text.size());
  header.files = static_cast<std::uint32_t>(source.files.size());
  return write_all(fd, &header, sizeof header) && write_all(fd, source.name) && write_all(fd, source.text) &&
         std::ranges::all_of(source.files, [fd](const filter::NamedFile& file) { return send_file(fd, file); });
}

bool send_reply(int fd, const Reply& reply) {
  ReplyHeader header;
  header.verdict = static_cast<std::uint32_t>(reply.verdict);
  header.milliseconds = reply.milliseconds;
  header.spec_bytes = static_cast<std::uint32_t>(reply.spec.size());
  header.object_bytes = static_cast<std::uint32_t>(reply.object.size());
  header.diagnostics_bytes = static_cast<std::uint32_t>(reply.diagnostics.size());
  return write_all(fd, &header, sizeof header) && write_all(fd, reply.spec) && write_all(fd, reply.object) &&
         write_all(fd, reply.diagnostics);
}

Receive receive_source(int fd, Source& source) {
  Reader reader(fd, std::nullopt, -1);
  SourceHeader header;
  if (reader.read(&header, sizeof header) != Receive::done) return Receive::closed;
  if (header.magic != source_magic || header.name_bytes > max_name_bytes || header.text_bytes > max_source_bytes ||
      header.files > filter::max_files) {
    return Receive::closed;
  }
  if (reader.read(source.name, header.name_bytes) != Receive::done) return Receive::closed;
  if (reader.read(source.text, header.text_bytes) != Receive::done) return Receive::closed;
  source.files.resize(header.files);
  for (filter::NamedFile& file : source.files) {
    if (const auto received = receive_file(reader, file); received != Receive::done) return received;
  }
  return Receive::done;
}

Receive receive_reply(int fd, Deadline deadline, Reply& reply, int watched) {
  Reader reader(fd, deadline, watched);
  ReplyHeader header;
  if (const auto read = reader.read(&header, sizeof header); read != Receive::done) return read;
  if (header.magic != reply_magic || header.verdict > static_cast<std::uint32_t>(Verdict::died) ||
      header.spec_bytes > max_text_bytes || header.diagnostics_bytes > max_text_bytes ||
      header.object_bytes > max_object_bytes) {
    return Receive::closed;
  }
  reply.verdict = static_cast<Verdict>(header.verdict);
  reply.milliseconds = header.milliseconds;
  for (auto [text, size] : {std::pair{&reply.spec, header.spec_bytes}, std::pair{&reply.object, header.object_bytes},
                            std::pair{&reply.diagnostics, header.diagnostics_bytes}}) {
    if (const auto read = reader.read(*text, size); read != Receive::done) return read;
  }
  return Receive::done;
}

}  // namespace iris::jit
