#include "skiff/chaos/events.h"

#include <fmt/format.h>

#include "client/client.h"
#include "client/kubeconfig.h"

namespace skiff::chaos {
namespace {

// The API may be among what is cut off.
constexpr int kPatienceMs = 5000;

}  // namespace

core_v1::Event MakeEvent(const Record& record, const core_v1::ObjectReference& object,
                         const std::string& reason, const std::string& message, TimePoint now) {
  core_v1::Event event;
  event.metadata.namespace_ = object.namespace_.empty() ? "default" : object.namespace_;
  event.metadata.name =
      fmt::format("{}.{}.{:x}", object.name, record.id, now.time_since_epoch().count());
  event.involved_object = object;
  event.reason = reason;
  event.message = message;
  event.type = reason == "ChaosStarted" ? "Warning" : "Normal";
  event.source.component = "skiff-chaos";
  event.reporting_component = "skiff-chaos";
  event.first_timestamp = now;
  event.last_timestamp = now;
  event.count = 1;
  return event;
}

std::string WhatItIs(const Record& record) {
  return fmt::format("{} of {}{}{}{}", FaultWord(record.fault), record.target,
                     record.peer.empty() ? "" : " and " + record.peer,
                     record.detail.empty() ? "" : ": ", record.detail);
}

Result<> TellOf(const Record& record, const std::string& reason, const std::string& message) {
  if (record.kubeconfig.empty()) return {};
  const Kubeconfig config = TRY(LoadKubeconfig(record.kubeconfig, "", ""));
  HttpsOptions server = TRY(config.Options());
  server.request_timeout_ms = kPatienceMs;
  const auto transport = TRY(MakeHttpsTransport(server));
  Client client(*transport, "skiff-chaos");
  for (const auto& object : record.objects) {
    TRY(client.Create(MakeEvent(record, object, reason, message, SystemClock().Now())));
  }
  return {};
}

void TellUntilHeard(const Clock& clock, const std::function<bool()>& tell,
                    const std::function<bool()>& pause) {
  const Duration end = clock.Monotonic() + kTellingMax;
  while (!tell() && clock.Monotonic() < end && pause()) {
  }
}

}  // namespace skiff::chaos
