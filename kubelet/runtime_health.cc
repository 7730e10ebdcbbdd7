#include "kubelet/runtime_health.h"

#include <fmt/format.h>

#include <algorithm>

namespace skiff::kubelet {
namespace {

std::string NetworkProblemOf(const cri::RuntimeStatus& status) {
  for (const cri::Condition& condition : status.conditions) {
    if (condition.status || condition.type != "NetworkReady") continue;
    return fmt::format(
        "container runtime network not ready: NetworkReady=false reason:{} "
        "message:{}",
        condition.reason, condition.message);
  }
  return "";
}

}  // namespace

void RuntimeHealth::ExpectChange() {
  change_expected_ = true;
  Wake();
}

Duration RuntimeHealth::Step() {
  if (change_expected_.exchange(false)) retry_ = kFirstRetry;
  auto status = runtime_.Status();
  std::string version;
  if (status && VersionText().empty()) {
    if (const auto answer = runtime_.Version()) {
      version = answer->runtime_name + "://" + answer->runtime_version;
    }
  }
  std::string problem;
  {
    MutexLock lock(mutex_);
    asked_ = true;
    if (status) {
      status_ = std::move(*status);
      answered_at_ = clock_.Monotonic();
    }
    if (!version.empty()) version_ = version;
    problem = ProblemNow();
  }
  if (told_ != problem) {
    told_ = problem;
    if (!problem.empty()) log_.Info("runtime is not ready", {{"problem", problem}});
    changed_();
  }
  if (status && problem.empty()) {
    retry_ = kFirstRetry;
    return kPeriod;
  }
  return std::exchange(retry_, std::min(retry_ * 2, kPeriod));
}

std::string RuntimeHealth::ProblemNow() const {
  if (!asked_) return "container runtime status check may not have completed yet";
  if (!answered_at_ || clock_.Monotonic() - *answered_at_ > kPatience) {
    return "container runtime is down";
  }
  const std::string network = NetworkProblemOf(status_);
  if (!network.empty()) return network;
  return status_.Ready("RuntimeReady") ? "" : "container runtime is down";
}

std::string RuntimeHealth::Problem() const {
  MutexLock lock(mutex_);
  return ProblemNow();
}

std::string RuntimeHealth::NetworkProblem() const {
  MutexLock lock(mutex_);
  return NetworkProblemOf(status_);
}

std::string RuntimeHealth::VersionText() const {
  MutexLock lock(mutex_);
  return version_;
}

cri::RuntimeStatus RuntimeHealth::Status() const {
  MutexLock lock(mutex_);
  return status_;
}

bool RuntimeHealth::asked() const {
  MutexLock lock(mutex_);
  return asked_;
}

}  // namespace skiff::kubelet
