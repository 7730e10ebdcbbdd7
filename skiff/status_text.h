// What `skiff status` says of a cluster: one screen of what runs where, since when, how big it is,
// what is wrong and what to do. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/networking_v1.h"
#include "base/clock.h"

namespace skiff {

class ClusterStatus {
 public:
  explicit ClusterStatus(TimePoint now) : now_(now) {}

  void Add(const core_v1::Node& node);
  void Add(const core_v1::Pod& pod);
  void Add(const core_v1::PersistentVolumeClaim& claim);
  // What the Ingresses that are added later suffer from, where it is one of these that tells.
  void Add(const core_v1::Event& event);
  void Add(const networking_v1::Ingress& ingress);
  // What the server says of itself: the lines of /readyz?verbose.
  void AddHealth(const std::string& lines);
  // With a line of its own, and what to type about it.
  void AddTrouble(const std::string& what, const std::string& command);

  bool is_well() const { return troubles_.empty() && symptoms_.empty(); }
  // Nodes, pods and claims, then what is wrong.
  std::string Text() const;

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
  // Whether it is too young for anything to be wrong with it yet; notes that it waits, if it does.
  bool IsOnItsWay(const std::string& phase, const meta_v1::ObjectMeta& meta);
  void AddSymptom(const std::string& kind, const std::string& word,
                  const std::string& object_namespace, const std::string& name);
  std::vector<std::vector<std::string>> Troubles() const;

  const TimePoint now_;
  std::map<std::string, NodeRow> nodes_;
  std::map<std::string, size_t> pods_on_;  // Nodes.
  std::map<std::string, size_t> pods_, claims_;  // By phase.
  std::map<std::pair<std::string, std::string>, Symptom> symptoms_;  // By kind and word.
  std::map<std::string, std::vector<core_v1::Event>> ingress_events_;  // By UID.
  bool waits_ = false;  // Something young is Pending.
  std::vector<std::vector<std::string>> troubles_;  // What, and what to type.
};

// "46 MB"
std::string BytesText(uint64_t bytes);

}  // namespace skiff
