#include "skiff/network_policies.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <sstream>

#include "api/rules/core/ip.h"
#include "apiserver/auth/pki.h"
#include "base/log.h"

namespace skiff {
namespace {

constexpr char kClosedFile[] = "/network-policies";

// What holds on fails to be remembered: nothing else waits for that.
void RememberRanges(const std::string& data_dir, const std::vector<std::string>& ranges) {
  if (data_dir.empty()) return;
  if (const auto kept = KeepClosedRanges(data_dir, ranges); !kept) {
    Log("network-policies").Info("not remembered for the next boot",
                                 {{"error", kept.error().message}});
  }
}

}  // namespace

std::vector<std::string> ClosedRanges(const std::string& data_dir) {
  std::vector<std::string> ranges;
  std::istringstream in(ReadWholeFile(data_dir + kClosedFile).value_or(""));
  for (std::string line; std::getline(in, line);) {
    if (ParseCidr(line)) ranges.push_back(line);
  }
  return ranges;
}

Result<> KeepClosedRanges(const std::string& data_dir, const std::vector<std::string>& ranges) {
  const std::string path = data_dir + kClosedFile;
  if (!ranges.empty()) {
    return WriteWholeFile(path, fmt::format("{}\n", fmt::join(ranges, "\n")), 0644);
  }
  std::error_code error;
  std::filesystem::remove(path, error);
  if (error) return Fail(Reason::kInternalError, path + ": " + error.message());
  return {};
}

NetworkPolicies::NetworkPolicies(const std::string& node_name, const Dependencies& dependencies) {
  const std::string& data_dir = dependencies.data_dir;
  const auto closed =
      data_dir.empty() ? Result<>() : netpol::CloseUntilRead(ClosedRanges(data_dir));
  if (!closed) {
    Log("network-policies").Error("pods are open until policies are read",
                                  {{"error", closed.error().message}});
  }
  if (!dependencies.pods) {
    own_pods_ = std::make_unique<ScopedInformer<core_v1::Pod>>(dependencies.api, ListOptions());
  }
  const auto nodes = dependencies.informers.For<core_v1::Node>();
  loop_ = std::make_unique<netpol::PolicyLoop>(
      netpol::PolicyLoop::Dependencies{
          dependencies.informers.For<networking_v1::NetworkPolicy>(),
          dependencies.informers.For<core_v1::Namespace>(), nodes,
          dependencies.pods ? *dependencies.pods : own_pods_->informer(),
          [this] {
            if (own_pods_) own_pods_->Start(*executor_);
          },
          [nodes, node_name, events = dependencies.events](const std::string& why) {
            const auto own = nodes.Get({"", node_name});
            if (!own || events == nullptr) return;
            events->Warning(*own, "NetworkPoliciesNotEnforced",
                            "policies do not hold for the pods of this node: " + why);
          },
          [data_dir](const std::vector<std::string>& ranges) { RememberRanges(data_dir, ranges); },
          dependencies.api.clock, *nft_},
      node_name);
}

void NetworkPolicies::Start(Executor& executor) {
  executor_ = &executor;
  executor.Add(*loop_);
}

void NetworkPolicies::Stop() {
  if (executor_ == nullptr) return;
  executor_->Remove(*loop_);
  if (own_pods_) own_pods_->Stop();
  executor_ = nullptr;
}

}  // namespace skiff
