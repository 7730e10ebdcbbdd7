#include "apiserver/server/component_statuses.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>

#include "api/codec/struct_text.h"
#include "api/gen/core_v1.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "client/fetch.h"
#include "http/tls.h"

namespace skiff {
namespace {

constexpr size_t kAnswerBytesMax = 10 << 10;  // As kube-apiserver's probes read at most.
constexpr std::chrono::seconds kPatience{20};

// As a condition has it.
struct Health {
  bool is_well = true;
  std::string message = "ok";
  std::string error = {};
};

Health StoreHealth(Store& store) {
  const auto answer = store.Get(KeyOf(core_v1::Namespace::Info(), "", "default"));
  if (answer || answer.error().reason == Reason::kNotFound) return {};
  return {.is_well = false, .message = "", .error = answer.error().message};
}

// What a program of this machine says at its port. Who it is by its certificate is not asked.
Health HealthAt(int port, http::Loops& loops) {
  const std::string url = fmt::format("https://127.0.0.1:{}/healthz", port);
  const auto tls = http::MakeClientContext({.insecure = true});
  if (!tls) return {.is_well = false, .message = tls.error().message};
  const auto fetch = std::make_shared<Fetch>(kAnswerBytesMax, [] {});
  fetch->Start(loops, {.host = "127.0.0.1", .port = port, .tls = *tls, .head_timeout = kPatience},
               {.target = "/healthz"});
  const auto answer = fetch->Wait(std::chrono::steady_clock::now() + kPatience);
  fetch->Cancel();
  if (!answer) {
    return {.is_well = false,
            .message = fmt::format("Get \"{}\": {}", url, answer.error().message)};
  }
  if (answer->status >= 200 && answer->status < 400) return {.message = answer->body};
  return {.is_well = false,
          .message = fmt::format("HTTP probe failed with statuscode: {}", answer->status)};
}

std::string TextOf(std::string_view name, Health health) {
  core_v1::ComponentStatus status;
  status.metadata.name = name;
  core_v1::ComponentCondition& condition = status.conditions.emplace_back();
  condition.type = "Healthy";
  condition.status = health.is_well ? "True" : "False";
  condition.message = std::move(health.message);
  condition.error = std::move(health.error);
  std::string text;
  AppendStruct(core_v1::ComponentStatus::Describe(), &status, text);
  return text;
}

struct Component {
  std::string_view name;
  int port;  // 0: the store.
};
constexpr Component kComponents[] = {
    {"scheduler", 10259}, {"controller-manager", 10257}, {"etcd-0", 0}};

Health HealthOf(const Component& component, Store& store, http::Loops* loops, bool within) {
  if (component.port == 0) return StoreHealth(store);
  if (within) return {};
  if (loops == nullptr) return {.is_well = false, .message = "nothing is connected to"};
  return HealthAt(component.port, *loops);
}

}  // namespace

bool IsComponentStatus(const KindInfo& kind) {
  return kind.type == &core_v1::ComponentStatus::Describe();
}

std::vector<std::string> ComponentStatuses::Texts() const {
  std::vector<std::string> texts;
  for (const Component& component : kComponents) {
    texts.push_back(TextOf(component.name, HealthOf(component, store_, loops_, within_)));
  }
  return texts;
}

Result<std::string> ComponentStatuses::Text(const std::string& name) const {
  for (const Component& component : kComponents) {
    if (component.name != name) continue;
    return TextOf(name, HealthOf(component, store_, loops_, within_));
  }
  // kube-apiserver names it in the singular here.
  return Fail(NotFoundError({"", "componentstatus"}, name));
}

}  // namespace skiff
