// Recorded traffic as a source, in capture time and as fast as it is taken: several files, one after the other.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "daemon/source/buffers.hpp"
#include "daemon/source/capture_file.hpp"
#include "daemon/source/source.hpp"

namespace iris::source {

class CaptureSource final : public Source {
 public:
  // Opens every file once, so that one that cannot be read is an error before any is.
  [[nodiscard]] static Result<std::unique_ptr<CaptureSource>> open(std::vector<std::filesystem::path> files);

  [[nodiscard]] std::size_t receive(std::span<PacketRef> burst) noexcept override;
  [[nodiscard]] bool exhausted() const noexcept override { return done_; }

  // The timestamp of the last packet handed out, 0 before. It steps back where the capture's clock did.
  [[nodiscard]] Timestamp now() const noexcept override { return now_; }
  [[nodiscard]] Counters counters() const noexcept override { return counters_; }

  void hold(const PacketRef& packet) noexcept override;
  void release(std::span<const PacketRef> packets) noexcept override;
  // As long as there is memory.
  [[nodiscard]] Room compose(std::uint32_t length) noexcept override;

  // Why the source is exhausted before its files' end: one is damaged. Packets before that were handed out. It names
  // the file, and after how many of its packets.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

  // Packets handed out or composed, and not yet released.
  [[nodiscard]] std::size_t in_use() const { return buffers_.in_use(); }

 private:
  explicit CaptureSource(std::vector<std::filesystem::path> files) : files_(std::move(files)) {}
  [[nodiscard]] bool read(CapturedPacket& packet) noexcept;
  void stop(Error error) noexcept;

  std::vector<std::filesystem::path> files_;
  std::size_t next_file_ = 0;
  std::optional<CaptureFile> file_;
  bool done_ = false;
  std::optional<Error> error_;
  Buffers buffers_;
  Timestamp now_;
  Counters counters_;
};

}  // namespace iris::source
