// One ORC session for the process. Each unit is a bare JITDylib (the default platform's compiles a helper module each,
// ten times as slow): what a platform would give it, its __dso_handle and its undefined symbols, it is given here.
#include "jit/engine/engine.hpp"

#include <llvm/Demangle/Demangle.h>
#include <llvm/ExecutionEngine/JITLink/EHFrameSupport.h>
#include <llvm/ExecutionEngine/JITLink/JITLink.h>
#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/ObjectFileInterface.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/Support/MemoryBuffer.h>

#include <algorithm>
#include <exception>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "jit/engine/object.hpp"
#include "jit/engine/static_lifetime.hpp"
#include "jit/engine/symbols.hpp"

namespace iris::engine {
namespace {

namespace jitlink = llvm::jitlink;
namespace orc = llvm::orc;

// ---- the link in progress ---------------------------------------------------------------------------------------

struct Linking {
  StaticLifetime* lifetime = nullptr;
  std::size_t bytes = 0;
};

// Gives each object its own __dso_handle, within reach of its code, and counts what it occupies.
class UnitPlugin final : public orc::ObjectLinkingLayer::Plugin {
 public:
  explicit UnitPlugin(Linking& linking) : linking_(linking) {}

  void modifyPassConfig(orc::MaterializationResponsibility& /*responsibility*/, jitlink::LinkGraph& /*graph*/,
                        jitlink::PassConfiguration& passes) override {
    passes.PrePrunePasses.emplace_back([this](jitlink::LinkGraph& graph) { return define_dso_handle(graph); });
    passes.PostFixupPasses.emplace_back([this](jitlink::LinkGraph& graph) { return count(graph); });
  }

  llvm::Error notifyFailed(orc::MaterializationResponsibility& /*responsibility*/) override {
    return llvm::Error::success();
  }
  llvm::Error notifyRemovingResources(orc::JITDylib& /*dylib*/, orc::ResourceKey /*key*/) override {
    return llvm::Error::success();
  }
  void notifyTransferringResources(orc::JITDylib& /*dylib*/, orc::ResourceKey /*to*/,
                                   orc::ResourceKey /*from*/) override {}

 private:
  llvm::Error define_dso_handle(jitlink::LinkGraph& graph) const {
    const auto externals = graph.external_symbols();
    const auto handle = std::find_if(externals.begin(), externals.end(),
                                     [](const jitlink::Symbol* symbol) { return symbol->getName() == "__dso_handle"; });
    if (handle == externals.end()) return llvm::Error::success();
    auto& section = graph.createSection("iris.dso_handle", orc::MemProt::Read);
    const DsoHandle value{linking_.lifetime};
    const auto content = graph.allocateContent(llvm::ArrayRef(reinterpret_cast<const char*>(&value), sizeof value));
    auto& block = graph.createContentBlock(section, content, orc::ExecutorAddr(), alignof(DsoHandle), 0);
    graph.makeDefined(**handle, block, 0, sizeof(DsoHandle), jitlink::Linkage::Strong, jitlink::Scope::Local, true);
    return llvm::Error::success();
  }

  llvm::Error count(jitlink::LinkGraph& graph) const {
    for (const auto& section : graph.sections()) {
      if (section.getMemLifetime() == orc::MemLifetime::NoAlloc) continue;
      for (const auto* block : section.blocks()) linking_.bytes += block->getSize();
    }
    return llvm::Error::success();
  }

  Linking& linking_;
};

// ---- messages -----------------------------------------------------------------------------------------------------

std::string quoted(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "'" : ", '") + llvm::demangle(name) + "'";
  return text;
}

std::unexpected<Error> refuse(std::string_view name, const Error& error) {
  return fail(error.code, std::string(name) + ": " + error.message);
}

// ---- the engine -----------------------------------------------------------------------------------------------------

class OrcEngine;

class OrcUnit final : public Unit {
 public:
  OrcUnit(OrcEngine& engine, std::string name) : engine_(engine), name_(std::move(name)) {}
  ~OrcUnit() override;
  OrcUnit(const OrcUnit&) = delete;
  OrcUnit& operator=(const OrcUnit&) = delete;

  [[nodiscard]] Result<void*> find(std::string_view symbol) const override {
    const auto found = addresses_.find(symbol);
    if (found != addresses_.end()) return found->second;
    return fail(ErrorCode::not_found, name_ + ": has no symbol '" + llvm::demangle(symbol) + "'");
  }
  [[nodiscard]] std::size_t bytes() const noexcept override { return bytes_; }

 private:
  friend class OrcEngine;

  OrcEngine& engine_;
  std::string name_;
  orc::JITDylib* dylib_ = nullptr;  // set once it is in the session
  StaticLifetime lifetime_;
  std::map<std::string, void*, std::less<>> addresses_;
  std::size_t bytes_ = 0;
};

class OrcEngine final : public Engine {
 public:
  OrcEngine(std::unique_ptr<orc::ExecutorProcessControl> process, Symbols symbols)
      : symbols_(symbols), session_(std::move(process)), layer_(session_) {
    session_.setErrorReporter([this](llvm::Error error) { reported_ += llvm::toString(std::move(error)) + "; "; });
    layer_.addPlugin(std::make_shared<orc::EHFrameRegistrationPlugin>(
        session_, std::make_unique<jitlink::InProcessEHFrameRegistrar>()));
    layer_.addPlugin(std::make_shared<UnitPlugin>(linking_));
  }

  ~OrcEngine() override {
    // Units are gone, so there is nothing left that could fail to be freed.
    llvm::consumeError(session_.endSession());
  }
  OrcEngine(const OrcEngine&) = delete;
  OrcEngine& operator=(const OrcEngine&) = delete;

  Result<std::unique_ptr<Unit>> load(std::span<const std::byte> object, std::string_view name, Trust trust,
                                     const std::string& init_symbol) override {
    auto unit = std::make_unique<OrcUnit>(*this, std::string(name));
    if (auto linked = link(*unit, object, trust); !linked) return refuse(name, linked.error());
    // Without the lock: user code runs here.
    if (auto initialised = initialise(*unit, init_symbol); !initialised) return refuse(name, initialised.error());
    return unit;
  }

  void remove(orc::JITDylib& dylib) noexcept {
    const std::lock_guard lock(mutex_);
    // Fails only where a plugin or the memory manager fails to free: ours do not, and munmap of our own maps.
    llvm::consumeError(session_.removeJITDylib(dylib));
    session_.getSymbolStringPool()->clearDeadEntries();
  }

 private:
  Result<void> link(OrcUnit& unit, std::span<const std::byte> object, Trust trust) {
    auto buffer = llvm::MemoryBuffer::getMemBufferCopy(
        llvm::StringRef(reinterpret_cast<const char*>(object.data()), object.size()), unit.name_);
    auto contents = inspect(buffer->getMemBufferRef());
    if (!contents) return std::unexpected(std::move(contents.error()));
    auto outside = resolve(*contents, trust);
    if (!outside) return std::unexpected(std::move(outside.error()));

    const std::lock_guard lock(mutex_);
    unit.dylib_ = &session_.createBareJITDylib(unit.name_ + "#" + std::to_string(++units_));
    linking_ = {&unit.lifetime_, 0};
    reported_.clear();
    if (auto error = materialise(unit, *outside, std::move(buffer)); error) {
      const std::string summary = llvm::toString(std::move(error));  // what was reported says more
      if (!reported_.empty()) reported_.resize(reported_.size() - 2);
      return fail(ErrorCode::invalid, "cannot be linked: " + (reported_.empty() ? summary : reported_));
    }
    unit.bytes_ = linking_.bytes;
    return {};
  }

  // Links everything now: nothing is left to happen at the first look-up.
  llvm::Error materialise(OrcUnit& unit, const std::map<std::string, void*>& outside,
                          std::unique_ptr<llvm::MemoryBuffer> buffer) {
    orc::SymbolMap symbols;
    for (const auto& [name, address] : outside) {
      symbols[session_.intern(name)] = {orc::ExecutorAddr::fromPtr(address), llvm::JITSymbolFlags::Exported};
    }
    if (auto error = unit.dylib_->define(orc::absoluteSymbols(std::move(symbols)))) return error;

    auto interface = orc::getObjectFileInterface(session_, buffer->getMemBufferRef());
    if (!interface) return interface.takeError();
    orc::SymbolLookupSet exported;
    for (const auto& entry : interface->SymbolFlags) exported.add(entry.first);
    if (auto error = layer_.add(unit.dylib_->getDefaultResourceTracker(), std::move(buffer), std::move(*interface))) {
      return error;
    }
    auto found = session_.lookup({{unit.dylib_, orc::JITDylibLookupFlags::MatchAllSymbols}}, std::move(exported));
    if (!found) return found.takeError();
    for (const auto& [name, definition] : *found) {
      unit.addresses_.emplace((*name).str(), definition.getAddress().toPtr<void*>());
    }
    return llvm::Error::success();
  }

  Result<std::map<std::string, void*>> resolve(const ObjectSymbols& object, Trust trust) const {
    std::vector<std::string> taken;
    std::ranges::copy_if(object.defined, std::back_inserter(taken), Symbols::reserved);
    if (!taken.empty()) return fail(ErrorCode::invalid, "defines " + quoted(taken) + ", which is the host's own");

    std::map<std::string, void*> found;
    std::vector<std::string> forbidden;
    std::vector<std::string> missing;
    for (const std::string& name : object.wanted) {
      if (void* address = symbols_.find(name, trust); address != nullptr) {
        found.emplace(name, address);
      } else {
        (Symbols::exists(name) ? forbidden : missing).push_back(name);
      }
    }
    for (const std::string& name : object.wanted_weakly) {
      if (void* address = symbols_.find(name, trust); address != nullptr) found.emplace(name, address);
    }
    std::string message;
    if (!forbidden.empty()) message = "uses " + quoted(forbidden) + ", which subscriptions may not call";
    if (!missing.empty()) {
      message += (message.empty() ? "" : "; ") + ("uses " + quoted(missing)) + ", which is not defined anywhere";
    }
    if (!message.empty()) return fail(ErrorCode::invalid, message);
    return found;
  }

  static Result<void> initialise(const OrcUnit& unit, const std::string& init_symbol) {
    if (init_symbol.empty()) return {};
    const auto found = unit.addresses_.find(init_symbol);
    if (found == unit.addresses_.end()) {
      return fail(ErrorCode::internal, "its initialisation function '" + init_symbol + "' is missing");
    }
    try {
      reinterpret_cast<void (*)()>(found->second)();
      return {};
    } catch (const std::exception& exception) {
      return fail(ErrorCode::invalid, std::string("a static constructor threw an exception: ") + exception.what());
    } catch (...) {
      return fail(ErrorCode::invalid, "a static constructor threw an exception");
    }
  }

  const Symbols symbols_;
  std::mutex mutex_;      // of all that follows
  Linking linking_;       // ORC links within the look-up, on its thread
  std::string reported_;  // errors of the link in progress
  std::uint64_t units_ = 0;
  orc::ExecutionSession session_;
  orc::ObjectLinkingLayer layer_;
};

OrcUnit::~OrcUnit() {
  lifetime_.end();
  if (dylib_ != nullptr) engine_.remove(*dylib_);
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create() {
  auto symbols = Symbols::open();
  if (!symbols) return std::unexpected(std::move(symbols.error()));
  auto process = orc::SelfExecutorProcessControl::Create(nullptr, std::make_unique<orc::InPlaceTaskDispatcher>());
  if (!process) return fail(ErrorCode::unavailable, "cannot link code: " + llvm::toString(process.takeError()));
  return std::make_unique<OrcEngine>(std::move(*process), *symbols);
}

}  // namespace iris::engine
