#include "jit/frontend/invocation.hpp"

#include "clang/Basic/DiagnosticOptions.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/FrontendActions.h"
#include "clang/Frontend/TextDiagnosticPrinter.h"
#include "clang/Frontend/Utils.h"

namespace iris::frontend {

Result<std::shared_ptr<clang::CompilerInvocation>> make_invocation() {
#if defined(__aarch64__)
  const char* const native = "-mcpu=native";
#else
  const char* const native = "-march=native";
#endif
  std::vector<const char*> arguments = {
      IRIS_CLANG_BINARY, "-x", "c++", "-std=c++23", "-O2", native, "-fPIC", "-fno-omit-frame-pointer", "-Wall",
      "-fno-color-diagnostics", "-fno-diagnostics-show-line-numbers", "-Wno-invalid-feature-combination",
      "-Werror=c23-extensions",  // #embed: there is nothing that a source could embed

      // Of the SDK's headers, authors need not see warnings.
      "-isystem", sdk_path, "-resource-dir", IRIS_CLANG_RESOURCE_DIR, "-c", main_path};
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::IntrusiveRefCntPtr<clang::DiagnosticOptions> options(new clang::DiagnosticOptions);
  clang::TextDiagnosticPrinter printer(stream, options.get());
  clang::CreateInvocationOptions create;
  create.Diags = clang::CompilerInstance::createDiagnostics(options.get(), &printer, /*ShouldOwnClient=*/false);
  std::shared_ptr<clang::CompilerInvocation> invocation = clang::createInvocation(arguments, create);
  if (invocation == nullptr) return fail(ErrorCode::internal, "Clang rejects its own flags: " + text);
  invocation->getCodeGenOpts().DisableLLVMPasses = true;  // ObjectWriter runs them
  invocation->getFrontendOpts().DisableFree = false;
  invocation->getCodeGenOpts().ClearASTBeforeBackend = false;
  // A changed system header makes the precompiled header as stale as a changed header of the SDK.
  invocation->getHeaderSearchOpts().ModulesValidateSystemHeaders = true;
  return invocation;
}

llvm::IntrusiveRefCntPtr<SourceFiles> make_files(const Toolchain& toolchain) {
  auto files = llvm::makeIntrusiveRefCnt<SourceFiles>(toolchain.readable_folders(),
                                                      SourceFiles::Mount{sdk_path, toolchain.sdk.string()});
  files->add(prelude_path, llvm::MemoryBufferRef(prelude_text, prelude_path));
  files->add(warm_path, llvm::MemoryBufferRef(warm_text, warm_path));
  return files;
}

Result<void> make_pch(const Toolchain& toolchain, const std::filesystem::path& output) {
  auto invocation = make_invocation();
  if (!invocation) return std::unexpected(invocation.error());
  auto& frontend = (*invocation)->getFrontendOpts();
  frontend.Inputs = {clang::FrontendInputFile(prelude_path, clang::InputKind(clang::Language::CXX).getHeader())};
  frontend.OutputFile = output.string();
  frontend.ProgramAction = clang::frontend::GeneratePCH;
  (*invocation)->getLangOpts().PCHInstantiateTemplates = true;

  std::string text;
  llvm::raw_string_ostream stream(text);
  clang::CompilerInstance instance;
  instance.setInvocation(*invocation);
  clang::TextDiagnosticPrinter printer(stream, &instance.getDiagnosticOpts());
  instance.createDiagnostics(&printer, /*ShouldOwnClient=*/false);
  instance.createFileManager(make_files(toolchain));
  clang::GeneratePCHAction action;
  if (!instance.ExecuteAction(action) || instance.getDiagnostics().hasErrorOccurred()) {
    return fail(ErrorCode::invalid, "the SDK in " + toolchain.sdk.string() + " does not compile:\n" + text);
  }
  return {};
}

}  // namespace iris::frontend
