#include "jit/frontend/diagnostics.hpp"

#include <utility>

#include "clang/Basic/DiagnosticIDs.h"
#include "llvm/ADT/SmallString.h"

namespace iris::frontend {

namespace {
constexpr std::size_t max_text = std::size_t{64} << 10;  // a template error can be longer than anyone reads
using Level = clang::DiagnosticsEngine::Level;
}  // namespace

// ---- Reporter -------------------------------------------------------------------------------------------------

Reporter::Reporter(clang::DiagnosticsEngine& engine)
    : engine_(engine),
      error_id_(engine.getCustomDiagID(Level::Error, "%0")),
      warning_id_(engine.getCustomDiagID(Level::Warning, "%0")),
      note_id_(engine.getCustomDiagID(Level::Note, "%0")) {}

void Reporter::report(unsigned id, clang::SourceLocation where, llvm::StringRef message, clang::CharSourceRange range) {
  auto builder = engine_.Report(engine_.getSourceManager().getFileLoc(where), id);
  builder << message;
  if (range.isValid()) builder << range;
}

void Reporter::error(clang::SourceLocation where, llvm::StringRef message, clang::CharSourceRange range) {
  report(error_id_, where, message, range);
}

void Reporter::warning(clang::SourceLocation where, llvm::StringRef message, clang::CharSourceRange range) {
  report(warning_id_, where, message, range);
}

void Reporter::note(clang::SourceLocation where, llvm::StringRef message) {
  engine_.Report(engine_.getSourceManager().getFileLoc(where), note_id_) << message;
}

Location Reporter::location(clang::SourceLocation where) const {
  const auto& sources = engine_.getSourceManager();
  const auto presumed = sources.getPresumedLoc(sources.getFileLoc(where));
  if (presumed.isInvalid()) return {};
  return {presumed.getLine(), presumed.getColumn()};
}

// ---- DiagnosticText -------------------------------------------------------------------------------------------

// Whether a macro of the SDK or the library had a part in it: authors need not see how that works inside.
bool in_library_macro(const clang::SourceManager& sources, clang::SourceLocation where) {
  for (; where.isMacroID(); where = sources.getImmediateMacroCallerLoc(where)) {
    const auto body = sources.isMacroArgExpansion(where) ? sources.getImmediateExpansionRange(where).getBegin() : where;
    if (sources.isInSystemHeader(sources.getSpellingLoc(body))) return true;
  }
  return false;
}

// Says nothing of how the author's file came into the translation unit.
class DiagnosticText::Renderer : public clang::TextDiagnostic {
 public:
  Renderer(llvm::raw_ostream& stream, const clang::LangOptions& language, clang::DiagnosticOptions& options,
           const Scaffold& scaffold)
      : TextDiagnostic(stream, language, &options), scaffold_(scaffold) {}

 protected:
  void emitIncludeLocation(clang::FullSourceLoc where, clang::PresumedLoc presumed) override {
    if (where.getFileID() == scaffold_.source) TextDiagnostic::emitIncludeLocation(where, presumed);
  }

 private:
  const Scaffold& scaffold_;
};

DiagnosticText::DiagnosticText(clang::DiagnosticOptions& options, const Scaffold& scaffold)
    : options_(options), scaffold_(scaffold), stream_(text_) {}
DiagnosticText::~DiagnosticText() = default;

// Keeps the language options: the back end reports after the end of the source file, too.
void DiagnosticText::BeginSourceFile(const clang::LangOptions& language, const clang::Preprocessor*) {
  language_ = language;
  renderer_ = std::make_unique<Renderer>(stream_, language_, options_, scaffold_);
}

void DiagnosticText::EndSourceFile() {}

void DiagnosticText::HandleDiagnostic(Level level, const clang::Diagnostic& diagnostic) {
  DiagnosticConsumer::HandleDiagnostic(level, diagnostic);
  if (level == Level::Fatal) level = Level::Error;  // that Clang stops there makes no difference to who reads it
  if (level == Level::Note && drop_notes_) return;
  drop_notes_ = false;
  if (text_.size() > max_text) return;

  llvm::SmallString<256> formatted;
  diagnostic.FormatDiagnostic(formatted);
  std::string message(formatted);
  auto where = diagnostic.getLocation();
  if (scaffold_.source.isValid() && where.isValid()) {
    const auto& sources = diagnostic.getSourceManager();
    const auto outer = sources.getDecomposedLoc(sources.getExpansionLoc(where));
    if (outer.first == sources.getMainFileID()) {
      if (level < Level::Error || unfinished_) {
        drop_notes_ = level != Level::Note;
        return;
      }
      unfinished_ = true;
      where = sources.getComposedLoc(scaffold_.source, scaffold_.source_end);
      message = "the source ends inside a declaration; is a '}' or a ')' missing?";
    } else if (outer.first == scaffold_.epilogue) {
      const unsigned line = sources.getLineNumber(outer.first, outer.second);
      if (line > scaffold_.calls.size()) return;
      where = scaffold_.calls[line - 1].where;
      message = "this cannot be called: " + message;
    }
  }
  render(level, diagnostic, where, std::move(message));
}

void DiagnosticText::render(Level level, const clang::Diagnostic& diagnostic, clang::SourceLocation where,
                            std::string message) {
  if (level == Level::Warning) {
    const auto group = clang::DiagnosticIDs::getWarningOptionForDiag(diagnostic.getID());
    if (!group.empty()) message += " [-W" + group.str() + "]";
  }
  if (where.isInvalid() || !diagnostic.hasSourceManager() || renderer_ == nullptr) {
    stream_ << (level >= Level::Error     ? "error: "
                : level == Level::Warning ? "warning: "
                                          : "note: ")
            << message << '\n';
    return;
  }
  const bool moved = where != diagnostic.getLocation();
  if (in_library_macro(diagnostic.getSourceManager(), where)) where = diagnostic.getSourceManager().getFileLoc(where);
  const clang::FullSourceLoc full(where, diagnostic.getSourceManager());
  if (moved) {
    renderer_->emitDiagnostic(full, level, message, {}, {});
  } else {
    renderer_->emitDiagnostic(full, level, message, diagnostic.getRanges(), diagnostic.getFixItHints());
  }
  if (text_.size() > max_text) stream_ << "(further diagnostics are not shown)\n";
}

std::string DiagnosticText::take() {
  stream_.flush();
  return std::exchange(text_, {});
}

}  // namespace iris::frontend
