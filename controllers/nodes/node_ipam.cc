// Gives every node its own block of each cluster CIDR, for its pods.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/log.h"
#include "client/reconciler.h"
#include "controllers/figures.h"
#include "controllers/nodes/node_ranges.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using core_v1::Node;

class IpamReconciler final : public Reconciler<Node> {
 public:
  IpamReconciler(Manager& manager, std::vector<CidrAllocator> allocators, MetricRegistry* metrics)
      : client_(manager.client()),
        nodes_(manager.informer<Node>()),
        events_(manager.Recorder("cidrAllocator")),
        allocators_(std::move(allocators)),
        given_(metrics,
               {"node_ipam_controller_cidrset_cidrs_allocations_total",
                "[ALPHA] Blocks of addresses that nodes were given, or had when this began.",
                {"clusterCIDR"}}),
        taken_back_(metrics, {"node_ipam_controller_cidrset_cidrs_releases_total",
                              "[ALPHA] Blocks of addresses that nodes have no more.",
                              {"clusterCIDR"}}),
        tries_(metrics,
               {"node_ipam_controller_cidrset_allocation_tries_per_request",
                "[ALPHA] Blocks that were looked at and taken before a free one was found.",
                {"clusterCIDR"}},
               GrowingBounds(1, 5, 5)) {
    if (metrics != nullptr) Measure(*metrics);
  }

  Result<Requeue> Reconcile(const Node& node) override {
    const MutexLock lock(mutex_);
    // Blocks that nodes have are known before the first new one is given out.
    if (!loaded_) Load();
    if (!node.spec.pod_cidrs.empty()) {
      if (!IsHeld(node)) {
        Release(node.metadata.name);
        Occupy(node);
      }
      return Requeue::None();
    }
    if (node.metadata.deletion_timestamp) return Requeue::None();
    auto& blocks = held_[node.metadata.name];
    if (blocks.empty()) {
      for (CidrAllocator& allocator : allocators_) {
        const auto block = allocator.Allocate();
        if (!block) return Full(node);
        given_.Add({allocator.range().Text()});
        tries_.Observe({allocator.range().Text()}, allocator.tries());
        blocks.push_back({*block});
      }
    }
    std::vector<std::string> texts;
    for (const Held& it : blocks) texts.push_back(it.block.Text());
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
  struct Held {
    PodCidr block;
    bool is_avoided = false;  // And not used.
  };
  void Measure(MetricRegistry& metrics) {
    const auto add = [&](const char* name, const char* help, auto number) {
      metrics.AddMeasured({name, help, {"clusterCIDR"}}, [this, number] {
        std::vector<Sample> samples;
        const MutexLock lock(mutex_);
        for (const CidrAllocator& it : allocators_) {
          samples.push_back({{it.range().Text()}, number(it)});
        }
        return samples;
      });
    };
    // Spelt so there.
    add("node_ipam_controller_cirdset_max_cidrs", "[ALPHA] Blocks of addresses that there are.",
        [](const CidrAllocator& it) { return static_cast<double>(it.count()); });
    add("node_ipam_controller_cidrset_usage_cidrs", "[ALPHA] The share of them that is given out.",
        [](const CidrAllocator& it) {
          return static_cast<double>(it.used()) / static_cast<double>(it.count());
        });
  }

  static std::vector<PodCidr> BlocksOf(const Node& node) {
    std::vector<PodCidr> blocks;
    for (const std::string& text : node.spec.pod_cidrs) {
      if (const auto block = PodCidr::Parse(text)) blocks.push_back(*block);
    }
    return blocks;
  }

  bool IsHeld(const Node& node) REQUIRES(mutex_) {
    std::vector<PodCidr> blocks;
    for (const Held& it : held_[node.metadata.name]) blocks.push_back(it.block);
    return blocks == BlocksOf(node);
  }

  void Load() REQUIRES(mutex_) {
    for (const auto& node : nodes_.List()) Occupy(*node);
    loaded_ = true;
  }

  // Blocks are counted as used whatever their size, for a cluster may have given out others than
  // today. But a node writes its own Node: one that says it has far more than is given out, and
  // with that what others have, does not keep new nodes from theirs by saying so.
  void Occupy(const Node& node) REQUIRES(mutex_) {
    const std::vector<PodCidr> given = BlocksOf(node);
    if (given.empty()) return;
    const std::vector<size_t> before = UsedBlocks();
    std::vector<Held>& held = held_[node.metadata.name];
    for (const PodCidr& block : given) {
      bool is_far_larger = false;
      for (const CidrAllocator& it : allocators_) is_far_larger |= it.IsFarLarger(block);
      const bool is_avoided = is_far_larger && !IsNobodyElses(node.metadata.name, block);
      held.push_back({block, is_avoided});
      if (!Mark(held.back())) {
        log_.Error("a node's pod CIDR is none that is given out here",
                   {{"node", node.metadata.name}, {"cidr", block.Text()}});
      } else if (is_avoided) {
        log_.Error(
            "a node's pod CIDR is far larger than those that are given out here, and has "
            "in it what another one has; others get parts of it once nothing else is left",
            {{"node", node.metadata.name}, {"cidr", block.Text()}});
      }
    }
    CountSince(before);
  }

  bool Mark(const Held& held) REQUIRES(mutex_) {
    bool is_any = false;
    for (CidrAllocator& allocator : allocators_) {
      is_any |= held.is_avoided ? allocator.Avoid(held.block) : allocator.Occupy(held.block);
    }
    return is_any;
  }

  std::vector<size_t> UsedBlocks() const REQUIRES(mutex_) {
    std::vector<size_t> used;
    for (const CidrAllocator& it : allocators_) used.push_back(it.used());
    return used;
  }

  // What nodes turn out to have counts as given to them, as there.
  void CountSince(const std::vector<size_t>& before) REQUIRES(mutex_) {
    for (size_t i = 0; i < before.size(); ++i) {
      const double more =
          static_cast<double>(allocators_[i].used()) - static_cast<double>(before[i]);
      if (more > 0) given_.Add({allocators_[i].range().Text()}, more);
      if (more < 0) taken_back_.Add({allocators_[i].range().Text()}, -more);
    }
  }

  bool IsNobodyElses(const std::string& name, const PodCidr& block) const REQUIRES(mutex_) {
    for (const auto& other : nodes_.List()) {
      if (other->metadata.name != name && Overlaps(BlocksOf(*other), block)) return false;
    }
    // Nor is it on its way to anybody.
    for (const auto& [other, blocks] : held_) {
      for (const Held& it : blocks) {
        if (other != name && it.block.Overlaps(block)) return false;
      }
    }
    return true;
  }

  void Release(const std::string& node) REQUIRES(mutex_) {
    const auto held = held_.find(node);
    if (held == held_.end()) return;
    std::vector<PodCidr> released;
    for (const Held& it : held->second) released.push_back(it.block);
    held_.erase(held);
    const std::vector<size_t> before = UsedBlocks();
    for (CidrAllocator& allocator : allocators_) {
      for (const PodCidr& block : released) allocator.Release(block);
    }
    // A node may have said that it has what is another one's: that stays taken.
    for (const auto& [other, blocks] : held_) {
      for (const Held& it : blocks) {
        if (Overlaps(released, it.block)) Mark(it);
      }
    }
    CountSince(before);
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
  std::map<std::string, std::vector<Held>> held_ GUARDED_BY(mutex_);
  const FigureCounter given_, taken_back_;
  const FigureHistogram tries_;
  const Log log_{"node-ipam"};
  bool loaded_ GUARDED_BY(mutex_) = false;
};

}  // namespace

void AddNodeIpamController(Manager& manager, const ControllerOptions& options) {
  auto allocators = AllocatorsFor(options);
  if (!allocators) {
    Log("node ipam").Error("bad cluster CIDR", {{"error", allocators.error().message}});
    return;
  }
  ControllerBuilder<Node>(manager, "node-ipam-controller")
      .Workers(1)
      .Complete(std::make_unique<IpamReconciler>(manager, std::move(*allocators), options.metrics));
}

}  // namespace skiff
