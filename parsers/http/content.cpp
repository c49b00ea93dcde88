#include "parsers/http/content.hpp"

#include <brotli/decode.h>
#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include "parsers/http/head.hpp"

namespace iris::parsers::http {
namespace {

// Of what one piece decodes to: a piece is about a packet, and a thousandfold is what deflate can do.
constexpr std::size_t most_output = std::size_t{256} << 10U;
constexpr std::size_t first_output = std::size_t{8} << 10U;

// The libraries do not say how much they give back: it is noted ahead of the block.
constexpr std::size_t noted = alignof(std::max_align_t);

void* take_noted(void* recycler, std::size_t size) noexcept {
  auto* memory = static_cast<std::byte*>(static_cast<Recycler*>(recycler)->take(size + noted));
  if (memory == nullptr) return nullptr;
  std::memcpy(memory, &size, sizeof size);
  return memory + noted;
}

void give_noted(void* recycler, void* block) noexcept {
  if (block == nullptr) return;
  std::byte* memory = static_cast<std::byte*>(block) - noted;
  std::size_t size = 0;
  std::memcpy(&size, memory, sizeof size);
  static_cast<Recycler*>(recycler)->give(memory, size + noted);
}

}  // namespace

// Turns input into output, as far as there is room.
class Decoder {
 public:
  enum class Outcome : std::uint8_t { needs_input, needs_room, end, malformed, no_memory };

  virtual Outcome decode(std::span<const std::uint8_t>& input, std::span<std::uint8_t>& output) noexcept = 0;
  virtual void close() noexcept = 0;

 protected:
  ~Decoder() = default;
};

namespace {

class Zlib final : public Decoder {
 public:
  explicit Zlib(Recycler& recycler) noexcept {
    stream_.zalloc = [](voidpf opaque, uInt items, uInt size) { return take_noted(opaque, std::size_t{items} * size); };
    stream_.zfree = give_noted;
    stream_.opaque = &recycler;
  }

  Outcome decode(std::span<const std::uint8_t>& input, std::span<std::uint8_t>& output) noexcept override {
    if (!open_ && !open(input)) return Outcome::no_memory;
    stream_.next_in = const_cast<Bytef*>(input.data());
    stream_.avail_in = static_cast<uInt>(input.size());
    stream_.next_out = output.data();
    stream_.avail_out = static_cast<uInt>(output.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    input = input.last(stream_.avail_in);
    output = output.last(stream_.avail_out);
    switch (result) {
      case Z_STREAM_END:
        return Outcome::end;
      case Z_OK:
      case Z_BUF_ERROR:
        return output.empty() ? Outcome::needs_room : Outcome::needs_input;
      case Z_MEM_ERROR:
        return Outcome::no_memory;
      default:
        return Outcome::malformed;
    }
  }
  void close() noexcept override {
    if (open_) inflateEnd(&stream_);
    open_ = false;
  }

 private:
  // Some servers send deflate without zlib's header, as browsers know (RFC 9110, 8.4.1.2).
  bool open(std::span<const std::uint8_t> input) noexcept {
    constexpr int detect = 32;  // zlib's header or gzip's
    constexpr std::uint8_t gzip_magic = 0x1f;
    const bool raw = !input.empty() && input[0] != gzip_magic && (input[0] & 0x0fU) != Z_DEFLATED;
    open_ = inflateInit2(&stream_, raw ? -MAX_WBITS : MAX_WBITS + detect) == Z_OK;
    return open_;
  }

  z_stream stream_{};
  bool open_ = false;
};

class Brotli final : public Decoder {
 public:
  explicit Brotli(Recycler& recycler) noexcept
      : state_(BrotliDecoderCreateInstance(take_noted, give_noted, &recycler)) {}

  Outcome decode(std::span<const std::uint8_t>& input, std::span<std::uint8_t>& output) noexcept override {
    if (state_ == nullptr) return Outcome::no_memory;
    std::size_t in = input.size();
    std::size_t out = output.size();
    const std::uint8_t* next_in = input.data();
    std::uint8_t* next_out = output.data();
    const auto result = BrotliDecoderDecompressStream(state_, &in, &next_in, &out, &next_out, nullptr);
    input = input.last(in);
    output = output.last(out);
    switch (result) {
      case BROTLI_DECODER_RESULT_SUCCESS:
        return Outcome::end;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
        return Outcome::needs_input;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
        return Outcome::needs_room;
      case BROTLI_DECODER_RESULT_ERROR:
        break;
    }
    const auto code = BrotliDecoderGetErrorCode(state_);
    const bool memory =
        code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES && code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
    return memory ? Outcome::no_memory : Outcome::malformed;
  }
  void close() noexcept override {
    if (state_ != nullptr) BrotliDecoderDestroyInstance(state_);
    state_ = nullptr;
  }

 private:
  BrotliDecoderState* state_;
};

constexpr std::size_t decoder_size = std::max(sizeof(Zlib), sizeof(Brotli));

bool is_identity(std::string_view encoding) noexcept {
  return encoding.empty() || equal_ignoring_case(encoding, "identity");
}

Decoder* make_decoder(std::string_view encoding, Recycler& recycler, Decoding& status) noexcept {
  const bool zlib = equal_ignoring_case(encoding, "gzip") || equal_ignoring_case(encoding, "x-gzip") ||
                    equal_ignoring_case(encoding, "deflate");
  if (!zlib && !equal_ignoring_case(encoding, "br")) {
    status = Decoding::unknown;
    return nullptr;
  }
  void* memory = recycler.take(decoder_size);
  if (memory == nullptr) {
    status = Decoding::too_long;
    return nullptr;
  }
  if (zlib) return new (memory) Zlib(recycler);
  return new (memory) Brotli(recycler);
}

}  // namespace

const DecodedData& MessageBody::decode(const SessionData& piece) noexcept {
  if (asked) return current;
  asked = true;
  current.status = status;
  if (is_identity(encoding)) {
    current.bytes = piece.bytes;
    return current;
  }
  if (status == Decoding::ok && piece.offset != decoded) status = Decoding::missing;
  if (status == Decoding::ok && decoder == nullptr) decoder = make_decoder(encoding, *memory, status);
  decoded = piece.offset + piece.bytes.size();
  std::span<const std::uint8_t> input = piece.bytes;
  std::size_t size = 0;
  while (status == Decoding::ok) {
    if (size == room) {
      const std::size_t wanted = Recycler::room(std::max(first_output, room * 2));
      auto* grown = wanted > most_output ? nullptr : static_cast<std::uint8_t*>(memory->take(wanted));
      if (grown == nullptr) {
        status = Decoding::too_long;
        break;
      }
      if (size != 0) std::memcpy(grown, output, size);
      memory->give(output, room);
      output = grown;
      room = wanted;
    }
    std::span<std::uint8_t> left(output + size, room - size);
    const auto outcome = decoder->decode(input, left);
    size = room - left.size();
    if (outcome == Decoder::Outcome::needs_room) continue;
    if (outcome == Decoder::Outcome::malformed) status = Decoding::malformed;
    if (outcome == Decoder::Outcome::no_memory) status = Decoding::too_long;
    break;  // what follows the end of the data is none
  }
  current.status = status;
  if (status == Decoding::ok) current.bytes = {output, size};
  return current;
}

void MessageBody::forget_piece() noexcept {
  asked = false;
  current = {};
  if (memory != nullptr) memory->give(output, room);
  output = nullptr;
  room = 0;
}

void MessageBody::clear() noexcept {
  if (Decoder* old = std::exchange(decoder, nullptr)) {
    old->close();
    memory->give(old, decoder_size);
  }
}

}  // namespace iris::parsers::http

const iris::DecodedData* iris::detail::iris_session_data_decoded(const SessionData* data) noexcept {
  return &static_cast<parsers::http::MessageBody*>(data->message)->decode(*data);
}
