#include "jit/plan/packet_filter.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <variant>

namespace iris::plan {
namespace {

using filter::Literal;
using filter::Operator;
using Slots = std::set<std::uint16_t>;

// A filter that lets that many pass is not worth asking.
constexpr std::size_t most_slots = 4096;

const parsers::Field* presence_field() { return parsers::find_protocol("tcp")->presence; }

bool is_of(const parsers::Field& field, std::initializer_list<std::string_view> protocols, std::string_view name) {
  const std::string_view protocol = filter::protocol_of(field);
  return std::ranges::find(protocols, protocol) != protocols.end() && field.part == parsers::Part::value &&
         (field.name == name || field.name == "src_" + std::string(name) || field.name == "dst_" + std::string(name));
}

// nullopt: too many.
std::optional<Slots> ports_of(const filter::Predicate& predicate) {
  Slots ports;
  for (const filter::Operand& operand : predicate.operands) {
    const auto* range = std::get_if<filter::Range>(&operand);
    const std::uint64_t first = range != nullptr ? range->first : std::get<std::uint64_t>(operand);
    const std::uint64_t last = range != nullptr ? range->last : first;
    if (last - first >= most_slots || ports.size() >= most_slots) return std::nullopt;
    for (std::uint64_t port = first; port <= last && port <= 0xffff; ++port) {
      ports.insert(static_cast<std::uint16_t>(port));
    }
  }
  return ports;
}

// Those that a block lies in, or that lie in it; false: too many.
bool add_networks(const Subnet& block, Slots& networks) {
  const bool v4 = block.address.is_v4();
  const unsigned bits = v4 ? 16 : 32;  // that tell networks apart
  const std::size_t at = v4 ? 12 : 0;
  const unsigned open = block.length < bits ? bits - block.length : 0;
  if (open > 8) return false;
  std::array<std::uint8_t, 16> bytes = block.address.bytes;
  const std::size_t last = at + bits / 8 - 1;
  for (unsigned i = 0; i < 1U << open; ++i) {
    bytes[last] = static_cast<std::uint8_t>(block.address.bytes[last] | i);
    networks.insert(PacketFilter::network(bytes, block.address.version));
  }
  return networks.size() <= most_slots;
}

std::optional<Slots> networks_of(const filter::Predicate& predicate) {
  Slots networks;
  for (const filter::Operand& operand : predicate.operands) {
    const auto* address = std::get_if<IpAddress>(&operand);
    const Subnet block = address != nullptr ? Subnet{*address, static_cast<std::uint8_t>(address->is_v4() ? 32 : 128)}
                                            : std::get<Subnet>(operand);
    if (!add_networks(block, networks)) return std::nullopt;
  }
  return networks;
}

// Whether TCP makes the literal false.
bool excludes_tcp(const Literal& literal) {
  const filter::Predicate& predicate = literal.predicate;
  if (predicate.field != presence_field() || predicate.op != Operator::one_of) return false;
  const bool names_tcp = std::ranges::any_of(predicate.operands, [](const filter::Operand& operand) {
    const auto* number = std::get_if<std::uint64_t>(&operand);
    return number == nullptr || *number == static_cast<std::uint64_t>(Transport::Tcp);
  });
  return names_tcp == literal.negated;
}

// The smaller of the two, where there are two: each has to be.
void narrow(std::optional<Slots>& known, std::optional<Slots> other) {
  if (other && (!known || other->size() < known->size())) known = std::move(other);
}

}  // namespace

void PacketFilter::intersect(const PacketFilter& other) noexcept {
  if (other.all_) return;
  if (all_) {
    *this = other;
    return;
  }
  ports_ &= other.ports_;
  networks_ &= other.networks_;
}

Reach reach_of(const filter::Clause& clause) {
  std::optional<Slots> ports;
  std::optional<Slots> networks;
  for (const Literal& literal : clause) {
    if (excludes_tcp(literal)) return {Reach::Kind::nothing, {}};
    const filter::Predicate& predicate = literal.predicate;
    const bool values =
        predicate.op == Operator::one_of || predicate.op == Operator::in_range || predicate.op == Operator::in_subnet;
    if (literal.negated || !values) continue;
    if (is_of(*predicate.field, {"tcp"}, "port")) narrow(ports, ports_of(predicate));
    if (is_of(*predicate.field, {"ip", "ipv4", "ipv6"}, "addr")) narrow(networks, networks_of(predicate));
  }
  if (ports) return {Reach::Kind::ports, {ports->begin(), ports->end()}};
  if (networks) return {Reach::Kind::networks, {networks->begin(), networks->end()}};
  return {};
}

PacketFilterBuilder::PacketFilterBuilder()
    : ports_{std::vector<std::uint32_t>(PacketFilter::slots), &PacketFilter::ports_},
      networks_{std::vector<std::uint32_t>(PacketFilter::slots), &PacketFilter::networks_} {}

void PacketFilterBuilder::count(Counted& counted, const Reach& reach, bool more) {
  for (const std::uint16_t slot : reach.slots) {
    std::uint32_t& users = counted.users[slot];
    users += more ? 1U : ~0U;
    if (users != (more ? 1U : 0U)) continue;
    (filter_.*counted.bits)[slot] = more;
    if (all_ == 0) latest_ = nullptr;
  }
}

void PacketFilterBuilder::add(const Reach& reach) {
  if (reach.kind == Reach::Kind::ports) return count(ports_, reach, true);
  if (reach.kind == Reach::Kind::networks) return count(networks_, reach, true);
  if (reach.kind == Reach::Kind::all && all_++ == 0) latest_ = nullptr;
}

void PacketFilterBuilder::remove(const Reach& reach) {
  if (reach.kind == Reach::Kind::ports) return count(ports_, reach, false);
  if (reach.kind == Reach::Kind::networks) return count(networks_, reach, false);
  if (reach.kind == Reach::Kind::all && --all_ == 0) latest_ = nullptr;
}

std::shared_ptr<const PacketFilter> PacketFilterBuilder::snapshot() {
  if (latest_ == nullptr) {
    auto made = std::make_shared<PacketFilter>(filter_);
    made->all_ = all_ != 0;
    latest_ = std::move(made);
  }
  return latest_;
}

}  // namespace iris::plan
