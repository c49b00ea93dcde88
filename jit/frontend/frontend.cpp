// One parse in four acts. The main file is a scaffold that never changes:
//
//   #include "/iris/warm.hpp"        what sources usually instantiate
//   namespace iris_warm_end {}       act 1 ends: everything so far is done before a source is known
//   ;
//   #include "/iris/source.cpp"      act 2: the author's text
//   namespace iris_source_end {}     act 3: all of the author's declarations have been seen: check them
//   ;
//   #include "/iris/epilogue.cpp"    act 4: the generated calls
//
// The two files come into being when Clang opens them. That the second one depends on what Clang made of the first
// works because the parser looks one token ahead and no more: it hands over a declaration when it has seen the token
// behind it. So iris_source_end is handed over after all of the author's declarations and when only the `;` has been
// read, before the #include behind it is.
#include "jit/frontend/frontend.hpp"

#include <cctype>
#include <chrono>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "clang/AST/ASTConsumer.h"
#include "clang/CodeGen/CodeGenAction.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/MultiplexConsumer.h"
#include "clang/Lex/PPCallbacks.h"
#include "clang/Lex/Preprocessor.h"
#include "clang/Lex/PreprocessorOptions.h"
#include "clang/Sema/Sema.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include "jit/frontend/check.hpp"
#include "jit/frontend/collect.hpp"
#include "jit/frontend/diagnostics.hpp"
#include "jit/frontend/invocation.hpp"
#include "jit/frontend/object.hpp"
#include "jit/frontend/rows.hpp"
#include "jit/frontend/thunks.hpp"

namespace iris::frontend {
namespace {

constexpr const char* main_text =
    "#include \"/iris/warm.hpp\"\n"
    "namespace iris_warm_end {}\n"
    ";\n"
    "#include \"/iris/source.cpp\"\n"
    "namespace iris_source_end {}\n"
    ";\n"
    "#include \"/iris/epilogue.cpp\"\n";

// What Frontend::create compiles: a little of everything.
constexpr const char* sample_text = R"(#include <iris/iris.hpp>
struct Row { iris::FiveTuple flow; std::string name; std::vector<std::uint64_t> counts; };
static std::unordered_map<std::string, std::uint64_t> seen;
IRIS_CALLBACK("tls")
void each(const iris::TlsHandshake& tls, const iris::FiveTuple& flow) {
  std::string name(tls.sni());
  std::vector<std::uint64_t> counts{++seen[name]};
  std::sort(counts.begin(), counts.end());
  iris::emit(Row{flow, name, counts});
}
struct IRIS_CALLBACK("tls") Volume {
  std::uint64_t bytes = 0;
  IRIS_ON(InL4Conn) void update(const iris::L4Pdu& pdu) { bytes += pdu.payload.size(); }
};
)";

class Clock {
 public:
  // Milliseconds since the last lap.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double, std::milli>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// `#line` gives the author's text its name in every diagnostic.
std::string with_line_directive(const Source& source) {
  std::string name;
  for (const char c : source.name) {
    if (c == '"' || c == '\\') name += '\\';
    name += std::iscntrl(static_cast<unsigned char>(c)) != 0 ? '?' : c;
  }
  return "#line 1 \"" + name + "\"\n" + source.text + "\n";
}

// What LLVM rejects after Clang accepted it, which is assembly; without a handler LLVM ends the process.
class BackendDiagnostics : public llvm::DiagnosticHandler {
 public:
  BackendDiagnostics(Reporter& reporter, clang::SourceLocation fallback) : reporter_(reporter), fallback_(fallback) {}

  bool handleDiagnostics(const llvm::DiagnosticInfo& info) override {
    if (info.getSeverity() != llvm::DS_Error) return true;
    auto where = fallback_;
    std::string message;
    if (const auto* assembly = llvm::dyn_cast<llvm::DiagnosticInfoSrcMgr>(&info)) {
      message = "the assembler rejects this: " + assembly->getSMDiag().getMessage().str();
      const auto cookie = static_cast<clang::SourceLocation::UIntTy>(assembly->getLocCookie());
      if (cookie != 0) where = clang::SourceLocation::getFromRawEncoding(cookie);
    } else {
      llvm::raw_string_ostream stream(message);
      llvm::DiagnosticPrinterRawOStream printer(stream);
      info.print(printer);
    }
    reporter_.error(where, message);
    return true;
  }

 private:
  Reporter& reporter_;
  clang::SourceLocation fallback_;
};

// A compilation, from before its source is known to its object.
class Unit final : public Compilation {
 public:
  Unit(std::shared_ptr<clang::CompilerInvocation> invocation, llvm::IntrusiveRefCntPtr<SourceFiles> files,
       llvm::TargetMachine& machine, const Hooks& hooks, Progress& progress)
      : files_(std::move(files)),
        hooks_(hooks),
        progress_(progress),
        diagnostics_(invocation->getDiagnosticOpts(), scaffold_),
        pipeline_(machine) {
    instance_.setInvocation(std::move(invocation));
    instance_.createDiagnostics(&diagnostics_, /*ShouldOwnClient=*/false);
    instance_.setVerboseOutputStream(llvm::nulls());
    instance_.createFileManager(files_);
  }

  [[nodiscard]] const Outcome& outcome() const noexcept override { return outcome_; }

  Result<void> run() {
    parse();
    if (act_ == Act::sdk) return fail(ErrorCode::internal, "the SDK does not parse:\n" + diagnostics_.take());
    outcome_.front_end_ms = clock_.lap();
    if (hooks_.after_front_end) hooks_.after_front_end();
    if (!reporter_->failed()) make_object();
    outcome_.accepted = !reporter_->failed();
    outcome_.diagnostics = diagnostics_.take();
    progress_.stage = Stage::sending;
    return {};
  }

 private:
  enum class Act : std::uint8_t { sdk, source, epilogue };
  class Consumer;
  class Includes;
  class Action;

  void parse();
  void make_object();

  void see(clang::Decl* decl);  // a top-level declaration
  void see_thunk(clang::Decl* decl, unsigned line);
  void begin_source();           // at the end of act 1
  std::string write_epilogue();  // at the beginning of act 4
  void enter(clang::SourceLocation where);
  [[nodiscard]] clang::SourceLocation source_begin() const;
  clang::SourceManager& sources() { return instance_.getSourceManager(); }

  llvm::IntrusiveRefCntPtr<SourceFiles> files_;
  const Hooks& hooks_;
  Progress& progress_;
  Outcome outcome_;
  Scaffold scaffold_;
  DiagnosticText diagnostics_;
  llvm::LLVMContext llvm_;
  clang::CompilerInstance instance_;
  std::unique_ptr<clang::CodeGenAction> action_;
  std::unique_ptr<llvm::Module> module_;
  ObjectPipeline pipeline_;  // refers to the module

  Act act_ = Act::sdk;
  Clock clock_;
  std::vector<filter::NamedFile> filter_files_;
  std::string text_;            // of source_path
  std::size_t text_begin_ = 0;  // where the author's text begins in it
  std::unique_ptr<Reporter> reporter_;
  std::unique_ptr<Collector> collector_;
  CheckedSource checked_;
  std::vector<EmittedRow> rows_;
};

// Runs before Clang's own code generation sees the same declarations.
class Unit::Consumer : public clang::ASTConsumer {
 public:
  explicit Consumer(Unit& unit) : unit_(unit) {}
  bool HandleTopLevelDecl(clang::DeclGroupRef group) override {
    for (auto* decl : group) unit_.see(decl);
    // Nothing is reported after a fatal error, "too many errors" among them: there is no need to look at the rest.
    return !unit_.instance_.getDiagnostics().hasFatalErrorOccurred();
  }
  void HandleTranslationUnit(clang::ASTContext& context) override {
    if (!unit_.instance_.getDiagnostics().hasErrorOccurred()) unit_.rows_ = emitted_rows(context, *unit_.reporter_);
  }

 private:
  Unit& unit_;
};

// Notices which file is which, and explains the #include that cannot be.
class Unit::Includes : public clang::PPCallbacks {
 public:
  explicit Includes(Unit& unit) : unit_(unit) {}
  void FileChanged(clang::SourceLocation where, FileChangeReason reason, clang::SrcMgr::CharacteristicKind,
                   clang::FileID) override {
    if (reason == EnterFile) unit_.enter(where);
  }
  bool FileNotFound(llvm::StringRef) override { return true; }  // InclusionDirective says it better
  void InclusionDirective(clang::SourceLocation, const clang::Token&, llvm::StringRef name, bool angled,
                          clang::CharSourceRange range, clang::OptionalFileEntryRef file, llvm::StringRef,
                          llvm::StringRef, const clang::Module*, bool, clang::SrcMgr::CharacteristicKind) override {
    if (file || unit_.reporter_ == nullptr) return;
    const std::string what = angled ? "" : "a subscription is one file, and your own headers are not supported; ";
    unit_.reporter_->error(range.getBegin(),
                           "'" + name.str() + "' cannot be included: " + what +
                               "there are the SDK, <iris/iris.hpp>, and the C and C++ standard libraries",
                           range);
  }

 private:
  Unit& unit_;
};

class Unit::Action : public clang::EmitLLVMOnlyAction {
 public:
  Action(Unit& unit, llvm::LLVMContext& context) : EmitLLVMOnlyAction(&context), unit_(unit) {}

 protected:
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& instance,
                                                        llvm::StringRef file) override {
    instance.getPreprocessor().addPPCallbacks(std::make_unique<Includes>(unit_));
    std::vector<std::unique_ptr<clang::ASTConsumer>> consumers;
    consumers.push_back(std::make_unique<Consumer>(unit_));
    consumers.push_back(EmitLLVMOnlyAction::CreateASTConsumer(instance, file));
    return std::make_unique<clang::MultiplexConsumer>(std::move(consumers));
  }

 private:
  Unit& unit_;
};

// CompilerInstance::ExecuteAction without its printing.
void Unit::parse() {
  action_ = std::make_unique<Action>(*this, llvm_);
  if (!instance_.createTarget() || !action_->BeginSourceFile(instance_, instance_.getFrontendOpts().Inputs[0])) return;
  if (auto error = action_->Execute()) llvm::consumeError(std::move(error));
  action_->EndSourceFile();
  module_ = action_->takeModule();
}

void Unit::see(clang::Decl* decl) {
  const auto outer = sources().getExpansionLoc(decl->getLocation());
  if (outer.isInvalid()) return;
  const auto file = sources().getFileID(outer);
  if (file == sources().getMainFileID()) {
    if (!llvm::isa<clang::NamespaceDecl>(decl)) return;  // a `;`
    if (act_ == Act::sdk) {
      begin_source();
    } else if (act_ == Act::source) {
      act_ = Act::epilogue;
      if (!reporter_->failed()) {
        checked_ = check_source(*collector_, instance_.getSema(), *reporter_, filter_files_);
      }
      if (!reporter_->failed() && checked_.callbacks.empty()) {
        reporter_->error(source_begin(), "nothing in this source has IRIS_CALLBACK, so nothing would ever run");
      }
    }
  } else if (act_ == Act::source && file == scaffold_.source) {
    collector_->add(decl);
    const auto end = sources().getPresumedLoc(sources().getExpansionLoc(decl->getEndLoc()));
    if (end.isValid()) progress_.line = end.getLine();
  } else if (act_ == Act::epilogue && file == scaffold_.epilogue) {
    see_thunk(decl, sources().getExpansionLineNumber(outer));
  }
}

void Unit::see_thunk(clang::Decl* decl, unsigned line) {
  if (auto* linkage = llvm::dyn_cast<clang::LinkageSpecDecl>(decl)) decl = *linkage->decls_begin();
  auto* thunk = llvm::dyn_cast<clang::FunctionDecl>(decl);
  if (thunk == nullptr || line == 0 || line > scaffold_.calls.size() || reporter_->failed()) return;
  const auto& call = scaffold_.calls[line - 1];
  if (calls_target(*thunk, call)) return;
  reporter_->error(call.where, "another declaration of the same name hides this one; give it a name of its own");
}

void Unit::begin_source() {
  instance_.getSema().PerformPendingInstantiations();
  Source source = hooks_.await_source();
  clock_ = {};
  act_ = Act::source;
  progress_.line = 0;
  progress_.stage = Stage::front_end;
  text_ = with_line_directive(source);
  filter_files_ = std::move(source.files);
  text_begin_ = text_.find('\n') + 1;
  files_->add(source_path, [this] { return text_; });
  files_->add(epilogue_path, [this] { return write_epilogue(); });
  reporter_ = std::make_unique<Reporter>(instance_.getDiagnostics());
  collector_ = std::make_unique<Collector>(instance_.getASTContext());
}

std::string Unit::write_epilogue() {
  if (act_ != Act::epilogue || reporter_->failed()) return {};
  auto epilogue = write_thunks(checked_);
  scaffold_.calls = std::move(epilogue.calls);
  return std::move(epilogue.text);
}

void Unit::enter(clang::SourceLocation where) {
  if (act_ == Act::sdk) return;
  const auto file = sources().getFileID(where);
  const auto entry = sources().getFileEntryRefForID(file);
  if (!entry) return;
  if (entry->getName() == source_path && scaffold_.source.isInvalid()) {
    scaffold_.source = file;
    const auto last = text_.find_last_not_of(" \t\r\n");
    scaffold_.source_end = static_cast<unsigned>(std::max(last == std::string::npos ? 0 : last, text_begin_));
  } else if (entry->getName() == epilogue_path) {
    scaffold_.epilogue = file;
  }
}

clang::SourceLocation Unit::source_begin() const {
  return instance_.getSourceManager().getComposedLoc(scaffold_.source, static_cast<unsigned>(text_begin_));
}

void Unit::make_object() {
  const auto assembly = collector_->assembly();
  llvm_.setDiagnosticHandler(
      std::make_unique<BackendDiagnostics>(*reporter_, assembly.isValid() ? assembly : source_begin()));
  progress_.stage = Stage::optimiser;
  auto& spec = outcome_.spec;
  spec.init_symbol = ObjectPipeline::lower(*module_, rows_, thunk_prefix);
  pipeline_.optimise(*module_);
  outcome_.optimise_ms = clock_.lap();
  progress_.stage = Stage::code_generator;
  outcome_.object = pipeline_.generate(*module_);
  outcome_.generate_ms = clock_.lap();
  const auto take = [](auto& checked, auto& specs) {
    for (auto& each : checked) {
      for (auto& function : each.functions) each.spec.functions.push_back(std::move(function.spec));
      specs.push_back(std::move(each.spec));
    }
  };
  take(checked_.callbacks, spec.callbacks);
  take(checked_.filters, spec.filters);
  for (auto& row : rows_) spec.rows.push_back(std::move(row.row));
}

// ---- Frontend -------------------------------------------------------------------------------------------------

class ClangFrontend final : public Frontend {
 public:
  ClangFrontend(Toolchain toolchain, std::shared_ptr<clang::CompilerInvocation> invocation,
                std::unique_ptr<llvm::TargetMachine> machine)
      : toolchain_(std::move(toolchain)), invocation_(std::move(invocation)), machine_(std::move(machine)) {}

  Result<std::unique_ptr<Compilation>> compile(const Hooks& hooks, Progress& progress) override {
    return compile(hooks, progress, /*leak=*/true);
  }

  // `leak`: Clang does not free the syntax tree, which takes as long as optimising a small source does.
  Result<std::unique_ptr<Compilation>> compile(const Hooks& hooks, Progress& progress, bool leak) {
    auto invocation = std::make_shared<clang::CompilerInvocation>(*invocation_);
    invocation->getFrontendOpts().DisableFree = leak;
    invocation->getPreprocessorOpts().ImplicitPCHInclude = pch_path;
    invocation->getFrontendOpts().Inputs = {
        clang::FrontendInputFile(llvm::MemoryBufferRef(main_text, main_path), clang::InputKind(clang::Language::CXX))};
    auto files = make_files(toolchain_);
    files->add(pch_path, llvm::MemoryBufferRef(pch_->getBuffer(), pch_path));
    auto unit = std::make_unique<Unit>(std::move(invocation), std::move(files), *machine_, hooks, progress);
    if (auto done = unit->run(); !done) return std::unexpected(done.error());
    return unit;
  }

  Result<void> load_pch(const std::filesystem::path& path) {
    auto buffer = llvm::MemoryBuffer::getFile(path.string());
    if (!buffer) return fail(ErrorCode::unavailable, path.string() + ": " + buffer.getError().message());
    pch_ = std::move(*buffer);
    return {};
  }

  // Also the check that the precompiled header fits.
  Result<void> compile_sample() {
    Progress progress;
    auto compilation =
        compile({.await_source = [] { return Source{"sample.cpp", sample_text}; }}, progress, /*leak=*/false);
    if (!compilation) return std::unexpected(compilation.error());
    const auto& outcome = (*compilation)->outcome();
    if (!outcome.accepted) return fail(ErrorCode::internal, "a sample does not compile:\n" + outcome.diagnostics);
    return {};
  }

  Result<void> load_own_pch() {
    std::string folder = (std::filesystem::temp_directory_path() / "iris-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) return fail(ErrorCode::unavailable, "cannot make a folder like " + folder);
    const auto path = std::filesystem::path(folder) / "prelude.pch";
    auto loaded = make_pch(toolchain_, path);
    if (loaded) loaded = load_pch(path);
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);  // what is mapped stays
    return loaded;
  }

 private:
  Toolchain toolchain_;
  std::shared_ptr<clang::CompilerInvocation> invocation_;
  std::unique_ptr<llvm::TargetMachine> machine_;
  std::unique_ptr<llvm::MemoryBuffer> pch_;
};

}  // namespace

Result<std::unique_ptr<Frontend>> Frontend::create(const Toolchain& toolchain) {
  auto invocation = make_invocation();
  if (!invocation) return std::unexpected(invocation.error());
  auto machine = make_target_machine();
  if (!machine) return std::unexpected(machine.error());
  auto frontend = std::make_unique<ClangFrontend>(toolchain, std::move(*invocation), std::move(*machine));
  if (frontend->load_pch(toolchain.pch) && frontend->compile_sample()) return frontend;
  if (auto made = frontend->load_own_pch(); !made) return std::unexpected(made.error());
  if (auto works = frontend->compile_sample(); !works) return std::unexpected(works.error());
  return frontend;
}

}  // namespace iris::frontend
