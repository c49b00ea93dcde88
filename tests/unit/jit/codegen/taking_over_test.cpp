// What a dispatch takes over of those before it, and for how long that is kept.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "jit/codegen/dispatch.hpp"

namespace iris::codegen {
namespace {

using filter::Operator;

const parsers::Field& field(std::string_view protocol, std::string_view name) {
  return *std::ranges::find(parsers::find_protocol(protocol)->fields, name, &parsers::Field::name);
}

std::uint32_t tls_number() { return parsers::protocol_number("tls"); }

class TakingOver : public testing::Test {
 protected:
  void SetUp() override {
    auto created = engine::Engine::create();
    ASSERT_TRUE(created) << created.error().message;
    engine_ = std::move(*created);
    compiler_ = std::make_unique<DispatchCompiler>(*engine_);
  }

  std::shared_ptr<const Dispatch> compile(const std::vector<FamilyShape>& shapes) {
    auto dispatch = compiler_->compile(shapes);
    if (!dispatch) ADD_FAILURE() << dispatch.error().message;
    return dispatch ? *dispatch : nullptr;
  }

  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<DispatchCompiler> compiler_;
};

TEST_F(TakingOver, FunctionsWhoseFamiliesStayAreTakenOver) {
  const FamilyShape port{&field("tcp", "port"), Operator::one_of};
  const FamilyShape sni{&field("tls", "sni"), Operator::one_of};
  const auto first = compile({port, sni});
  const auto more = compile({port, sni, {&field("tls", "sni"), Operator::contains}, {}, port});
  EXPECT_EQ(more->protocol, nullptr);
  EXPECT_NE(more->tuple, first->tuple) << "it has another family";
  EXPECT_NE(more->session[tls_number()], first->session[tls_number()]) << "it has another family";
  const auto fewer = compile({port, {}});
  EXPECT_EQ(fewer->tuple, first->tuple);
  EXPECT_EQ(fewer->session[tls_number()], nullptr);
  EXPECT_EQ(compile({port, sni})->session[tls_number()], first->session[tls_number()]);
  EXPECT_NE(compile({sni, port})->tuple, first->tuple) << "it is at another position";
}

TEST_F(TakingOver, FunctionsThatNobodyHoldsAreKeptAWhile) {
  const FamilyShape port{&field("tcp", "port"), Operator::one_of};
  const std::weak_ptr<const engine::Unit> unit = compile({port})->code.front();
  EXPECT_FALSE(unit.expired());
  const auto again = compile({port});
  EXPECT_EQ(again->code.front(), unit.lock());
  for (std::size_t position = 1; position <= 32; ++position) {
    std::vector<FamilyShape> others(position);
    others.push_back(port);
    ASSERT_NE(compile(others), nullptr);
  }
  EXPECT_EQ(unit.use_count(), 1) << "`again` alone";
}

// What is used for one of a dispatch's functions does not give up what another needs.
TEST_F(TakingOver, FunctionsThatAreAboutToBeGivenUpCanBeTakenOver) {
  const FamilyShape port{&field("tcp", "port"), Operator::one_of};
  const FamilyShape sni{&field("tls", "sni"), Operator::one_of};
  (void)compile({{}, sni});
  (void)compile({port});
  for (std::size_t position = 1; position <= 30; ++position) {
    std::vector<FamilyShape> others(position);
    others.push_back(port);
    (void)compile(others);
  }
  const auto both = compile({port, sni, {&parsers::service_field, Operator::one_of}});
  EXPECT_NE(both->tuple, nullptr);
  EXPECT_NE(both->session[tls_number()], nullptr);
}

TEST_F(TakingOver, FunctionsThatAreMissingAreOneUnit) {
  const FamilyShape port{&field("tcp", "port"), Operator::one_of};
  const FamilyShape sni{&field("tls", "sni"), Operator::one_of};
  const auto both = compile({port, sni});
  EXPECT_EQ(both->code.size(), 1U);
  const auto more = compile({port, sni, {&parsers::service_field, Operator::one_of}});
  EXPECT_EQ(more->code.size(), 2U);
  EXPECT_EQ(more->tuple, both->tuple);
}

}  // namespace
}  // namespace iris::codegen
