#include "jit/frontend/collect.hpp"

#include <utility>

#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/Stmt.h"

namespace iris::frontend {

namespace {

constexpr std::int64_t max_static_bytes = 16 << 20;

// "a variable"; empty for functions and structs.
std::string kind_of(const clang::Decl& decl) {
  if (llvm::isa<clang::ParmVarDecl>(decl)) return "a parameter";
  if (llvm::isa<clang::VarDecl>(decl)) return "a variable";
  if (llvm::isa<clang::FieldDecl>(decl)) return "a data member";
  if (llvm::isa<clang::EnumDecl>(decl)) return "an enumeration";
  if (llvm::isa<clang::EnumConstantDecl>(decl)) return "an enumerator";
  if (llvm::isa<clang::TypedefNameDecl>(decl)) return "a type alias";
  if (llvm::isa<clang::NamespaceDecl>(decl)) return "a namespace";
  if (llvm::isa<clang::FunctionDecl>(decl)) return {};
  if (const auto* record = llvm::dyn_cast<clang::CXXRecordDecl>(&decl)) return record->isUnion() ? "a union" : "";
  return "something else";
}

}  // namespace

llvm::StringRef macro_name(const clang::AnnotateAttr& attribute) {
  if (attribute.getAnnotation() == "iris.callback") return "IRIS_CALLBACK";
  if (attribute.getAnnotation() == "iris.filter") return "IRIS_FILTER";
  if (attribute.getAnnotation() == "iris.on") return "IRIS_ON";
  return {};
}

std::string display_name(const clang::NamedDecl& decl) {
  clang::PrintingPolicy policy = decl.getASTContext().getPrintingPolicy();
  policy.SuppressUnwrittenScope = true;
  std::string name;
  llvm::raw_string_ostream stream(name);
  decl.printQualifiedName(stream, policy);
  return name;
}

void Collector::misplace(clang::SourceLocation where, std::string message) {
  misplaced_.push_back({where, std::move(message)});
}

bool Collector::VisitDecl(clang::Decl* decl) {
  for (const auto* attribute : decl->specific_attrs<clang::AnnotateAttr>()) {
    const auto macro = macro_name(*attribute);
    if (macro.empty() || attribute->isInherited()) continue;
    const auto* named = llvm::dyn_cast<clang::NamedDecl>(decl);
    if (const auto kind = kind_of(*decl); !kind.empty() || named == nullptr) {
      const auto name = named == nullptr ? std::string("this") : "'" + named->getNameAsString() + "'";
      misplace(attribute->getLocation(),
               (macro + " is for functions and structs; " + name + " is " + (kind.empty() ? "neither" : kind)).str());
      continue;
    }
    auto& entry = annotated_[decl->getCanonicalDecl()];
    if (entry.decl == nullptr) entry.decl = named;
    (macro == "IRIS_ON" ? entry.ons : macro == "IRIS_FILTER" ? entry.filters : entry.callbacks).push_back(attribute);
  }
  return true;
}

bool Collector::VisitVarDecl(clang::VarDecl* variable) {
  if (!variable->hasGlobalStorage()) return true;
  const auto name = "'" + variable->getNameAsString() + "'";
  if (variable->getTLSKind() != clang::VarDecl::TLS_None) {
    misplace(variable->getLocation(), name + " is thread_local, which is not supported");
    return true;
  }
  const auto type = variable->getType();
  if (type->isDependentType() || type->isIncompleteType() || variable->isInvalidDecl()) return true;
  const auto size = context_.getTypeSizeInChars(type).getQuantity();
  if (size > max_static_bytes) {
    misplace(variable->getLocation(), name + " takes " + std::to_string(size) + " bytes of static storage; at most " +
                                          std::to_string(max_static_bytes) + " are allowed");
  }
  return true;
}

bool Collector::VisitLambdaExpr(clang::LambdaExpr* lambda) {
  for (const auto* attribute : lambda->getCallOperator()->specific_attrs<clang::AnnotateAttr>()) {
    const auto macro = macro_name(*attribute);
    if (!macro.empty())
      misplace(attribute->getLocation(), (macro + " is for functions and structs, not lambdas").str());
  }
  return true;
}

bool Collector::VisitAttributedStmt(clang::AttributedStmt* statement) {
  for (const auto* attribute : statement->getAttrs()) {
    const auto* annotation = llvm::dyn_cast<clang::AnnotateAttr>(attribute);
    const auto macro = annotation == nullptr ? llvm::StringRef() : macro_name(*annotation);
    if (!macro.empty()) {
      misplace(attribute->getLocation(), (macro + " is for functions and structs, not statements").str());
    }
  }
  return true;
}

bool Collector::VisitFileScopeAsmDecl(clang::FileScopeAsmDecl* assembly) {
  if (assembly_.isInvalid()) assembly_ = assembly->getAsmLoc();
  return true;
}

}  // namespace iris::frontend
