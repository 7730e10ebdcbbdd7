// What users do in a cluster of the simulation, and what it must look like when all has settled.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "e2e/simulation/simulation.h"

namespace skiff {

// Which of the workload's a pod is; "" for one of a job.
inline std::string AppOf(const core_v1::Pod& pod) {
  const auto found = pod.metadata.labels.find("app");
  return found == pod.metadata.labels.end() ? "" : found->second;
}

// A Deployment behind a Service, ReplicationControllers, a StatefulSet, DaemonSets, Jobs and a
// CronJob, claims and their volumes, more pods than there is room or quota for, pods with a budget,
// and ConfigMaps that are written over a bad connection.
class Workload {
 public:
  explicit Workload(Simulation& simulation);
  // One of many things a user may do now; often nothing.
  void Act();
  // Rolls the Deployment to an image that it never had.
  void Roll();
  // Often asks for one of the pods that have a budget to go.
  void Drain();
  // Pods come that have priority, when there is no room for them, and such as no node takes.
  void Crowd();
  // Those that no node takes go, and no more jobs come.
  void Calm();
  // What is not as the specs say; empty when all is.
  std::vector<std::string> Differences() { return Compare(false); }
  // Whether all is as the specs say.
  bool IsSettled() { return Compare(true).empty(); }

 private:
  void Edit();
  void WriteConfigMap();
  void TellNews();
  void DeletePod();
  void DeleteFillers();
  void AddJob();
  void AddChoices(const std::string& name);
  void AddClaim();
  void AddLocalVolume(const std::string& node);
  void MoveKeeper();
  void AddMemberVolume(int number);
  void ChangeServices();
  using Pods = std::vector<Ptr<core_v1::Pod>>;
  // All differences, or at least one of them: that is asked often.
  std::vector<std::string> Compare(bool is_one_enough);
  void CheckClaims(std::vector<std::string>& out);
  void CheckJobs(std::vector<std::string>& out);
  void CheckNodes(std::vector<std::string>& out);
  void CheckFiles(std::vector<std::string>& out);
  void CheckCrowd(const Pods& pods, std::vector<std::string>& out);
  void CheckPods(const Pods& pods, std::vector<std::string>& out);
  void CheckEndpoints(const Pods& pods, std::vector<std::string>& out);

  Simulation& simulation_;
  TestCluster& cluster_;
  Client user_;  // Over the user's own link.
  int web_image_ = 1;
  int web_replicas_ = 5;
  int kitten_replicas_ = 4;
  int agent_image_ = 1;
  int porter_image_ = 1;
  int member_image_ = 1;
  int member_replicas_ = 3;
  int jobs_ = 0;
  int config_maps_ = 0;
  int news_ = 0;
  int claims_ = 0;
  int first_replicas_ = 0;
  std::map<std::string, int> completions_;  // By job.
};

}  // namespace skiff
