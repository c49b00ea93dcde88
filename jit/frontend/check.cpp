#include "jit/frontend/check.hpp"

#include <utility>

#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclTemplate.h"

#include "jit/frontend/check_function.hpp"
#include "jit/frontend/check_state.hpp"

namespace iris::frontend {
namespace {

class Checker {
 public:
  Checker(const Collector& collector, clang::Sema& sema, Reporter& reporter, std::span<const filter::NamedFile> files)
      : collector_(collector), sema_(sema), reporter_(reporter), files_(files) {}

  std::vector<CheckedCallback> run() {
    for (const auto& misplaced : collector_.misplaced()) reporter_.error(misplaced.where, misplaced.message);
    for (const auto& [canonical, annotated] : collector_.annotated()) {
      if (const auto* record = llvm::dyn_cast<clang::CXXRecordDecl>(annotated.decl)) {
        check_state_callback(*record, annotated);
      } else if (const auto* method = llvm::dyn_cast<clang::CXXMethodDecl>(annotated.decl)) {
        check_placement(*method, annotated);
      } else if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(annotated.decl)) {
        check_plain_callback(*function, annotated);
      }
    }
    return std::move(callbacks_);
  }

 private:
  void error(clang::SourceLocation where, const std::string& message) { reporter_.error(where, message); }

  bool is_template(const clang::Decl& decl, const std::string& name) {
    if (!decl.isTemplated()) return false;
    error(decl.getLocation(),
          name + " is a template, or part of one; callbacks must be ordinary functions and structs");
    return true;
  }

  // A function at namespace scope.
  void check_plain_callback(const clang::FunctionDecl& decl, const Annotated& annotated) {
    const auto name = "'" + display_name(decl) + "'";
    const auto* callback = only_one(decl, annotated.callbacks, reporter_);
    const auto* on = only_one(decl, annotated.ons, reporter_);
    if (is_template(decl, name)) return;
    if (callback == nullptr) {
      error(on->getLocation(), name + " has IRIS_ON, but is no callback; add IRIS_CALLBACK(\"...\")");
      return;
    }
    if (!decl.getReturnType()->isVoidType()) {
      error(decl.getLocation(), name + " returns '" + decl.getReturnType().getAsString(policy()) +
                                    "'; a callback that is a function returns void");
    }
    if (!decl.isDefined()) error(decl.getLocation(), name + " has no body");
    if (decl.isConsteval()) error(decl.getLocation(), name + " is consteval; a callback runs at run time");

    CheckedCallback checked;
    const auto filter = check_filter(*callback, {subject_of(decl, on), files_}, decl.getASTContext(), reporter_);
    checked.spec.name = display_name(decl);
    checked.spec.filter = filter.text;
    checked.spec.where = reporter_.location(decl.getLocation());
    checked.functions.push_back({check_function(decl, on, filter, reporter_), &decl});
    callbacks_.push_back(std::move(checked));
  }

  // Annotated methods are looked at with their struct; here only those that do not belong to a callback.
  void check_placement(const clang::CXXMethodDecl& method, const Annotated& annotated) {
    const auto name = "'" + display_name(method) + "'";
    const auto* parent = method.getParent();
    if (!annotated.callbacks.empty()) {
      error(annotated.callbacks.front()->getLocation(),
            name + " is a method; IRIS_CALLBACK goes between 'struct' and its name, IRIS_ON before its methods");
      return;
    }
    const auto found = collector_.annotated().find(parent->getCanonicalDecl());
    if (found == collector_.annotated().end() || found->second.callbacks.empty()) {
      error(annotated.ons.front()->getLocation(),
            name + " has IRIS_ON, but '" + display_name(*parent) +
                "' is no callback; write IRIS_CALLBACK(\"...\") between 'struct' and its name");
    }
  }

  void check_state_callback(const clang::CXXRecordDecl& first, const Annotated& annotated) {
    const auto name = "'" + display_name(first) + "'";
    const auto* callback = only_one(first, annotated.callbacks, reporter_);
    if (!annotated.ons.empty()) {
      error(annotated.ons.front()->getLocation(), name + " is a struct; IRIS_ON goes before its methods");
    }
    if (callback == nullptr) return;
    const auto* record = first.getDefinition();
    if (record == nullptr) {
      error(first.getLocation(), name + " is not defined");
      return;
    }
    if (is_template(*record, name)) return;

    CheckedCallback checked;
    const auto filter =
        check_filter(*callback, {filter::Subject::connection, files_}, record->getASTContext(), reporter_);
    checked.state = record;
    checked.spec.name = display_name(*record);
    checked.spec.filter = filter.text;
    checked.spec.where = reporter_.location(record->getLocation());
    checked.spec.state = check_state(*record, sema_, reporter_);
    bool any = false;
    for (const auto* member : record->decls()) {
      if (const auto* pattern = llvm::dyn_cast<clang::FunctionTemplateDecl>(member))
        member = pattern->getTemplatedDecl();
      const auto* method = llvm::dyn_cast<clang::CXXMethodDecl>(member);
      if (method != nullptr) any = check_method(*method, filter, checked) || any;
    }
    if (!any) {
      error(record->getLocation(), name + " has no method with IRIS_ON: nothing would ever run");
    }
    callbacks_.push_back(std::move(checked));
  }

  // False when the method takes no part.
  bool check_method(const clang::CXXMethodDecl& method, const CheckedFilter& filter, CheckedCallback& callback) {
    const auto found = collector_.annotated().find(method.getCanonicalDecl());
    if (found == collector_.annotated().end() || found->second.ons.empty()) return false;
    const auto name = "'" + display_name(method) + "'";
    const auto* on = only_one(method, found->second.ons, reporter_);
    if (is_template(method, name)) return true;
    if (llvm::isa<clang::CXXConstructorDecl, clang::CXXDestructorDecl>(method)) {
      error(on->getLocation(), name + " is a constructor or destructor; IRIS_ON is for other methods");
      return true;
    }
    if (method.isStatic()) error(method.getLocation(), name + " is static; a method with IRIS_ON works on its object");
    if (method.getAccess() != clang::AS_public) error(method.getLocation(), name + " is not public");
    if (!method.isDefined()) error(method.getLocation(), name + " has no body");
    const auto result = method.getReturnType();
    if (!result->isVoidType() && !result->isBooleanType()) {
      error(method.getLocation(),
            name + " returns '" + result.getAsString(policy()) +
                "'; a method with IRIS_ON returns void, or bool: false unsubscribes the connection");
    }
    if (subject_of(method, on) == filter::Subject::packet) {
      error(on->getLocation(), name +
                                   " runs at Packet, but an object belongs to one connection, and a packet by itself "
                                   "has none; make it a function with IRIS_CALLBACK at namespace scope");
      return true;
    }
    callback.functions.push_back({check_function(method, on, filter, reporter_), &method});
    callback.functions.back().spec.name = method.getNameAsString();
    return true;
  }

  [[nodiscard]] clang::PrintingPolicy policy() const { return {sema_.getASTContext().getPrintingPolicy()}; }

  const Collector& collector_;
  clang::Sema& sema_;
  Reporter& reporter_;
  std::span<const filter::NamedFile> files_;
  std::vector<CheckedCallback> callbacks_;
};

}  // namespace

std::vector<CheckedCallback> check_callbacks(const Collector& collector, clang::Sema& sema, Reporter& reporter,
                                             std::span<const filter::NamedFile> files) {
  return Checker(collector, sema, reporter, files).run();
}

}  // namespace iris::frontend
