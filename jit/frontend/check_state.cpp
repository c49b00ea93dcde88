#include "jit/frontend/check_state.hpp"

#include <string>
#include <utility>

#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclTemplate.h"
#include "llvm/ADT/SmallPtrSet.h"

#include "jit/frontend/collect.hpp"

namespace iris::frontend {
namespace {

constexpr std::int64_t max_size = std::int64_t{64} << 10;
constexpr std::int64_t max_alignment = 64;

// Finds out whether a type keeps a view of memory that is not its own.
class ViewSearch {
 public:
  explicit ViewSearch(const clang::ASTContext& context) : policy_(context.getPrintingPolicy()) {
    policy_.SuppressUnwrittenScope = true;
  }

  // The type that is a view, as text; empty when there is none.
  std::string find(clang::QualType written) {
    const auto type = written.getCanonicalType();
    if (const auto* array = type->getAsArrayTypeUnsafe()) return find(array->getElementType());
    if (type->isPointerType() || type->isReferenceType() || type->isMemberPointerType()) {
      return written.getAsString(policy_);
    }
    const auto* record = type->getAsCXXRecordDecl();
    if (record == nullptr || !seen_.insert(record).second) return {};
    return record->isInStdNamespace() ? in_library(*record, written) : in_members(*record);
  }

 private:
  // Library types own what they point to, except the views; those with arguments are as good as their arguments.
  std::string in_library(const clang::CXXRecordDecl& record, clang::QualType written) {
    const auto name = record.getName();
    if (name == "basic_string_view" || name == "span" || name == "reference_wrapper" || name == "initializer_list") {
      return written.getAsString(policy_);
    }
    const auto* specialization = llvm::dyn_cast<clang::ClassTemplateSpecializationDecl>(&record);
    if (specialization == nullptr || name == "allocator" || name == "function") return {};
    for (const auto& argument : specialization->getTemplateArgs().asArray()) {
      if (auto view = in_argument(argument); !view.empty()) return view;
    }
    return {};
  }

  std::string in_argument(const clang::TemplateArgument& argument) {
    if (argument.getKind() == clang::TemplateArgument::Type) return find(argument.getAsType());
    if (argument.getKind() != clang::TemplateArgument::Pack) return {};
    for (const auto& element : argument.pack_elements()) {
      if (auto view = in_argument(element); !view.empty()) return view;
    }
    return {};
  }

  std::string in_members(const clang::CXXRecordDecl& record) {
    if (!record.hasDefinition()) return {};
    for (const auto& base : record.bases()) {
      if (auto view = find(base.getType()); !view.empty()) return view;
    }
    for (const auto* field : record.fields()) {
      if (auto view = find(field->getType()); !view.empty()) return view;
    }
    return {};
  }

  clang::PrintingPolicy policy_;
  llvm::SmallPtrSet<const clang::CXXRecordDecl*, 16> seen_;
};

void check_members(const clang::CXXRecordDecl& record, Reporter& reporter) {
  const auto& context = record.getASTContext();
  for (const auto& base : record.bases()) {
    if (const auto* parent = base.getType()->getAsCXXRecordDecl()) {
      if (!parent->isInStdNamespace() && parent->hasDefinition()) check_members(*parent, reporter);
    }
  }
  for (const auto* field : record.fields()) {
    const auto view = ViewSearch(context).find(field->getType());
    if (view.empty()) continue;
    reporter.error(field->getLocation(), "'" + display_name(*field) + "' keeps a '" + view +
                                             "' from one call to the next, and what it refers to is gone by then; keep "
                                             "a copy, for instance a std::string or a std::vector");
  }
}

bool default_constructible(const clang::CXXRecordDecl& record, clang::Sema& sema) {
  if (record.isAbstract()) return false;
  auto* constructor = sema.LookupDefaultConstructor(const_cast<clang::CXXRecordDecl*>(&record));
  return constructor != nullptr && !constructor->isDeleted() && constructor->getAccess() == clang::AS_public;
}

bool destructible(const clang::CXXRecordDecl& record, clang::Sema& sema) {
  const auto* destructor = sema.LookupDestructor(const_cast<clang::CXXRecordDecl*>(&record));
  return destructor != nullptr && !destructor->isDeleted() && destructor->getAccess() == clang::AS_public;
}

}  // namespace

State check_state(const clang::CXXRecordDecl& record, clang::Sema& sema, Reporter& reporter) {
  const auto name = "'" + display_name(record) + "'";
  const auto where = record.getLocation();
  const auto error = [&](const std::string& message) { reporter.error(where, name + message); };
  if (!record.getDeclContext()->isFileContext()) {
    error(" is inside a function or a class; a callback struct stands at namespace scope");
    return {};
  }
  if (record.isInvalidDecl()) return {};
  check_members(record, reporter);
  if (!default_constructible(record, sema)) error(" needs a public constructor without parameters");
  if (!destructible(record, sema)) error(" needs a public destructor");

  const auto info = sema.getASTContext().getTypeInfoInChars(sema.getASTContext().getRecordType(&record));
  const auto size = info.Width.getQuantity();
  const auto alignment = info.Align.getQuantity();
  if (size > max_size) {
    error(" takes " + std::to_string(size) + " bytes for each connection; at most " + std::to_string(max_size) +
          " are allowed: keep what grows in a std::vector");
    return {};
  }
  if (alignment > max_alignment) {
    error(" is aligned to " + std::to_string(alignment) + " bytes; at most " + std::to_string(max_alignment) +
          " are possible");
    return {};
  }
  return {static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(alignment), {}, {}};
}

}  // namespace iris::frontend
