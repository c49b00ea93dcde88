// Compiled dispatches against the interpreter: random families, predicates and facts.
#include "jit/codegen/dispatch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iris/conn_record.hpp>

#include <iris/protocols/tls.hpp>

#include <cstddef>
#include <cstring>
#include <deque>
#include <optional>

#include "jit/index/index.hpp"
#include "parsers/packet/headers.hpp"
#include "tests/unit/jit/index/interpreter.hpp"
#include "tests/unit/parsers/arena.hpp"

namespace iris::codegen {
namespace {

using filter::Operator;
using parsers::Field;
using parsers::FieldType;
using parsers::Level;
using ::testing::AllOf;
using testing::below;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Random;
using testing::Value;

// A connection with more behind it, so that every shape of a field occurs at some level.
struct Extended {
  ConnRecord record;
  std::uint8_t byte = 0;
  std::uint32_t word = 0;
  std::uint64_t wide[2] = {0, 0};
  std::optional<std::uint32_t> maybe[1];
  std::string_view texts[2];
};

constexpr std::uint16_t at(std::size_t offset) { return static_cast<std::uint16_t>(offset); }

const Field extra[] = {
    {.name = "byte",
     .type = FieldType::number,
     .level = Level::tuple,
     .width = 1,
     .offsets = {at(offsetof(Extended, byte)), 0},
     .doc = ""},
    {.name = "word",
     .type = FieldType::number,
     .level = Level::tuple,
     .width = 4,
     .offsets = {at(offsetof(Extended, word)), 0},
     .doc = ""},
    {.name = "wide",
     .type = FieldType::number,
     .level = Level::tuple,
     .width = 8,
     .alternatives = 2,
     .offsets = {at(offsetof(Extended, wide)), at(offsetof(Extended, wide) + 8)},
     .doc = ""},
    {.name = "maybe",
     .type = FieldType::number,
     .level = Level::tuple,
     .width = 4,
     .offsets = {at(offsetof(Extended, maybe)), 0},
     .flag_offset = at(offsetof(Extended, maybe) + 4),
     .doc = ""},
    {.name = "text",
     .type = FieldType::text,
     .level = Level::tuple,
     .alternatives = 2,
     .offsets = {at(offsetof(Extended, texts)), at(offsetof(Extended, texts) + sizeof(std::string_view))},
     .doc = ""},
};

std::span<const Field> fields_of(std::string_view protocol) { return parsers::find_protocol(protocol)->fields; }

const Field& field(std::string_view protocol, std::string_view name) {
  return *std::ranges::find(fields_of(protocol), name, &Field::name);
}

std::uint32_t tls_number() {
  return static_cast<std::uint32_t>(parsers::find_protocol("tls") - parsers::registry().data());
}

std::vector<FamilyShape> all_shapes() {
  std::vector<const Field*> fields{&parsers::service_field, parsers::find_protocol("vlan")->presence};
  for (const Field& each : extra) fields.push_back(&each);
  for (const char* protocol : {"conn", "ethernet", "vlan", "ip", "ipv4", "ipv6", "tcp", "udp", "tls"}) {
    for (const Field& each : fields_of(protocol)) {
      if (!each.names_protocol && each.level != Level::stream) fields.push_back(&each);
    }
  }
  std::vector<FamilyShape> shapes;
  for (const Field* each : fields) {
    shapes.push_back({each, Operator::present});
    shapes.push_back({each, Operator::one_of});
    if (each->type == FieldType::number) shapes.push_back({each, Operator::in_range});
    if (each->type == FieldType::address) shapes.push_back({each, Operator::in_subnet});
    if (each->type != FieldType::text) continue;
    for (const Operator op : {Operator::starts_with, Operator::ends_with, Operator::under})
      shapes.push_back({each, op});
    shapes.push_back({each, Operator::contains});
    shapes.push_back({each, Operator::matches});
  }
  return shapes;
}

// ---- what is known of a connection --------------------------------------------------------------------------------

struct Sample {
  Extended extended;
  TlsHandshake tls;
  std::uint32_t protocol = 0;
  std::deque<std::string> texts;
  std::deque<std::vector<std::string_view>> text_lists;
  std::deque<std::vector<std::uint16_t>> number_lists;

  parsers::packet::Headers headers;

  [[nodiscard]] abi::Facts facts() const { return {&extended.record, &tls, protocol, 0, &headers}; }
  [[nodiscard]] const std::byte* base(Level level) const {
    if (level == Level::protocol) return reinterpret_cast<const std::byte*>(&protocol);
    if (level == Level::session) return reinterpret_cast<const std::byte*>(&tls);
    return reinterpret_cast<const std::byte*>(&extended);
  }
  [[nodiscard]] const std::byte* base(const Field& field) const {
    return field.of_headers ? reinterpret_cast<const std::byte*>(&headers) : base(field.level);
  }
  std::byte* base(Level level) { return const_cast<std::byte*>(std::as_const(*this).base(level)); }

  // Whether the connection has the protocol at all that a field of its tuple belongs to.
  [[nodiscard]] bool speaks_protocol_of(const Field& field) const {
    const auto* owner = parsers::find_protocol(filter::protocol_of(field));
    if (field.level != Level::tuple || owner == nullptr || owner->presence == nullptr) return true;
    std::uint64_t number = 0;
    std::memcpy(&number, base(*owner->presence) + owner->presence->offsets[0], owner->presence->width);
    return number == owner->presence_value || (owner->presence_other != 0 && number == owner->presence_other);
  }

  // The values that are there: at most one an alternative.
  [[nodiscard]] std::vector<Value> values(const Field& field) const {
    std::vector<Value> result;
    const std::byte* from = base(field);
    if (field.flag_offset != 0 && from[field.flag_offset] == std::byte{0}) return {};
    if (!speaks_protocol_of(field)) return {};
    if (field.computed.number != nullptr) return {field.computed.number(from)};
    if (field.part == parsers::Part::length) return length(field, from + field.offsets[0]);
    if (field.list) return elements(field, from + field.offsets[0]);
    if (field.computed.text != nullptr) {
      const std::string_view text = *field.computed.text(from);
      return text.data() == nullptr ? std::vector<Value>{} : std::vector<Value>{std::string(text)};
    }
    for (unsigned i = 0; i < field.alternatives; ++i) {
      const std::byte* place = from + field.offsets[i];
      if (field.type == FieldType::number) {
        std::uint64_t number = 0;
        std::memcpy(&number, place, field.width);
        result.emplace_back(number);
      } else if (field.type == FieldType::address) {
        result.emplace_back(*reinterpret_cast<const IpAddress*>(place));
      } else if (const auto& text = *reinterpret_cast<const std::string_view*>(place); text.data() != nullptr) {
        result.emplace_back(std::string(text));
      }
    }
    return result;
  }

  static std::vector<Value> length(const Field& field, const std::byte* place) {
    if (field.list) return {std::uint64_t{reinterpret_cast<const std::span<const char>*>(place)->size()}};
    const auto& text = *reinterpret_cast<const std::string_view*>(place);
    return text.data() == nullptr ? std::vector<Value>{} : std::vector<Value>{std::uint64_t{text.size()}};
  }
  static std::vector<Value> elements(const Field& field, const std::byte* place) {
    std::vector<Value> result;
    if (field.type == FieldType::text) {
      for (const auto text : *reinterpret_cast<const std::span<const std::string_view>*>(place))
        result.emplace_back(std::string(text));
    } else {
      for (const auto number : *reinterpret_cast<const std::span<const std::uint16_t>*>(place))
        result.emplace_back(std::uint64_t{number});
    }
    return result;
  }

  void set_list(const Field& field, const std::vector<Value>& values) {
    std::byte* place = base(field.level) + field.offsets[0];
    if (field.type == FieldType::text) {
      auto& list = text_lists.emplace_back();
      for (const Value& value : values) list.push_back(texts.emplace_back(std::get<std::string>(value)));
      *reinterpret_cast<std::span<const std::string_view>*>(place) = list;
    } else {
      auto& list = number_lists.emplace_back();
      for (const Value& value : values) list.push_back(static_cast<std::uint16_t>(std::get<std::uint64_t>(value)));
      *reinterpret_cast<std::span<const std::uint16_t>*>(place) = list;
    }
  }

  void set(const Field& field, unsigned alternative, const std::optional<Value>& value) {
    std::byte* place = base(field.level) + field.offsets[alternative];
    if (field.flag_offset != 0) base(field.level)[field.flag_offset] = std::byte{value.has_value()};
    if (field.type == FieldType::text) {
      std::string_view text;
      if (value) text = texts.emplace_back(std::get<std::string>(*value));
      *reinterpret_cast<std::string_view*>(place) = text;
    } else if (value && field.type == FieldType::number) {
      std::memcpy(place, &std::get<std::uint64_t>(*value), field.width);
    } else if (value) {
      *reinterpret_cast<IpAddress*>(place) = std::get<IpAddress>(*value);
    }
  }
};

Sample random_sample(Random& random, const std::vector<filter::Predicate>& predicates) {
  Sample sample;
  sample.protocol = static_cast<std::uint32_t>(below(random, 8));
  sample.extended.record.tuple.transport = below(random, 2) != 0 ? Transport::Tcp : Transport::Udp;
  const auto fill = [&](const Field& field) {
    for (unsigned i = 0; i < field.alternatives; ++i) {
      std::optional<Value> value;
      if (below(random, 4) != 0) value = testing::random_value(random, field, predicates);
      sample.set(field, i, value);
    }
  };
  for (const Field& each : extra) fill(each);
  for (const Field& each : fields_of("tls")) {
    if (each.part != parsers::Part::value || each.computed.text != nullptr) continue;
    if (!each.list) {
      fill(each);
      continue;
    }
    std::vector<Value> values;
    for (std::size_t n = below(random, 4); n > 0; --n)
      values.push_back(testing::random_value(random, each, predicates));
    sample.set_list(each, values);
  }
  for (Flow* flow : {&sample.extended.record.originator, &sample.extended.record.responder}) {
    flow->packets = below(random, 4);
    flow->wire_bytes = below(random, 1000);
    flow->payload_bytes = below(random, 1000);
  }
  // Flags are bytes that are 0 or 1, as bool's are.
  for (std::size_t i = 0; i < sizeof sample.headers; ++i) {
    reinterpret_cast<std::uint8_t*>(&sample.headers)[i] = static_cast<std::uint8_t>(below(random, 2));
  }
  sample.extended.record.start = {below(random, 8)};
  sample.extended.record.last = {below(random, 8)};
  for (const char* protocol : {"ip", "ipv4", "ipv6"}) {
    if (below(random, 2) != 0) fill(field(protocol, "addr"));
  }
  for (const char* protocol : {"tcp", "udp"}) {
    if (below(random, 2) != 0) fill(field(protocol, "port"));
  }
  return sample;
}

// ---- the pipeline's side
// ---------------------------------------------------------------------------------------------

class DispatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto created = engine::Engine::create();
    ASSERT_TRUE(created) << created.error().message;
    engine_ = std::move(*created);
    compiler_ = std::make_unique<DispatchCompiler>(*engine_);
  }
  void TearDown() override { compiler_.reset(); }

  std::shared_ptr<const Dispatch> compile(const std::vector<FamilyShape>& shapes) {
    auto dispatch = compiler_->compile(shapes);
    if (!dispatch) ADD_FAILURE() << dispatch.error().message;
    return dispatch ? *dispatch : nullptr;
  }

  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<DispatchCompiler> compiler_;
};

// A random plan: predicates of random families, numbered at random, and their indexes.
struct Plan {
  std::vector<FamilyShape> shapes;
  std::vector<filter::Predicate> predicates;  // by number
  std::vector<std::shared_ptr<const index::Index>> indexes;
  std::vector<abi::Family> families;
};

Plan random_plan(Random& random, const std::vector<FamilyShape>& all) {
  Plan plan;
  plan.shapes = all;
  std::ranges::shuffle(plan.shapes, random);
  plan.shapes.resize(std::min<std::size_t>(plan.shapes.size(), below(random, 12) + 1));
  std::vector<std::size_t> family_of;
  for (std::size_t family = 0; family < plan.shapes.size(); ++family) {
    const bool present = plan.shapes[family].op == Operator::present;
    family_of.insert(family_of.end(), present ? 1 : below(random, 8) + 1, family);
  }
  std::ranges::shuffle(family_of, random);
  for (const std::size_t family : family_of) {
    const FamilyShape& shape = plan.shapes[family];
    plan.predicates.push_back(testing::random_predicate(random, *shape.field, shape.op));
  }
  for (std::size_t family = 0; family < plan.shapes.size(); ++family) {
    auto builder = index::make_builder(*plan.shapes[family].field, plan.shapes[family].op, 1);
    if (!builder) throw std::runtime_error(builder.error().message);
    for (std::uint32_t id = 0; id < family_of.size(); ++id) {
      if (family_of[id] != family) continue;
      const auto added = (*builder)->add(std::make_shared<const filter::Predicate>(plan.predicates[id]), id);
      if (!added) throw std::runtime_error(added.error().message);
    }
    auto index = (*builder)->snapshot();
    if (!index) throw std::runtime_error(index.error().message);
    plan.families.push_back({(*index)->table()});
    plan.indexes.push_back(std::move(*index));
  }
  return plan;
}

struct Answer {
  std::vector<std::uint32_t> ids;
  std::vector<std::uint64_t> evaluations;
  bool operator==(const Answer&) const = default;
  friend std::ostream& operator<<(std::ostream& to, const Answer& answer) {
    return to << ::testing::PrintToString(answer.ids) << " after " << ::testing::PrintToString(answer.evaluations);
  }
};

Answer expected(const Plan& plan, const Sample& sample, Level level) {
  Answer answer{{}, std::vector<std::uint64_t>(plan.shapes.size())};
  for (std::size_t family = 0; family < plan.shapes.size(); ++family) {
    const Field& field = *plan.shapes[family].field;
    if (field.level == level && !sample.values(field).empty()) answer.evaluations[family] = 1;
  }
  for (std::uint32_t id = 0; id < plan.predicates.size(); ++id) {
    const filter::Predicate& predicate = plan.predicates[id];
    const auto true_of = [&](const Value& value) { return testing::holds(predicate, value); };
    if (predicate.field->level != level) continue;
    const auto values = sample.values(*predicate.field);
    const bool every = predicate.field->part == parsers::Part::every;
    const bool holds =
        every ? !values.empty() && std::ranges::all_of(values, true_of) : std::ranges::any_of(values, true_of);
    if (holds) answer.ids.push_back(id);
  }
  return answer;
}

Answer computed(const Plan& plan, const Sample& sample, abi::Evaluate evaluate) {
  Answer answer{std::vector<std::uint32_t>(plan.predicates.size() + 1, 0xdeadbeef),
                std::vector<std::uint64_t>(plan.shapes.size())};
  abi::Matches matches{answer.ids.data(), 0, static_cast<std::uint32_t>(plan.predicates.size())};
  const abi::Facts facts = sample.facts();
  if (evaluate != nullptr) evaluate(&facts, plan.families.data(), answer.evaluations.data(), &matches);
  EXPECT_EQ(answer.ids.back(), 0xdeadbeef) << "written beyond the capacity";
  answer.ids.resize(matches.count);
  return answer;
}

TEST_F(DispatchTest, AgreesWithTheInterpreter) {
  Random random(29);
  const std::vector<FamilyShape> all = all_shapes();
  for (int round = 0; round < 60; ++round) {
    const Plan plan = random_plan(random, all);
    const auto dispatch = compile(plan.shapes);
    ASSERT_NE(dispatch, nullptr);
    for (int i = 0; i < 25; ++i) {
      const Sample sample = random_sample(random, plan.predicates);
      ASSERT_EQ(computed(plan, sample, dispatch->tuple), expected(plan, sample, Level::tuple)) << "round " << round;
      ASSERT_EQ(computed(plan, sample, dispatch->protocol), expected(plan, sample, Level::protocol));
      ASSERT_EQ(computed(plan, sample, dispatch->session[tls_number()]), expected(plan, sample, Level::session));
    }
  }
}

TEST_F(DispatchTest, ComputedFieldsAreAskedFor) {
  Random random(7);
  const Plan plan = random_plan(random, {{&field("tls", "ja3"), Operator::present}});
  const auto dispatch = compile(plan.shapes);
  ASSERT_NE(dispatch, nullptr);
  parsers::test::BlockArena arena;
  Sample sample;
  EXPECT_THAT(computed(plan, sample, dispatch->session[tls_number()]).ids, ::testing::IsEmpty());
  const std::array<std::uint8_t, 1> compressions{0};
  sample.tls.layout.arena = &arena;
  sample.tls.layout.client_version = std::uint16_t{0x0303};
  sample.tls.layout.client_compressions = compressions;
  EXPECT_THAT(computed(plan, sample, dispatch->session[tls_number()]).ids, ::testing::ElementsAre(0));
  EXPECT_EQ(sample.tls.ja3().size(), 32U);
}

TEST_F(DispatchTest, EvaluationsAddUp) {
  Random random(5);
  const Plan plan = random_plan(random, {{&field("tcp", "port"), Operator::one_of}});
  const auto dispatch = compile(plan.shapes);
  const Sample sample;
  const abi::Facts facts = sample.facts();
  std::uint64_t evaluations = 100;
  for (int i = 0; i < 3; ++i) {
    std::vector<std::uint32_t> ids(plan.predicates.size());
    abi::Matches matches{ids.data(), 0, static_cast<std::uint32_t>(ids.size())};
    dispatch->tuple(&facts, plan.families.data(), &evaluations, &matches);
  }
  EXPECT_EQ(evaluations, 103U);
}

TEST_F(DispatchTest, OnlyLevelsWithFamiliesHaveFunctions) {
  const auto none = compile({});
  EXPECT_TRUE(none->code.empty());
  EXPECT_EQ(none->tuple, nullptr);
  EXPECT_EQ(none->protocol, nullptr);
  EXPECT_EQ(none->session.size(), parsers::registry().size());
  EXPECT_THAT(none->session, ::testing::Each(nullptr));

  const auto tls = compile({{&field("tls", "sni"), Operator::contains}});
  EXPECT_EQ(tls->code.size(), 1U);
  EXPECT_EQ(tls->tuple, nullptr);
  for (std::uint32_t number = 0; number < tls->session.size(); ++number) {
    EXPECT_EQ(tls->session[number] != nullptr, number == tls_number());
  }
}

TEST_F(DispatchTest, RefusesFieldsThatNoCodeCanBeMadeFor) {
  const auto refused = [&](const FamilyShape& shape) {
    auto dispatch = compiler_->compile(std::span(&shape, 1));
    EXPECT_FALSE(dispatch);
    EXPECT_FALSE(dispatch_ir(std::span(&shape, 1), false));
    return dispatch ? Error{} : dispatch.error();
  };
  EXPECT_THAT(refused({&field("tls", "sni"), Operator::in_range}).message, HasSubstr("'sni' in_range"));
  EXPECT_THAT(refused({&field("tcp", "port"), Operator::matches}).message, HasSubstr("'port' matches"));
  static constexpr Field stray{.name = "stray", .type = FieldType::text, .level = Level::session, .doc = ""};
  EXPECT_THAT(refused({&stray, Operator::one_of}).message, HasSubstr("'stray' belongs to no protocol"));
  static constexpr Field odd{.name = "odd", .type = FieldType::number, .level = Level::tuple, .width = 3, .doc = ""};
  EXPECT_EQ(refused({&odd, Operator::one_of}).code, ErrorCode::internal);
}

// ---- the code ------------------------------------------------------------------------------------------------------

TEST_F(DispatchTest, HelpersAreInlined) {
  const std::vector<FamilyShape> shapes = all_shapes();
  const auto ir = dispatch_ir(shapes, true);
  ASSERT_TRUE(ir) << ir.error().message;
  EXPECT_THAT(*ir, AllOf(HasSubstr("@iris_evaluate_tuple("), HasSubstr("@iris_evaluate_protocol("),
                         HasSubstr("@iris_evaluate_session_tls(")));
  for (const char* helper :
       {"@iris_base_", "@iris_number_", "@iris_field", "@iris_has_text", "@iris_flag", "@iris_begin", "@iris_again",
        "@iris_count", "@iris_lookup_", "@iris_list_", "@iris_element_", "@iris_text_size"}) {
    EXPECT_THAT(*ir, Not(HasSubstr(helper)));
  }
  EXPECT_THAT(*ir, HasSubstr("@iris_index_scan("));
  EXPECT_THAT(*ir, HasSubstr("@iris_index_every("));
}

TEST_F(DispatchTest, TheCodeDoesNotDependOnValues) {
  // There is nothing a value could come in by: shapes are all that the compiler is told. Its size is bounded by them.
  const auto dispatch = compile(all_shapes());
  std::size_t bytes = 0;
  for (const auto& unit : dispatch->code) bytes += unit->bytes();
  EXPECT_LT(bytes, 400 * all_shapes().size());
}

}  // namespace
}  // namespace iris::codegen
