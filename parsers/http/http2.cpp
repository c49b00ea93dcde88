#include "parsers/http/http2.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>
#include <utility>

#include "parsers/bytes.hpp"
#include "parsers/http/head.hpp"
#include "parsers/text.hpp"

namespace iris::parsers::http {
namespace {

// RFC 9113, 6.
enum FrameType : std::uint8_t {
  data = 0,
  headers = 1,
  rst_stream = 3,
  settings = 4,
  push_promise = 5,
  continuation = 9
};
constexpr std::uint8_t flag_end_stream = 0x01;
constexpr std::uint8_t flag_ack = 0x01;
constexpr std::uint8_t flag_end_headers = 0x04;
constexpr std::uint8_t flag_padded = 0x08;
constexpr std::uint8_t flag_priority = 0x20;
constexpr std::uint32_t largest_frame = 1U << 20U;  // endpoints allow 16 KiB unless they say otherwise
constexpr std::uint32_t largest_table = 64U << 10U;
constexpr std::uint32_t most_streams = 128;

// ---- nghttp2's memory, from the connection's: it does not say sizes when it gives back

constexpr std::size_t prefix = alignof(std::max_align_t);

void* allocate(std::size_t size, void* recycler) noexcept {
  auto* memory = static_cast<std::byte*>(static_cast<Recycler*>(recycler)->take(size + prefix));
  if (memory == nullptr) return nullptr;
  new (memory) std::size_t(size);
  return memory + prefix;
}
void give_back(void* pointer, void* recycler) noexcept {
  if (pointer == nullptr) return;
  auto* memory = static_cast<std::byte*>(pointer) - prefix;
  static_cast<Recycler*>(recycler)->give(memory, *reinterpret_cast<std::size_t*>(memory) + prefix);
}
void* allocate_zeros(std::size_t count, std::size_t size, void* recycler) noexcept {
  void* memory = allocate(count * size, recycler);
  if (memory != nullptr) std::memset(memory, 0, count * size);
  return memory;
}
void* reallocate(void* pointer, std::size_t size, void* recycler) noexcept {
  void* grown = allocate(size, recycler);
  if (pointer == nullptr || grown == nullptr) return grown;
  const std::size_t before = *reinterpret_cast<std::size_t*>(static_cast<std::byte*>(pointer) - prefix);
  std::memcpy(grown, pointer, std::min(before, size));
  give_back(pointer, recycler);
  return grown;
}

}  // namespace

Http2::Http2(Recycler& recycler, Transactions& transactions) noexcept
    : recycler_(recycler),
      transactions_(transactions),
      memory_{&recycler, allocate, give_back, allocate_zeros, reallocate} {}

// ---- frames ---------------------------------------------------------------------------------------------------------

bool Http2::read(bool from_client, Bytes bytes) noexcept {
  Side& from = side(from_client);
  while (!bytes.empty()) {
    if (from.skip != 0) {
      const std::size_t taken = std::min<std::size_t>(from.skip, bytes.size());
      from.skip -= static_cast<std::uint32_t>(taken);
      bytes = bytes.subspan(taken);
      continue;
    }
    if (from.header_size < frame_header_length) {
      const std::size_t taken = std::min(frame_header_length - from.header_size, bytes.size());
      std::memcpy(from.header.data() + from.header_size, bytes.data(), taken);
      from.header_size += static_cast<std::uint32_t>(taken);
      bytes = bytes.subspan(taken);
      if (from.header_size == frame_header_length && !begin_frame(from)) return false;
    } else {
      const Bytes piece = bytes.first(std::min<std::size_t>(from.left, bytes.size()));
      bytes = bytes.subspan(piece.size());
      from.left -= static_cast<std::uint32_t>(piece.size());
      if (!take_payload(from_client, piece)) return false;
    }
    if (from.header_size == frame_header_length && from.left == 0 && !end_frame(from_client)) return false;
  }
  return true;
}

bool Http2::skip(bool from_client, std::uint32_t missing) noexcept {
  Side& from = side(from_client);
  const bool inside = from.skip == 0 && from.header_size == frame_header_length && missing <= from.left;
  if (!inside || from.type != data) return false;
  if (Transaction* transaction = find(from.stream)) transactions_.add_missing(*transaction, from_client, missing);
  from.left -= missing;
  return from.left != 0 || end_frame(from_client);
}

bool Http2::begin_frame(Side& from) noexcept {
  const std::uint32_t first = load32(from.header.data());
  from.left = first >> 8U;
  from.type = static_cast<std::uint8_t>(first);
  from.flags = from.header[4];
  from.stream = load32(from.header.data() + 5) & 0x7fffffffU;
  from.padding_known = (from.flags & flag_padded) == 0;
  from.padding = 0;
  if (from.left > largest_frame) return false;
  if (from.block_stream != 0) {  // nothing else comes before the block's end
    from.block_begin = from.size;
    return from.type == continuation && from.stream == from.block_stream;
  }
  if (from.type == continuation) return false;
  from.size = from.block_begin = 0;
  if (from.type == headers || from.type == push_promise) {
    from.block_stream = from.stream;
    from.block_ends_stream = from.type == headers && (from.flags & flag_end_stream) != 0;
    from.block_promises = from.type == push_promise;
    return from.stream != 0;
  }
  return true;
}

bool Http2::take_payload(bool from_client, Bytes piece) noexcept {
  Side& from = side(from_client);
  if (from.type == data) {
    take_data(from_client, piece);
    return true;
  }
  const bool kept = from.block_stream != 0 || (from.type == settings && (from.flags & flag_ack) == 0);
  return !kept || keep(from, piece);
}

bool Http2::end_frame(bool from_client) noexcept {
  Side& from = side(from_client);
  from.header_size = 0;
  if (from.block_stream != 0) return end_fragment(from_client);
  if (from.type == data && (from.flags & flag_end_stream) != 0) end_stream(from_client, from.stream);
  if (from.type == settings) take_settings(from_client);
  if (from.type == rst_stream) {
    if (Transaction* transaction = find(from.stream)) transaction->cut_off = true;
  }
  return true;
}

bool Http2::keep(Side& from, Bytes piece) noexcept {
  const std::size_t size = from.size + piece.size();
  if (size > max_block) return false;
  if (size > from.room) {
    constexpr std::size_t usual = 512;
    const std::size_t room = Recycler::room(std::max(usual, size));
    auto* grown = static_cast<std::uint8_t*>(recycler_.take(room));
    if (grown == nullptr) return false;
    if (from.size != 0) std::memcpy(grown, from.bytes, from.size);
    recycler_.give(from.bytes, from.room);
    from.bytes = grown;
    from.room = static_cast<std::uint32_t>(room);
  }
  if (!piece.empty()) std::memcpy(from.bytes + from.size, piece.data(), piece.size());
  from.size = static_cast<std::uint32_t>(size);
  return true;
}

// ---- streams --------------------------------------------------------------------------------------------------------

Transaction* Http2::find(std::uint32_t stream) const noexcept {
  for (Transaction* each = transactions_.first(); each != nullptr; each = each->next) {
    if (each->stream == stream) return each;
  }
  return nullptr;
}

// Padding comes last, and its length first.
void Http2::take_data(bool from_client, Bytes piece) noexcept {
  Side& from = side(from_client);
  if (!from.padding_known && !piece.empty()) {
    from.padding = piece.front();
    from.padding_known = true;
    piece = piece.subspan(1);
  }
  // Behind the piece `left` bytes are still to come; the last `padding` of them all are none.
  const std::size_t padding_here = from.padding > from.left ? from.padding - from.left : 0;
  const std::size_t length = piece.size() - std::min(padding_here, piece.size());
  Transaction* transaction = find(from.stream);
  if (transaction == nullptr) return;
  transactions_.add_data(*transaction, from_client, piece.first(length));
}

// SETTINGS_HEADER_TABLE_SIZE is what the other side may use.
void Http2::take_settings(bool from_client) noexcept {
  constexpr std::uint16_t header_table_size = 1;
  constexpr std::size_t setting_length = 6;
  const Side& from = side(from_client);
  for (std::size_t at = 0; at + setting_length <= from.size; at += setting_length) {
    if (load16(from.bytes + at) != header_table_size) continue;
    nghttp2_hd_inflater* decoder = inflater(side(!from_client));
    const std::uint32_t size = std::min(load32(from.bytes + at + 2), largest_table);
    if (decoder != nullptr) (void)nghttp2_hd_inflate_change_table_size(decoder, size);
  }
}

void Http2::end_stream(bool from_client, std::uint32_t stream) noexcept {
  Transaction* transaction = find(stream);
  if (transaction == nullptr) return;
  (from_client ? transaction->request_done : transaction->response_done) = true;
}

// ---- header blocks --------------------------------------------------------------------------------------------------

// The fragment of one frame: what frames it goes.
bool Http2::end_fragment(bool from_client) noexcept {
  Side& from = side(from_client);
  std::uint8_t* begin = from.bytes + from.block_begin;
  std::size_t size = from.size - from.block_begin;
  std::size_t front = 0;
  std::size_t back = 0;
  if (from.type != continuation) {
    if ((from.flags & flag_padded) != 0) {
      if (size == 0) return false;
      back = begin[0];
      front = 1;
    }
    if (from.type == headers && (from.flags & flag_priority) != 0) front += 5;
    if (from.type == push_promise) {
      if (size < front + 4) return false;
      from.block_stream = load32(begin + front) & 0x7fffffffU;
      front += 4;
    }
    if (front + back > size) return false;
    size -= front + back;
    if (size != 0) std::memmove(begin, begin + front, size);
    from.size = from.block_begin + static_cast<std::uint32_t>(size);
    // CONTINUATION frames are of the stream that the block came on.
    if (from.block_promises && (from.flags & flag_end_headers) == 0) return false;
  }
  return (from.flags & flag_end_headers) == 0 || end_block(from_client);
}

bool Http2::end_block(bool from_client) noexcept {
  Side& from = side(from_client);
  const std::uint32_t stream = std::exchange(from.block_stream, 0);
  const bool request = from_client || from.block_promises;
  Transaction* transaction = find(stream);
  // A response may be handed over before its request; the response to one that is gone brings nobody back.
  const bool ahead = !request && stream % 2 == 1 && stream > last_request_;
  if (from_client) last_request_ = std::max(last_request_, stream);
  if (transaction == nullptr && (request || ahead)) {
    if (transactions_.count() >= most_streams) transactions_.first()->cut_off = true;
    transaction = transactions_.add();
    if (transaction == nullptr) return false;
    transaction->stream = stream;
  }
  if (transaction != nullptr && request) transactions_.number(*transaction);
  const bool known = transaction != nullptr && (request ? transaction->has_request : transaction->has_response);
  if (!decode(from_client, known ? nullptr : transaction)) {  // trailers are passed over
    if (transaction != nullptr && !transaction->has_request && !transaction->has_response) {
      transactions_.take(transaction);
      transactions_.destroy(transaction);
    }
    return false;
  }
  if (from.block_promises && transaction != nullptr) transaction->request_done = true;
  if (from.block_ends_stream) end_stream(from_client, stream);
  return true;
}

nghttp2_hd_inflater* Http2::inflater(Side& from) noexcept {
  if (from.inflater == nullptr) {
    if (nghttp2_hd_inflate_new2(&from.inflater, &memory_) != 0) from.inflater = nullptr;
  }
  return from.inflater;
}

// The block's headers into the transaction; nullptr: for the decoder's state only. False when that is lost.
bool Http2::decode(bool from_client, Transaction* transaction) noexcept {
  Side& from = side(from_client);
  const bool request = from_client || from.block_promises;
  nghttp2_hd_inflater* decoder = inflater(from);
  if (decoder == nullptr) return false;
  std::array<HttpHeader, max_headers> found;
  std::size_t count = 0;
  std::array<std::string_view, 4> pseudo;  // :method, :path, :authority, :status
  static constexpr std::string_view names[] = {":method", ":path", ":authority", ":status"};
  const std::uint8_t* input = from.bytes;
  std::size_t size = from.size;
  for (;;) {
    nghttp2_nv header;
    int flags = 0;
    const auto used = nghttp2_hd_inflate_hd2(decoder, &header, &flags, input, size, 1);
    if (used < 0) return false;
    input += used;
    size -= static_cast<std::size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0 && transaction != nullptr) {
      const auto copy = [&](const std::uint8_t* bytes, std::size_t length) {
        return transaction->memory.copy({reinterpret_cast<const char*>(bytes), length});
      };
      const std::string_view name = copy(header.name, header.namelen);
      const std::string_view value = copy(header.value, header.valuelen);
      if (name.data() == nullptr || value.data() == nullptr) return false;
      const auto* which = std::ranges::find(names, name);
      if (which != std::end(names)) {
        pseudo[static_cast<std::size_t>(which - names)] = value;
      } else if (count < max_headers && !name.starts_with(':')) {
        found[count++] = {name, value};
      }
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
      (void)nghttp2_hd_inflate_end_headers(decoder);
      break;
    }
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && size == 0) break;
  }
  if (transaction == nullptr) return true;
  HttpTransaction::Layout& layout = transaction->session.layout;
  std::uint16_t status = 0;
  if (!request) {
    std::from_chars(pseudo[3].data(), pseudo[3].data() + pseudo[3].size(), status);
    if (status < 200) return true;  // an interim response
  }
  auto* kept = static_cast<HttpHeader*>(transaction->memory.allocate(count * sizeof(HttpHeader), alignof(HttpHeader)));
  if (kept == nullptr) return false;
  std::copy_n(found.begin(), count, kept);
  if (count == max_headers) layout.headers_cut_off = true;
  if (request) {
    layout.request_headers = {kept, count};
    layout.method = pseudo[0];
    layout.uri = pseudo[1].data() != nullptr ? pseudo[1] : pseudo[2];
    layout.host = pseudo[2];
    layout.request_version = "2";
    name_request_headers(layout);
    transaction->has_request = true;
  } else {
    layout.response_headers = {kept, count};
    layout.status = status;
    layout.response_version = "2";
    name_response_headers(layout);
    transaction->has_response = true;
  }
  return true;
}

}  // namespace iris::parsers::http
