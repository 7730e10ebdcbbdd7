// What `skiff status` says of a cluster: one screen of what runs where, since when, how big it is,
// what is wrong and what to do. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/gen/admissionregistration_v1.h"
#include "api/gen/networking_v1.h"
#include "cli/colours.h"
#include "client/client.h"
#include "skiff/answered_services.h"
#include "skiff/symptoms.h"

namespace skiff {

class ClusterStatus {
 public:
  // `started`: when the cluster was, if that is known: what was not ready before may be on its way.
  explicit ClusterStatus(TimePoint now, TimePoint started = {})
      : now_(now), started_(started), services_(now, started) {}

  void Add(const core_v1::Node& node);
  void Add(const core_v1::Pod& pod);
  void Add(const core_v1::PersistentVolumeClaim& claim);
  // What an object that is added later suffers from, where an Event tells of it alone.
  void Add(const core_v1::Event& event);
  void Add(const discovery_v1::EndpointSlice& slice) { services_.Add(slice); }
  void Add(const apps_v1::Deployment& deployment);
  void Add(const apps_v1::StatefulSet& set);
  void Add(const apps_v1::DaemonSet& set);
  // After the slices of endpoints, and what makes pods.
  void Add(const core_v1::Service& service);
  void Add(const networking_v1::IngressClass& ingress_class) { services_.Add(ingress_class); }
  // After the Services, and the classes.
  void Add(const networking_v1::Ingress& ingress);
  void Add(const batch_v1::CronJob& cron_job);
  // After the CronJobs: one that has succeeded since is done with what failed before.
  void Add(const batch_v1::Job& job);
  // After the nodes: what it keeps matters where one is being emptied.
  void Add(const policy_v1::PodDisruptionBudget& budget);
  // Which Services are called; AddUncallable says of one later that it does not answer.
  void Add(const admissionregistration_v1::MutatingWebhookConfiguration& webhooks);
  void Add(const admissionregistration_v1::ValidatingWebhookConfiguration& webhooks);
  void Add(const apiextensions_v1::CustomResourceDefinition& definition);
  // Any other kind that has symptoms.
  template <typename K>
  void Add(const K& object) {
    AddObject(object, SymptomOf(object, now_));
  }
  // What the server says of itself: the lines of /readyz?verbose, which withhold why a check fails.
  // `reason_of`: of a check by its name; "" when that cannot be learnt.
  void AddHealth(const std::string& lines,
                 const std::function<std::string(const std::string& check)>& reason_of = nullptr);
  // The Services that webhooks call, no more than can be asked about.
  std::vector<ObjectKey> CalledServices() const;
  // "that is not there"
  void AddUncallable(const ObjectKey& service, const std::string& what);
  // With a line of its own, and what to type about it.
  void AddTrouble(const std::string& what, const std::string& command);

  bool is_well() const { return troubles_.empty() && symptoms_.empty(); }
  // Nodes, pods and claims, then what is wrong. `width` is that of the terminal; 0: of none.
  std::string Text(const cli::Colours& colours = cli::Colours(), size_t width = 0) const;
  // The same for programs: "nodes", "pods" and "claims" by phase, "problems". All nodes are in it.
  Json Document() const;

 private:
  struct NodeRow {
    std::string state;
    TimePoint made;
  };
  // Objects that suffer alike.
  struct Symptom {
    size_t count = 0;
    std::vector<std::string> names;  // The first of them.
    std::string command;             // About the first.
  };
  // Whether what is so since then is too young to be wrong yet; notes that it waits, if it does.
  bool IsOnItsWay(const std::string& phase, TimePoint since);
  // `detail` is said of that object alone.
  void AddSymptom(const std::string& kind, const std::string& word,
                  const std::string& object_namespace, const std::string& name,
                  const std::string& detail = "");
  // Of any kind with metadata; nothing where the word is "".
  template <typename K>
  void AddObject(const K& object, const std::string& word) {
    if (word.empty()) return;
    AddSymptom(std::string(K::Info().singular), word, object.metadata.namespace_,
               object.metadata.name);
  }
  // What tells by Events alone that its pods are refused.
  template <typename K>
  void AddMaker(const K& object, const std::string& word) {
    const bool told = word.empty() && LacksPods(object);
    AddObject(object, told ? RefusalOf(object.metadata.uid) : word);
  }
  std::string RefusalOf(const std::string& uid) const;
  template <typename Webhooks>
  void AddCalls(const Webhooks& configuration);
  void AddCall(std::string_view kind, const std::string& name, const std::string& service_namespace,
               const std::string& service);
  std::vector<std::vector<std::string>> Troubles() const;

  const TimePoint now_;
  const TimePoint started_;
  AnsweredServices services_;
  std::map<std::string, NodeRow> nodes_;
  bool are_simulated_ = true;  // All of them, as far as they were added.
  std::map<std::string, size_t> pods_on_;  // Nodes.
  std::map<std::string, size_t> pods_, claims_;  // By phase.
  std::map<std::pair<std::string, std::string>, Symptom> symptoms_;  // By kind and word.
  std::map<std::string, std::vector<core_v1::Event>> events_;  // By UID of what they are about.
  std::map<std::string, TimePoint> successes_;                 // By UID of a CronJob.
  // Who calls a Service: kinds and names.
  std::map<ObjectKey, std::vector<std::pair<std::string, std::string>>> calls_;
  bool drains_ = false;  // A node is closed to new pods.
  bool waits_ = false;    // Something young is Pending.
  bool returns_ = false;  // Something else has not been ready for a moment.
  std::vector<std::vector<std::string>> troubles_;  // What, and what to type.
};

// Of one whose server has not answered yet, with `error`.
std::string StartingText(bool is_overdue, const std::string& error,
                         const std::string& data_dir_words = "");

// "46 MB"
std::string BytesText(uint64_t bytes);

}  // namespace skiff
