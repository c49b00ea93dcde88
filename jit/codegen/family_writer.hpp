// A function of generated code that reads fields of what is known at an event, and looks their values up in the indexes
// of families.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "jit/abi/result.hpp"
#include "jit/codegen/dispatch.hpp"
#include "jit/codegen/function_writer.hpp"

namespace iris::codegen {

// The number of the protocol in parsers::registry() that the field is one of; nullopt: of none.
[[nodiscard]] std::optional<std::uint32_t> protocol_number(const parsers::Field& field);
// "tls.sni.one_of"
[[nodiscard]] std::string label_of(const FamilyShape& shape);
// Fails with ErrorCode::internal where no code can be made for it: no index serves a field of that type and width so.
[[nodiscard]] Result<void> check(const FamilyShape& shape);
// Whether facts without headers will not do.
[[nodiscard]] bool needs_headers(const parsers::Field& field);

class FamilyWriter : public FunctionWriter {
 protected:
  using Presence = std::array<llvm::Value*, 2>;  // of each alternative; nullptr: always

  // A function as abi::Evaluate, but for what it returns.
  FamilyWriter(llvm::Module& module, const llvm::Module& runtime, const std::string& symbol, llvm::Type* result);
  ~FamilyWriter() = default;

  // `headers`: whether some family's field needs them.
  void begin(parsers::Level level, bool headers);

  // `look`, which is handed the field's presence, writes what is done where the field is there at all.
  template <class Look>
  void family(std::uint32_t number, const FamilyShape& shape, Look look) {
    const parsers::Field& field = *shape.field;
    computed_ = field.computed.symbol.empty() ? nullptr : compute(field);
    const Presence present{presence(field, 0), field.alternatives == 2 ? presence(field, 1) : nullptr};
    when(both(spoken(field), any(present, field.alternatives)), std::to_string(number) + "." + label_of(shape), [&] {
      call("iris_count", {evaluations(), ir_.getInt32(number)});
      look(present);
      call("iris_spent", {facts(), ir_.getInt32(number)});
    });
  }
  // Appends what the family's index finds to the matches.
  void look_up(std::uint32_t number, const FamilyShape& shape, const Presence& present);
  // `then`, which is handed a value, writes what is done with each that the field has. Not of lists.
  template <class Then>
  void each_value(const parsers::Field& field, const Presence& present, Then then) {
    const std::string label = ir_.GetInsertBlock()->getName().str();
    for (std::size_t i = 0; i < field.alternatives; ++i) {
      if (field.alternatives == 1 || present[i] == nullptr) {
        then(i);
      } else {  // one of them is there, perhaps not this one
        when(present[i], label + (i == 0 ? ".one" : ".other"), [&] { then(i); });
      }
    }
  }
  [[nodiscard]] llvm::Value* value(const parsers::Field& field, std::size_t alternative);

  [[nodiscard]] llvm::Value* facts() const { return argument(0); }
  [[nodiscard]] llvm::Value* families() const { return argument(1); }
  [[nodiscard]] llvm::Value* evaluations() const { return argument(2); }
  [[nodiscard]] llvm::Value* matches() const { return argument(3); }

 private:
  void look_up_each(llvm::Value* family, const FamilyShape& shape);
  [[nodiscard]] llvm::Value* compute(const parsers::Field& field);
  [[nodiscard]] llvm::Value* presence(const parsers::Field& field, std::size_t alternative);
  [[nodiscard]] llvm::Value* spoken(const parsers::Field& field);
  [[nodiscard]] llvm::Value* both(llvm::Value* one, llvm::Value* other);
  [[nodiscard]] llvm::Value* any(const Presence& present, std::size_t alternatives);
  [[nodiscard]] llvm::Value* numeric(const parsers::Field& field, std::size_t alternative);
  [[nodiscard]] llvm::Value* base_of(const parsers::Field& field) const { return field.of_headers ? headers_ : base_; }
  [[nodiscard]] llvm::Value* offset(const parsers::Field& field, std::size_t alternative);

  llvm::Value* answer_ = nullptr;
  llvm::Value* base_ = nullptr;
  llvm::Value* headers_ = nullptr;
  llvm::Value* computed_ = nullptr;  // of the family that is being written, where its field is computed
};

}  // namespace iris::codegen
