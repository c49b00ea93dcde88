// Diagnostics as text: Clang's own and ours, in one form and in order.
#pragma once

#include <string>
#include <vector>

#include "clang/AST/DeclBase.h"
#include "clang/Basic/Diagnostic.h"
#include "clang/Basic/LangOptions.h"
#include "clang/Basic/SourceManager.h"
#include "clang/Frontend/TextDiagnostic.h"
#include "llvm/Support/raw_ostream.h"

#include "jit/frontend/spec.hpp"

namespace iris::frontend {

// Reports what is wrong with the source, in Clang's own stream of diagnostics.
class Reporter {
 public:
  explicit Reporter(clang::DiagnosticsEngine& engine);

  // `range` is underlined. Locations inside macros are moved to where the author wrote the macro.
  void error(clang::SourceLocation where, llvm::StringRef message, clang::CharSourceRange range = {});
  void warning(clang::SourceLocation where, llvm::StringRef message, clang::CharSourceRange range = {});
  void note(clang::SourceLocation where, llvm::StringRef message);

  [[nodiscard]] bool failed() const { return engine_.hasErrorOccurred(); }
  [[nodiscard]] Location location(clang::SourceLocation where) const;

 private:
  void report(unsigned id, clang::SourceLocation where, llvm::StringRef message, clang::CharSourceRange range);

  clang::DiagnosticsEngine& engine_;
  unsigned error_id_;
  unsigned warning_id_;
  unsigned note_id_;
};

// A generated call.
struct Call {
  clang::SourceLocation where;          // of the author's function or struct
  const clang::Decl* target = nullptr;  // that function; or the struct that is constructed or destroyed
};

// The files of a parse that are not the author's, and how to speak of what is found in them.
struct Scaffold {
  clang::FileID source;     // the author's text; invalid before it is opened
  unsigned source_end = 0;  // offset of its last character that is not white space
  clang::FileID epilogue;   // generated calls, one a line
  std::vector<Call> calls;  // by line of the epilogue
};

// Renders diagnostics as `file:line:column: error: …`, the line, a caret. Those in the scaffold are moved into the
// author's source.
class DiagnosticText : public clang::DiagnosticConsumer {
 public:
  DiagnosticText(clang::DiagnosticOptions& options, const Scaffold& scaffold);
  ~DiagnosticText() override;

  void BeginSourceFile(const clang::LangOptions& language, const clang::Preprocessor* preprocessor) override;
  void EndSourceFile() override;
  void HandleDiagnostic(clang::DiagnosticsEngine::Level level, const clang::Diagnostic& diagnostic) override;

  [[nodiscard]] std::string take();

 private:
  class Renderer;
  void render(clang::DiagnosticsEngine::Level level, const clang::Diagnostic& diagnostic, clang::SourceLocation where,
              std::string message);

  clang::DiagnosticOptions& options_;
  const Scaffold& scaffold_;
  clang::LangOptions language_;
  std::string text_;
  llvm::raw_string_ostream stream_;
  std::unique_ptr<Renderer> renderer_;
  bool unfinished_ = false;  // it was said that the source ends too early
  bool drop_notes_ = false;  // those of a diagnostic that was dropped
};

}  // namespace iris::frontend
