#include "daemon/output/encoder.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/output/decoder.hpp"
#include "tests/unit/daemon/output/layouts.hpp"

namespace iris::output {
namespace {

using nlohmann::ordered_json;

std::vector<std::byte> flat(const Value& layout, const void* object) {
  std::vector<std::byte> out(max_event_bytes);
  const auto size = encode(layout, object, out);
  if (!size) return {};
  out.resize(*size);
  return out;
}

// Through the flat form and back, as a line of JSON.
std::string round_trip(const Value& layout, const void* object) {
  const auto bytes = flat(layout, object);
  if (bytes.empty()) return "too large";
  const auto json = decode(layout, bytes);
  if (!json) return "undecodable";
  std::string line;
  append_line(line, *json);
  return line;
}

template <class T>
std::string show(const Value& type, const T& object) {
  return round_trip(type, &object);
}

TEST(Encoder, Integers) {
  EXPECT_EQ(show(integer<std::uint8_t>(), std::uint8_t{255}), "255");
  EXPECT_EQ(show(integer<std::int8_t>(), std::int8_t{-128}), "-128");
  EXPECT_EQ(show(integer<std::uint16_t>(), std::uint16_t{65535}), "65535");
  EXPECT_EQ(show(integer<std::int16_t>(), std::int16_t{-2}), "-2");
  EXPECT_EQ(show(integer<std::int32_t>(), std::numeric_limits<std::int32_t>::min()), "-2147483648");
  EXPECT_EQ(show(integer<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(show(integer<std::int64_t>(), std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
}

TEST(Encoder, BooleansAreNormalised) {
  EXPECT_EQ(show(value(ValueKind::boolean, 1), true), "true");
  EXPECT_EQ(show(value(ValueKind::boolean, 1), std::uint8_t{0}), "false");
  EXPECT_EQ(show(value(ValueKind::boolean, 1), std::uint8_t{0x40}), "true");  // user memory may hold anything
}

TEST(Encoder, Floating) {
  const Value narrow = value(ValueKind::floating, 4);
  const Value wide = value(ValueKind::floating, 8);
  EXPECT_EQ(show(wide, 0.1), "0.1");
  EXPECT_EQ(show(narrow, 0.1F), "0.1");
  EXPECT_EQ(show(narrow, -1.5F), "-1.5");
  EXPECT_EQ(show(wide, std::nan("")), "null");
  EXPECT_EQ(show(wide, std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(show(narrow, -std::numeric_limits<float>::infinity()), "null");
  EXPECT_EQ(show(narrow, std::nanf("")), "null");
}

TEST(Encoder, Enumerations) {
  Value type = value(ValueKind::enumeration, 1);
  type.enumerators = {{0, "fin"}, {200, "big"}};
  EXPECT_EQ(show(type, std::uint8_t{0}), "\"fin\"");
  EXPECT_EQ(show(type, std::uint8_t{200}), "\"big\"");
  EXPECT_EQ(show(type, std::uint8_t{201}), "201");
  type.enumerators = {{-1, "none"}, {0, "some"}};
  EXPECT_EQ(show(type, std::int8_t{-1}), "\"none\"");
  EXPECT_EQ(show(type, std::int8_t{-2}), "-2");
  type = value(ValueKind::enumeration, 8);
  EXPECT_EQ(show(type, std::uint64_t{1} << 63U), "9223372036854775808");
}

TEST(Encoder, Text) {
  const Value view = value(ValueKind::text_view, sizeof(std::string_view));
  const Value text = value(ValueKind::text, sizeof(std::string));
  EXPECT_EQ(show(view, std::string_view("www.example.org")), "\"www.example.org\"");
  EXPECT_EQ(show(view, std::string_view()), "\"\"");
  EXPECT_EQ(show(view, std::string_view("a\0\"\n", 4)), R"("a\u0000\"\n")");
  EXPECT_EQ(show(text, std::string("short")), "\"short\"");
  EXPECT_EQ(show(text, std::string(40, 'x')), '"' + std::string(40, 'x') + '"');
  EXPECT_EQ(show(view, std::string_view("caf\xc3\xa9 \xff\xfe end")), "\"caf\u00e9 \ufffd\ufffd end\"");
}

TEST(Encoder, Characters) {
  const Value letter = value(ValueKind::character, 1);
  EXPECT_EQ(show(letter, 'S'), "\"S\"");
  EXPECT_EQ(show(letter, '\xff'), "\"\ufffd\"");
  EXPECT_EQ(show(array_of(8, letter), std::array<char, 8>{'S', 'H', 'A'}), "\"SHA\"");
  EXPECT_EQ(show(array_of(2, letter), std::array<char, 2>{'o', 'k'}), "\"ok\"");
  EXPECT_EQ(show(vector_of(letter), std::vector<char>{'a', '\0', 'b'}), R"("a\u0000b")");
}

TEST(Encoder, Addresses) {
  EXPECT_EQ(show(address(), IpAddress::v4({192, 0, 2, 1})), "\"192.0.2.1\"");
  EXPECT_EQ(show(address(), IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1})),
            "\"2001:db8:0:1::1\"");
  EXPECT_EQ(show(address(), IpAddress{}), "\"::\"");
  // A mapped address that was IPv6 on the wire stays one.
  IpAddress mapped = IpAddress::v4({10, 0, 0, 1});
  mapped.version = IpVersion::V6;
  EXPECT_EQ(show(address(), mapped), "\"::ffff:10.0.0.1\"");
  const Value block = value(ValueKind::subnet, sizeof(Subnet));
  EXPECT_EQ(show(block, (Endpoint{IpAddress::v4({10, 1, 2, 3}), 443}.subnet(8))), "\"10.0.0.0/8\"");
  EXPECT_EQ(show(block, Subnet{IpAddress{}, 0}), "\"::/0\"");
}

TEST(Encoder, Times) {
  const Value time = value(ValueKind::timestamp, sizeof(Timestamp));
  EXPECT_EQ(show(time, Timestamp{0}), "\"1970-01-01T00:00:00.000000000Z\"");
  EXPECT_EQ(show(time, Timestamp{1709251199'000000001U}), "\"2024-02-29T23:59:59.000000001Z\"");
  EXPECT_EQ(show(time, Timestamp{std::numeric_limits<std::uint64_t>::max()}), "\"2554-07-21T23:34:33.709551615Z\"");
  const Value span = value(ValueKind::duration, sizeof(Duration));
  EXPECT_EQ(show(span, Duration{1'500'000'000}), "1.5");
  EXPECT_EQ(show(span, Duration{-1}), "-1e-09");
  EXPECT_EQ(show(span, Duration{3'900'000'000}), "3.9");
}

TEST(Encoder, Optionals) {
  const Value number = optional_of<std::uint16_t>(integer<std::uint16_t>());
  EXPECT_EQ(show(number, std::optional<std::uint16_t>{771}), "771");
  EXPECT_EQ(show(number, std::optional<std::uint16_t>{}), "null");
  const Value text = optional_of<std::string>(value(ValueKind::text, sizeof(std::string)));
  EXPECT_EQ(show(text, std::optional<std::string>{"h2"}), "\"h2\"");
  EXPECT_EQ(show(text, std::optional<std::string>{}), "null");
}

TEST(Encoder, Lists) {
  EXPECT_EQ(show(vector_of(integer<std::uint16_t>()), std::vector<std::uint16_t>{1, 2, 65535}), "[1,2,65535]");
  EXPECT_EQ(show(vector_of(integer<std::uint16_t>()), std::vector<std::uint16_t>{}), "[]");
  EXPECT_EQ(show(array_of(3, integer<std::int32_t>()), std::array<std::int32_t, 3>{-1, 0, 1}), "[-1,0,1]");
  const std::array<double, 2> numbers{0.5, 2};
  EXPECT_EQ(show(span_of(value(ValueKind::floating, 8)), std::span<const double>(numbers)), "[0.5,2.0]");
  const Value text = value(ValueKind::text, sizeof(std::string));
  EXPECT_EQ(show(vector_of(text), std::vector<std::string>{"h2", "http/1.1"}), R"(["h2","http/1.1"])");
  EXPECT_EQ(
      show(vector_of(vector_of(integer<std::int16_t>())), std::vector<std::vector<std::int16_t>>{{1}, {}, {2, 3}}),
      "[[1],[],[2,3]]");
}

TEST(Encoder, BytesAreHex) {
  const Value byte = integer<std::uint8_t>();
  const std::array<std::uint8_t, 3> bytes{0x00, 0xab, 0xff};
  EXPECT_EQ(show(array_of(3, byte), bytes), "\"00abff\"");
  EXPECT_EQ(show(span_of(byte), std::span<const std::uint8_t>(bytes)), "\"00abff\"");
  EXPECT_EQ(show(vector_of(byte), std::vector<std::uint8_t>{}), "\"\"");
  EXPECT_EQ(show(vector_of(integer<std::int8_t>()), std::vector<std::int8_t>{-1}), "[-1]");
}

TEST(Encoder, StructuresKeepTheirOrder) {
  struct Row {
    Endpoint server;
    std::string_view sni;
    std::optional<std::uint16_t> version;
    std::vector<Endpoint> others;
  };
  const Value layout = structure(
      sizeof(Row), {member("server", offsetof(Row, server), endpoint()),
                    member("sni", offsetof(Row, sni), value(ValueKind::text_view, sizeof(std::string_view))),
                    member("version", offsetof(Row, version), optional_of<std::uint16_t>(integer<std::uint16_t>())),
                    member("others", offsetof(Row, others), vector_of(endpoint()))});
  const Row row{{IpAddress::v4({192, 0, 2, 1}), 443}, "a.example", 772, {{IpAddress{}, 1}, {IpAddress{}, 2}}};
  EXPECT_EQ(show(layout, row), R"({"server":{"ip":"192.0.2.1","port":443},"sni":"a.example","version":772,)"
                               R"("others":[{"ip":"::","port":1},{"ip":"::","port":2}]})");
}

TEST(Encoder, EmptyThingsTakeSpace) {
  struct Empty {};
  const Value empty = structure(1, {});
  EXPECT_EQ(show(empty, Empty{}), "{}");
  EXPECT_EQ(show(array_of(0, empty), std::array<Empty, 1>{}), "[]");
  // If they took none, this would loop over what no event can hold.
  const Empty one;
  const std::span<const Empty> many(&one, std::size_t{1} << 60U);
  EXPECT_EQ(show(span_of(empty), many), "too large");
}

TEST(Encoder, HostileSizesAreRefused) {
  struct Raw {
    std::uintptr_t words[4];
  };
  const std::uintptr_t somewhere = reinterpret_cast<std::uintptr_t>("text");
  const Value view = value(ValueKind::text_view, sizeof(std::string_view));
  const Value text = value(ValueKind::text, sizeof(std::string));
  constexpr std::uintptr_t huge = std::numeric_limits<std::uintptr_t>::max();
  EXPECT_EQ(show(view, Raw{{huge, somewhere}}), "too large");
  EXPECT_EQ(show(view, Raw{{max_event_bytes, somewhere}}), "too large");
  EXPECT_EQ(show(view, Raw{{5, 0}}), "too large");  // a null pointer to five bytes
  EXPECT_EQ(show(text, Raw{{somewhere, huge}}), "too large");
  EXPECT_EQ(show(span_of(integer<std::uint64_t>()), Raw{{somewhere, huge / 8 + 1}}), "too large");
  EXPECT_EQ(show(span_of(integer<std::uint64_t>()), Raw{{0, 1}}), "too large");
  EXPECT_EQ(show(vector_of(integer<std::uint32_t>()), Raw{{somewhere, somewhere - 4, 0}}), "too large");
  EXPECT_EQ(show(vector_of(endpoint()), Raw{{somewhere, huge, 0}}), "too large");
}

TEST(Encoder, StopsExactlyAtTheLimit) {
  const Value view = value(ValueKind::text_view, sizeof(std::string_view));
  const std::string fits(max_event_bytes - 4, 'x');
  EXPECT_EQ(flat(view, std::array<std::string_view, 1>{fits}.data()).size(), max_event_bytes);
  const std::string exceeds(max_event_bytes - 3, 'x');
  EXPECT_EQ(show(view, std::string_view(exceeds)), "too large");

  // Whatever the room, encode stays within it.
  const std::vector<std::string> words{"a", "bb", "ccc"};
  const Value list = vector_of(value(ValueKind::text, sizeof(std::string)));
  const std::size_t needed = flat(list, &words).size();
  ASSERT_EQ(needed, 4U + 3 * 4 + 6);
  for (std::size_t room = 0; room <= needed; ++room) {
    std::vector<std::byte> exact(room);  // on the heap, where AddressSanitizer watches its ends
    EXPECT_EQ(encode(list, &words, exact).has_value(), room == needed) << room;
  }
}

TEST(Decoder, RefusesWhatIsNotExactlyOneObject) {
  struct Row {
    std::vector<std::string> words;
    std::optional<std::uint32_t> number;
    IpAddress ip;
  };
  const Value layout = structure(
      sizeof(Row), {member("words", offsetof(Row, words), vector_of(value(ValueKind::text, 32))),
                    member("number", offsetof(Row, number), optional_of<std::uint32_t>(integer<std::uint32_t>())),
                    member("ip", offsetof(Row, ip), address())});
  const Row row{{"one", "two"}, 3, IpAddress::v4({1, 2, 3, 4})};
  const auto bytes = flat(layout, &row);
  ASSERT_TRUE(decode(layout, bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode(layout, std::vector(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))));
  }
  auto longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode(layout, longer));
}

}  // namespace
}  // namespace iris::output
