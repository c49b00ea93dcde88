#include "jit/frontend/check.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclTemplate.h"

#include "jit/frontend/check_function.hpp"
#include "jit/frontend/check_state.hpp"
#include "jit/frontend/find_emit.hpp"

namespace iris::frontend {
namespace {

class Checker {
 public:
  Checker(const Collector& collector, clang::Sema& sema, Reporter& reporter, std::span<const filter::NamedFile> files)
      : collector_(collector), sema_(sema), reporter_(reporter), files_(files) {}

  CheckedSource run() {
    for (const auto& misplaced : collector_.misplaced()) reporter_.error(misplaced.where, misplaced.message);
    // First of all what filters may name, wherever it stands.
    check_all(true, &Checker::check_state_filter, &Checker::check_plain_filter);
    for (const auto& filter : user_filters_) known_filters_.push_back(filter.get());
    check_all(false, &Checker::check_state_callback, &Checker::check_plain_callback);
    return std::move(source_);
  }

 private:
  template <class Decl>
  using Check = void (Checker::*)(const Decl&, const Annotated&);

  // All filters, or all that are none.
  void check_all(bool filters, Check<clang::CXXRecordDecl> check_struct, Check<clang::FunctionDecl> check_plain) {
    for (const auto& [canonical, annotated] : collector_.annotated()) {
      if (annotated.filters.empty() == filters) continue;
      if (const auto* record = llvm::dyn_cast<clang::CXXRecordDecl>(annotated.decl)) {
        (this->*check_struct)(*record, annotated);
      } else if (const auto* method = llvm::dyn_cast<clang::CXXMethodDecl>(annotated.decl)) {
        check_placement(*method, annotated);
      } else if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(annotated.decl)) {
        (this->*check_plain)(*function, annotated);
      }
    }
  }

  void error(clang::SourceLocation where, const std::string& message) { reporter_.error(where, message); }

  [[nodiscard]] filter::Names names() const { return {.files = files_, .user_filters = known_filters_}; }

  bool is_template(const clang::Decl& decl, const std::string& name) {
    if (!decl.isTemplated()) return false;
    error(decl.getLocation(),
          name + " is a template, or part of one; callbacks and filters must be ordinary functions and structs");
    return true;
  }

  void check_body(const clang::FunctionDecl& decl, const char* what) {
    const auto name = "'" + display_name(decl) + "'";
    if (!decl.isDefined()) error(decl.getLocation(), name + " has no body");
    if (decl.isConsteval()) {
      error(decl.getLocation(), name + " is consteval; a " + what + " runs at run time");
    }
  }

  // A function at namespace scope.
  void check_plain_callback(const clang::FunctionDecl& decl, const Annotated& annotated) {
    const auto name = "'" + display_name(decl) + "'";
    const auto* callback = only_one(decl, annotated.callbacks, reporter_);
    const auto* on = only_one(decl, annotated.ons, reporter_);
    if (is_template(decl, name)) return;
    if (callback == nullptr) {
      error(on->getLocation(),
            name + " has IRIS_ON, but is neither a callback nor a filter; add IRIS_CALLBACK(\"...\") or IRIS_FILTER");
      return;
    }
    if (!decl.getReturnType()->isVoidType()) {
      error(decl.getLocation(), name + " returns '" + decl.getReturnType().getAsString(policy()) +
                                    "'; a callback that is a function returns void");
    }
    check_body(decl, "callback");

    CheckedCallback checked;
    const auto filter = check_filter(*callback, {subject_of(decl, on), names()}, decl.getASTContext(), reporter_);
    checked.spec.name = display_name(decl);
    checked.spec.filter = filter.text;
    checked.spec.where = reporter_.location(decl.getLocation());
    checked.functions.push_back({check_function(decl, on, filter, reporter_), &decl});
    source_.callbacks.push_back(std::move(checked));
  }

  // Annotated methods are looked at with their struct; here only those that belong to none.
  void check_placement(const clang::CXXMethodDecl& method, const Annotated& annotated) {
    const auto name = "'" + display_name(method) + "'";
    const auto* parent = method.getParent();
    for (const auto* attributes : {&annotated.callbacks, &annotated.filters}) {
      if (attributes->empty()) continue;
      error(attributes->front()->getLocation(), name + " is a method; " + macro_name(*attributes->front()).str() +
                                                    " goes between 'struct' and its name, IRIS_ON before its methods");
      return;
    }
    const auto found = collector_.annotated().find(parent->getCanonicalDecl());
    if (found == collector_.annotated().end() || (found->second.callbacks.empty() && found->second.filters.empty())) {
      error(annotated.ons.front()->getLocation(),
            name + " has IRIS_ON, but '" + display_name(*parent) +
                "' is neither a callback nor a filter; write IRIS_CALLBACK(\"...\") or IRIS_FILTER between 'struct' "
                "and its name");
    }
  }

  // ---- structs, of callbacks and of filters

  // nullptr: it was reported why not.
  const clang::CXXRecordDecl* definition_of(const clang::CXXRecordDecl& first, const Annotated& annotated) {
    const auto name = "'" + display_name(first) + "'";
    if (!annotated.ons.empty()) {
      error(annotated.ons.front()->getLocation(), name + " is a struct; IRIS_ON goes before its methods");
    }
    const auto* record = first.getDefinition();
    if (record == nullptr) error(first.getLocation(), name + " is not defined");
    return record == nullptr || is_template(*record, name) ? nullptr : record;
  }

  // Calls `check` with each method and what is written at it. `check` returns whether it takes part.
  template <class Check>
  void check_methods(const clang::CXXRecordDecl& record, Check check) {
    bool any = false;
    for (const auto* member : record.decls()) {
      if (const auto* pattern = llvm::dyn_cast<clang::FunctionTemplateDecl>(member)) {
        member = pattern->getTemplatedDecl();
      }
      const auto* method = llvm::dyn_cast<clang::CXXMethodDecl>(member);
      if (method == nullptr) continue;
      const auto found = collector_.annotated().find(method->getCanonicalDecl());
      if (found == collector_.annotated().end() || found->second.ons.empty()) continue;
      any = true;
      if (const auto* on = check_place(*method, found->second)) check(*method, *on);
    }
    if (any) return;
    error(record.getLocation(), "'" + display_name(record) + "' has no method with IRIS_ON: nothing would ever run");
  }

  // Its IRIS_ON; nullptr: it was reported why it cannot have one.
  const clang::AnnotateAttr* check_place(const clang::CXXMethodDecl& method, const Annotated& annotated) {
    const auto name = "'" + display_name(method) + "'";
    const auto* on = only_one(method, annotated.ons, reporter_);
    if (is_template(method, name)) return nullptr;
    if (llvm::isa<clang::CXXConstructorDecl, clang::CXXDestructorDecl>(method)) {
      error(on->getLocation(), name + " is a constructor or destructor; IRIS_ON is for other methods");
      return nullptr;
    }
    if (method.isStatic()) error(method.getLocation(), name + " is static; a method with IRIS_ON works on its object");
    if (method.getAccess() != clang::AS_public) error(method.getLocation(), name + " is not public");
    if (!method.isDefined()) error(method.getLocation(), name + " has no body");
    if (subject_of(method, on) != filter::Subject::packet) return on;
    error(on->getLocation(), name +
                                 " runs at Packet, but an object belongs to one connection, and a packet by itself "
                                 "has none; make it a function with IRIS_CALLBACK at namespace scope");
    return nullptr;
  }

  CheckedFunction checked_method(const clang::CXXMethodDecl& method, const clang::AnnotateAttr& on,
                                 const CheckedFilter& filter) {
    CheckedFunction checked{check_function(method, &on, filter, reporter_), &method};
    checked.spec.name = method.getNameAsString();
    return checked;
  }

  void check_state_callback(const clang::CXXRecordDecl& first, const Annotated& annotated) {
    const auto* callback = only_one(first, annotated.callbacks, reporter_);
    const auto* record = definition_of(first, annotated);
    if (callback == nullptr || record == nullptr) return;

    CheckedCallback checked;
    const auto filter =
        check_filter(*callback, {filter::Subject::connection, names()}, record->getASTContext(), reporter_);
    checked.state = record;
    checked.spec.name = display_name(*record);
    checked.spec.filter = filter.text;
    checked.spec.where = reporter_.location(record->getLocation());
    checked.spec.state = check_state(*record, sema_, reporter_);
    check_methods(*record, [&](const clang::CXXMethodDecl& method, const clang::AnnotateAttr& on) {
      const auto result = method.getReturnType();
      if (!result->isVoidType() && !result->isBooleanType()) {
        error(method.getLocation(),
              "'" + display_name(method) + "' returns '" + result.getAsString(policy()) +
                  "'; a method with IRIS_ON returns void, or bool: false unsubscribes the connection");
      }
      checked.functions.push_back(checked_method(method, on, filter));
    });
    source_.callbacks.push_back(std::move(checked));
  }

  // ---- filters

  // False: it was reported why it is none.
  bool check_alone(const clang::NamedDecl& decl, const Annotated& annotated) {
    const auto* filter = only_one(decl, annotated.filters, reporter_);
    if (annotated.callbacks.empty()) return true;
    error(filter->getLocation(), "'" + display_name(decl) + "' is a callback already; a filter is written by itself");
    return false;
  }

  void check_answer(const clang::FunctionDecl& decl) {
    const auto result = decl.getReturnType().getCanonicalType();
    const auto* enumeration = result->getAs<clang::EnumType>();
    if (enumeration == nullptr || enumeration->getDecl()->getQualifiedNameAsString() != "iris::FilterResult") {
      error(decl.getLocation(), "'" + display_name(decl) + "' returns '" + decl.getReturnType().getAsString(policy()) +
                                    "'; a filter answers by an iris::FilterResult: Accept, Drop or Continue");
    }
    check_silent(decl);
  }

  void check_silent(const clang::FunctionDecl& decl) {
    if (const auto where = find_emit(decl); where.isValid()) {
      error(where, "'" + display_name(decl) + "' emits, but is a filter's; emit in a callback that the filter is for");
    }
  }

  // A filter keeps no session from one event to the next.
  void check_sessions(const clang::CXXMethodDecl& method, const Function& function) {
    const bool has_one = function.event == Event::L7EndHdrs || function.event == Event::L7InSession ||
                         function.event == Event::L7EndSession;
    if (sessions_of(function).empty() || has_one || !function.event) return;
    error(method.getLocation(), "'" + display_name(method) + "' takes a session, which a filter has at L7EndHdrs, " +
                                    "L7InSession and L7EndSession only; keep what you need of it in the struct");
  }

  // By its last name, as filters have no scopes.
  void add_filter(const clang::NamedDecl& decl, CheckedUserFilter checked) {
    checked.spec.name = decl.getNameAsString();
    checked.spec.where = reporter_.location(decl.getLocation());
    const auto& name = checked.spec.name;
    if (const auto fault = filter::name_fault(name)) {
      error(decl.getLocation(), "'" + name + "' " + *fault + ", and no filter can be called that");
    } else if (std::ranges::any_of(user_filters_, [&](const auto& filter) { return filter->name() == name; })) {
      error(decl.getLocation(), "there is another filter called '" + name + "', and filters are named without scopes");
    }
    const std::string sessions = checked.state == nullptr ? sessions_of(checked.functions.front().spec) : "";
    user_filters_.push_back(
        std::make_unique<filter::UserFilter>(name, sessions.empty() ? nullptr : parsers::find_protocol(sessions)));
    source_.filters.push_back(std::move(checked));
  }

  void check_plain_filter(const clang::FunctionDecl& decl, const Annotated& annotated) {
    const auto name = "'" + display_name(decl) + "'";
    const auto* on = only_one(decl, annotated.ons, reporter_);
    if (!check_alone(decl, annotated) || is_template(decl, name)) return;
    check_body(decl, "filter");
    check_answer(decl);
    if (subject_of(decl, on) == filter::Subject::packet) {
      error(decl.getLocation(), name +
                                    " is asked about packets by themselves; filters of your own are about "
                                    "connections and sessions: look at the frame in the callback");
      return;
    }
    Function function = check_function(decl, on, {}, reporter_);
    if (!function.event) function.event = first_ready(function);
    if (!sessions_of(function).empty() && function.event != Event::L7EndHdrs) {
      error(decl.getLocation(),
            name +
                " takes a session, and answers for it when its headers are parsed, at L7EndHdrs; to look at it later, "
                "write a struct with IRIS_FILTER, which answers for the connection");
    }
    CheckedUserFilter checked;
    checked.functions.push_back({std::move(function), &decl});
    add_filter(decl, std::move(checked));
  }

  void check_state_filter(const clang::CXXRecordDecl& first, const Annotated& annotated) {
    const auto* record = definition_of(first, annotated);
    if (!check_alone(first, annotated) || record == nullptr) return;
    CheckedUserFilter checked;
    checked.state = record;
    checked.spec.state = check_state(*record, sema_, reporter_);
    check_methods(*record, [&](const clang::CXXMethodDecl& method, const clang::AnnotateAttr& on) {
      check_answer(method);
      checked.functions.push_back(checked_method(method, on, {}));
      check_sessions(method, checked.functions.back().spec);
    });
    for (const auto* constructor : record->ctors()) check_silent(*constructor);
    if (const auto* destructor = record->getDestructor()) check_silent(*destructor);
    add_filter(*record, std::move(checked));
  }

  [[nodiscard]] clang::PrintingPolicy policy() const { return {sema_.getASTContext().getPrintingPolicy()}; }

  const Collector& collector_;
  clang::Sema& sema_;
  Reporter& reporter_;
  std::span<const filter::NamedFile> files_;
  std::vector<std::unique_ptr<filter::UserFilter>> user_filters_;
  std::vector<const filter::UserFilter*> known_filters_;
  CheckedSource source_;
};

}  // namespace

CheckedSource check_source(const Collector& collector, clang::Sema& sema, Reporter& reporter,
                           std::span<const filter::NamedFile> files) {
  return Checker(collector, sema, reporter, files).run();
}

}  // namespace iris::frontend
