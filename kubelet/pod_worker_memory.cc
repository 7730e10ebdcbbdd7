// What a worker leaves in its pod's directory for a kubelet that is started anew while it stops.
#include <filesystem>
#include <fstream>

#include "api/codec/json.h"
#include "api/pods/pod_phase.h"
#include "base/whole_file.h"
#include "kubelet/pod_worker.h"
#include "kubelet/static_pod.h"

namespace skiff::kubelet {

// What is left of the grace period of a pod that stops lies beside its volumes, by the wall clock.
std::string PodWorker::DeadlineFile(const core_v1::Pod& pod) const {
  return context_.volumes.PodDirectory(pod.metadata.uid) + "/stop-deadline";
}

void PodWorker::RememberDeadline(const core_v1::Pod& pod, Duration left) const {
  if (!context_.writes_files) return;
  // Without the file the grace period may begin anew after a restart.
  if (!context_.volumes.MakePodDirectory(pod.metadata.uid)) return;
  std::ofstream(DeadlineFile(pod)) << Time(context_.clock.Now() + left).Rfc3339Micro() << "\n";
}

std::optional<Duration> PodWorker::RememberedDeadline(const core_v1::Pod& pod) const {
  if (!context_.writes_files) return std::nullopt;
  std::ifstream file(DeadlineFile(pod));
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  const auto deadline = Time::Parse(text);
  if (!deadline) return std::nullopt;
  return std::max<Duration>(0ns, Between(context_.clock.Now(), deadline->point()));
}

std::string PodWorker::FailureFile(const core_v1::Pod& pod) const {
  return context_.volumes.PodDirectory(pod.metadata.uid) + "/failure";
}

// The API hears of an end only once nothing of the pod runs, and maybe much later. The file is
// there before the first container is told to stop, and outlives the volumes: housekeeping removes
// it with the directory once the object has gone. A static pod begins anew with the kubelet.
void PodWorker::RememberFailure(const core_v1::Pod& pod) const {
  if (!context_.writes_files || IsStaticPod(pod) || HasEnded(pod.status.phase)) return;
  Json memory;
  {
    MutexLock lock(mutex_);
    if (!failure_) return;
    memory = {{"reason", failure_->reason},
              {"message", failure_->message},
              {"isDisruption", failure_->is_disruption},
              {"disruption", failure_->disruption}};
    if (grace_s_) memory["gracePeriodSeconds"] = *grace_s_;
  }
  // Without the file it may be started anew after a restart.
  if (!context_.volumes.MakePodDirectory(pod.metadata.uid)) return;
  std::ofstream file(FailureFile(pod) + ".new", std::ios::trunc);
  file << DumpJson(memory);
  file.close();
  if (file.fail()) return;
  std::error_code ignored;
  std::filesystem::rename(FailureFile(pod) + ".new", FailureFile(pod), ignored);
}

void PodWorker::RecallFailure(const core_v1::Pod& pod) {
  if (!context_.writes_files || IsStaticPod(pod) || HasEnded(pod.status.phase)) return;
  const auto written = ReadWholeFile(FailureFile(pod));
  if (!written) return;
  const Json memory = Json::parse(*written, nullptr, /*allow_exceptions=*/false);
  const auto text = [&](const char* name) {
    const auto found = memory.find(name);
    return found != memory.end() && found->is_string() ? found->get<std::string>() : "";
  };
  if (!memory.is_object() || text("reason").empty()) return;
  WaitingReason failure{text("reason"), text("message")};
  const auto disrupts = memory.find("isDisruption");
  failure.is_disruption =
      disrupts != memory.end() && disrupts->is_boolean() && disrupts->get<bool>();
  failure.disruption = text("disruption");
  std::optional<int64_t> grace_s;
  const auto grace = memory.find("gracePeriodSeconds");
  if (grace != memory.end() && grace->is_number_integer()) grace_s = grace->get<int64_t>();
  Terminate(std::move(failure), grace_s);
}

}  // namespace skiff::kubelet
