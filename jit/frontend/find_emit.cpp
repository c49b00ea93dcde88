#include "jit/frontend/find_emit.hpp"

#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/RecursiveASTVisitor.h"
#include "llvm/ADT/SmallPtrSet.h"

namespace iris::frontend {
namespace {

class EmitSearch : public clang::RecursiveASTVisitor<EmitSearch> {
 public:
  clang::SourceLocation in(const clang::FunctionDecl& function) {
    const clang::FunctionDecl* definition = nullptr;
    if (!function.hasBody(definition) || !seen_.insert(definition->getCanonicalDecl()).second) return {};
    const auto before = std::exchange(found_, {});
    TraverseDecl(const_cast<clang::FunctionDecl*>(definition));
    return std::exchange(found_, before);
  }

  bool VisitCallExpr(clang::CallExpr* call) { return look_into(call->getDirectCallee(), call->getBeginLoc()); }
  bool VisitCXXConstructExpr(clang::CXXConstructExpr* call) {
    return look_into(call->getConstructor(), call->getBeginLoc());
  }

 private:
  bool look_into(const clang::FunctionDecl* callee, clang::SourceLocation where) {
    if (callee == nullptr || callee->isInStdNamespace() || found_.isValid()) return true;
    if (callee->getQualifiedNameAsString() == "iris::emit" || in(*callee).isValid()) found_ = where;
    return true;
  }

  llvm::SmallPtrSet<const clang::Decl*, 16> seen_;
  clang::SourceLocation found_;
};

}  // namespace

clang::SourceLocation find_emit(const clang::FunctionDecl& function) { return EmitSearch().in(function); }

}  // namespace iris::frontend
