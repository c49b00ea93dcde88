// First look at the author's declarations: which carry annotations, and which annotations stand where they mean
// nothing.
#pragma once

#include <string>
#include <vector>

#include "clang/AST/Attr.h"
#include "clang/AST/Decl.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/RecursiveASTVisitor.h"
#include "llvm/ADT/MapVector.h"

namespace iris::frontend {

// A declaration with what the SDK's macros hung on it.
struct Annotated {
  const clang::NamedDecl* decl = nullptr;  // where the first annotation stands
  std::vector<const clang::AnnotateAttr*> callbacks;
  std::vector<const clang::AnnotateAttr*> filters;
  std::vector<const clang::AnnotateAttr*> ons;
};

// What is wrong whatever else the source says.
struct Misplaced {
  clang::SourceLocation where;
  std::string message;
};

class Collector : public clang::RecursiveASTVisitor<Collector> {
 public:
  explicit Collector(const clang::ASTContext& context) : context_(context) {}

  // One of the source's top-level declarations, in order.
  void add(clang::Decl* decl) { TraverseDecl(decl); }

  // By canonical declaration, in the order of the source.
  [[nodiscard]] const auto& annotated() const { return annotated_; }
  [[nodiscard]] const std::vector<Misplaced>& misplaced() const { return misplaced_; }
  // Of the first assembly at file scope: what the assembler rejects there has no better one.
  [[nodiscard]] clang::SourceLocation assembly() const { return assembly_; }

  bool VisitDecl(clang::Decl* decl);
  bool VisitVarDecl(clang::VarDecl* variable);
  bool VisitLambdaExpr(clang::LambdaExpr* lambda);
  bool VisitAttributedStmt(clang::AttributedStmt* statement);
  bool VisitFileScopeAsmDecl(clang::FileScopeAsmDecl* assembly);

 private:
  void misplace(clang::SourceLocation where, std::string message);

  const clang::ASTContext& context_;
  llvm::MapVector<const clang::Decl*, Annotated> annotated_;
  std::vector<Misplaced> misplaced_;
  clang::SourceLocation assembly_;
};

// "IRIS_CALLBACK", "IRIS_FILTER" or "IRIS_ON"; empty when the annotation is not Iris's.
[[nodiscard]] llvm::StringRef macro_name(const clang::AnnotateAttr& attribute);

// As the author wrote it: without anonymous and inline namespaces.
[[nodiscard]] std::string display_name(const clang::NamedDecl& decl);

}  // namespace iris::frontend
