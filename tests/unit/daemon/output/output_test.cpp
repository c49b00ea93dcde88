#include "daemon/output/output.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "tests/unit/daemon/output/layouts.hpp"

namespace iris::output {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using namespace std::chrono_literals;

struct Number {
  std::uint64_t n;
};
std::vector<abi::Row> number_row() { return {{"Number", structure(8, {member("n", 0, integer<std::uint64_t>())})}}; }

struct Text {
  std::string_view text;
};
std::vector<abi::Row> text_row() {
  return {{"Text", structure(16, {member("text", 0, value(ValueKind::text_view, 16))})}};
}

// Keeps what it is given; takes at most `room` lines.
class Collector final : public Sink {
 public:
  explicit Collector(std::vector<std::string>& lines, std::size_t room = SIZE_MAX) : lines_(lines), room_(room) {}
  std::size_t write(const Batch& batch) override {
    const std::size_t taken = std::min(batch.ends.size(), room_);
    room_ -= taken;
    for (std::size_t i = 0; i < taken; ++i) lines_.emplace_back(batch.line(i));
    return taken;
  }
  void cancel() noexcept override {}
  std::optional<Error> failure() const override { return std::nullopt; }

 private:
  std::vector<std::string>& lines_;
  std::size_t room_;
};

void emit_number(abi::EmitSink& worker, std::uint32_t id, std::uint64_t n) {
  const Number row{n};
  worker.emit(id, 0, &row, Timestamp{n});
}

std::vector<std::uint64_t> numbers(const std::vector<std::string>& lines) {
  std::vector<std::uint64_t> result;
  for (const auto& line : lines) result.push_back(json::parse(line)["data"]["n"]);
  return result;
}

class OutputTest : public testing::Test {
 protected:
  void make(OutputOptions options, std::size_t room = SIZE_MAX) {
    output = std::make_unique<Output>(options);
    output->add_sink(std::make_unique<Collector>(lines, room));
    ASSERT_TRUE(output->register_subscription(1, "one", number_row()));
    ASSERT_TRUE(output->register_subscription(2, "two", text_row()));
  }

  std::vector<std::string> lines;
  std::unique_ptr<Output> output;
};

TEST_F(OutputTest, ALineSaysWhenWhoAndWhat) {
  make({});
  emit_number(output->worker(0), 1, 1'000'000'007);
  EXPECT_TRUE(lines.empty());  // nothing leaves on the worker's thread
  EXPECT_EQ(output->drain(), 1U);
  EXPECT_THAT(lines, ElementsAre(R"({"ts":"1970-01-01T00:00:01.000000007Z","subscription":"one","record":"Number",)"
                                 R"("data":{"n":1000000007}})"));
  EXPECT_EQ(output->drain(), 0U);
  EXPECT_EQ(output->counters(1)->emitted, 1U);
  EXPECT_EQ(output->counters(2)->emitted, 0U);
}

TEST_F(OutputTest, ALineSaysThatItsWorkerWasShortOfMemory) {
  make({.workers = 2});
  abi::EmitSink& worker = output->worker(0);
  worker.degraded = true;
  emit_number(worker, 1, 1);
  worker.degraded = false;
  emit_number(worker, 1, 2);
  output->worker(1).degraded = true;
  emit_number(worker, 1, 3);
  output->drain();
  const auto line = [](int n, const char* degraded) {
    return R"({"ts":"1970-01-01T00:00:00.00000000)" + std::to_string(n) +
           R"(Z","subscription":"one","record":"Number",)" + degraded + R"("data":{"n":)" + std::to_string(n) + "}}";
  };
  EXPECT_THAT(lines, ElementsAre(line(1, R"("degraded":true,)"), line(2, ""), line(3, "")));
}

TEST_F(OutputTest, LiveFullRingDropsAndCounts) {
  make({});
  constexpr std::uint64_t emitted = 200'000;  // more than 4 MiB
  for (std::uint64_t i = 0; i < emitted; ++i) emit_number(output->worker(0), 1, i);
  output->drain();
  const auto counters = *output->counters(1);
  EXPECT_GT(counters.dropped, 0U);
  EXPECT_EQ(counters.emitted + counters.dropped, emitted);
  EXPECT_EQ(lines.size(), counters.emitted);
  EXPECT_EQ(numbers(lines).back(), counters.emitted - 1);  // the oldest are kept, in order
  EXPECT_EQ(output->counters(2)->dropped, 0U);
}

TEST_F(OutputTest, SynchronousNeverDrops) {
  make({.workers = 1, .ring_bytes = 1, .mode = Mode::synchronous});
  constexpr std::uint64_t emitted = 50'000;
  for (std::uint64_t i = 0; i < emitted; ++i) emit_number(output->worker(0), 1, i);
  output->stop();
  EXPECT_EQ(output->counters(1)->dropped, 0U);
  const auto got = numbers(lines);
  ASSERT_EQ(got.size(), emitted);
  for (std::uint64_t i = 0; i < emitted; ++i) ASSERT_EQ(got[i], i);
}

TEST_F(OutputTest, SynchronousWorkersDrainForEachOther) {
  make({.workers = 3, .ring_bytes = 1, .mode = Mode::synchronous});
  constexpr std::uint64_t emitted = 20'000;
  std::vector<std::thread> threads;
  for (std::uint64_t worker = 0; worker < 3; ++worker) {
    threads.emplace_back([&, worker] {
      for (std::uint64_t i = 0; i < emitted; ++i) emit_number(output->worker(worker), 1, worker * emitted + i);
    });
  }
  for (auto& thread : threads) thread.join();
  output->stop();
  std::uint64_t next[3] = {};
  for (const std::uint64_t n : numbers(lines)) ASSERT_EQ(n % emitted, next[n / emitted]++);
  EXPECT_EQ(output->counters(1)->emitted, 3 * emitted);
}

TEST_F(OutputTest, LiveThreadDeliversInOrder) {
  make({.workers = 2});
  output->start();
  std::vector<std::thread> threads;
  for (std::uint64_t worker = 0; worker < 2; ++worker) {
    threads.emplace_back([&, worker] {
      for (std::uint64_t i = 0; i < 10'000; ++i) emit_number(output->worker(worker), 1, worker * 10'000 + i);
    });
  }
  for (auto& thread : threads) thread.join();
  output->stop();
  output->stop();
  EXPECT_EQ(output->counters(1)->emitted + output->counters(1)->dropped, 20'000U);
  EXPECT_EQ(lines.size(), output->counters(1)->emitted);
  std::uint64_t last[2] = {};
  for (const std::uint64_t n : numbers(lines)) {
    ASSERT_GE(n + 1, last[n / 10'000]);
    last[n / 10'000] = n + 1;
  }
}

TEST_F(OutputTest, EventsThatAreTooLargeOrUnknownAreCounted) {
  make({});
  const std::string large(max_event_bytes, 'x');
  const Text row{large};
  output->worker(0).emit(2, 0, &row, {});
  output->worker(0).emit(2, 7, &row, {});            // no such row
  output->worker(0).emit(2, 0xffffffffU, &row, {});  // a row that the front end never numbered
  output->worker(0).emit(9, 0, &row, {});            // no such subscription
  output->worker(0).emit(0xffffffffU, 0, &row, {});
  output->drain();
  EXPECT_TRUE(lines.empty());
  EXPECT_EQ(output->counters(2)->dropped, 3U);
  EXPECT_EQ(output->counters(9), std::nullopt);
}

TEST_F(OutputTest, WhatASinkRefusesIsDropped) {
  make({}, 2);
  for (std::uint64_t i = 0; i < 5; ++i) emit_number(output->worker(0), 1, i);
  output->drain();
  EXPECT_EQ(output->counters(1)->emitted, 2U);
  EXPECT_EQ(output->counters(1)->dropped, 3U);
}

TEST_F(OutputTest, RefusesLayoutsThatCannotBe) {
  make({});
  const auto result = output->register_subscription(3, "three", {{"Odd", integer<int>()}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::invalid);
  EXPECT_EQ(output->counters(3), std::nullopt);
  EXPECT_EQ(output->register_subscription(ChannelTable::limit, "far", std::vector<abi::Row>{}).error().code,
            ErrorCode::exhausted);
}

TEST_F(OutputTest, RetireDeliversWhatIsStillInRings) {
  make({.workers = 2});
  emit_number(output->worker(1), 1, 5);
  output->retire(1);
  EXPECT_EQ(output->counters(1), std::nullopt);
  emit_number(output->worker(0), 1, 6);  // too late: nobody is there to count it
  ASSERT_TRUE(output->register_subscription(1, "again", number_row()));
  emit_number(output->worker(0), 1, 7);
  output->drain();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(json::parse(lines[0])["subscription"], "again");  // worker 0 is drained first
  EXPECT_EQ(json::parse(lines[1])["subscription"], "one");
  EXPECT_EQ(output->counters(1)->emitted, 1U);
  output->retire(77);  // nothing happens
}

TEST_F(OutputTest, RegisterAndRetireWhileOthersEmit) {
  make({});
  output->start();
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    for (std::uint64_t i = 0; !stop; ++i) emit_number(output->worker(0), 1, i);
  });
  for (std::uint32_t id = 100; id < 600; ++id) {
    ASSERT_TRUE(output->register_subscription(id, "passing", number_row()));
    static_cast<void>(output->counters(1));
    output->retire(id);
  }
  stop = true;
  worker.join();
  output->stop();
}

TEST_F(OutputTest, TailGetsItsSubscriptionOnly) {
  make({});
  emit_number(output->worker(0), 1, 1);
  output->drain();
  const auto tail = *output->tail(1);
  const Text text{"hello"};
  output->worker(0).emit(2, 0, &text, {});
  emit_number(output->worker(0), 1, 2);
  output->drain();
  const auto next = tail->next(0ms);
  ASSERT_TRUE(next.line);
  EXPECT_EQ(numbers({*next.line}).front(), 2U);
  EXPECT_FALSE(tail->next(0ms).line);
  EXPECT_EQ(output->tail(9).error().code, ErrorCode::not_found);
}

TEST_F(OutputTest, TailWorksWithoutSinks) {
  Output bare({});
  ASSERT_TRUE(bare.register_subscription(1, "one", number_row()));
  emit_number(bare.worker(0), 1, 1);
  bare.drain();
  EXPECT_EQ(bare.counters(1)->emitted, 1U);
  auto tail = *bare.tail(1);
  emit_number(bare.worker(0), 1, 2);
  bare.drain();
  EXPECT_TRUE(tail->next(0ms).line);
  tail.reset();  // the client went away
  emit_number(bare.worker(0), 1, 3);
  bare.drain();
  EXPECT_EQ(bare.counters(1)->emitted, 3U);
}

TEST_F(OutputTest, TailEndsAfterTheLastEventOfARetiredSubscription) {
  make({});
  const auto tail = *output->tail(1);
  emit_number(output->worker(0), 1, 1);
  output->retire(1);
  EXPECT_EQ(tail->next(0ms).end, TailEnd::none);
  output->drain();
  EXPECT_TRUE(tail->next(0ms).line);
  EXPECT_EQ(tail->next(0ms).end, TailEnd::removed);
}

TEST_F(OutputTest, TailEndsWhenTheOutputStops) {
  make({});
  const auto tail = *output->tail(1);
  output->stop();
  EXPECT_EQ(tail->next(0ms).end, TailEnd::stopped);
  EXPECT_EQ(output->tail(1).error().code, ErrorCode::unavailable);
}

TEST(Tail, SlowReadersAreToldWhatTheyLost) {
  Tail tail(10);
  tail.push("12345");
  tail.push("67890");
  tail.push("lost");
  tail.push("lost");
  EXPECT_EQ(tail.next(0ms).line, "12345");
  tail.push("after");
  EXPECT_EQ(tail.next(0ms).line, "67890");
  const auto after = tail.next(0ms);
  EXPECT_EQ(after.line, "after");
  EXPECT_EQ(after.lost, 2U);
  EXPECT_EQ(tail.next(0ms).lost, 0U);
}

TEST(Tail, LossesAreToldEvenWhenNothingFollows) {
  Tail tail(1);
  tail.push("too long");
  const auto next = tail.next(0ms);
  EXPECT_EQ(next.lost, 1U);
  EXPECT_FALSE(next.line);
  tail.push("too long");
  tail.end(TailEnd::removed);
  tail.push("too late");
  const auto last = tail.next(0ms);
  EXPECT_EQ(last.lost, 1U);
  EXPECT_EQ(last.end, TailEnd::removed);
}

}  // namespace
}  // namespace iris::output
