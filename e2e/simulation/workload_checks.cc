#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "controllers/workloads/pod_control.h"
#include "e2e/simulation/workload.h"

namespace skiff {
namespace {

using core_v1::Pod;

constexpr int kPodsOfQuota = 3;

}  // namespace

// What costs least is asked first.
std::vector<std::string> Workload::Compare(bool is_one_enough) {
  std::vector<std::string> out;
  CheckNodes(out);
  CheckJobs(out);
  CheckClaims(out);
  CheckFiles(out);
  if (is_one_enough && !out.empty()) return out;
  const auto pods = cluster_.client().List<Pod>({});
  if (!pods) return {pods.error().message};
  CheckCrowd(*pods, out);
  CheckPods(*pods, out);
  if (is_one_enough && !out.empty()) return out;
  CheckEndpoints(*pods, out);
  return out;
}

// Those that come first have their places; of the others there are as many as there is room or
// quota for.
void Workload::CheckCrowd(const Pods& pods, std::vector<std::string>& out) {
  int first = 0, crowd = 0;
  for (const auto& pod : pods) {
    if (AppOf(*pod) == "first" && IsReady(*pod)) ++first;
    if (AppOf(*pod) == "crowd" && IsReady(*pod)) ++crowd;
  }
  if (first != first_replicas_) {
    out.push_back(fmt::format("{} of {} pods that come first are ready", first, first_replicas_));
  }
  if (crowd != kPodsOfQuota) {
    out.push_back(fmt::format("{} pods are ready where quota allows {}", crowd, kPodsOfQuota));
  }
}

void Workload::CheckClaims(std::vector<std::string>& out) {
  for (const auto& claim : cluster_.List<core_v1::PersistentVolumeClaim>("default")) {
    if (claim.status.phase != "Bound") {
      out.push_back(fmt::format("claim is {}", ToJson(claim).dump()));
    }
  }
}

void Workload::CheckFiles(std::vector<std::string>& out) {
  const std::set<std::string> wanted = {std::to_string(news_)};
  if (simulation_.Read("/news/first") != wanted) {
    out.emplace_back("not all readers see the news");
  }
}

void Workload::CheckNodes(std::vector<std::string>& out) {
  for (const auto& node : cluster_.List<core_v1::Node>()) {
    if (!node.spec.taints.empty()) {
      out.push_back(fmt::format("node {} is tainted", node.metadata.name));
    }
  }
}

void Workload::CheckPods(const Pods& pods, std::vector<std::string>& out) {
  const std::map<std::string, std::pair<std::string, int>> wanted = {
      {"web", {fmt::format("web:{}", web_image_), web_replicas_}},
      {"kitten", {"kitten:1", kitten_replicas_}},
      {"agent", {fmt::format("agent:{}", agent_image_), 3}},
      {"keeper", {"keeper:1", 1}},
      {"reader", {"reader:1", 3}},
      {"member", {fmt::format("member:{}", member_image_), member_replicas_}},
      {"voter", {"voter:1", 3}},
      {"porter", {fmt::format("porter:{}", porter_image_), 3}}};
  std::map<std::string, int> ready;
  std::set<std::pair<std::string, std::string>> running;
  for (const auto& pod : pods) {
    if (pod->metadata.deletion_timestamp) {
      out.push_back(fmt::format("pod {} does not go", pod->metadata.name));
    }
    const bool waits = pod->spec.node_name.empty();  // For room.
    if (!IsTerminal(*pod) && !waits) running.emplace(pod->spec.node_name, pod->metadata.uid);
    const auto app = wanted.find(AppOf(*pod));
    if (app == wanted.end()) continue;
    if (IsReady(*pod) && pod->spec.containers[0].image == app->second.first) {
      ++ready[app->first];
    } else if (!IsTerminal(*pod)) {  // What ended is kept until there is too much of it.
      out.push_back(fmt::format("pod {} on {} with {} is {}", pod->metadata.name,
                                pod->spec.node_name, pod->spec.containers[0].image,
                                ToJson(pod->status).dump()));
    }
  }
  for (const auto& [app, image_and_count] : wanted) {
    if (ready[app] == image_and_count.second) continue;
    out.push_back(
        fmt::format("{} has {} ready pods, not {}", app, ready[app], image_and_count.second));
  }
  if (running != simulation_.RunningPods()) {
    out.push_back("the runtimes run other pods than the API has");
  }
}

void Workload::CheckJobs(std::vector<std::string>& out) {
  const auto rounds = cluster_.Get<batch_v1::CronJob>({"default", "rounds"});
  for (const auto& job : cluster_.List<batch_v1::Job>()) {
    const bool is_round = ControllerOf(job.metadata) != nullptr;
    // There is always one on its way, as long as they come.
    if (is_round && rounds && !rounds->spec.suspend.value_or(false)) continue;
    const int completions = is_round ? 1 : completions_.at(job.metadata.name);
    const bool complete =
        std::any_of(job.status.conditions.begin(), job.status.conditions.end(),
                    [](const auto& it) { return it.type == "Complete" && it.status == "True"; });
    if (complete && job.status.succeeded >= completions && job.status.active == 0) continue;
    out.push_back(fmt::format("job {} has {} of {} succeeded, {} active, {} failed",
                              job.metadata.name, job.status.succeeded, completions,
                              job.status.active, job.status.failed));
  }
}

// Addresses that the service sends traffic to, and those of pods that are ready, must be the same.
void Workload::CheckEndpoints(const Pods& pods, std::vector<std::string>& out) {
  std::set<std::string> ready, sliced, listed;
  for (const auto& pod : pods) {
    if (AppOf(*pod) == "web" && IsReady(*pod)) ready.insert(pod->status.pod_ip);
  }
  for (const auto& slice : cluster_.List<discovery_v1::EndpointSlice>("default")) {
    if (!slice.metadata.name.starts_with("web-")) continue;
    for (const auto& endpoint : slice.endpoints) {
      if (endpoint.conditions.ready.value_or(true)) sliced.insert(endpoint.addresses.at(0));
    }
  }
  const auto endpoints = cluster_.Get<core_v1::Endpoints>({"default", "web"});
  if (endpoints) {
    for (const auto& subset : endpoints->subsets) {
      for (const auto& address : subset.addresses) listed.insert(address.ip);
    }
  }
  if (sliced != ready) out.emplace_back("the slices are not the ready pods");
  if (listed != ready) out.emplace_back("the endpoints are not the ready pods");
}

}  // namespace skiff
