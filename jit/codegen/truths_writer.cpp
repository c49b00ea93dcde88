#include "jit/codegen/truths_writer.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include "jit/codegen/family_writer.hpp"
#include "jit/index/direct.hpp"
#include "jit/index/tables.hpp"

namespace iris::codegen {
namespace {

using filter::Operator;
using parsers::Field;
using parsers::FieldType;

// Of all predicates of a family: how many operands a look-up is worth.
constexpr std::size_t most_compared = 24;

class TruthsWriter : FamilyWriter {
 public:
  TruthsWriter(llvm::Module& module, const llvm::Module& runtime, const std::string& symbol, const plan::Plan& plan,
               const Outline& outline, const Moment& moment)
      : FamilyWriter(module, runtime, symbol, llvm::Type::getInt64Ty(module.getContext())),
        plan_(plan),
        outline_(outline),
        moment_(moment) {
    for (const plan::PredicateId id : outline.predicates.at(moment)) families_[family_of(id)].push_back(id);
    begin(moment.level, std::ranges::any_of(families_, [&](const auto& family) {
            return codegen::needs_headers(*plan.families[family.first].field);
          }));
    found_ = ir_.CreateAlloca(ir_.getInt64Ty(), nullptr, "found");
    ir_.CreateStore(ir_.getInt64(0), found_);
    for (const auto& [number, predicates] : families_) add(number, predicates);
    ir_.CreateRet(ir_.CreateLoad(ir_.getInt64Ty(), found_));
  }

 private:
  [[nodiscard]] const filter::Predicate& predicate(plan::PredicateId id) const { return *plan_.predicates[id]; }

  [[nodiscard]] std::uint32_t family_of(plan::PredicateId id) const {
    const auto found = std::ranges::find_if(plan_.families, [&](const plan::Family& family) {
      return family.field == predicate(id).field && family.op == predicate(id).op;
    });
    return static_cast<std::uint32_t>(found - plan_.families.begin());
  }

  void add(std::uint32_t number, const std::vector<plan::PredicateId>& predicates) {
    const FamilyShape shape{plan_.families[number].field, plan_.families[number].op};
    family(number, shape, [&](const Presence& present) {
      if (shape.op == Operator::present) {
        for (const plan::PredicateId id : predicates) note(id, ir_.getTrue());
      } else if (is_compared(*shape.field, shape.op, predicates)) {
        each_value(*shape.field, present, [&](std::size_t alternative) {
          llvm::Value* const value = this->value(*shape.field, alternative);
          for (const plan::PredicateId id : predicates) note(id, holds(predicate(id), value));
        });
      } else {
        call("iris_reset", {matches()});
        look_up(number, shape, present);
        for (const plan::PredicateId id : predicates) note(id, call("iris_found", {matches(), ir_.getInt32(id)}));
      }
    });
  }

  [[nodiscard]] bool is_compared(const Field& field, Operator op,
                                 const std::vector<plan::PredicateId>& predicates) const {
    if (op == Operator::contains || op == Operator::matches || field.part == parsers::Part::every) return false;
    if (field.list && field.part == parsers::Part::value) return false;
    std::size_t operands = 0;
    for (const plan::PredicateId id : predicates) operands += predicate(id).operands.size();
    return operands <= most_compared;
  }

  void note(plan::PredicateId id, llvm::Value* is_true) {
    llvm::Value* const bit =
        ir_.CreateSelect(is_true, ir_.getInt64(outline_.bit(moment_, id)), ir_.getInt64(0), "true");
    ir_.CreateStore(ir_.CreateOr(ir_.CreateLoad(ir_.getInt64Ty(), found_), bit), found_);
  }

  // Of a value that is there.
  [[nodiscard]] llvm::Value* holds(const filter::Predicate& predicate, llvm::Value* value) {
    llvm::Value* any = nullptr;
    for (const filter::Operand& operand : predicate.operands) {
      llvm::Value* const one = is(*predicate.field, predicate.op, operand, value);
      any = any == nullptr ? one : ir_.CreateOr(any, one);
    }
    return any == nullptr ? ir_.getFalse() : any;
  }

  [[nodiscard]] llvm::Value* is(const Field& field, Operator op, const filter::Operand& operand, llvm::Value* value) {
    const bool number = field.type == FieldType::number || field.part == parsers::Part::length;
    if (number) return is_number(operand, value);
    return field.type == FieldType::address ? is_address(operand, value)
                                            : is_text(op, std::get<std::string>(operand), value);
  }

  [[nodiscard]] llvm::Value* is_number(const filter::Operand& operand, llvm::Value* value) {
    if (const auto* equal = std::get_if<std::uint64_t>(&operand)) {
      return ir_.CreateICmpEQ(value, ir_.getInt64(*equal));
    }
    const auto& range = std::get<filter::Range>(operand);
    if (range.first > range.last) return ir_.getFalse();
    return ir_.CreateICmpULE(ir_.CreateSub(value, ir_.getInt64(range.first)), ir_.getInt64(range.last - range.first));
  }

  [[nodiscard]] llvm::Value* is_address(const filter::Operand& operand, llvm::Value* value) {
    const index::AddressBlock block = index::address_block(operand);
    return call("iris_is_in_block", {value, ir_.getInt1(block.v4), ir_.getInt64(block.keep_high),
                                     ir_.getInt64(block.high), ir_.getInt64(block.keep_low), ir_.getInt64(block.low)});
  }

  [[nodiscard]] llvm::Value* is_text(Operator op, const std::string& text, llvm::Value* value) {
    llvm::Value* const data = ir_.CreateGlobalString(text, "text");
    llvm::Value* const size = ir_.getInt64(text.size());
    if (op == Operator::one_of) return call("iris_is_text", {value, data, size});
    const index::Affix kind = op == Operator::starts_with ? index::Affix::prefix
                              : op == Operator::ends_with ? index::Affix::suffix
                                                          : index::Affix::labels;
    return call("iris_has_affix", {value, ir_.getInt32(static_cast<std::uint32_t>(kind)), data, size});
  }

  const plan::Plan& plan_;
  const Outline& outline_;
  const Moment& moment_;
  std::map<std::uint32_t, std::vector<plan::PredicateId>> families_;
  llvm::Value* found_ = nullptr;
};

}  // namespace

void add_find(llvm::Module& module, const llvm::Module& runtime, const std::string& symbol, const plan::Plan& plan,
              const Outline& outline, const Moment& moment) {
  const TruthsWriter written(module, runtime, symbol, plan, outline, moment);
}

}  // namespace iris::codegen
