#include "jit/codegen/family_writer.hpp"

#include <algorithm>

#include "jit/index/tables.hpp"

namespace iris::codegen {
namespace {

using filter::Operator;
using parsers::Field;
using parsers::FieldType;

// The helper that looks up in the table that jit/index builds for this type and operator. Empty: there is none.
std::string_view lookup_helper(FieldType type, Operator op) {
  struct Row {
    FieldType type;
    Operator op;
    std::string_view helper;
  };
  static constexpr Row rows[] = {
      {FieldType::number, Operator::one_of, "iris_lookup_number"},
      {FieldType::number, Operator::in_range, "iris_lookup_number"},
      {FieldType::address, Operator::one_of, "iris_lookup_address"},
      {FieldType::address, Operator::in_subnet, "iris_lookup_address"},
      {FieldType::text, Operator::one_of, "iris_lookup_text"},
      {FieldType::text, Operator::starts_with, "iris_lookup_text_affixes"},
      {FieldType::text, Operator::ends_with, "iris_lookup_text_affixes"},
      {FieldType::text, Operator::under, "iris_lookup_text_affixes"},
      {FieldType::text, Operator::contains, "iris_lookup_text_scan"},
      {FieldType::text, Operator::matches, "iris_lookup_text_scan"},
  };
  if (op == Operator::present) return "iris_lookup_presence";
  const auto* row = std::ranges::find_if(rows, [&](const Row& each) { return each.type == type && each.op == op; });
  return row == std::end(rows) ? std::string_view() : row->helper;
}

std::string_view base_helper(parsers::Level level) {
  switch (level) {
    case parsers::Level::tuple:
      return "iris_base_tuple";
    case parsers::Level::protocol:
      return "iris_base_protocol";
    case parsers::Level::session:
      return "iris_base_session";
    case parsers::Level::stream:
      break;
  }
  return {};
}

std::string_view name_of(Operator op) {
  static constexpr std::string_view names[] = {"present",     "one_of",    "in_range", "in_subnet", "contains",
                                               "starts_with", "ends_with", "under",    "matches"};
  return names[static_cast<std::size_t>(op)];
}

// Streaming predicates are not looked up: the host asks each until it is decided.
bool well_formed(const Field& field) {
  if (field.level == parsers::Level::stream) return false;
  const bool width = field.width == 1 || field.width == 2 || field.width == 4 || field.width == 8;
  return (field.alternatives == 1 || field.alternatives == 2) && (width || field.type != FieldType::number);
}

}  // namespace

std::optional<std::uint32_t> protocol_number(const Field& field) {
  const auto registry = parsers::registry();
  const auto found = std::ranges::find_if(registry, [&](const parsers::Protocol& protocol) {
    return std::ranges::any_of(protocol.fields, [&](const Field& each) { return &each == &field; });
  });
  if (found == registry.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - registry.begin());
}

std::string label_of(const FamilyShape& shape) {
  const auto protocol = protocol_number(*shape.field);
  const std::string_view owner = protocol ? parsers::registry()[*protocol].name : std::string_view();
  static constexpr std::string_view parts[] = {"", "every.", "length.", ""};
  return std::string(owner) + (owner.empty() ? "" : ".") + std::string(shape.field->name) + "." +
         std::string(parts[static_cast<std::size_t>(shape.field->part)]) + std::string(name_of(shape.op));
}

Result<void> check(const FamilyShape& shape) {
  if (well_formed(*shape.field) && !lookup_helper(shape.field->type, shape.op).empty()) return {};
  return fail(ErrorCode::internal, "no code can be made for '" + std::string(shape.field->name) + "' " +
                                       std::string(name_of(shape.op)) +
                                       ": no index serves a field of its type and width so");
}

// Its own, or what tells whether its protocol is there.
bool needs_headers(const Field& field) {
  const auto number = protocol_number(field);
  const Field* presence = number ? parsers::registry()[*number].presence : nullptr;
  return field.of_headers || (presence != nullptr && presence->of_headers);
}

FamilyWriter::FamilyWriter(llvm::Module& module, const llvm::Module& runtime, const std::string& symbol,
                           llvm::Type* result)
    : FunctionWriter(module, runtime, symbol, result, {"facts", "families", "evaluations", "matches"}) {}

void FamilyWriter::begin(parsers::Level level, bool headers) {
  ir_.SetInsertPoint(block("entry"));
  auto* answer = ir_.CreateAlloca(llvm::ArrayType::get(ir_.getInt8Ty(), sizeof(index::Answer)), nullptr, "answer");
  answer->setAlignment(llvm::Align(alignof(index::Answer)));
  answer_ = answer;
  base_ = call(base_helper(level), {facts()}, "base");
  if (headers) headers_ = call("iris_base_headers", {facts()}, "headers");
}

void FamilyWriter::look_up(std::uint32_t number, const FamilyShape& shape, const Presence& present) {
  const Field& field = *shape.field;
  llvm::Value* const family = ir_.getInt32(number);
  call("iris_begin", {answer_, facts(), matches()});
  if (shape.op == Operator::present) {
    call("iris_lookup_presence", {families(), family, answer_});
  } else if (field.list && field.part == parsers::Part::value) {
    look_up_each(family, shape);
  } else if (field.part == parsers::Part::every) {
    call("iris_lookup_every", {families(), family, base_, offset(field, 0), answer_});
  } else {
    each_value(field, present, [&](std::size_t alternative) {
      if (alternative > 0) call("iris_again", {answer_});
      call(lookup_helper(field.type, shape.op), {families(), family, value(field, alternative), answer_});
    });
  }
}

// A list's elements, of which there is at least one.
void FamilyWriter::look_up_each(llvm::Value* family, const FamilyShape& shape) {
  const Field& field = *shape.field;
  const std::string label = ir_.GetInsertBlock()->getName().str();
  llvm::Value* size = call("iris_list_size", {base_, offset(field, 0)}, "size");
  llvm::BasicBlock* before = ir_.GetInsertBlock();
  llvm::BasicBlock* each = block(label + ".each");
  llvm::BasicBlock* done = block(label + ".done");
  ir_.CreateBr(each);

  ir_.SetInsertPoint(each);
  llvm::PHINode* index = ir_.CreatePHI(ir_.getInt64Ty(), 2, "index");
  index->addIncoming(ir_.getInt64(0), before);
  call("iris_again", {answer_});
  const std::string helper =
      field.type == FieldType::text ? "iris_element_text" : "iris_element_" + std::to_string(field.width);
  llvm::Value* element = call(helper, {base_, offset(field, 0), index}, "element");
  call(lookup_helper(field.type, shape.op), {families(), family, element, answer_});
  llvm::Value* next = ir_.CreateAdd(index, ir_.getInt64(1), "next");
  index->addIncoming(next, ir_.GetInsertBlock());
  ir_.CreateCondBr(ir_.CreateICmpULT(next, size), each, done);
  ir_.SetInsertPoint(done);
}

// What the host's function returns: a text, or a number.
llvm::Value* FamilyWriter::compute(const Field& field) {
  llvm::Type* result = field.type == FieldType::number ? static_cast<llvm::Type*>(ir_.getInt64Ty()) : ir_.getPtrTy();
  auto* type = llvm::FunctionType::get(result, {ir_.getPtrTy()}, false);
  const auto function = module_.getOrInsertFunction(llvm::StringRef(field.computed.symbol), type);
  return ir_.CreateCall(function, {base_}, "computed");
}

llvm::Value* FamilyWriter::presence(const Field& field, std::size_t alternative) {
  if (computed_ != nullptr && field.type == FieldType::number) return nullptr;
  if (computed_ != nullptr) return call("iris_has_text", {computed_, ir_.getInt32(0)}, "present");
  const bool length = field.part == parsers::Part::length;
  if (field.list) {
    if (length) return nullptr;
    return ir_.CreateIsNotNull(call("iris_list_size", {base_, offset(field, 0)}, "size"), "present");
  }
  if (field.type == FieldType::text || length) {
    return call("iris_has_text", {base_, offset(field, alternative)}, "present");
  }
  if (field.flag_offset == 0) return nullptr;
  if (alternative > 0) return nullptr;  // one flag for both
  return call("iris_flag", {base_of(field), ir_.getInt32(field.flag_offset)}, "present");
}

// Whether the connection, or packet, has the field's protocol at all: a UDP connection has ports, but no tcp.port. A
// session's function runs for sessions of its protocol only. nullptr: certainly.
llvm::Value* FamilyWriter::spoken(const Field& field) {
  const auto number = protocol_number(field);
  if (field.level != parsers::Level::tuple || !number) return nullptr;
  const parsers::Protocol& protocol = parsers::registry()[*number];
  if (protocol.presence == nullptr || protocol.presence == &field) return nullptr;
  auto* actual = numeric(*protocol.presence, 0);
  const auto is = [&](std::uint64_t wanted) {
    return ir_.CreateICmpEQ(actual, llvm::ConstantInt::get(actual->getType(), wanted), "spoken");
  };
  auto* spoken = is(protocol.presence_value);
  return protocol.presence_other == 0 ? spoken : ir_.CreateOr(spoken, is(protocol.presence_other), "spoken");
}

// nullptr: certainly.
llvm::Value* FamilyWriter::both(llvm::Value* one, llvm::Value* other) {
  if (one == nullptr || other == nullptr) return one != nullptr ? one : other;
  return ir_.CreateAnd(one, other);
}

// nullptr: certainly.
llvm::Value* FamilyWriter::any(const Presence& present, std::size_t alternatives) {
  if (alternatives == 1 || present[1] == nullptr) return present[0];
  return ir_.CreateOr(present[0], present[1], "either");
}

llvm::Value* FamilyWriter::value(const Field& field, std::size_t alternative) {
  if (computed_ != nullptr) return computed_;
  if (field.part == parsers::Part::length) {
    return call(field.list ? "iris_list_size" : "iris_text_size", {base_, offset(field, alternative)}, "value");
  }
  if (field.type == FieldType::number) return numeric(field, alternative);
  return call("iris_field", {base_, offset(field, alternative)}, "value");
}

llvm::Value* FamilyWriter::numeric(const Field& field, std::size_t alternative) {
  return call("iris_number_" + std::to_string(field.width), {base_of(field), offset(field, alternative)}, "value");
}

llvm::Value* FamilyWriter::offset(const Field& field, std::size_t alternative) {
  return ir_.getInt32(field.offsets[alternative]);
}

}  // namespace iris::codegen
