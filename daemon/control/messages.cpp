#include "daemon/control/messages.hpp"

#include "proto/utf8.hpp"

namespace iris::control {

using proto::to_utf8;

void fill(v1::Added& message, const Added& added) {
  message.set_name(to_utf8(added.name));
  message.set_id(added.id);
  message.set_epoch(added.epoch);
  for (const auto& [name, milliseconds] : added.stages) {
    v1::Stage& stage = *message.add_stages();
    stage.set_name(name);
    stage.set_milliseconds(milliseconds);
  }
  message.set_total_milliseconds(added.total_ms);
  message.set_warnings(to_utf8(added.warnings));
}

void fill(v1::Subscription& message, const SubscriptionInfo& info) {
  message.set_name(to_utf8(info.name));
  message.set_id(info.id);
  message.set_epoch(info.epoch);
  message.mutable_added()->set_seconds(static_cast<std::int64_t>(info.added.nanoseconds / 1'000'000'000U));
  message.mutable_added()->set_nanos(static_cast<std::int32_t>(info.added.nanoseconds % 1'000'000'000U));
  message.mutable_source()->set_name(to_utf8(info.source_name));
  message.mutable_source()->set_text(info.source_text);
  for (const CallbackInfo& from : info.callbacks) {
    v1::Callback& callback = *message.add_callbacks();
    callback.set_name(to_utf8(from.name));
    callback.set_filter(to_utf8(from.filter));
    callback.set_event(to_utf8(from.event));
    callback.set_matched(from.matched);
    callback.set_calls(from.calls);
  }
  message.set_emitted(info.emitted);
  message.set_dropped(info.dropped);
}

void fill(v1::StatusResponse& message, const Status& status) {
  message.set_version(to_utf8(status.version));
  message.set_uptime_seconds(status.uptime_seconds);
  message.set_epoch(status.epoch);
  message.set_subscriptions(status.subscriptions);
  message.set_retiring(status.retiring);
  for (const PortInfo& from : status.ports) {
    v1::Port& port = *message.add_ports();
    port.set_name(to_utf8(from.name));
    port.set_packets(from.packets);
    port.set_bytes(from.bytes);
    port.set_missed(from.missed);
  }
  for (const WorkerInfo& from : status.workers) {
    v1::Worker& worker = *message.add_workers();
    worker.set_lcore(from.lcore);
    worker.set_epoch(from.epoch);
    worker.set_packets(from.packets);
    worker.set_bytes(from.bytes);
    worker.set_undecoded(from.undecoded);
    worker.set_connections_begun(from.connections_begun);
    worker.set_connections_ended(from.connections_ended);
    worker.set_connections_live(from.connections_live);
    worker.set_table_full(from.table_full);
  }
}

}  // namespace iris::control
