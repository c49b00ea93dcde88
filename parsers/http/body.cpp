#include "parsers/http/body.hpp"

#include <algorithm>
#include <utility>

namespace iris::parsers::http {
namespace {

// Of a chunk-size line with its extensions, and of trailers: beyond, it is no chunk.
constexpr std::uint32_t longest_line = 8192;

int hex_value(std::uint8_t byte) noexcept {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const auto lower = static_cast<std::uint8_t>(byte | 0x20U);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

void Body::begin(Framing framing, std::uint64_t length) noexcept {
  line_ = 0;
  left_ = 0;
  extension_ = false;
  switch (framing) {
    case Framing::none:
      state_ = State::done;
      break;
    case Framing::length:
      left_ = length;
      state_ = length == 0 ? State::done : State::data;
      break;
    case Framing::chunked:
      state_ = State::chunk_size;
      break;
    case Framing::until_close:
      state_ = State::until_close;
      break;
  }
}

std::span<const std::uint8_t> Body::read(std::span<const std::uint8_t>& bytes) noexcept {
  while (!bytes.empty()) {
    switch (state_) {
      case State::done:
      case State::broken:
        return {};
      case State::until_close:
        return std::exchange(bytes, {});
      case State::data:
      case State::chunk_data: {
        const auto run = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
        bytes = bytes.subspan(run.size());
        left_ -= run.size();
        if (left_ == 0) state_ = state_ == State::data ? State::done : State::chunk_end;
        return run;
      }
      case State::chunk_size:
        read_size(bytes.front());
        break;
      case State::chunk_end:
        if (bytes.front() == '\n') state_ = State::chunk_size;
        if (bytes.front() != '\n' && bytes.front() != '\r') state_ = State::broken;
        break;
      case State::trailers:
        read_trailer(bytes.front());
        break;
    }
    if (state_ != State::broken) bytes = bytes.subspan(1);
  }
  return {};
}

void Body::read_size(std::uint8_t byte) noexcept {
  if (byte == '\n') {
    const bool digits = line_ != 0;
    line_ = 0;
    extension_ = false;
    state_ = !digits ? State::broken : left_ == 0 ? State::trailers : State::chunk_data;
    return;
  }
  const int value = hex_value(byte);
  if (!extension_ && value >= 0) {
    if (left_ >> 60U != 0) state_ = State::broken;
    left_ = left_ << 4U | static_cast<std::uint64_t>(value);
    ++line_;
    return;
  }
  const bool separates = byte == ';' || byte == ' ' || byte == '\t' || byte == '\r';
  if (line_ == 0 || (!extension_ && !separates)) state_ = State::broken;
  if (++line_ > longest_line) state_ = State::broken;
  extension_ = true;
}

void Body::read_trailer(std::uint8_t byte) noexcept {
  if (byte == '\r') return;
  if (byte != '\n') {
    ++line_;
    if (line_ > longest_line) state_ = State::broken;
    return;
  }
  if (line_ == 0) state_ = State::done;
  line_ = 0;
}

bool Body::skip(std::uint64_t missing) noexcept {
  if (state_ == State::until_close) return true;
  if ((state_ != State::data && state_ != State::chunk_data) || missing > left_) return false;
  left_ -= missing;
  if (left_ == 0) state_ = state_ == State::data ? State::done : State::chunk_end;
  return true;
}

}  // namespace iris::parsers::http
