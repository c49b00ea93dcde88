// DNS transactions as authors see them (RFC 1035 and successors; mDNS, RFC 6762; LLMNR, RFC 4795).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <iris/net.hpp>
#include <iris/time.hpp>

namespace iris {

// Names are lower case, without the trailing dot; the root is ".". Labels that are UTF-8 stay so; dots and backslashes
// in labels, and other bytes that are not printable, are escaped as in RFC 1035, 5.1: `\.`, `\\`, `\007`.
struct DnsQuestion {
  std::string_view name;
  std::uint16_t type = 0;    // IANA: 1 is A, 28 AAAA, 65 HTTPS, 255 ANY
  std::uint16_t qclass = 0;  // 1 is IN. mDNS: without the bit that asks for a unicast answer
};

struct DnsRecord {
  std::string_view name;
  std::uint16_t type = 0;
  std::uint16_t rclass = 0;  // mDNS: without the bit that flushes caches
  std::uint32_t ttl = 0;     // seconds
  // As zone files write it: "192.0.2.1", "10 mail.example". Types that are not known, and data that is malformed, as
  // RFC 3597 does: "\# 4 c0000201". No longer than 2,048 characters; what exceeds them is cut off.
  std::string_view data;
  std::span<const std::uint8_t> bytes;  // RDATA as sent; names in it may be compressed

  // Of A and AAAA.
  [[nodiscard]] std::optional<IpAddress> address() const {
    if (type == 1 && bytes.size() == 4) return IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
    if (type != 28 || bytes.size() != 16) return std::nullopt;
    IpAddress address;
    address.version = IpVersion::V6;
    for (std::size_t i = 0; i < 16; ++i) address.bytes[i] = bytes[i];
    return address;
  }
};

// What EDNS(0) adds to a message (RFC 6891).
struct DnsEdns {
  std::uint16_t udp_size = 0;
  std::uint8_t version = 0;
  bool dnssec_ok = false;
  std::string_view client_subnet;               // RFC 7871: "192.0.2.0/24"; absent: nullptr
  std::span<const std::uint8_t> cookie;         // RFC 7873, of client and server
  std::optional<std::uint16_t> extended_error;  // RFC 8914
  std::string_view extended_error_text;         // absent: nullptr
  std::span<const std::uint8_t> options;        // as sent
};

// Who asks whom.
enum class DnsKind : std::uint8_t { dns, mdns, llmnr };

// Data type: one query with its answer, where there is one. L7EndHdrs and L7EndSession come together: when the answer
// was seen; when none came within 10 s, or before the connection ended; for an answer without a query, when that did
// not turn up within a second. Of mDNS, whose answers go to everybody, each message is by itself. Valid only during the
// call.
struct DnsTransaction {
  // Filled by the parser. Authors use the accessors below.
  struct Layout {
    std::string_view query;  // data() == nullptr: no question
    std::span<const DnsQuestion> questions;
    std::span<const DnsRecord> answers;
    std::span<const DnsRecord> authorities;
    std::span<const DnsRecord> additionals;
    std::span<const std::string_view> answer_data;  // of `answers`
    std::optional<DnsEdns> query_edns;
    std::optional<DnsEdns> edns;
    std::string_view client_subnet;
    std::optional<Duration> rtt;
    std::optional<std::uint16_t> qtype;
    std::optional<std::uint16_t> qclass;
    std::optional<std::uint16_t> rcode;
    std::uint16_t id = 0;
    std::uint8_t opcode = 0;
    DnsKind kind = DnsKind::dns;
    bool query_seen = false;
    bool answered = false;
    bool authoritative = false;
    bool truncated = false;
    bool recursion_desired = false;
    bool recursion_available = false;
    bool authentic_data = false;
    bool checking_disabled = false;
    bool malformed = false;
  } layout;

  [[nodiscard]] DnsKind kind() const { return layout.kind; }  // by port: 5353, 5355
  [[nodiscard]] std::uint16_t id() const { return layout.id; }
  // The first question; empty where there is none.
  [[nodiscard]] std::string_view query() const { return layout.query; }
  [[nodiscard]] std::optional<std::uint16_t> qtype() const { return layout.qtype; }
  [[nodiscard]] std::optional<std::uint16_t> qclass() const { return layout.qclass; }
  [[nodiscard]] std::span<const DnsQuestion> questions() const { return layout.questions; }
  // Of the answer; of a query without one, the query's own: updates and mDNS have some.
  [[nodiscard]] std::span<const DnsRecord> answers() const { return layout.answers; }
  [[nodiscard]] std::span<const DnsRecord> authorities() const { return layout.authorities; }
  [[nodiscard]] std::span<const DnsRecord> additionals() const { return layout.additionals; }  // without EDNS's
  [[nodiscard]] std::uint8_t opcode() const { return layout.opcode; }                // 0 query, 4 notify, 5 update
  [[nodiscard]] std::optional<std::uint16_t> rcode() const { return layout.rcode; }  // of the answer, with EDNS's bits
  [[nodiscard]] bool query_seen() const { return layout.query_seen; }
  [[nodiscard]] bool answered() const { return layout.answered; }
  // From query to answer, as seen at the tap.
  [[nodiscard]] std::optional<Duration> rtt() const { return layout.rtt; }
  // Flags of the answer; of a query without one, the query's.
  [[nodiscard]] bool authoritative() const { return layout.authoritative; }              // AA
  [[nodiscard]] bool truncated() const { return layout.truncated; }                      // TC
  [[nodiscard]] bool recursion_desired() const { return layout.recursion_desired; }      // RD
  [[nodiscard]] bool recursion_available() const { return layout.recursion_available; }  // RA
  [[nodiscard]] bool authentic_data() const { return layout.authentic_data; }            // AD
  [[nodiscard]] bool checking_disabled() const { return layout.checking_disabled; }      // CD
  [[nodiscard]] const std::optional<DnsEdns>& query_edns() const { return layout.query_edns; }
  [[nodiscard]] const std::optional<DnsEdns>& edns() const { return layout.edns; }  // of the answer
  // Part of a message did not parse; what did is there.
  [[nodiscard]] bool malformed() const { return layout.malformed; }
};

}  // namespace iris
