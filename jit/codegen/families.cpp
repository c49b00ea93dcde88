#include "jit/codegen/families.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "jit/codegen/family_writer.hpp"

namespace iris::codegen {
namespace {

class LevelWriter : FamilyWriter {
 public:
  LevelWriter(llvm::Module& module, const llvm::Module& runtime, const LevelFunction& function, Families families)
      : FamilyWriter(module, runtime, function.symbol, llvm::Type::getVoidTy(module.getContext())) {
    begin(function.level, needs_headers(function, families));
    for (const std::uint32_t number : function.families) {
      const FamilyShape& shape = families[number];
      family(number, shape, [&](const Presence& present) { look_up(number, shape, present); });
    }
    call("iris_finish", {matches()});
    ir_.CreateRetVoid();
  }
};

}  // namespace

bool needs_headers(const LevelFunction& function, Families families) {
  return std::ranges::any_of(function.families,
                             [&](std::uint32_t number) { return needs_headers(*families[number].field); });
}

Result<std::vector<LevelFunction>> level_functions(Families families) {
  std::map<std::pair<parsers::Level, std::uint32_t>, LevelFunction> functions;
  for (std::uint32_t number = 0; number < families.size(); ++number) {
    if (families[number].field == nullptr) continue;
    if (auto good = check(families[number]); !good) return std::unexpected(std::move(good.error()));
    const parsers::Field& field = *families[number].field;
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

void add_function(llvm::Module& module, const llvm::Module& runtime, const LevelFunction& function, Families families) {
  const LevelWriter written(module, runtime, function, families);
}

}  // namespace iris::codegen
