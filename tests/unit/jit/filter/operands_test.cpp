#include "jit/filter/operands.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/jit/filter/world.hpp"

namespace iris::filter {
namespace {

using testing::address_v4;
using testing::address_v6;

constexpr parsers::Field byte_field{
    .name = "byte", .type = parsers::FieldType::number, .level = parsers::Level::tuple, .width = 1, .doc = ""};
constexpr parsers::Field wide_field{
    .name = "wide", .type = parsers::FieldType::number, .level = parsers::Level::tuple, .width = 8, .doc = ""};
constexpr parsers::Field address_field{
    .name = "address", .type = parsers::FieldType::address, .level = parsers::Level::tuple, .doc = ""};

Operand number(std::uint64_t value) { return value; }
Operand range(std::uint64_t first, std::uint64_t last) { return Range{first, last}; }
Operand block_v4(std::uint8_t net, std::uint8_t length) { return Subnet{address_v4(net, 0), length}; }

constexpr std::uint64_t most = ~std::uint64_t{0};

TEST(Operands, ValuesAreSortedAndDistinct) {
  const Predicate predicate = membership(byte_field, {number(3), number(1), number(3)});
  EXPECT_EQ(predicate, Predicate(&byte_field, Operator::one_of, {number(1), number(3)}));
}

TEST(Operands, RangesThatTouchAreOne) {
  EXPECT_EQ(membership(byte_field, {range(5, 9), number(4), range(1, 2), range(7, 20)}),
            Predicate(&byte_field, Operator::in_range, {range(1, 2), range(4, 20)}));
  EXPECT_EQ(membership(byte_field, {range(5, 5), number(9)}),
            Predicate(&byte_field, Operator::one_of, {number(5), number(9)}));
  EXPECT_EQ(membership(wide_field, {range(5, most), range(7, most), number(most)}),
            Predicate(&wide_field, Operator::in_range, {range(5, most)}));
}

TEST(Operands, AllNumbersAreJustPresence) {
  EXPECT_EQ(membership(byte_field, {range(0, 99), range(100, 255)}).op, Operator::present);
  EXPECT_EQ(membership(byte_field, {range(0, 254)}).op, Operator::in_range);
  EXPECT_EQ(membership(wide_field, {range(0, most)}).op, Operator::present);
}

TEST(Operands, BlocksThatOthersHoldGo) {
  EXPECT_EQ(membership(address_field, {block_v4(1, 24), block_v4(0, 8), Operand{address_v4(1, 1)},
                                       Operand{IpAddress::v4({11, 0, 0, 1})}}),
            Predicate(&address_field, Operator::in_subnet,
                      {block_v4(0, 8), Operand{Subnet{IpAddress::v4({11, 0, 0, 1}), 32}}}));
  // 0.0.0.0/0 and ::/0 hold nothing of each other.
  EXPECT_EQ(membership(address_field, {Operand{Subnet{IpAddress::v4({}), 0}}, Operand{Subnet{IpAddress::v6({}), 0}},
                                       Operand{address_v4(1, 1)}, Operand{address_v6(1, 1)}})
                .operands.size(),
            2U);
}

TEST(Operands, BlocksOfOneAddressAreAddresses) {
  EXPECT_EQ(membership(address_field, {Operand{Subnet{address_v4(1, 1), 32}}, Operand{Subnet{address_v6(1, 1), 128}}}),
            membership(address_field, {Operand{address_v6(1, 1)}, Operand{address_v4(1, 1)}}));
}

TEST(Operands, Intervals) {
  const auto of = [](const parsers::Field& field, std::vector<Operand> operands) {
    return intervals(membership(field, std::move(operands)));
  };
  EXPECT_TRUE(overlap(of(byte_field, {range(1, 5), range(10, 20)}), of(byte_field, {number(0), number(15)})));
  EXPECT_FALSE(overlap(of(byte_field, {range(1, 5), range(10, 20)}), of(byte_field, {number(0), range(6, 9)})));
  EXPECT_TRUE(covers(of(wide_field, {range(1, 300), number(400)}), of(wide_field, {number(256), number(400)})));
  EXPECT_FALSE(covers(of(wide_field, {range(1, 300)}), of(wide_field, {number(256), number(400)})));
  EXPECT_TRUE(covers(of(address_field, {block_v4(0, 8)}), of(address_field, {block_v4(1, 24)})));
  EXPECT_FALSE(covers(of(address_field, {block_v4(1, 24)}), of(address_field, {block_v4(0, 8)})));
  EXPECT_FALSE(overlap(of(address_field, {Operand{Subnet{IpAddress::v4({}), 0}}}),
                       of(address_field, {Operand{Subnet{IpAddress::v6({}), 0}}})));
  EXPECT_TRUE(overlap(of(address_field, {block_v4(1, 25)}), of(address_field, {Operand{address_v4(1, 127)}})));
  EXPECT_FALSE(overlap(of(address_field, {block_v4(1, 25)}), of(address_field, {Operand{address_v4(1, 128)}})));
  EXPECT_TRUE(intervals({&byte_field, Operator::present, {}}).empty());
}

}  // namespace
}  // namespace iris::filter
