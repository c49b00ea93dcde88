#include "jit/frontend/thunks.hpp"

#include <utility>

#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/RecursiveASTVisitor.h"

namespace iris::frontend {
namespace {

// An elaborated name, so that a function of the same name does not hide a struct.
std::string struct_name(const clang::CXXRecordDecl& record) {
  std::string name = "struct ::" + display_name(record);
  const auto* specialization = llvm::dyn_cast<clang::ClassTemplateSpecializationDecl>(&record);
  if (specialization == nullptr) return name;
  llvm::raw_string_ostream stream(name);
  clang::printTemplateArgumentList(stream, specialization->getTemplateArgs().asArray(),
                                   record.getASTContext().getPrintingPolicy());
  return name;
}

std::string argument_list(const clang::FunctionDecl& function) {
  std::string list;
  for (unsigned i = 0; i < function.getNumParams(); ++i) {
    const auto* record = function.getParamDecl(i)->getType().getNonReferenceType()->getAsCXXRecordDecl();
    list += (i == 0 ? "*static_cast<const " : ", *static_cast<const ") + struct_name(*record) + "*>(iris_arguments[" +
            std::to_string(i) + "])";
  }
  return list;
}

// Looks for the one thing that a thunk does.
class TargetSearch : public clang::RecursiveASTVisitor<TargetSearch> {
 public:
  explicit TargetSearch(const clang::Decl& target) : target_(target.getCanonicalDecl()) {}
  [[nodiscard]] bool found() const { return found_; }

  bool VisitCallExpr(clang::CallExpr* call) { return compare(call->getDirectCallee()); }
  bool VisitCXXConstructExpr(clang::CXXConstructExpr* construct) { return compare(construct->getConstructor()); }

 private:
  bool compare(const clang::FunctionDecl* function) {
    if (function == nullptr) return true;
    const auto* method = llvm::dyn_cast<clang::CXXMethodDecl>(function);
    found_ = found_ || function->getCanonicalDecl() == target_ ||
             (method != nullptr && method->getParent()->getCanonicalDecl() == target_);
    return true;
  }

  const clang::Decl* target_;
  bool found_ = false;
};

class Writer {
 public:
  Writer() { line({}, nullptr, "#pragma clang system_header"); }  // warnings about generated code help nobody

  void code(CheckedCode& code, std::optional<State>& state) {
    if (code.state != nullptr && state) make(*code.state, *state);
    for (auto& function : code.functions) invoke(code, function);
  }

  Epilogue take() { return std::move(epilogue_); }

 private:
  void invoke(const CheckedCode& code, CheckedFunction& function) {
    std::string call = "::" + display_name(*function.decl);
    if (code.state != nullptr) {
      call = "static_cast<" + struct_name(*code.state) + "*>(iris_object)->" + function.decl->getNameAsString();
    }
    call += "(" + argument_list(*function.decl) + ")";
    const bool answers = !function.decl->getReturnType()->isVoidType();
    function.spec.symbol = next_symbol();
    line(function.decl->getLocation(), function.decl,
         "extern \"C\" unsigned char " + function.spec.symbol +
             "(void* iris_object, const void* const* iris_arguments) { " +
             (answers ? "return static_cast<unsigned char>(" + call + ");" : call + "; return 1;") + " }");
  }

  void make(const clang::CXXRecordDecl& record, State& state) {
    const auto name = struct_name(record);
    state.construct_symbol = next_symbol();
    line(record.getLocation(), &record,
         "extern \"C\" void " + state.construct_symbol +
             "(void* iris_memory, const void* const*) { using iris_state = " + name +
             "; ::new (iris_memory) iris_state(); }");
    state.destroy_symbol = next_symbol();
    line(record.getLocation(), &record,
         "extern \"C\" void " + state.destroy_symbol + "(void* iris_object) { using iris_state = " + name +
             "; static_cast<iris_state*>(iris_object)->~iris_state(); }");
  }

  std::string next_symbol() { return thunk_prefix + std::to_string(count_++); }

  void line(clang::SourceLocation where, const clang::Decl* target, const std::string& text) {
    epilogue_.text += text + "\n";
    epilogue_.calls.push_back({where, target});
  }

  Epilogue epilogue_;
  unsigned count_ = 0;
};

}  // namespace

Epilogue write_thunks(CheckedSource& source) {
  Writer writer;
  for (auto& callback : source.callbacks) writer.code(callback, callback.spec.state);
  for (auto& filter : source.filters) writer.code(filter, filter.spec.state);
  return writer.take();
}

bool calls_target(clang::FunctionDecl& thunk, const Call& call) {
  if (call.target == nullptr) return true;
  TargetSearch search(*call.target);
  search.TraverseDecl(&thunk);
  return search.found();
}

}  // namespace iris::frontend
