// Gives every node its own block of each cluster CIDR, for its pods.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "client/reconciler.h"
#include "controllers/nodes/cidr_allocator.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using core_v1::Node;

class IpamReconciler final : public Reconciler<Node> {
 public:
  IpamReconciler(Manager& manager, std::vector<CidrAllocator> allocators)
      : client_(manager.client()),
        nodes_(manager.informer<Node>()),
        events_(manager.Recorder("cidrAllocator")),
        allocators_(std::move(allocators)) {}

  Result<Requeue> Reconcile(const Node& node) override {
    const MutexLock lock(mutex_);
    // Blocks that nodes have are known before the first new one is given out.
    if (!loaded_) {
      for (const auto& known : nodes_.List()) Occupy(*known);
      loaded_ = true;
    }
    if (!node.spec.pod_cidrs.empty()) {
      Occupy(node);
      return Requeue::None();
    }
    if (node.metadata.deletion_timestamp) return Requeue::None();
    auto& blocks = held_[node.metadata.name];
    if (blocks.empty()) {
      for (CidrAllocator& allocator : allocators_) {
        const auto block = allocator.Allocate();
        if (!block) return Full(node);
        blocks.push_back(*block);
      }
    }
    std::vector<std::string> texts;
    for (const PodCidr& block : blocks) texts.push_back(block.Text());
    return Requeue{.after = {}, .last = LastPatch(client_, node, [texts](Node& it) {
                                  it.spec.pod_cidr = texts[0];
                                  it.spec.pod_cidrs = texts;
                                })};
  }

  void Forget(const ObjectKey& key) override {
    const MutexLock lock(mutex_);
    Release(key.name);
  }

 private:
  void Occupy(const Node& node) REQUIRES(mutex_) {
    if (node.spec.pod_cidrs.empty()) return;
    auto& blocks = held_[node.metadata.name];
    blocks.clear();
    for (const std::string& text : node.spec.pod_cidrs) {
      const auto block = PodCidr::Parse(text);
      if (!block) continue;
      blocks.push_back(*block);
      bool counts = false;
      for (CidrAllocator& allocator : allocators_) counts |= allocator.Occupy(*block);
      if (!counts && said_.insert(node.metadata.name).second) {
        log_.Error("a node's pod CIDR is none that is given out here; others may get parts of it",
                   {{"node", node.metadata.name}, {"cidr", text}});
      }
    }
  }

  void Release(const std::string& node) REQUIRES(mutex_) {
    const auto held = held_.find(node);
    if (held == held_.end()) return;
    const std::vector<PodCidr> released = std::move(held->second);
    held_.erase(held);
    said_.erase(node);
    for (CidrAllocator& allocator : allocators_) {
      for (const PodCidr& block : released) allocator.Release(block);
      // A node may have said that it has what is another one's: that stays taken.
      for (const auto& [other, blocks] : held_) {
        for (const PodCidr& block : blocks) {
          if (Overlaps(released, block)) allocator.Occupy(block);
        }
      }
    }
  }

  static bool Overlaps(const std::vector<PodCidr>& released, const PodCidr& block) {
    return std::any_of(released.begin(), released.end(),
                       [&](const PodCidr& each) { return each.Overlaps(block); });
  }

  Result<Requeue> Full(const Node& node) REQUIRES(mutex_) {
    Release(node.metadata.name);
    events_.Normal(node, "CIDRNotAvailable",
                   fmt::format("Node {} status is now: CIDRNotAvailable", node.metadata.name));
    return Fail(Reason::kServiceUnavailable,
                "CIDR allocation failed; there are no remaining CIDRs left to allocate in the "
                "accepted range");
  }

  Client& client_;
  const Informer<Node> nodes_;
  EventRecorder& events_;
  Mutex mutex_;
  std::vector<CidrAllocator> allocators_ GUARDED_BY(mutex_);
  std::map<std::string, std::vector<PodCidr>> held_ GUARDED_BY(mutex_);
  std::set<std::string> said_ GUARDED_BY(mutex_);  // Nodes with such a pod CIDR.
  const Log log_{"node-ipam"};
  bool loaded_ GUARDED_BY(mutex_) = false;
};

Result<std::vector<CidrAllocator>> AllocatorsFor(const ControllerOptions& options) {
  std::vector<PodCidr> reserved;
  for (const std::string& text : options.service_cidrs) {
    const PodCidr range = TRY(PodCidr::Parse(text));
    reserved.push_back(range);
  }
  std::vector<CidrAllocator> allocators;
  for (const std::string& text : options.cluster_cidrs) {
    const PodCidr range = TRY(PodCidr::Parse(text));
    const int block =
        range.ipv6 ? options.node_cidr_mask_size_ipv6 : options.node_cidr_mask_size_ipv4;
    auto allocator = TRY(CidrAllocator::Make(range, block, reserved));
    allocators.push_back(std::move(allocator));
  }
  return allocators;
}

}  // namespace

void AddNodeIpamController(Manager& manager, const ControllerOptions& options) {
  auto allocators = AllocatorsFor(options);
  if (!allocators) {
    Log("node ipam").Error("bad cluster CIDR", {{"error", allocators.error().message}});
    return;
  }
  ControllerBuilder<Node>(manager, "node-ipam-controller")
      .Workers(1)
      .Complete(std::make_unique<IpamReconciler>(manager, std::move(*allocators)));
}

}  // namespace skiff
