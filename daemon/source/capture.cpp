#include "daemon/source/capture.hpp"

#include <cstring>

namespace iris::source {

Result<std::unique_ptr<CaptureSource>> CaptureSource::open(std::vector<std::filesystem::path> files) {
  for (const std::filesystem::path& path : files) {
    if (const Result<CaptureFile> file = CaptureFile::open(path); !file) return std::unexpected(file.error());
  }
  return std::unique_ptr<CaptureSource>(new CaptureSource(std::move(files)));
}

std::size_t CaptureSource::receive(std::span<PacketRef> burst) noexcept {
  std::size_t count = 0;
  CapturedPacket packet;
  while (count < burst.size() && read(packet)) {
    Buffers::Buffer* buffer = buffers_.take(packet.length);
    if (buffer == nullptr) {
      stop({ErrorCode::exhausted, files_[next_file_ - 1].string() + ": there is no memory for another packet"});
      break;
    }
    std::memcpy(buffer->data(), packet.data, packet.length);
    burst[count++] = {buffer->data(), packet.length, packet.wire_length, packet.ts, buffer, file_->link()};
    counters_.bytes += packet.wire_length;
    now_ = packet.ts;
  }
  counters_.packets += count;
  return count;
}

// False at the end of the last file, or when one is damaged.
bool CaptureSource::read(CapturedPacket& packet) noexcept {
  while (!done_) {
    if (!file_) {
      done_ = next_file_ == files_.size();
      if (done_) break;
      Result<CaptureFile> opened = CaptureFile::open(files_[next_file_++]);
      if (!opened) {
        stop(std::move(opened.error()));
        break;
      }
      file_.emplace(*std::move(opened));
    }
    Result<bool> more = file_->next(packet);
    if (!more) {
      stop(std::move(more.error()));
      break;
    }
    if (*more) return true;
    file_.reset();
  }
  return false;
}

void CaptureSource::stop(Error error) noexcept {
  error_ = std::move(error);
  file_.reset();
  done_ = true;
}

void CaptureSource::hold(const PacketRef& packet) noexcept {
  Buffers::hold(static_cast<Buffers::Buffer*>(packet.handle));
}

void CaptureSource::release(std::span<const PacketRef> packets) noexcept {
  for (const PacketRef& packet : packets) buffers_.release(static_cast<Buffers::Buffer*>(packet.handle));
}

Room CaptureSource::compose(std::uint32_t length) noexcept {
  Buffers::Buffer* buffer = length > longest_composed ? nullptr : buffers_.take(length);
  return buffer == nullptr ? Room{} : Room{buffer->data(), buffer};
}

}  // namespace iris::source
