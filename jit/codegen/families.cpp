#include "jit/codegen/families.hpp"

#include <llvm/IR/IRBuilder.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "jit/index/tables.hpp"

namespace iris::codegen {
namespace {

using filter::Operator;
using parsers::Field;
using parsers::FieldType;

// ---- what there is ------------------------------------------------------------------------------------------------

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

std::optional<std::uint32_t> protocol_number(const Field& field) {
  const auto registry = parsers::registry();
  const auto found = std::ranges::find_if(registry, [&](const parsers::Protocol& protocol) {
    return std::ranges::any_of(protocol.fields, [&](const Field& each) { return &each == &field; });
  });
  if (found == registry.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - registry.begin());
}

// "tls.sni.one_of"
std::string label_of(const FamilyShape& shape) {
  const auto protocol = protocol_number(*shape.field);
  const std::string_view owner = protocol ? parsers::registry()[*protocol].name : std::string_view();
  static constexpr std::string_view parts[] = {"", "every.", "length.", ""};
  return std::string(owner) + (owner.empty() ? "" : ".") + std::string(shape.field->name) + "." +
         std::string(parts[static_cast<std::size_t>(shape.field->part)]) + std::string(name_of(shape.op));
}

// Whether its protocol is one that headers tell.
bool is_within_headers(const Field& field) {
  const auto number = protocol_number(field);
  const Field* presence = number ? parsers::registry()[*number].presence : nullptr;
  return presence != nullptr && presence->of_headers;
}

// Streaming predicates are not looked up: the host asks each until it is decided.
bool well_formed(const Field& field) {
  if (field.level == parsers::Level::stream) return false;
  const bool width = field.width == 1 || field.width == 2 || field.width == 4 || field.width == 8;
  return (field.alternatives == 1 || field.alternatives == 2) && (width || field.type != FieldType::number);
}

// ---- one function --------------------------------------------------------------------------------------------------

class FunctionWriter {
 public:
  FunctionWriter(llvm::Module& module, const llvm::Module& runtime, const std::string& symbol)
      : module_(module), runtime_(runtime), ir_(module.getContext()) {
    auto* pointer = ir_.getPtrTy();
    auto* type = llvm::FunctionType::get(ir_.getVoidTy(), {pointer, pointer, pointer, pointer}, false);
    function_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, symbol, module);
    function_->setDoesNotThrow();
    function_->addFnAttr("frame-pointer", "all");  // profilers walk through
    static constexpr const char* names[] = {"facts", "families", "evaluations", "matches"};
    llvm::Value** const arguments[] = {&facts_, &families_, &evaluations_, &matches_};
    for (unsigned i = 0; i < 4; ++i) {
      *arguments[i] = function_->getArg(i);
      function_->getArg(i)->setName(names[i]);
    }
  }

  // `headers`: whether some family is of a field of these.
  void begin(parsers::Level level, bool headers) {
    ir_.SetInsertPoint(block("entry"));
    auto* answer = ir_.CreateAlloca(llvm::ArrayType::get(ir_.getInt8Ty(), sizeof(index::Answer)), nullptr, "answer");
    answer->setAlignment(llvm::Align(alignof(index::Answer)));
    answer_ = answer;
    base_ = call(base_helper(level), {facts_}, "base");
    if (headers) headers_ = call("iris_base_headers", {facts_}, "headers");
  }

  void family(std::uint32_t number, const FamilyShape& shape) {
    const Field& field = *shape.field;
    computed_ = field.computed.symbol.empty() ? nullptr : compute(field);
    auto* ask = block(std::to_string(number) + "." + label_of(shape));
    auto* after = block(std::to_string(number) + ".after");
    const Presence present{presence(field, 0), field.alternatives == 2 ? presence(field, 1) : nullptr};
    branch(both(spoken(field), any(present, field.alternatives)), ask, after);

    ir_.SetInsertPoint(ask);
    auto* family = ir_.getInt32(number);
    call("iris_count", {evaluations_, family});
    call("iris_begin", {answer_, facts_, matches_});
    if (shape.op == Operator::present) {
      call("iris_lookup_presence", {families_, family, answer_});
    } else if (field.list && field.part == parsers::Part::value) {
      look_up_each(family, shape);
    } else if (field.part == parsers::Part::every) {
      call("iris_lookup_every", {families_, family, base_, offset(field, 0), answer_});
    } else {
      look_up(family, shape, present);
    }
    call("iris_spent", {facts_, family});
    ir_.CreateBr(after);
    ir_.SetInsertPoint(after);
  }

  void end() {
    call("iris_finish", {matches_});
    ir_.CreateRetVoid();
  }

 private:
  using Presence = std::array<llvm::Value*, 2>;  // of each alternative; nullptr: always

  void look_up(llvm::Value* family, const FamilyShape& shape, const Presence& present) {
    const Field& field = *shape.field;
    for (std::size_t i = 0; i < field.alternatives; ++i) {
      const std::string label = ir_.GetInsertBlock()->getName().str() + (i == 0 ? ".one" : ".other");
      llvm::BasicBlock* next = nullptr;
      if (i > 0) call("iris_again", {answer_});
      if (field.alternatives > 1 && present[i] != nullptr) {  // one of them is there, perhaps not this one
        auto* here = block(label);
        next = block(label + ".after");
        branch(present[i], here, next);
        ir_.SetInsertPoint(here);
      }
      call(lookup_helper(field.type, shape.op), {families_, family, value(field, i), answer_});
      if (next != nullptr) {
        ir_.CreateBr(next);
        ir_.SetInsertPoint(next);
      }
    }
  }

  // A list's elements, of which there is at least one.
  void look_up_each(llvm::Value* family, const FamilyShape& shape) {
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
    call(lookup_helper(field.type, shape.op), {families_, family, element, answer_});
    llvm::Value* next = ir_.CreateAdd(index, ir_.getInt64(1), "next");
    index->addIncoming(next, ir_.GetInsertBlock());
    ir_.CreateCondBr(ir_.CreateICmpULT(next, size), each, done);
    ir_.SetInsertPoint(done);
  }

  // What the host's function returns: a text, or a number.
  llvm::Value* compute(const Field& field) {
    llvm::Type* result = field.type == FieldType::number ? static_cast<llvm::Type*>(ir_.getInt64Ty()) : ir_.getPtrTy();
    auto* type = llvm::FunctionType::get(result, {ir_.getPtrTy()}, false);
    const auto function = module_.getOrInsertFunction(llvm::StringRef(field.computed.symbol), type);
    return ir_.CreateCall(function, {base_}, "computed");
  }

  llvm::Value* presence(const Field& field, std::size_t alternative) {
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
  llvm::Value* spoken(const Field& field) {
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
  llvm::Value* both(llvm::Value* one, llvm::Value* other) {
    if (one == nullptr || other == nullptr) return one != nullptr ? one : other;
    return ir_.CreateAnd(one, other);
  }

  // nullptr: certainly.
  llvm::Value* any(const Presence& present, std::size_t alternatives) {
    if (alternatives == 1 || present[1] == nullptr) return present[0];
    return ir_.CreateOr(present[0], present[1], "either");
  }

  llvm::Value* value(const Field& field, std::size_t alternative) {
    if (computed_ != nullptr) return computed_;
    if (field.part == parsers::Part::length) {
      return call(field.list ? "iris_list_size" : "iris_text_size", {base_, offset(field, alternative)}, "value");
    }
    if (field.type == FieldType::number) return numeric(field, alternative);
    return call("iris_field", {base_, offset(field, alternative)}, "value");
  }

  llvm::Value* numeric(const Field& field, std::size_t alternative) {
    return call("iris_number_" + std::to_string(field.width), {base_of(field), offset(field, alternative)}, "value");
  }

  llvm::Value* base_of(const Field& field) { return field.of_headers ? headers_ : base_; }

  llvm::Value* offset(const Field& field, std::size_t alternative) { return ir_.getInt32(field.offsets[alternative]); }

  llvm::BasicBlock* block(const std::string& name) {
    return llvm::BasicBlock::Create(module_.getContext(), name, function_);
  }

  void branch(llvm::Value* condition, llvm::BasicBlock* yes, llvm::BasicBlock* no) {
    if (condition == nullptr) {
      ir_.CreateBr(yes);
    } else {
      ir_.CreateCondBr(condition, yes, no);
    }
  }

  llvm::Value* call(std::string_view helper, llvm::ArrayRef<llvm::Value*> arguments, const char* name = "") {
    auto* type = runtime_.getFunction(helper)->getFunctionType();
    return ir_.CreateCall(module_.getOrInsertFunction(helper, type), arguments, name);
  }

  llvm::Module& module_;
  const llvm::Module& runtime_;
  llvm::IRBuilder<> ir_;
  llvm::Function* function_ = nullptr;
  llvm::Value* facts_ = nullptr;
  llvm::Value* families_ = nullptr;
  llvm::Value* evaluations_ = nullptr;
  llvm::Value* matches_ = nullptr;
  llvm::Value* answer_ = nullptr;
  llvm::Value* base_ = nullptr;
  llvm::Value* headers_ = nullptr;
  llvm::Value* computed_ = nullptr;  // of the family that is being written, where its field is computed
};

}  // namespace

Result<std::vector<LevelFunction>> level_functions(std::span<const FamilyShape> families) {
  std::map<std::pair<parsers::Level, std::uint32_t>, LevelFunction> functions;
  for (std::uint32_t number = 0; number < families.size(); ++number) {
    if (families[number].field == nullptr) continue;
    const Field& field = *families[number].field;
    const Operator op = families[number].op;
    if (!well_formed(field) || lookup_helper(field.type, op).empty()) {
      return fail(ErrorCode::internal, "no code can be made for '" + std::string(field.name) + "' " +
                                           std::string(name_of(op)) +
                                           ": no index serves a field of its type and width so");
    }
    std::uint32_t protocol = 0;
    std::string symbol = field.level == parsers::Level::tuple ? "iris_evaluate_tuple" : "iris_evaluate_protocol";
    if (field.level == parsers::Level::session) {
      const auto found = protocol_number(field);
      if (!found) return fail(ErrorCode::internal, "field '" + std::string(field.name) + "' belongs to no protocol");
      protocol = *found;
      symbol = "iris_evaluate_session_" + std::string(parsers::registry()[protocol].name);
    }
    LevelFunction& function = functions[{field.level, protocol}];
    function.level = field.level;
    function.protocol = protocol;
    function.symbol = std::move(symbol);
    function.families.push_back(number);
  }
  std::vector<LevelFunction> result;
  result.reserve(functions.size());
  for (auto& [key, function] : functions) result.push_back(std::move(function));
  return result;
}

void add_function(llvm::Module& module, const llvm::Module& runtime, const LevelFunction& function,
                  std::span<const FamilyShape> families) {
  const bool headers = std::ranges::any_of(function.families, [&](std::uint32_t number) {
    const Field& field = *families[number].field;
    return field.of_headers || is_within_headers(field);
  });
  FunctionWriter writer(module, runtime, function.symbol);
  writer.begin(function.level, headers);
  for (const std::uint32_t number : function.families) writer.family(number, families[number]);
  writer.end();
}

}  // namespace iris::codegen
