// Everything lies in three arrays made at the start, linked by indices: datagrams, in the order in which they began;
// the pieces that they hold; and the hash buckets of both. A piece is found by its datagram and offset, and what has
// come is a bit for each 8 bytes: so neither many small fragments nor many duplicates make the next one dearer.
#include "daemon/worker/fragments.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "daemon/worker/coverage.hpp"
#include "parsers/packet/fragment.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace iris::worker {
namespace {

using parsers::packet::Decoded;
using parsers::packet::Fragment;
using source::PacketRef;
using source::Pressure;

using Index = std::uint32_t;
constexpr Index none = UINT32_MAX;

// Compared and hashed as bytes.
struct Key {
  std::array<std::uint8_t, 16> src{};
  std::array<std::uint8_t, 16> dst{};
  std::uint32_t id = 0;
  std::uint32_t tunnel = 0;
  std::array<std::uint16_t, Decoded::kept_vlans> vlans{};
  std::uint8_t vlan_count = 0;
  std::uint8_t depth = 0;
  IpVersion version = IpVersion::V4;
  std::uint8_t protocol = 0;  // IPv4

  bool operator==(const Key&) const = default;
};
static_assert(std::has_unique_object_representations_v<Key>);

Key key_of(const Decoded& decoded, const Fragment& fragment) noexcept {
  Key key{.src = decoded.src_ip,
          .dst = decoded.dst_ip,
          .id = fragment.id,
          .tunnel = decoded.tunnel,
          .vlan_count = decoded.vlan_count,
          .depth = decoded.depth,
          .version = decoded.version,
          .protocol = decoded.version == IpVersion::V4 ? fragment.protocol : std::uint8_t{0}};
  std::ranges::copy(decoded.vlan_ids(), key.vlans.begin());
  return key;
}

struct Piece {
  PacketRef packet;   // with a reference of ours
  Index next = none;  // of its datagram, or free
  Index chain = none;
  Index datagram = none;
  Fragment fragment;

  [[nodiscard]] const std::uint8_t* data() const noexcept { return packet.data + fragment.begin; }
};

struct Datagram {
  Key key;
  Timestamp began;
  Index chain = none;  // or the next free
  Index older = none;
  Index newer = none;
  Index pieces = none;
  Index first = none;          // piece at offset 0
  std::uint16_t network = 0;   // of its IP header in that frame
  bool given_up = false;       // holds nothing, and is there to turn away what is still to come
  std::uint32_t received = 0;  // bytes of its pieces, which do not overlap
  std::uint32_t reach = 0;     // the highest end of any piece
  std::uint32_t end = 0;       // of its last piece; 0: not come yet
  std::uint32_t captured = 0;  // where the first byte lies that the capture lacks
};

// References given back together.
class Releases {
 public:
  explicit Releases(source::PacketHolder& holder) : holder_(holder) {}
  ~Releases() { flush(); }
  Releases(const Releases&) = delete;
  Releases& operator=(const Releases&) = delete;

  void add(const PacketRef& packet) noexcept {
    packets_[count_++] = packet;
    if (count_ == packets_.size()) flush();
  }

 private:
  void flush() noexcept {
    if (count_ > 0) holder_.release(std::span(packets_).first(count_));
    count_ = 0;
  }

  source::PacketHolder& holder_;
  std::array<PacketRef, 64> packets_;
  std::size_t count_ = 0;
};

enum class Fit : std::uint8_t { new_bytes, duplicate, contradiction };

}  // namespace

struct Fragments::State {
  State(const FragmentLimits& limits, source::PacketHolder& packet_holder, FragmentCounters& totals);

  void expire(Timestamp now) noexcept;
  std::optional<PacketRef> add(const PacketRef& packet, const Decoded& decoded, const Fragment& fragment) noexcept;
  void adjust_to(Pressure pressure) noexcept;
  void give_up_all() noexcept;

  [[nodiscard]] Index& bucket_of(const Key& key) noexcept {
    return datagram_buckets[XXH3_64bits_withSeed(&key, sizeof key, seed) & (datagram_buckets.size() - 1)];
  }
  [[nodiscard]] Index& bucket_of(Index datagram, std::uint32_t offset) noexcept {
    const std::array<std::uint32_t, 2> place{datagram, offset};
    return piece_buckets[XXH3_64bits_withSeed(&place, sizeof place, seed) & (piece_buckets.size() - 1)];
  }
  [[nodiscard]] Index find(const Key& key) noexcept;
  [[nodiscard]] Index begin(const Key& key, Timestamp now) noexcept;
  void end(Index index) noexcept;
  void give_up(Index index, std::uint64_t& reason) noexcept;
  std::uint32_t release_pieces(Index index) noexcept;
  [[nodiscard]] bool make_room(Index keep) noexcept;
  [[nodiscard]] Fit fit(Index index, const PacketRef& packet, const Fragment& fragment) noexcept;
  void hold(Index index, const PacketRef& packet, const Fragment& fragment) noexcept;
  [[nodiscard]] std::optional<PacketRef> compose(const Datagram& datagram, Timestamp now) noexcept;

  source::PacketHolder& holder;
  FragmentCounters& counters;
  Duration timeout;
  std::uint64_t seed;
  std::vector<Datagram> datagrams;
  std::vector<Coverage> coverage;  // of each
  std::vector<Piece> pieces;
  std::vector<Index> datagram_buckets;
  std::vector<Index> piece_buckets;
  Index free_datagrams = 0;
  Index free_pieces = 0;
  Index oldest = none;
  Index newest = none;
  std::uint32_t held = 0;     // pieces
  std::uint32_t allowed = 0;  // of them
};

Fragments::State::State(const FragmentLimits& limits, source::PacketHolder& packet_holder, FragmentCounters& totals)
    : holder(packet_holder),
      counters(totals),
      timeout(limits.timeout),
      seed(limits.seed),
      datagrams(std::max(limits.datagrams, 1U)),
      coverage(datagrams.size()),
      pieces(std::max(limits.packets, 1U)),
      datagram_buckets(std::bit_ceil(datagrams.size()), none),
      piece_buckets(std::bit_ceil(pieces.size()), none) {
  adjust_to(Pressure::none);
  for (Index i = 0; i + 1 < datagrams.size(); ++i) datagrams[i].chain = i + 1;
  for (Index i = 0; i + 1 < pieces.size(); ++i) pieces[i].next = i + 1;
}

Index Fragments::State::find(const Key& key) noexcept {
  Index index = bucket_of(key);
  while (index != none && datagrams[index].key != key) index = datagrams[index].chain;
  return index;
}

Index Fragments::State::begin(const Key& key, Timestamp now) noexcept {
  if (free_datagrams == none) give_up(oldest, counters.evicted);
  const Index index = free_datagrams;
  Datagram& datagram = datagrams[index];
  free_datagrams = datagram.chain;
  Index& bucket = bucket_of(key);
  datagram = {.key = key, .began = now, .chain = bucket, .older = newest, .captured = UINT32_MAX};
  bucket = index;
  (newest == none ? oldest : datagrams[newest].newer) = index;
  newest = index;
  coverage[index].clear();
  return index;
}

// Takes it out of everything. It holds no pieces any more.
void Fragments::State::end(Index index) noexcept {
  Datagram& datagram = datagrams[index];
  (datagram.older == none ? oldest : datagrams[datagram.older].newer) = datagram.newer;
  (datagram.newer == none ? newest : datagrams[datagram.newer].older) = datagram.older;
  Index* link = &bucket_of(datagram.key);
  while (*link != index) link = &datagrams[*link].chain;
  *link = datagram.chain;
  datagram.chain = free_datagrams;
  free_datagrams = index;
}

// Returns how many.
std::uint32_t Fragments::State::release_pieces(Index index) noexcept {
  std::uint32_t count = 0;
  Releases releases(holder);
  for (Index at = datagrams[index].pieces; at != none; ++count) {
    Piece& piece = pieces[at];
    Index* link = &bucket_of(index, piece.fragment.offset);
    while (*link != at) link = &pieces[*link].chain;
    *link = piece.chain;
    releases.add(piece.packet);
    const Index next = piece.next;
    piece.next = free_pieces;
    free_pieces = at;
    at = next;
  }
  datagrams[index].pieces = none;
  held -= count;
  return count;
}

// `reason` is the counter of why.
void Fragments::State::give_up(Index index, std::uint64_t& reason) noexcept {
  if (!datagrams[index].given_up) ++reason;
  counters.lost += release_pieces(index);
  end(index);
}

void Fragments::State::give_up_all() noexcept {
  while (oldest != none) give_up(oldest, counters.evicted);
}

// A clock that steps back by more than the timeout leaves no way to tell how long a datagram has waited.
void Fragments::State::expire(Timestamp now) noexcept {
  while (oldest != none) {
    const Duration age = now - datagrams[oldest].began;
    if (age <= timeout && age.nanoseconds >= -timeout.nanoseconds) break;
    give_up(oldest, counters.expired);
  }
}

// Room for one more piece, at the cost of the oldest others than `keep`. False: that one has all there is.
bool Fragments::State::make_room(Index keep) noexcept {
  while (held >= allowed) {
    const Index victim = oldest == keep ? datagrams[keep].newer : oldest;
    if (victim == none) return false;
    give_up(victim, counters.evicted);
  }
  return true;
}

void Fragments::State::adjust_to(Pressure pressure) noexcept {
  const auto most = static_cast<std::uint32_t>(pieces.size());
  switch (pressure) {
    case Pressure::none:
      allowed = most;
      break;
    case Pressure::low:
      allowed = std::max(most / 4, 1U);
      break;
    case Pressure::critical:
      allowed = 0;
      break;
  }
  while (held > allowed) give_up(oldest, counters.evicted);
}

Fit Fragments::State::fit(Index index, const PacketRef& packet, const Fragment& fragment) noexcept {
  const Datagram& datagram = datagrams[index];
  if (!coverage[index].touches(fragment.offset, fragment.end())) {
    const bool beyond = datagram.end != 0 && (!fragment.more || fragment.end() > datagram.end);
    const bool short_of = !fragment.more && fragment.end() < datagram.reach;
    return beyond || short_of ? Fit::contradiction : Fit::new_bytes;
  }
  Index at = bucket_of(index, fragment.offset);
  while (at != none && (pieces[at].datagram != index || pieces[at].fragment.offset != fragment.offset)) {
    at = pieces[at].chain;
  }
  if (at == none) return Fit::contradiction;
  const Piece& piece = pieces[at];
  const std::uint32_t both = std::min(piece.fragment.captured, fragment.captured);
  const bool same = piece.fragment.length == fragment.length && piece.fragment.more == fragment.more &&
                    std::equal(piece.data(), piece.data() + both, packet.data + fragment.begin);
  return same ? Fit::duplicate : Fit::contradiction;
}

void Fragments::State::hold(Index index, const PacketRef& packet, const Fragment& fragment) noexcept {
  const Index at = free_pieces;
  Piece& piece = pieces[at];
  free_pieces = piece.next;
  Datagram& datagram = datagrams[index];
  Index& bucket = bucket_of(index, fragment.offset);
  piece = {.packet = packet, .next = datagram.pieces, .chain = bucket, .datagram = index, .fragment = fragment};
  datagram.pieces = bucket = at;
  holder.hold(packet);
  ++held;

  coverage[index].cover(fragment.offset, fragment.end());
  datagram.received += fragment.length;
  datagram.reach = std::max(datagram.reach, fragment.end());
  if (!fragment.more) datagram.end = fragment.end();
  if (fragment.offset == 0) datagram.first = at;
  if (fragment.captured < fragment.length) {
    datagram.captured = std::min(datagram.captured, fragment.offset + fragment.captured);
  }
}

std::optional<PacketRef> Fragments::State::compose(const Datagram& datagram, Timestamp now) noexcept {
  const Piece& first = pieces[datagram.first];
  const std::uint32_t header = first.fragment.header;
  const std::uint32_t wire_length = header + datagram.end;
  if (wire_length > parsers::packet::longest_datagram) return {};  // the other fragments' headers were shorter
  const std::uint32_t captured = std::min(datagram.end, datagram.captured);
  const std::uint32_t length = header + captured;
  const source::Room room = holder.compose(length);
  if (room.data == nullptr) return {};

  std::memcpy(room.data, first.packet.data + datagram.network, header);
  parsers::packet::make_whole({room.data, header}, first.fragment, datagram.end);
  for (Index at = datagram.pieces; at != none; at = pieces[at].next) {
    const Piece& piece = pieces[at];
    if (piece.fragment.offset >= captured) continue;
    const std::uint32_t count = std::min(piece.fragment.captured, captured - piece.fragment.offset);
    std::memcpy(room.data + header + piece.fragment.offset, piece.data(), count);
  }
  if (length < wire_length) ++counters.cut_off;
  return PacketRef{.data = room.data,
                   .length = length,
                   .wire_length = wire_length,
                   .ts = now,
                   .handle = room.handle,
                   .link = parsers::packet::LinkType::raw_ip};
}

std::optional<PacketRef> Fragments::State::add(const PacketRef& packet, const Decoded& decoded,
                                               const Fragment& fragment) noexcept {
  const Key key = key_of(decoded, fragment);
  Index index = find(key);
  if (index == none) index = begin(key, packet.ts);
  Datagram& datagram = datagrams[index];
  const auto turn_away = [&](std::uint64_t& reason) {
    ++reason;
    datagram.given_up = true;
    counters.lost += release_pieces(index) + 1;
  };
  if (datagram.given_up) {
    ++counters.lost;
    return {};
  }
  switch (fit(index, packet, fragment)) {
    case Fit::duplicate:
      ++counters.duplicates;
      return {};
    case Fit::contradiction:
      turn_away(counters.overlapping);
      return {};
    case Fit::new_bytes:
      break;
  }
  if (!make_room(index)) {
    turn_away(counters.evicted);
    return {};
  }
  hold(index, packet, fragment);
  if (fragment.offset == 0) datagram.network = decoded.network;
  if (datagram.end == 0 || datagram.received < datagram.end) return {};

  const std::optional<PacketRef> whole = compose(datagram, packet.ts);
  ++(whole ? counters.datagrams : counters.evicted);
  (whole ? counters.used : counters.lost) += release_pieces(index);
  end(index);
  return whole;
}

Fragments::Fragments(const FragmentLimits& limits, source::PacketHolder& holder)
    : state_(std::make_unique<State>(limits, holder, counters_)) {}

Fragments::~Fragments() { state_->give_up_all(); }

std::optional<source::PacketRef> Fragments::add(const source::PacketRef& packet, const Decoded& decoded) noexcept {
  ++counters_.fragments;
  state_->expire(packet.ts);
  const std::optional<Fragment> fragment =
      parsers::packet::read_fragment({packet.bytes(), packet.wire_length}, decoded.network, decoded.version);
  if (!fragment) {
    ++counters_.malformed;
    return {};
  }
  if (state_->allowed == 0) {
    ++counters_.lost;
    return {};
  }
  return state_->add(packet, decoded, *fragment);
}

void Fragments::expire(Timestamp now) noexcept {
  state_->expire(now);
  state_->adjust_to(state_->holder.pressure());
}

std::uint32_t Fragments::held() const noexcept { return state_->held; }

}  // namespace iris::worker
