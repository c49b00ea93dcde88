#include "daemon/control/service.hpp"

#include <fmt/format.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/sync_stream.h>
#include <iris/v1/control.grpc.pb.h>

#include <atomic>
#include <chrono>

#include "daemon/control/fields.hpp"
#include "daemon/control/messages.hpp"
#include "daemon/control/records.hpp"
#include "daemon/control/status.hpp"
#include "proto/utf8.hpp"

namespace iris::control {
namespace {

// How soon a tail notices that its client is gone, or that the daemon stops, when there are no events.
constexpr std::chrono::milliseconds tail_patience{100};

// Counts one tail while it lives.
class TailSeat {
 public:
  explicit TailSeat(std::atomic<unsigned>& taken) : taken_(taken), number_(taken.fetch_add(1)) {}
  TailSeat(const TailSeat&) = delete;
  TailSeat& operator=(const TailSeat&) = delete;
  ~TailSeat() { taken_.fetch_sub(1); }

  [[nodiscard]] bool valid() const { return number_ < max_tails; }

 private:
  std::atomic<unsigned>& taken_;
  const unsigned number_;
};

using Files = google::protobuf::RepeatedPtrField<v1::File>;

// The source with the files that its filters, or filters that narrow it, name.
Result<jit::Source> with_files(Result<jit::Source> source, const Files& files) {
  if (!source) return source;
  std::size_t bytes = 0;
  for (const v1::File& file : files) {
    bytes += file.content().size();
    source->files.push_back({file.name(), file.content(), file.failure()});
  }
  if (source->files.size() > filter::max_files || bytes > filter::max_file_bytes) {
    return fail(ErrorCode::exhausted,
                fmt::format("{} files with {} bytes: of one subscription at most {} with {} bytes are taken",
                            source->files.size(), bytes, filter::max_files, filter::max_file_bytes));
  }
  return source;
}

Result<jit::Source> to_source(const v1::Source& message) {
  if (message.text().size() > max_source_bytes) {
    return fail(ErrorCode::exhausted, fmt::format("{} has {} bytes, and a source may have at most {}", message.name(),
                                                  message.text().size(), max_source_bytes));
  }
  jit::Source source{message.name().empty() ? "source.cpp" : message.name(), message.text()};
  return with_files(std::move(source), message.files());
}

Result<jit::Source> to_source(const google::protobuf::RepeatedPtrField<std::string>& records) {
  const std::vector<std::string> names(records.begin(), records.end());
  return source_of(names);
}

// A refused source is an answer, in full; other errors fail the call.
template <class Response>
grpc::Status refuse(Response& response, const Error& error) {
  if (error.code != ErrorCode::invalid) return to_status(error);
  response.mutable_refused()->set_diagnostics(proto::to_utf8(error.message));
  return grpc::Status::OK;
}

}  // namespace

class Service::Implementation final : public v1::Control::Service {
 public:
  Implementation(Subscriptions& subscriptions, output::Output& output)
      : subscriptions_(subscriptions), output_(output) {}

  void stop() { stopping_ = true; }

  grpc::Status Add(grpc::ServerContext* /*context*/, const v1::AddRequest* request,
                   v1::AddResponse* response) override {
    const bool records = !request->records().empty();
    if (records ? request->has_source() : !request->filter().empty()) {
      return to_status({ErrorCode::invalid, "a filter is for records, and records take the place of a source"});
    }
    const auto source =
        records ? with_files(to_source(request->records()), request->files()) : to_source(request->source());
    if (!source) return refuse(*response, source.error());
    const auto added = subscriptions_.add(request->name(), *source, request->filter());
    if (!added) return refuse(*response, added.error());
    fill(*response->mutable_added(), *added);
    return grpc::Status::OK;
  }

  grpc::Status AddBatch(grpc::ServerContext* /*context*/, const v1::AddBatchRequest* request,
                        v1::AddBatchResponse* response) override {
    if (request->records().empty()) return to_status({ErrorCode::invalid, "a batch needs to be told which records"});
    const auto source = with_files(to_source(request->records()), request->files());
    if (!source) return refuse(*response, source.error());
    std::vector<Narrowed> batch;
    batch.reserve(static_cast<std::size_t>(request->filters_size()));
    for (const auto& each : request->filters()) batch.push_back({each.name(), each.filter(), each.where()});
    const auto added = subscriptions_.add_batch(*source, batch);
    if (!added) return refuse(*response, added.error());
    fill(*response->mutable_added(), *added, batch.size());
    return grpc::Status::OK;
  }

  grpc::Status Check(grpc::ServerContext* /*context*/, const v1::CheckRequest* request,
                     v1::CheckResponse* response) override {
    const auto source = to_source(request->source());
    if (!source) return to_status(source.error());
    const auto warnings = subscriptions_.check(*source);
    if (!warnings) return refuse(*response, warnings.error());
    response->mutable_accepted()->set_warnings(proto::to_utf8(*warnings));
    return grpc::Status::OK;
  }

  grpc::Status List(grpc::ServerContext* /*context*/, const v1::ListRequest* /*request*/,
                    v1::ListResponse* response) override {
    for (const auto& info : subscriptions_.list()) fill(*response->add_subscriptions(), info);
    return grpc::Status::OK;
  }

  grpc::Status Show(grpc::ServerContext* /*context*/, const v1::ShowRequest* request,
                    v1::ShowResponse* response) override {
    const auto info = subscriptions_.show(request->name());
    if (!info) return to_status(info.error());
    fill(*response->mutable_subscription(), *info);
    return grpc::Status::OK;
  }

  grpc::Status Explain(grpc::ServerContext* /*context*/, const v1::ExplainRequest* request,
                       v1::ExplainResponse* response) override {
    const auto plan = subscriptions_.explain(request->name());
    if (!plan) return to_status(plan.error());
    fill(*response, *plan);
    return grpc::Status::OK;
  }

  grpc::Status Remove(grpc::ServerContext* /*context*/, const v1::RemoveRequest* request,
                      v1::RemoveResponse* response) override {
    if (request->pattern().empty()) {
      const auto removed = subscriptions_.remove(request->name());
      return removed ? grpc::Status::OK : to_status(removed.error());
    }
    if (!request->name().empty())
      return to_status({ErrorCode::invalid, "either a name or a pattern says what to remove"});
    const auto removed = subscriptions_.remove_matching(request->pattern());
    if (!removed) return to_status(removed.error());
    for (const std::string& name : *removed) response->add_removed(proto::to_utf8(name));
    return grpc::Status::OK;
  }

  grpc::Status Tail(grpc::ServerContext* context, const v1::TailRequest* request,
                    grpc::ServerWriter<v1::TailResponse>* writer) override {
    const TailSeat seat(tails_);
    if (!seat.valid()) {
      return to_status(
          {ErrorCode::exhausted, fmt::format("{} tails are running, which is as many as may: end one", max_tails)});
    }
    const auto info = subscriptions_.show(request->name());
    if (!info) return to_status(info.error());
    const auto tail = output_.tail(info->id);
    if (!tail) return to_status({tail.error().code, fmt::format("{}: {}", request->name(), tail.error().message)});
    writer->SendInitialMetadata();
    return follow(**tail, *context, *writer);
  }

  grpc::Status Status(grpc::ServerContext* /*context*/, const v1::StatusRequest* /*request*/,
                      v1::StatusResponse* response) override {
    fill(*response, subscriptions_.status());
    return grpc::Status::OK;
  }

  grpc::Status Fields(grpc::ServerContext* /*context*/, const v1::FieldsRequest* request,
                      v1::FieldsResponse* response) override {
    const auto protocols = protocols_named(request->protocol());
    if (!protocols) return to_status(protocols.error());
    for (const parsers::Protocol* protocol : *protocols) fill(*response->add_protocols(), *protocol);
    return grpc::Status::OK;
  }

 private:
  grpc::Status follow(output::Tail& tail, const grpc::ServerContext& context,
                      grpc::ServerWriter<v1::TailResponse>& writer) const {
    const auto send = [&](auto&& set) {
      v1::TailResponse response;
      set(response);
      return writer.Write(response);
    };
    while (!context.IsCancelled() && !stopping_) {
      auto next = tail.next(tail_patience);
      if (next.lost != 0 && !send([&](auto& response) { response.set_lost(next.lost); })) break;
      if (next.line && !send([&](auto& response) { response.set_line(*std::move(next.line)); })) break;
      if (next.end == output::TailEnd::removed) return grpc::Status::OK;
      if (next.end == output::TailEnd::stopped) break;
    }
    if (context.IsCancelled()) return grpc::Status::CANCELLED;
    return to_status({ErrorCode::unavailable, "irisd is stopping"});
  }

  Subscriptions& subscriptions_;
  output::Output& output_;
  std::atomic<bool> stopping_{false};
  std::atomic<unsigned> tails_{0};
};

Service::Service(Subscriptions& subscriptions, output::Output& output)
    : implementation_(std::make_unique<Implementation>(subscriptions, output)) {}

Service::~Service() = default;

grpc::Service& Service::implementation() { return *implementation_; }

void Service::stop() { implementation_->stop(); }

}  // namespace iris::control
