#include "daemon/control/messages.hpp"

#include "proto/utf8.hpp"

namespace iris::control {

using proto::to_utf8;

namespace {

void fill(google::protobuf::Timestamp& message, Timestamp time) {
  message.set_seconds(static_cast<std::int64_t>(time.nanoseconds / 1'000'000'000U));
  message.set_nanos(static_cast<std::int32_t>(time.nanoseconds % 1'000'000'000U));
}

void fill(v1::Worker::Undecoded& message, const UndecodedInfo& info) {
  message.set_not_ip(info.not_ip);
  message.set_other_transport(info.other_transport);
  message.set_truncated(info.truncated);
  message.set_malformed(info.malformed);
}

void fill(v1::Worker& message, const ConnectionsInfo& info) {
  message.set_connections_begun(info.begun);
  message.set_connections_ended(info.ended);
  message.set_connections_live(info.live);
  message.set_table_full(info.evicted_half_open + info.evicted);
  message.set_connections_evicted_half_open(info.evicted_half_open);
  message.set_connections_evicted(info.evicted);
  message.set_connections_unobserved(info.unobserved);
  message.set_stray_resets(info.stray_resets);
  message.set_packets_filtered(info.filtered);
  message.set_midstream_ignored(info.midstream_ignored);
}

void fill(v1::Worker::Fragments& message, const FragmentsInfo& info) {
  message.set_fragments(info.fragments);
  message.set_datagrams(info.datagrams);
  message.set_cut_off(info.cut_off);
  message.set_expired(info.expired);
  message.set_evicted(info.evicted);
  message.set_overlapping(info.overlapping);
  message.set_malformed(info.malformed);
  message.set_duplicates(info.duplicates);
  message.set_lost(info.lost);
}

void fill(v1::Worker::Reassembly& message, const ReassemblyInfo& info) {
  message.set_held_packets(info.held_packets);
  message.set_copied_bytes(info.copied_bytes);
  message.set_dropped_segments(info.dropped_segments);
  message.set_inconsistent_bytes(info.inconsistent_bytes);
  v1::Worker::Gaps& gaps = *message.mutable_gaps();
  gaps.set_time(info.gaps.time);
  gaps.set_packets(info.gaps.packets);
  gaps.set_bytes(info.gaps.bytes);
  gaps.set_pool(info.gaps.pool);
  gaps.set_jump(info.gaps.jump);
  gaps.set_end(info.gaps.end);
  gaps.set_cut(info.gaps.cut);
}

void fill(v1::Worker::MemoryUse& message, const MemoryInfo& info) {
  message.set_used(info.used);
  message.set_reserved(info.reserved);
  message.set_refused(info.refused);
}

void fill(v1::Worker::Memory& message, const WorkerMemoryInfo& info) {
  fill(*message.mutable_table(), info.table);
  fill(*message.mutable_cold(), info.cold);
  fill(*message.mutable_arenas(), info.arenas);
  fill(*message.mutable_blocks(), info.blocks);
  fill(*message.mutable_copies(), info.copies);
}

v1::Worker::Pressure::Level level_of(PressureInfo pressure) {
  switch (pressure) {
    case PressureInfo::none:
      return v1::Worker::Pressure::NONE;
    case PressureInfo::low:
      return v1::Worker::Pressure::LOW;
    case PressureInfo::critical:
      return v1::Worker::Pressure::CRITICAL;
  }
  return v1::Worker::Pressure::UNSPECIFIED;
}

void fill(v1::Worker::Pressure& message, const WorkerPressureInfo& info) {
  message.set_now(level_of(info.now));
  if (info.since != Timestamp{}) fill(*message.mutable_since(), info.since);
  message.set_low(info.low);
  message.set_critical(info.critical);
}

void fill(v1::Worker& message, const WorkerInfo& info) {
  message.set_lcore(info.lcore);
  message.set_epoch(info.epoch);
  message.set_packets(info.packets);
  message.set_bytes(info.bytes);
  message.set_undecoded(info.undecoded);
  fill(*message.mutable_undecoded_by_reason(), info.undecoded_by_reason);
  fill(message, info.connections);
  fill(*message.mutable_fragments(), info.fragments);
  fill(*message.mutable_reassembly(), info.reassembly);
  message.mutable_hand_over()->set_sent(info.hand_over.sent);
  message.mutable_hand_over()->set_lost(info.hand_over.lost);
  fill(*message.mutable_memory(), info.memory);
  fill(*message.mutable_pressure(), info.pressure);
}

template <class Message>
void fill_stages(Message& message, const jit::Stages& stages) {
  for (const auto& [name, milliseconds] : stages) {
    v1::Stage& stage = *message.add_stages();
    stage.set_name(name);
    stage.set_milliseconds(milliseconds);
  }
}

void fill(v1::PlanNode& message, const PlanNodeInfo& info) {
  message.set_depth(info.depth);
  message.set_literal(to_utf8(info.literal));
  message.set_direct(info.direct);
  message.set_reached(info.reached);
  message.set_share(info.share);
  message.set_filters(info.filters);
  for (const std::string& name : info.shared_with) message.add_shared_with(to_utf8(name));
  for (const PlanCallbackInfo& from : info.callbacks) {
    v1::PlanCallback& callback = *message.add_callbacks();
    callback.set_name(to_utf8(from.name));
    callback.set_each_session(from.each_session);
    callback.set_matched(from.matched);
    callback.set_calls(from.calls);
    callback.set_share(from.share);
  }
}

void fill(v1::WorkShare& message, const WorkInfo& info) {
  message.set_name(to_utf8(info.name));
  message.set_share(info.share);
}

}  // namespace

void fill(v1::Added& message, const Added& added) {
  message.set_name(to_utf8(added.name));
  message.set_id(added.id);
  message.set_epoch(added.epoch);
  fill_stages(message, added.stages);
  message.set_total_milliseconds(added.total_ms);
  message.set_warnings(to_utf8(added.warnings));
}

void fill(v1::AddedBatch& message, const AddedBatch& added, std::size_t subscriptions) {
  message.set_subscriptions(static_cast<std::uint32_t>(subscriptions));
  message.set_epoch(added.epoch);
  fill_stages(message, added.stages);
  message.set_total_milliseconds(added.total_ms);
  message.set_warnings(to_utf8(added.warnings));
}

void fill(v1::Subscription& message, const SubscriptionInfo& info) {
  message.set_name(to_utf8(info.name));
  message.set_id(info.id);
  message.set_epoch(info.epoch);
  fill(*message.mutable_added(), info.added);
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

void fill(v1::ExplainResponse& message, const PlanInfo& plan) {
  message.set_epoch(plan.epoch);
  message.set_subscriptions(plan.subscriptions);
  message.set_packets(plan.packets);
  message.set_samples(plan.samples);
  for (const GraphInfo& from : plan.graphs) {
    v1::PlanGraph& graph = *message.add_graphs();
    graph.set_of_packets(from.of_packets);
    graph.set_straight(from.straight);
    for (const PlanNodeInfo& node : from.nodes) fill(*graph.add_nodes(), node);
    for (const LookupInfo& info : from.lookups) {
      v1::PlanLookup& lookup = *graph.add_lookups();
      lookup.set_field(to_utf8(info.field));
      lookup.set_op(to_utf8(info.op));
      lookup.set_predicates(info.predicates);
      lookup.set_count(info.count);
      lookup.set_share(info.share);
    }
  }
  for (const WorkInfo& info : plan.work) fill(*message.add_work(), info);
  for (const WorkInfo& info : plan.parsers) fill(*message.add_parsers(), info);
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
  for (const WorkerInfo& from : status.workers) fill(*message.add_workers(), from);
}

}  // namespace iris::control
