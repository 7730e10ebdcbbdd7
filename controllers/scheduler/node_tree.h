// The order in which nodes are looked at: zones take turns, in the order in which they came, and so
// do the nodes of each. As kube-scheduler: where it does not look at all nodes, those that are
// there for longest come first whatever they are called.
//
//   NodeTree tree;
//   tree.Set(a, "east"), tree.Set(b, "east"), tree.Set(c, "west");
//   tree.List();  // a, c, b
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace skiff::scheduler {

struct NodeInfo;

class NodeTree {
 public:
  // Who is new in a zone is the last there, and a zone that was empty the last of all. False: the
  // node is in that zone already, and keeps its place.
  bool Set(const NodeInfo* node, const std::string& zone);
  // False: it is in none.
  bool Remove(const NodeInfo* node);
  std::vector<const NodeInfo*> List() const;

 private:
  struct Zone {
    uint64_t arrival = 0;
    std::map<uint64_t, const NodeInfo*> nodes;  // By their arrival.
  };
  struct Place {
    std::string zone;
    uint64_t arrival = 0;
  };

  uint64_t arrivals_ = 0;
  std::unordered_map<std::string, Zone> zones_;  // None is empty.
  std::unordered_map<const NodeInfo*, Place> places_;
};

}  // namespace skiff::scheduler
