// Single facts of a connection: each costs less than the whole ConnRecord, and only those that some subscription takes
// are kept. Except where said otherwise they cover the connection from its first packet to the moment of the call, and
// a function that takes one runs at L4Terminated unless IRIS_ON says otherwise.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <iris/l4_pdu.hpp>
#include <iris/time.hpp>

namespace iris {

// Data type: packets, retransmissions included.
struct PktCount {
  std::uint64_t originator = 0;
  std::uint64_t responder = 0;

  [[nodiscard]] constexpr std::uint64_t total() const { return originator + responder; }
  [[nodiscard]] constexpr std::uint64_t of(Direction direction) const {
    return direction == Direction::FromOriginator ? originator : responder;
  }
};

// Data type: bytes of packets, as often as they were sent; ConnRecord counts each byte of a TCP stream once.
struct ByteCount {
  struct Bytes {
    std::uint64_t wire = 0;     // whole frames
    std::uint64_t payload = 0;  // after the transport header
  };
  Bytes originator;
  Bytes responder;

  [[nodiscard]] constexpr Bytes total() const {
    return {originator.wire + responder.wire, originator.payload + responder.payload};
  }
  [[nodiscard]] constexpr const Bytes& of(Direction direction) const {
    return direction == Direction::FromOriginator ? originator : responder;
  }
};

// Data type: the time between a packet and the one before it, in capture time. Negative only where a capture's clock
// ran backwards.
struct InterArrivals {
  // Of n packets there are n - 1. Without any all is zero.
  struct Statistics {
    static constexpr std::size_t kept = 32;

    std::uint64_t count = 0;
    Duration min;
    Duration max;
    Duration last;
    double mean_nanoseconds = 0;
    double squares = 0;                   // sum of squared deviations from the mean (Welford), in ns²
    std::array<Duration, kept> values{};  // the first ones, in order

    [[nodiscard]] constexpr std::span<const Duration> first() const {
      return std::span(values).first(count < kept ? static_cast<std::size_t>(count) : kept);
    }
    [[nodiscard]] constexpr Duration mean() const { return {static_cast<std::int64_t>(mean_nanoseconds)}; }
    // Of the sample, in s²; 0 for fewer than two.
    [[nodiscard]] constexpr double variance() const {
      return count < 2 ? 0 : squares / static_cast<double>(count - 1) * 1e-18;
    }
    [[nodiscard]] double deviation() const { return std::sqrt(variance()); }  // standard deviation, in seconds
  };
  Statistics originator;  // between packets of the originator
  Statistics responder;
  Statistics both;  // between any two packets

  [[nodiscard]] constexpr const Statistics& of(Direction direction) const {
    return direction == Direction::FromOriginator ? originator : responder;
  }
};

// Data type: which kinds of packets there were, in the order of their first: see ConnRecord::history(). Valid only
// during the call.
struct ConnHistory {
  std::string_view letters;
};

// Data type: from the first packet to the latest.
struct ConnDuration {
  Timestamp start;
  Timestamp last;

  [[nodiscard]] constexpr Duration duration() const { return last - start; }
  [[nodiscard]] constexpr double seconds() const { return duration().seconds(); }
};

// Data type: when the first packet came, capture time. Known from then on: by itself it delays no function.
struct StartTime {
  Timestamp ts;
};

// Data type: which application protocol was identified. Known from L7OnDisc on; a function that takes it runs then, or
// when its filter becomes true after that. Identifying looks at the beginning of the streams and parses nothing behind
// it.
struct Service {
  // As filters name it: "tls". nullopt: none was identified, or the connection ended before one could be.
  std::optional<std::string_view> name;
};

}  // namespace iris
