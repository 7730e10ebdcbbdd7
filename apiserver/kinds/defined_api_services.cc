#include "apiserver/kinds/defined_api_services.h"

#include <algorithm>
#include <optional>

#include "api/codec/typed.h"
#include "api/crd/definition.h"
#include "apiserver/aggregation/api_services.h"
#include "apiserver/kinds/own_answer.h"
#include "apiserver/server/bootstrap.h"
#include "apiserver/webhooks/answer_text.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kApiServiceLog("definitions");

apiregistration_v1::APIServiceSpec ApiServiceSpecOf(const GroupVersion& served) {
  apiregistration_v1::APIServiceSpec spec;
  spec.group = served.group;
  spec.version = served.version;
  spec.group_priority_minimum = crd::kGroupPriority;
  spec.version_priority = crd::kVersionPriority;
  return spec;
}

Json ApiServiceOf(const std::string& name, const apiregistration_v1::APIServiceSpec& spec) {
  return {{"apiVersion", "apiregistration.k8s.io/v1"},
          {"kind", "APIService"},
          {"metadata", {{"name", name}, {"labels", {{kAutoManagedLabel, "true"}}}}},
          {"spec", ToJson(spec)}};
}

}  // namespace

void DefinedApiServices::DueNow(const std::string& name) {
  due_.insert(name);
  failed_.Forget(name);
}

void DefinedApiServices::AllDueNow() {
  for (const auto& each : present_.All()) DueNow(each->metadata.name);
}

Result<> DefinedApiServices::SettlePresent(const apiregistration_v1::APIService& present,
                                           const apiregistration_v1::APIServiceSpec* wanted) {
  const auto& labels = present.metadata.labels;
  const auto managed = labels.find(kAutoManagedLabel);
  if (managed == labels.end() || managed->second != "true") return {};
  if (wanted == nullptr && !knows_all_()) {
    return Fail(Reason::kServiceUnavailable, "there are definitions that cannot be read");
  }
  http::Request request;
  request.path = "/apis/apiregistration.k8s.io/v1/apiservices/" + present.metadata.name;
  request.headers.emplace("User-Agent", "kube-apiserver");
  request.method = "DELETE";
  if (wanted != nullptr) {
    if (*wanted == present.spec) return {};
    apiregistration_v1::APIService object = present;
    object.spec = *wanted;
    request.method = "PUT";
    request.body = ToJson(object).dump();
  }
  return UnlessRefused(ask_(request));
}

Result<> DefinedApiServices::SettleDue(const std::string& name) {
  const auto served = index_.ServedAs(name);
  std::optional<apiregistration_v1::APIServiceSpec> wanted;
  if (served) wanted = ApiServiceSpecOf(*served);
  if (const auto present = present_.Find("", name)) {
    return SettlePresent(*present, wanted ? &*wanted : nullptr);
  }
  return wanted ? WriteMissing(core_, {ApiServiceOf(name, *wanted)}) : Result<>();
}

Duration DefinedApiServices::Settle() {
  Duration again = kNever;
  const Duration now = core_.clock.Monotonic();
  std::erase_if(due_, [&](const std::string& name) {
    Duration pause = failed_.Left(name, now);
    if (pause == Duration::zero()) {
      const auto settled = SettleDue(name);
      if (settled) {
        failed_.Forget(name);
        return true;
      }
      kApiServiceLog.Error("api service not settled",
                           {{"name", name}, {"error", BeginningOf(settled.error().message)}});
      pause = failed_.Failed(name, now);
    }
    again = std::min(again, pause);
    return false;
  });
  return again;
}

}  // namespace skiff
